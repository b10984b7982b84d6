//! A command as it stands in the log.
//!
//! ```text
//! version u8 = 1 | part u16 | proposer [u8; 16] | sequence u64 | crc32c u32 | command, JSON
//! ```
//! Numbers are little-endian. The checksum covers everything but itself. Proposer and sequence only route the
//! outcome back to the proposal that waits for it; they never influence the state.

use serde::Serialize;

use crate::ControlError;
use crate::limits::COMMAND_BYTES_MAX;

/// The only version so far.
pub const VERSION: u8 = 1;

const CRC_AT: usize = 1 + 2 + 16 + 8;
const HEADER: usize = CRC_AT + 4;

/// Names one opening of the control plane: random, never reused.
pub type Proposer = [u8; 16];

/// A command's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which part it is for.
    pub part: u16,
    /// Who proposed it.
    pub proposer: Proposer,
    /// The proposer's own count.
    pub sequence: u64,
    /// The command, JSON.
    pub json: &'a [u8],
}

/// The bytes of a command.
///
/// # Errors
/// [`ControlError::TooLarge`], or [`ControlError::Corrupt`] for a command that has no JSON form.
pub fn encode<C: Serialize>(
    part: u16,
    proposer: Proposer,
    sequence: u64,
    command: &C,
) -> Result<Vec<u8>, ControlError> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    bytes.extend_from_slice(&part.to_le_bytes());
    bytes.extend_from_slice(&proposer);
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut bytes, command).map_err(|error| {
        ControlError::Corrupt(format!("a command of part {part} has no JSON form: {error}"))
    })?;
    if bytes.len() > COMMAND_BYTES_MAX {
        return Err(ControlError::TooLarge {
            bytes: bytes.len(),
            max: COMMAND_BYTES_MAX,
        });
    }
    let crc = checksum(&bytes);
    bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), &bytes[HEADER..])
}

/// Reads a command's frame.
///
/// # Errors
/// What is wrong with the bytes, as the end of a sentence that starts with where they were found.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, String> {
    let version = *bytes.first().ok_or("is empty")?;
    if version != VERSION {
        return Err(format!(
            "has format version {version}, this program knows version {VERSION}: start a newer program"
        ));
    }
    let Some((header, json)) = bytes.split_at_checked(HEADER) else {
        return Err(format!("is cut off after {} bytes", bytes.len()));
    };
    let stored = u32::from_le_bytes(array(header, CRC_AT));
    if stored != checksum(bytes) {
        return Err("does not have its checksum".to_owned());
    }
    Ok(Record {
        part: u16::from_le_bytes(array(header, 1)),
        proposer: array(header, 3),
        sequence: u64::from_le_bytes(array(header, 19)),
        json,
    })
}

/// `N` bytes of the header, whose length was checked.
fn array<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&header[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_version_1_never_change() {
        let bytes = encode(0x0102, [7; 16], 9, &"x").unwrap();
        let mut expected = vec![1, 2, 1];
        expected.extend([7; 16]);
        expected.extend([9, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(crc32c::crc32c(&[&expected[..], b"\"x\""].concat()).to_le_bytes());
        expected.extend(b"\"x\"");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_newer_version_says_so() {
        let mut bytes = encode(1, [0; 16], 0, &1).unwrap();
        bytes[0] = 2;
        assert!(decode(&bytes).unwrap_err().contains("version 2"));
    }

    #[test]
    fn a_command_is_bounded() {
        let error = encode(1, [0; 16], 0, &"x".repeat(COMMAND_BYTES_MAX)).unwrap_err();
        assert!(matches!(error, ControlError::TooLarge { .. }));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(part: u16, proposer: [u8; 16], sequence: u64, text: String) {
            let bytes = encode(part, proposer, sequence, &text).unwrap();
            let record = decode(&bytes).unwrap();
            prop_assert_eq!((record.part, record.proposer, record.sequence), (part, proposer, sequence));
            prop_assert_eq!(serde_json::from_slice::<String>(record.json).unwrap(), text);
        }

        #[test]
        fn a_flipped_or_missing_byte_is_noticed(at in 0usize..60, bit in 0u8..8, cut: bool) {
            let mut bytes = encode(3, [1; 16], 5, &"some command").unwrap();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
