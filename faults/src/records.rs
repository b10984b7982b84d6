//! Records that say who they are: name and bytes follow from each other, so that every record that is read back can be
//! checked without keeping its payload.

/// Who sent a record, and as which one of its.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Which writer.
    pub writer: u32,
    /// Its records are numbered in the order in which they are sent.
    pub number: u32,
}

/// The record of that name: partition key and data.
pub fn record(name: Name) -> (String, Vec<u8>) {
    let mut state = u64::from(name.writer) << 32 | u64::from(name.number);
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let key = format!("key-{}", next() % 500);
    // Mostly small ones, some of a few pages, now and then one beyond every buffer's first size.
    let filler = match next() % 200 {
        0 => 60_000 + next() % 60_000,
        1..=10 => 4_000 + next() % 12_000,
        _ => next() % 700,
    };
    let mut data = format!("{}-{}|", name.writer, name.number).into_bytes();
    let end = data.len() + usize::try_from(filler).unwrap_or_default();
    while data.len() < end {
        data.extend_from_slice(&next().to_le_bytes());
    }
    data.truncate(end);
    (key, data)
}

/// The name of a record that was read, if key and data are those of that name.
pub fn name_of(key: &str, data: &[u8]) -> Option<Name> {
    let end = data.iter().position(|byte| *byte == b'|')?;
    let (writer, number) = std::str::from_utf8(&data[..end]).ok()?.split_once('-')?;
    let name = Name {
        writer: writer.parse().ok()?,
        number: number.parse().ok()?,
    };
    (record(name) == (key.to_owned(), data.to_vec())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_record_has_no_name() {
        let name = Name {
            writer: 3,
            number: 77,
        };
        let (key, mut data) = record(name);
        assert_eq!(name_of(&key, &data), Some(name));
        assert_eq!(name_of("other", &data), None);
        data.push(0);
        assert_eq!(name_of(&key, &data), None);
    }
}
