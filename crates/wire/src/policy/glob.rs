//! Texts with `*` (any run, also an empty one) and `?` (any one character), matched in linear time and without recursion.
//!
//! A pattern is cut at its stars. The first piece must stand at the text's beginning, the last at its end, and each in
//! between is looked for from the left behind the one before: the leftmost place is always good enough, since a star
//! takes whatever lies between. So no place is looked at again. Pieces without `?` are found by a linear substring
//! search; one with `?` is tried at every place, and is short ([`POLICY_WILD_CHARS_MAX`]).
//!
//! [`POLICY_WILD_CHARS_MAX`]: crate::limits::POLICY_WILD_CHARS_MAX

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// This very text, stars and question marks included.
    Text(&'a str),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What stands before, between and behind the stars; one more than there are stars.
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// Characters; `None` stands for any.
    Wild(Box<[Option<char>]>),
}

impl Glob {
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Self {
        let mut pieces = Vec::with_capacity(1);
        let mut open: Vec<Option<char>> = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => open.extend(text.chars().map(Some)),
                Part::One => open.push(None),
                // Two stars in a row are one.
                Part::Any if open.is_empty() && !pieces.is_empty() => {}
                Part::Any => pieces.push(Piece::new(&std::mem::take(&mut open))),
            }
        }
        pieces.push(Piece::new(&open));
        Self {
            pieces: pieces.into(),
        }
    }

    /// Whether the whole of `text` is what the pattern says.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return text.is_empty();
        };
        let Some(begun) = first.at_start(text) else {
            return false;
        };
        let Some((last, between)) = rest.split_last() else {
            return begun == text.len();
        };
        let mut rest = text.get(begun..).unwrap_or_default();
        for piece in between {
            match piece.find(rest) {
                Some(end) => rest = rest.get(end..).unwrap_or_default(),
                None => return false,
            }
        }
        last.at_end(rest)
    }

    /// The text that is meant, where the pattern has no wildcard.
    pub(super) fn literal(&self) -> Option<&str> {
        match &*self.pieces {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is a lone `*`.
    pub(super) fn is_any(&self) -> bool {
        self.pieces.len() == 2 && self.pieces.iter().all(Piece::is_empty)
    }

    /// Characters of the longest piece that must be tried at every place.
    pub(super) fn widest_wild(&self) -> usize {
        let between = self.pieces.len().saturating_sub(2);
        let pieces = self.pieces.iter().skip(1).take(between);
        pieces
            .filter_map(|piece| match piece {
                Piece::Wild(chars) => Some(chars.len()),
                Piece::Text(_) => None,
            })
            .max()
            .unwrap_or(0)
    }
}

impl Piece {
    fn new(chars: &[Option<char>]) -> Self {
        match chars.iter().copied().collect::<Option<String>>() {
            Some(text) => Self::Text(text.into()),
            None => Self::Wild(chars.into()),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// How many bytes it takes at the beginning of `text`.
    fn at_start(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(piece) => text.starts_with(&**piece).then_some(piece.len()),
            Self::Wild(chars) => {
                let mut left = text.chars();
                chars
                    .iter()
                    .all(|c| left.next().is_some_and(|found| c.is_none_or(|c| c == found)))
                    .then(|| text.len() - left.as_str().len())
            }
        }
    }

    /// Where behind its first occurrence in `text` is.
    fn find(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(piece) => {
                let at = memchr::memmem::find(text.as_bytes(), piece.as_bytes())?;
                Some(at + piece.len())
            }
            Self::Wild(_) => text.char_indices().find_map(|(at, _)| {
                let rest = text.get(at..)?;
                Some(at + self.at_start(rest)?)
            }),
        }
    }

    fn at_end(&self, text: &str) -> bool {
        match self {
            Self::Text(piece) => text.ends_with(&**piece),
            Self::Wild(chars) => {
                let mut left = text.chars();
                let mut chars = chars.iter().rev();
                chars.all(|c| left.next_back().is_some_and(|found| c.is_none_or(|c| c == found)))
            }
        }
    }
}
