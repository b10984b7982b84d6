//! Sets of characters.

/// A set of characters: a bitmap for ASCII, items for the rest.
#[derive(Clone, Debug)]
pub(super) struct CharSet {
    ascii: u128,
    items: Vec<Item>,
    negative: bool,
}

/// A part of a set. Bounds are code points, since a pattern may name half a surrogate pair, which no text holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Range(u32, u32),
    Class { class: Class, negative: bool },
}

/// A predefined class of Java's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    /// `\d`
    Digit,
    /// `\w`
    Word,
    /// `\s`
    Space,
    /// `\p{L}`: here also marks that form letters.
    Letter,
    /// `\p{N}`
    Number,
    /// `\p{Z}`
    Separator,
    /// `\p{P}`: beyond ASCII, whatever is neither letter, number, white space nor control.
    Punctuation,
    /// `\p{Print}`
    Print,
}

impl CharSet {
    pub(super) fn new(items: Vec<Item>, negative: bool) -> Self {
        let mut set = Self {
            ascii: 0,
            items,
            negative,
        };
        for c in '\0'..='\x7f' {
            if set.slow_contains(c) {
                set.ascii |= 1 << u32::from(c);
            }
        }
        set
    }

    pub(super) fn single(code: u32) -> Self {
        Self::new(vec![Item::Range(code, code)], false)
    }

    pub(super) fn any() -> Self {
        Self::new(Vec::new(), true)
    }

    /// Java's dot: everything but line terminators.
    pub(super) fn dot() -> Self {
        let terminators = [(0x0a, 0x0a), (0x0d, 0x0d), (0x85, 0x85), (0x2028, 0x2029)];
        Self::new(terminators.map(|(a, b)| Item::Range(a, b)).to_vec(), true)
    }

    pub(super) fn contains(&self, c: char) -> bool {
        if c.is_ascii() {
            return self.ascii >> u32::from(c) & 1 == 1;
        }
        self.slow_contains(c)
    }

    fn slow_contains(&self, c: char) -> bool {
        self.items.iter().any(|item| item.contains(c)) != self.negative
    }
}

impl Item {
    fn contains(self, c: char) -> bool {
        match self {
            Self::Range(first, last) => (first..=last).contains(&u32::from(c)),
            Self::Class { class, negative } => class.contains(c) != negative,
        }
    }
}

impl Class {
    fn contains(self, c: char) -> bool {
        match self {
            Self::Digit => c.is_ascii_digit(),
            Self::Word => c.is_ascii_alphanumeric() || c == '_',
            Self::Space => matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'),
            Self::Letter => c.is_alphabetic() && !c.is_numeric(),
            Self::Number => c.is_numeric(),
            Self::Separator => c.is_whitespace() && !c.is_control(),
            Self::Punctuation if c.is_ascii() => c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c),
            Self::Punctuation => !(c.is_alphanumeric() || c.is_whitespace() || c.is_control()),
            Self::Print => matches!(c, ' '..='~'),
        }
    }
}
