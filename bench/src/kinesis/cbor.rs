//! The few bodies that are sent as CBOR (RFC 8949), with lengths known beforehand.

/// Major types.
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// The body of PutRecord or PutRecords.
pub fn puts(stream: &str, records: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    match records {
        [one] => {
            head(&mut out, MAP, 3);
            record(&mut out, one);
        }
        many => {
            head(&mut out, MAP, 2);
            text(&mut out, "Records");
            head(&mut out, ARRAY, many.len());
            for one in many {
                head(&mut out, MAP, 2);
                record(&mut out, one);
            }
        }
    }
    text(&mut out, "StreamName");
    text(&mut out, stream);
    out
}

fn record(out: &mut Vec<u8>, (key, data): &(String, Vec<u8>)) {
    text(out, "Data");
    head(out, BYTES, data.len());
    out.extend_from_slice(data);
    text(out, "PartitionKey");
    text(out, key);
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn head(out: &mut Vec<u8>, major: u8, length: usize) {
    let major = major << 5;
    match length {
        0..24 => out.push(major | length as u8),
        24..256 => out.extend([major | 24, length as u8]),
        256..65_536 => {
            out.push(major | 25);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.push(major | 26);
            out.extend((length as u32).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_as_short_as_they_can_be() {
        let coded = |length| {
            let mut out = Vec::new();
            head(&mut out, BYTES, length);
            out
        };
        assert_eq!(coded(23), [0x57]);
        assert_eq!(coded(24), [0x58, 24]);
        assert_eq!(coded(1024), [0x59, 4, 0]);
        assert_eq!(coded(1 << 20), [0x5a, 0, 16, 0, 0]);
    }

    #[test]
    fn a_body_is_a_map() {
        let body = puts("s", &[("k".to_owned(), vec![1, 2])]);
        assert_eq!(
            body,
            b"\xa3\x64Data\x42\x01\x02\x6cPartitionKey\x61k\x6aStreamName\x61s"
        );
    }
}
