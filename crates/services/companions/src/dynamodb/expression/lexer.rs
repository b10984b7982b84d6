//! Expression texts to tokens, and the sentence about one that is out of place.
//!
//! ```text
//! name    [A-Za-z][A-Za-z0-9_]*        :value, #name    [:#][A-Za-z0-9_]+        index    0 | [1-9][0-9]*
//! signs   ( ) [ ] , . = <> < <= > >= + -        everything else is a token of its own that fits nowhere
//! ```

use crate::dynamodb::limits::EXPRESSION_BYTES_MAX;

/// Words that are never names, in whatever case.
const KEYWORDS: [Word; 9] = [
    Word::And,
    Word::Or,
    Word::Not,
    Word::Between,
    Word::In,
    Word::Set,
    Word::Remove,
    Word::Add,
    Word::Delete,
];

/// A keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
}

impl Word {
    /// As it is written in messages.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
            Self::Between => "BETWEEN",
            Self::In => "IN",
            Self::Set => "SET",
            Self::Remove => "REMOVE",
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An attribute's or a function's name.
    Name(&'a str),
    /// `#name`, with its sign.
    NamePlaceholder(&'a str),
    /// `:value`, with its sign.
    ValuePlaceholder(&'a str),
    /// The index of a list element.
    Index(&'a str),
    /// A keyword.
    Word(Word),
    /// An operator or a bracket.
    Sign(&'static str),
    /// Something that fits nowhere.
    Stray,
    /// The end of the text.
    End,
}

/// The signs, longer ones before those they begin with.
const SIGNS: [&str; 14] = [
    "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-",
];

/// The tokens of a text, and how far they are read.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// Each with where it begins and ends.
    tokens: Vec<(Token<'a>, usize, usize)>,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// Cuts a text up. Only its length can be wrong.
    pub(super) fn of(text: &'a str) -> Result<Self, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            ));
        }
        if text.trim().is_empty() {
            return Err("The expression can not be empty;".to_owned());
        }
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if spaces > 0 {
                at += spaces;
                continue;
            }
            let (token, length) = next(rest);
            tokens.push((token, at, at + length));
            at += length;
        }
        Ok(Self { text, tokens, at: 0 })
    }

    /// The token `ahead` of the next one.
    pub(super) fn look(&self, ahead: usize) -> Token<'a> {
        self.tokens
            .get(self.at + ahead)
            .map_or(Token::End, |(token, ..)| *token)
    }

    /// How many tokens are read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Reads a token.
    pub(super) fn take(&mut self) -> Token<'a> {
        let token = self.look(0);
        if token != Token::End {
            self.at += 1;
        }
        token
    }

    /// Reads the next token if it is that sign.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.look(0) == Token::Sign(sign_of(sign));
        self.at += usize::from(found);
        found
    }

    /// Reads the next token if it is that word.
    pub(super) fn take_word(&mut self, word: Word) -> bool {
        let found = self.look(0) == Token::Word(word);
        self.at += usize::from(found);
        found
    }

    /// The next token must be that sign.
    pub(super) fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) {
            Ok(())
        } else {
            Err(self.misplaced())
        }
    }

    /// The sentence about the next token, which does not belong there, with its neighbours.
    pub(super) fn misplaced(&self) -> String {
        let span = |at: usize| self.tokens.get(at).map(|(_, from, to)| (*from, *to));
        let here = span(self.at);
        let from = self
            .at
            .checked_sub(1)
            .and_then(span)
            .or(here)
            .map_or(0, |(from, _)| from);
        let to = match here {
            Some(_) => span(self.at + 1).map_or(self.text.len(), |(_, to)| to),
            None => self.text.len(),
        };
        let token = here
            .and_then(|(from, to)| self.text.get(from..to))
            .unwrap_or("<EOF>");
        let near = self.text.get(from..to).unwrap_or_default();
        format!("Syntax error; token: \"{token}\", near: \"{near}\"")
    }
}

/// The static text of a sign.
fn sign_of(sign: &str) -> &'static str {
    SIGNS.into_iter().find(|known| *known == sign).unwrap_or("")
}

/// The first token of a text that begins with no space, and its length in bytes.
fn next(rest: &str) -> (Token<'_>, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    let word = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(tail.len())
    };
    let text = |length: usize| rest.get(..length).unwrap_or_default();
    match first {
        'a'..='z' | 'A'..='Z' => {
            let name = text(word(1));
            let keyword = KEYWORDS
                .into_iter()
                .find(|word| word.as_str().eq_ignore_ascii_case(name));
            (keyword.map_or(Token::Name(name), Token::Word), name.len())
        }
        ':' | '#' if word(1) > 1 => {
            let name = text(word(1));
            let token = if first == ':' {
                Token::ValuePlaceholder(name)
            } else {
                Token::NamePlaceholder(name)
            };
            (token, name.len())
        }
        '0' => (Token::Index(text(1)), 1),
        '1'..='9' => {
            let index = text(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
            (Token::Index(index), index.len())
        }
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => (Token::Sign(sign), sign.len()),
            None => (Token::Stray, first.len_utf8()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut tokens = Tokens::of(text).unwrap();
        std::iter::from_fn(|| Some(tokens.take()).filter(|t| *t != Token::End)).collect()
    }

    #[test]
    fn texts_are_cut_as_they_should() {
        use Token::{Index, Name, NamePlaceholder, Sign, Stray, ValuePlaceholder};
        assert_eq!(
            tokens("a.#b[10]<>:c anD"),
            [
                Name("a"),
                Sign("."),
                NamePlaceholder("#b"),
                Sign("["),
                Index("10"),
                Sign("]"),
                Sign("<>"),
                ValuePlaceholder(":c"),
                Token::Word(Word::And)
            ]
        );
        assert_eq!(tokens("_é: 01"), [Stray, Stray, Stray, Index("0"), Index("1")]);
        assert_eq!(tokens("a<=b"), [Name("a"), Sign("<="), Name("b")]);
    }

    #[test]
    fn a_misplaced_token_is_shown_with_its_neighbours() {
        let mut tokens = Tokens::of("a  ==  b ").unwrap();
        assert_eq!(tokens.misplaced(), r#"Syntax error; token: "a", near: "a  =""#);
        tokens.take();
        tokens.take();
        assert_eq!(tokens.misplaced(), r#"Syntax error; token: "=", near: "==  b""#);
        tokens.take();
        tokens.take();
        assert_eq!(tokens.misplaced(), r#"Syntax error; token: "<EOF>", near: "b ""#);
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(Tokens::of(&"a".repeat(EXPRESSION_BYTES_MAX)).is_ok());
        assert!(
            Tokens::of(&"a".repeat(EXPRESSION_BYTES_MAX + 1))
                .unwrap_err()
                .ends_with("size: 4097")
        );
        assert!(Tokens::of(" ").is_err());
    }
}
