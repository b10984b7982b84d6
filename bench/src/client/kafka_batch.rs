//! Kafka's record batch, version 2: a head of 61 bytes with a CRC-32C over all behind it, then records of
//! variable-length numbers.

/// Bytes of a batch's head.
const HEAD_BYTES: usize = 61;
/// Where its length stands; it counts what comes behind it.
const LENGTH_AT: usize = 8;
/// Where the checksum stands, and from where on it counts.
const CRC_AT: usize = 17;
const CHECKED_FROM: usize = 21;
/// Where the difference of its last record's offset stands.
const LAST_AT: usize = 23;

/// A batch of keys and values, all of the same time.
pub fn batch(records: &[(String, Vec<u8>)], time_ms: i64) -> Vec<u8> {
    let last = records.len() as i32 - 1;
    let mut out =
        Vec::with_capacity(HEAD_BYTES + records.iter().map(|(k, v)| k.len() + v.len() + 16).sum::<usize>());
    out.extend(0i64.to_be_bytes()); // first offset
    out.extend([0; 4]); // length
    out.extend((-1i32).to_be_bytes()); // leader epoch
    out.push(2); // magic
    out.extend([0; 4]); // checksum
    out.extend(0i16.to_be_bytes()); // neither compressed nor transactional
    out.extend(last.to_be_bytes());
    out.extend(time_ms.to_be_bytes());
    out.extend(time_ms.to_be_bytes());
    out.extend((-1i64).to_be_bytes()); // no producer
    out.extend((-1i16).to_be_bytes());
    out.extend((-1i32).to_be_bytes());
    out.extend((last + 1).to_be_bytes());
    let mut record = Vec::new();
    for (at, (key, value)) in records.iter().enumerate() {
        record.clear();
        record.push(0); // attributes
        varint(&mut record, 0); // time
        varint(&mut record, at as i64);
        varint(&mut record, key.len() as i64);
        record.extend_from_slice(key.as_bytes());
        varint(&mut record, value.len() as i64);
        record.extend_from_slice(value);
        varint(&mut record, 0); // headers
        varint(&mut out, record.len() as i64);
        out.extend_from_slice(&record);
    }
    let length = (out.len() - LENGTH_AT - 4) as i32;
    out[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&out[CHECKED_FROM..]);
    out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    out
}

/// How many records whole batches hold from an offset on, and the offset behind them.
pub fn count(mut batches: &[u8], from: i64) -> (u64, i64) {
    let mut next = from;
    while let Some(head) = batches.first_chunk::<HEAD_BYTES>() {
        let i32_at = |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let first = i64::from(i32_at(0)) << 32 | i64::from(i32_at(4) as u32);
        let length = usize::try_from(i32_at(LENGTH_AT)).unwrap_or(usize::MAX);
        let Some(rest) = batches.get(length.saturating_add(LENGTH_AT + 4)..) else {
            break; // the last may be cut
        };
        next = next.max(first + i64::from(i32_at(LAST_AT)) + 1);
        batches = rest;
    }
    ((next - from).unsigned_abs(), next)
}

/// A number in zigzag form, seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 128 {
        out.push((rest & 127) as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        let coded = |number| {
            let mut out = Vec::new();
            varint(&mut out, number);
            out
        };
        assert_eq!(coded(0), [0]);
        assert_eq!(coded(-1), [1]);
        assert_eq!(coded(63), [126]);
        assert_eq!(coded(64), [128, 1]);
        assert_eq!(coded(1024), [128, 16]);
    }

    #[test]
    fn records_are_counted_over_whole_batches() {
        let records = vec![("k".to_owned(), vec![7; 100]); 3];
        let mut bytes = batch(&records, 0);
        let one = bytes.len();
        let mut second = batch(&records, 0);
        second[..8].copy_from_slice(&3i64.to_be_bytes());
        bytes.extend_from_slice(&second);
        assert_eq!(count(&bytes, 0), (6, 6));
        assert_eq!(count(&bytes, 2), (4, 6));
        assert_eq!(count(&bytes[..one + 70], 0), (3, 3), "the second is cut");
        assert_eq!(count(&[], 5), (0, 5));
    }
}
