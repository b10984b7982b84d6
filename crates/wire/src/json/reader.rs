//! A cursor over JSON text: tokens out, grammar checked, nothing allocated unless a string has escapes.

use std::borrow::Cow;

use crate::limits::DEPTH_MAX;
use crate::serialization::Fault;

/// The rest of a JSON text. The text is valid UTF-8 as a whole, and every cut is at an ASCII byte.
pub(crate) struct Reader<'a> {
    /// What is read, as complaints begin.
    subject: &'static str,
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// A request's body.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self::of("The request body", text)
    }

    /// Any other text; `subject` names it in complaints.
    pub(crate) const fn of(subject: &'static str, text: &'a str) -> Self {
        Self { subject, text, at: 0 }
    }

    /// The next byte that is not white space, left in place.
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(self.malformed("it ends too early"))
    }

    /// Takes `byte` if it comes next.
    pub(crate) fn accept(&mut self, byte: u8) -> Result<bool, Fault> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Takes `byte`, which must come next.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.accept(byte)? {
            return Ok(());
        }
        Err(self.malformed(&format!("'{}' is missing", char::from(byte))))
    }

    /// Takes a literal such as `null`.
    pub(crate) fn literal(&mut self, word: &str) -> Result<(), Fault> {
        let rest = self.rest();
        if !rest.starts_with(word) {
            return Err(self.malformed("an unknown word stands"));
        }
        self.at += word.len();
        Ok(())
    }

    /// After an element: whether another one follows, else the container's end is taken.
    pub(crate) fn more(&mut self, end: u8) -> Result<bool, Fault> {
        if self.accept(b',')? {
            return Ok(true);
        }
        self.expect(end)?;
        Ok(false)
    }

    /// Nothing but white space may be left.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Ok(_) => Err(self.malformed("there is more behind its end")),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn malformed(&self, what: &str) -> Fault {
        Fault::malformed(self.subject, "JSON", self.at, what)
    }

    /// A member's name and the colon behind it.
    pub(crate) fn name(&mut self) -> Result<Cow<'a, str>, Fault> {
        if self.peek()? != b'"' {
            return Err(self.malformed("a member's name is missing"));
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// A string; the cursor stands on its opening quote.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let run = self.run()?;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(run));
        }
        let mut unescaped = String::from(run);
        loop {
            self.at += 1;
            unescaped.push(self.escape()?);
            unescaped.push_str(self.run()?);
            if self.byte() == Some(b'"') {
                self.at += 1;
                return Ok(Cow::Owned(unescaped));
            }
        }
    }

    /// The text up to the next quote or backslash, which stays in place.
    fn run(&mut self) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let len = memchr::memchr2(b'"', b'\\', rest.as_bytes());
        let run = len
            .and_then(|len| rest.get(..len))
            .ok_or_else(|| self.malformed("a string does not end"))?;
        // A fold without a branch, so that it is vectorised.
        if run.bytes().fold(false, |found, byte| found | (byte < 0x20)) {
            return Err(self.malformed("a string holds a control character"));
        }
        self.at += run.len();
        Ok(run)
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let byte = self.byte().ok_or_else(|| self.malformed("it ends too early"))?;
        if byte == b'u' {
            self.at += 1;
            return self.unicode_escape();
        }
        let c = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return Err(self.malformed("an unknown escape stands")),
        };
        self.at += 1;
        Ok(c)
    }

    /// Four hexadecimal digits, or two such escapes that make a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let lone = "half a surrogate pair stands";
        let high = self.hex4()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.malformed(lone));
        }
        if !self.rest().starts_with("\\u") {
            return Err(self.malformed(lone));
        }
        self.at += 2;
        let low = self.hex4()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(self.malformed(lone));
        }
        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.malformed(lone))
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.malformed("an escape lacks its four digits"))?;
        self.at += 4;
        Ok(code)
    }

    /// A number's text, checked against the grammar.
    pub(crate) fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.text
            .get(start..self.at)
            .ok_or_else(|| self.malformed("a number is malformed"))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.malformed("a number lacks digits"));
        }
        self.at += count;
        Ok(())
    }

    /// Passes over a value of any kind, checking its grammar.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.skip_members(depth),
            b'[' => self.skip_elements(depth),
            b'n' => self.literal("null"),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.malformed("a value is missing")),
        }
    }

    fn skip_members(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        let mut more = !self.accept(b'}')?;
        while more {
            self.name()?;
            self.skip(depth + 1)?;
            more = self.more(b'}')?;
        }
        Ok(())
    }

    fn skip_elements(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        let mut more = !self.accept(b']')?;
        while more {
            self.skip(depth + 1)?;
            more = self.more(b']')?;
        }
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}
