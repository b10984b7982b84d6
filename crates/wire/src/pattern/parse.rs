//! Java's syntax of regular expressions, as far as the models use it.

use super::Node;
use super::charset::{CharSet, Class, Item};

/// Takes a pattern apart. It is matched against the whole text, so that an outer `^…$` says nothing.
pub(super) fn parse(source: &str) -> Result<Node, String> {
    let mut parser = Parser {
        chars: source.chars().collect(),
        at: 0,
    };
    let node = parser.choice()?;
    if parser.at < parser.chars.len() {
        return Err(parser.error("an unmatched ')'"));
    }
    Ok(without_anchors(node))
}

fn without_anchors(node: Node) -> Node {
    let Node::Sequence(mut nodes) = node else {
        return node;
    };
    if matches!(nodes.first(), Some(Node::Start)) {
        nodes.remove(0);
    }
    if matches!(nodes.last(), Some(Node::End)) {
        nodes.pop();
    }
    sequence(nodes)
}

fn sequence(mut nodes: Vec<Node>) -> Node {
    match nodes.pop() {
        None => Node::Empty,
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            Node::Sequence(nodes)
        }
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

/// A piece of a set or an escape: one character, or a class.
enum Piece {
    Char(u32),
    Class { class: Class, negative: bool },
}

impl Parser {
    fn error(&self, what: &str) -> String {
        format!("{what} at character {}", self.at)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn accept(&mut self, text: &str) -> bool {
        let len = text.chars().count();
        let found = self
            .chars
            .get(self.at..self.at + len)
            .is_some_and(|s| s.iter().copied().eq(text.chars()));
        if found {
            self.at += len;
        }
        found
    }

    fn choice(&mut self) -> Result<Node, String> {
        let mut branches = vec![self.branch()?];
        while self.accept("|") {
            branches.push(self.branch()?);
        }
        match branches.pop() {
            Some(only) if branches.is_empty() => Ok(only),
            Some(last) => {
                branches.push(last);
                Ok(Node::Choice(branches))
            }
            None => Ok(Node::Empty),
        }
    }

    fn branch(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let atom = self.atom()?;
            nodes.push(self.quantified(atom)?);
        }
        Ok(sequence(nodes))
    }

    fn atom(&mut self) -> Result<Node, String> {
        let set = match self.next().ok_or_else(|| self.error("the end"))? {
            '(' => return self.group(),
            '^' => return Ok(Node::Start),
            '$' => return Ok(Node::End),
            '[' => self.class()?,
            '.' => CharSet::dot(),
            '\\' => match self.escape()? {
                Piece::Char(code) => CharSet::single(code),
                Piece::Class { class, negative } => {
                    CharSet::new(vec![Item::Class { class, negative }], false)
                }
            },
            '*' | '+' | '?' | '{' => return Err(self.error("a quantifier without anything before it")),
            c => CharSet::single(c.into()),
        };
        Ok(Node::Chars { set, min: 1, max: 1 })
    }

    fn group(&mut self) -> Result<Node, String> {
        let look = [
            ("?=", false, false),
            ("?!", false, true),
            ("?<=", true, false),
            ("?<!", true, true),
        ];
        let look = look.into_iter().find(|(opening, ..)| self.accept(opening));
        if look.is_none() && !self.accept("?:") && self.peek() == Some('?') {
            return Err(self.error("an unknown group"));
        }
        let node = self.choice()?;
        if !self.accept(")") {
            return Err(self.error("a group that does not end"));
        }
        let Some((_, behind, negative)) = look else {
            return Ok(node);
        };
        let width = if behind {
            Some(width(&node).ok_or_else(|| self.error("a look behind of no fixed width"))?)
        } else {
            None
        };
        Ok(Node::Look {
            node: Box::new(node),
            behind: width,
            negative,
        })
    }

    fn quantified(&mut self, node: Node) -> Result<Node, String> {
        let (min, max) = match self.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => return self.counted(node),
            _ => return Ok(node),
        };
        self.at += 1;
        self.finish_quantifier(node, min, max)
    }

    fn counted(&mut self, node: Node) -> Result<Node, String> {
        self.at += 1;
        let min = self.number()?;
        let max = match (self.accept(","), self.peek()) {
            (false, _) => min,
            (true, Some('}')) => usize::MAX,
            (true, _) => self.number()?,
        };
        if !self.accept("}") || max < min {
            return Err(self.error("a malformed count"));
        }
        self.finish_quantifier(node, min, max)
    }

    /// Lazy and possessive quantifiers match the same texts where the whole text must match.
    fn finish_quantifier(&mut self, node: Node, min: usize, max: usize) -> Result<Node, String> {
        let _ = self.accept("?") || self.accept("+");
        Ok(match node {
            Node::Chars { set, min: 1, max: 1 } => Node::Chars { set, min, max },
            Node::Start | Node::End | Node::Look { .. } => return Err(self.error("a repeated anchor")),
            other => Node::Repeat {
                node: Box::new(other),
                min,
                max,
            },
        })
    }

    fn number(&mut self) -> Result<usize, String> {
        let mut number = 0_usize;
        let start = self.at;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            number = number
                .saturating_mul(10)
                .saturating_add(usize::try_from(digit).unwrap_or_default());
            self.at += 1;
        }
        if self.at == start {
            Err(self.error("a malformed count"))
        } else {
            Ok(number)
        }
    }

    /// The rest of `[…]`.
    fn class(&mut self) -> Result<CharSet, String> {
        let negative = self.accept("^");
        let mut items = Vec::new();
        while !self.accept("]") {
            if self.accept("[") || self.accept("&&") {
                return Err(self.error("a set within a set"));
            }
            let item = match self.piece()? {
                Piece::Class { class, negative } => Item::Class { class, negative },
                Piece::Char(first) => Item::Range(first, self.range_end(first)?),
            };
            items.push(item);
        }
        Ok(CharSet::new(items, negative))
    }

    /// The last character of a range that begins with `first`: behind a `-` that is not the set's last character.
    fn range_end(&mut self, first: u32) -> Result<u32, String> {
        let ranges = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
        if !ranges {
            return Ok(first);
        }
        self.at += 1;
        match self.piece()? {
            Piece::Char(last) if last >= first => Ok(last),
            _ => Err(self.error("a range that ends before it begins")),
        }
    }

    fn piece(&mut self) -> Result<Piece, String> {
        match self.next() {
            Some('\\') => self.escape(),
            Some(c) => Ok(Piece::Char(c.into())),
            None => Err(self.error("a set that does not end")),
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<Piece, String> {
        let c = self.next().ok_or_else(|| self.error("a lone backslash"))?;
        let class = |class| {
            Ok(Piece::Class {
                class,
                negative: c.is_ascii_uppercase(),
            })
        };
        let code = match c {
            'd' | 'D' => return class(Class::Digit),
            'w' | 'W' => return class(Class::Word),
            's' | 'S' => return class(Class::Space),
            'p' | 'P' => return class(self.property()?),
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'f' => 0x0c,
            'x' => self.hex(2)?,
            'u' => self.unicode()?,
            c if c.is_ascii_alphanumeric() => return Err(self.error("an unknown escape")),
            c => c.into(),
        };
        Ok(Piece::Char(code))
    }

    fn property(&mut self) -> Result<Class, String> {
        let names = [
            ("{L}", Class::Letter),
            ("{N}", Class::Number),
            ("{Z}", Class::Separator),
            ("{P}", Class::Punctuation),
            ("{Print}", Class::Print),
        ];
        let found = names.into_iter().find(|(name, _)| self.accept(name));
        found
            .map(|(_, class)| class)
            .ok_or_else(|| self.error("an unknown property"))
    }

    /// Four digits, or two such escapes that make a surrogate pair.
    fn unicode(&mut self) -> Result<u32, String> {
        let high = self.hex(4)?;
        if !(0xD800..0xDC00).contains(&high) || !self.accept("\\u") {
            return Ok(high);
        }
        match self.hex(4)? {
            low @ 0xDC00..=0xDFFF => Ok(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)),
            _ => Err(self.error("half a surrogate pair")),
        }
    }

    fn hex(&mut self, digits: usize) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|c| c.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.error("an escape that lacks digits"))?;
        }
        Ok(code)
    }
}

/// How many characters a node takes, where that is fixed.
fn width(node: &Node) -> Option<usize> {
    match node {
        Node::Empty | Node::Start | Node::End | Node::Look { .. } => Some(0),
        Node::Chars { min, max, .. } => (min == max).then_some(*min),
        Node::Repeat { node, min, max } if min == max => width(node)?.checked_mul(*min),
        Node::Repeat { .. } => None,
        Node::Sequence(nodes) => nodes.iter().map(width).sum(),
        Node::Choice(nodes) => {
            let mut widths = nodes.iter().map(width);
            let first = widths.next()??;
            widths.all(|w| w == Some(first)).then_some(first)
        }
    }
}
