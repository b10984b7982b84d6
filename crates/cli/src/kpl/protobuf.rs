//! Just enough of the protobuf wire format to walk over a message's fields.

use bytes::Bytes;

/// A field that a reader came across.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Number and value.
    Varint(u64, u64),
    /// Number and bytes: a text, bytes or a message.
    Bytes(u64, Bytes),
    /// A fixed-size number, which nobody here reads.
    Fixed,
}

/// Walks over the fields of one message.
pub(super) struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a Bytes) -> Self {
        Self { message, at: 0 }
    }

    /// The next field; `Some(None)` at the end of the message, `None` where it is malformed.
    pub(super) fn field(&mut self) -> Option<Option<Field>> {
        if self.at == self.message.len() {
            return Some(None);
        }
        let tag = self.varint()?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        if number == 0 {
            return None;
        }
        let field = match wire_type {
            0 => Field::Varint(number, self.varint()?),
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(number, self.take(length)?)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some(Some(field))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.message.get(self.at)?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self
            .at
            .checked_add(length)
            .filter(|end| *end <= self.message.len())?;
        let bytes = self.message.slice(self.at..end);
        self.at = end;
        Some(bytes)
    }

    fn skip(&mut self, length: usize) -> Option<Field> {
        self.take(length).map(|_| Field::Fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &'static [u8]) -> Option<Vec<Field>> {
        let message = Bytes::from_static(bytes);
        let mut reader = Reader::new(&message);
        let mut found = Vec::new();
        while let Some(field) = reader.field()? {
            found.push(field);
        }
        Some(found)
    }

    #[test]
    fn the_examples_of_the_format_s_own_page_read() {
        assert_eq!(fields(&[0x08, 0x96, 0x01]), Some(vec![Field::Varint(1, 150)]));
        let text = Bytes::from_static(b"testing");
        assert_eq!(fields(b"\x12\x07testing"), Some(vec![Field::Bytes(2, text)]));
        assert_eq!(
            fields(&[0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4]),
            Some(vec![Field::Fixed, Field::Fixed])
        );
    }

    #[test]
    fn what_is_cut_or_too_long_is_malformed() {
        let overlong: &[u8] = &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        for bytes in [
            &[0x08][..],
            &[0x12, 0x05, b'a'],
            &[0x00, 0x01],
            &[0x0b],
            &[0x09, 1],
            overlong,
        ] {
            assert_eq!(fields(bytes), None, "{bytes:?}");
        }
        let largest: &[u8] = &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(fields(largest), Some(vec![Field::Varint(1, u64::MAX)]));
    }
}
