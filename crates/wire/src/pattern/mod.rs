//! The models' regular expressions, matched against a whole text.
//!
//! The patterns are written for Java, with look-around, possessive quantifiers, `\p{L}` and Java's reading of
//! character classes, which no small crate takes. They come from our own tables and capture nothing, so a set of
//! reachable positions is all the state there is: no backtracking, and the time is bounded by
//! [`PATTERN_STEPS_MAX`](crate::limits::PATTERN_STEPS_MAX). Two readings are wider than Java's: a possessive
//! quantifier may give back, and `\p{L}` and `\p{P}` follow Rust's notion of letters.

mod charset;
mod parse;
mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use charset::CharSet;

/// A pattern taken apart.
#[derive(Debug)]
pub(crate) struct Pattern {
    root: Node,
}

#[derive(Debug)]
enum Node {
    Empty,
    /// Some characters in a row of one set; a plain character is once.
    Chars {
        set: CharSet,
        min: usize,
        max: usize,
    },
    Repeat {
        node: Box<Node>,
        min: usize,
        max: usize,
    },
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Start,
    End,
    /// `behind` holds the width of what is looked back at.
    Look {
        node: Box<Node>,
        behind: Option<usize>,
        negative: bool,
    },
}

impl Pattern {
    /// Takes a pattern apart.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        parse::parse(source).map(|root| Self { root })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Most patterns are one set of characters; they need no positions.
        if let Node::Chars { set, min, max } = &self.root {
            let mut count = 0;
            return text.chars().all(|c| {
                count += 1;
                set.contains(c)
            }) && (*min..=*max).contains(&count);
        }
        let chars: Vec<char> = text.chars().collect();
        run::matches(&self.root, &chars)
    }

    /// How many steps the text takes.
    #[cfg(test)]
    pub(crate) fn steps(&self, text: &str) -> usize {
        run::steps(&self.root, &text.chars().collect::<Vec<_>>())
    }
}

/// The pattern of a table, taken apart once. One that is not understood matches everything; a test holds every
/// table's pattern against that.
pub(crate) fn compiled(source: &'static str) -> &'static Pattern {
    type Cache = RwLock<HashMap<(usize, usize), &'static Pattern>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    // Tables are static, so the address stands for the text.
    let key = (source.as_ptr().addr(), source.len());
    if let Some(pattern) = cache.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return pattern;
    }
    let pattern = Pattern::parse(source).unwrap_or_else(|_| Pattern {
        root: Node::anything(),
    });
    // Leaked on purpose: as many as there are patterns in the tables.
    cache
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(key)
        .or_insert_with(|| Box::leak(Box::new(pattern)))
}

impl Node {
    fn anything() -> Self {
        Self::Chars {
            set: CharSet::any(),
            min: 0,
            max: usize::MAX,
        }
    }
}
