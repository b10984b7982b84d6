//! From words to an expression.
//!
//! ```text
//! or      = and (("||" | "OR") and)*          and    = compare (("&&" | "AND") compare)*
//! compare = sum (("<" | …) sum)*              sum    = product (("+" | "-") product)*
//! product = power (("*" | "/") power)*        power  = unary ("^" power)?
//! unary   = "-" unary | atom                  atom   = number | text | id | "(" or ")" | "[" list "]" | name "(" list ")"
//! ```

use super::lex::{Token, lex};
use crate::cloudwatch::limits::EXPRESSION_DEPTH_MAX;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Text(String),
    /// Another query by its id.
    Id(String),
    List(Vec<Self>),
    Negated(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
    /// A function's name in capitals.
    Call(String, Vec<Self>),
}

/// What joins two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Power,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,
    And,
    Or,
}

const OR: &[(&str, Operator)] = &[("||", Operator::Or), ("OR", Operator::Or)];
const AND: &[(&str, Operator)] = &[("&&", Operator::And), ("AND", Operator::And)];
const COMPARE: &[(&str, Operator)] = &[
    ("<", Operator::Less),
    ("<=", Operator::AtMost),
    (">", Operator::Greater),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
];
const SUM: &[(&str, Operator)] = &[("+", Operator::Plus), ("-", Operator::Minus)];
const PRODUCT: &[(&str, Operator)] = &[("*", Operator::Times), ("/", Operator::Over)];
const LEVELS: [&[(&str, Operator)]; 5] = [OR, AND, COMPARE, SUM, PRODUCT];

/// Reads an expression. The error is the end of a sentence.
pub(crate) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser {
        tokens: lex(text)?,
        at: 0,
    };
    let expression = parser.level(0, 0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("{} is unexpected", shown(token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(number) => format!("'{number}'"),
        Token::Name(text) | Token::Text(text) => format!("'{text}'"),
        Token::Symbol(symbol) => format!("'{symbol}'"),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(token) => format!("'{symbol}' is missing before {}", shown(token)),
            None => format!("'{symbol}' is missing at the end"),
        })
    }

    fn operator(&mut self, known: &[(&str, Operator)]) -> Option<Operator> {
        let word = match self.peek()? {
            Token::Symbol(symbol) => *symbol,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        let (_, operator) = known.iter().find(|(text, _)| *text == word)?;
        self.at += 1;
        Some(*operator)
    }

    /// A level of operators that bind alike, and everything that binds closer. `depth` counts what is open.
    fn level(&mut self, level: usize, depth: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.power(depth);
        };
        let mut left = self.level(level + 1, depth)?;
        let mut operands = 0;
        while let Some(operator) = self.operator(operators) {
            operands += 1;
            check(depth + operands)?;
            let right = self.level(level + 1, depth)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn power(&mut self, depth: usize) -> Result<Expression, String> {
        check(depth)?;
        let base = self.unary(depth)?;
        if !self.accept("^") {
            return Ok(base);
        }
        let exponent = self.power(depth + 1)?;
        Ok(Expression::Binary(
            Operator::Power,
            Box::new(base),
            Box::new(exponent),
        ))
    }

    fn unary(&mut self, depth: usize) -> Result<Expression, String> {
        check(depth)?;
        if self.accept("-") {
            return Ok(Expression::Negated(Box::new(self.unary(depth + 1)?)));
        }
        self.atom(depth)
    }

    fn atom(&mut self, depth: usize) -> Result<Expression, String> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Text(text)) => Ok(Expression::Text(text)),
            Some(Token::Symbol("(")) => {
                let inner = self.level(0, depth + 1)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Symbol("[")) => Ok(Expression::List(self.list("]", depth)?)),
            Some(Token::Name(name)) if self.accept("(") => Ok(Expression::Call(
                name.to_ascii_uppercase(),
                self.list(")", depth)?,
            )),
            Some(Token::Name(name)) => Ok(Expression::Id(name)),
            Some(token) => Err(format!("{} is unexpected", shown(&token))),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn list(&mut self, end: &'static str, depth: usize) -> Result<Vec<Expression>, String> {
        let mut items = Vec::new();
        if self.accept(end) {
            return Ok(items);
        }
        loop {
            items.push(self.level(0, depth + 1)?);
            if !self.accept(",") {
                self.expect(end)?;
                return Ok(items);
            }
        }
    }
}

/// A chain of operators nests as deeply as it is long, so it counts too.
fn check(depth: usize) -> Result<(), String> {
    if depth > EXPRESSION_DEPTH_MAX {
        return Err(format!("it is nested deeper than {EXPRESSION_DEPTH_MAX} levels"));
    }
    Ok(())
}
