//! Texts with `*` (any run, also an empty one) and `?` (any one character), matched in linear time and without recursion.
//!
//! A pattern is cut at its stars. The first piece must stand at the text's beginning, the last at its end, and each in
//! between is looked for from the left behind the one before: the leftmost place is always good enough, since a star
//! takes whatever lies between. So no place is looked at again. Pieces without `?` are found by a linear substring
//! search; one with `?` is tried at every place, and is short ([`POLICY_WILD_CHARS_MAX`]).
//!
//! [`POLICY_WILD_CHARS_MAX`]: crate::limits::POLICY_WILD_CHARS_MAX

use memchr::memmem::Finder;

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
#[derive(Clone, Debug)]
pub(super) struct Glob {
    /// What stands before, between and behind the stars; one more than there are stars.
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    /// A text that is looked for, made ready for that.
    Sought(Box<Finder<'static>>),
    /// Characters; `None` stands for any.
    Wild(Box<[Option<char>]>),
}

/// A piece in the making.
#[derive(Default)]
struct Open {
    text: String,
    /// Instead of the text, once there is a `?`.
    wild: Option<Vec<Option<char>>>,
}

impl Open {
    fn text(&mut self, text: &str) {
        match &mut self.wild {
            Some(wild) => wild.extend(text.chars().map(Some)),
            None => self.text.push_str(text),
        }
    }

    fn one(&mut self) {
        let text = &self.text;
        let wild = self.wild.get_or_insert_with(|| text.chars().map(Some).collect());
        wild.push(None);
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.wild.is_none()
    }

    fn take(&mut self, between_stars: bool) -> Piece {
        let Self { text, wild } = std::mem::take(self);
        match wild {
            Some(wild) => Piece::Wild(wild.into()),
            None if between_stars => Piece::Sought(Box::new(Finder::new(&text).into_owned())),
            None => Piece::Text(text.into()),
        }
    }
}

impl Glob {
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Self {
        let mut pieces = Vec::new();
        let mut open = Open::default();
        for part in parts {
            match part {
                Part::Text(text) => open.text(text),
                Part::One => open.one(),
                // Two stars in a row are one.
                Part::Any if open.is_empty() && !pieces.is_empty() => {}
                Part::Any => {
                    let between_stars = !pieces.is_empty();
                    pieces.push(open.take(between_stars));
                }
            }
        }
        pieces.push(open.take(false));
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
                Piece::Text(_) | Piece::Sought(_) => None,
            })
            .max()
            .unwrap_or(0)
    }
}

impl Piece {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// How many bytes it takes at the beginning of `text`.
    fn at_start(&self, text: &str) -> Option<usize> {
        match self {
            // Before and behind a star there often is nothing. Comparing nothing is not free: on some processors a
            // comparison of no bytes at the address that stands for an empty text takes 70 ns.
            Self::Text(piece) if piece.is_empty() => Some(0),
            Self::Text(piece) => text.starts_with(&**piece).then_some(piece.len()),
            Self::Sought(finder) => text
                .as_bytes()
                .starts_with(finder.needle())
                .then_some(finder.needle().len()),
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
            Self::Sought(finder) => Some(finder.find(text.as_bytes())? + finder.needle().len()),
            other => text.char_indices().find_map(|(at, _)| {
                let rest = text.get(at..)?;
                Some(at + other.at_start(rest)?)
            }),
        }
    }

    fn at_end(&self, text: &str) -> bool {
        match self {
            Self::Text(piece) if piece.is_empty() => true,
            Self::Text(piece) => text.ends_with(&**piece),
            Self::Sought(finder) => text.as_bytes().ends_with(finder.needle()),
            Self::Wild(chars) => {
                let mut left = text.chars();
                let mut chars = chars.iter().rev();
                chars.all(|c| left.next_back().is_some_and(|found| c.is_none_or(|c| c == found)))
            }
        }
    }
}
