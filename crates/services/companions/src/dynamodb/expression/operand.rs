//! Reading of what all expressions share: document paths, values, parentheses around them, and calls of functions.

use super::ast::{Literal, Path, Segment};
use super::diagnosis::{Class, Diagnosis};
use super::lexer::{Token, Tokens};
use super::placeholders::Placeholders;
use super::reserved::is_reserved;
use crate::dynamodb::limits::{OPERATORS_MAX, PATH_LEVELS_MAX};
use crate::dynamodb::model::Kind;

/// Reads one expression.
pub(super) struct Parser<'a> {
    pub(super) tokens: Tokens<'a>,
    pub(super) given: &'a mut Placeholders,
    pub(super) diagnosis: Diagnosis,
    operators: usize,
}

/// An operand as it is written. What a missing placeholder stands for is not known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written<'a> {
    Path(Option<Path>),
    Value(Option<Literal>),
    Call(Call<'a>),
}

/// A call of a function. It counts as an operator, which bounds how deep calls are in each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) operands: Vec<Written<'a>>,
}

impl Written<'_> {
    /// The type of a value; `None` where that depends on the item.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Value(Some(value)) => Some(value.0.kind()),
            Self::Call(Call { name: "size", .. }) => Some(Kind::N),
            Self::Path(_) | Self::Value(None) | Self::Call(_) => None,
        }
    }

    pub(super) fn as_path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => path.as_ref(),
            Self::Value(_) | Self::Call(_) => None,
        }
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(tokens: Tokens<'a>, given: &'a mut Placeholders) -> Self {
        Self {
            tokens,
            given,
            diagnosis: Diagnosis::default(),
            operators: 0,
        }
    }

    /// One operator or function more.
    pub(super) fn count_operator(&mut self) -> Result<(), String> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(format!(
                "The expression contains too many operators; operator count: {}",
                self.operators
            ));
        }
        Ok(())
    }

    /// The text must end here.
    pub(super) fn expect_end(&mut self) -> Result<(), String> {
        match self.tokens.look(0) {
            Token::End => Ok(()),
            _ => Err(self.tokens.misplaced()),
        }
    }

    /// `a.b[0]`, `#a.b`. `None` where a name is not defined.
    pub(super) fn path(&mut self) -> Result<Option<Path>, String> {
        let head = self.name()?;
        let mut tail = Vec::new();
        loop {
            if self.tokens.take_sign(".") {
                tail.push(self.name()?.map(Segment::Name));
            } else if self.tokens.take_sign("[") {
                let Token::Index(digits) = self.tokens.look(0) else {
                    return Err(self.tokens.misplaced());
                };
                self.tokens.take();
                self.tokens.expect("]")?;
                tail.push(self.index(digits).map(Segment::Index));
            } else {
                break;
            }
        }
        let levels = tail.len() + 1;
        if levels > PATH_LEVELS_MAX {
            self.diagnosis.note(Class::Path, || {
                format!("The document path has too many nesting levels; nesting levels: {levels}")
            });
        }
        let tail: Option<Vec<Segment>> = tail.into_iter().collect();
        Ok(head.zip(tail).map(|(head, tail)| Path { head, tail }))
    }

    fn name(&mut self) -> Result<Option<String>, String> {
        let name = match self.tokens.look(0) {
            Token::Name(name) => {
                if is_reserved(name) {
                    self.diagnosis.note(Class::Reserved, || {
                        format!("Attribute name is a reserved keyword; reserved keyword: {name}")
                    });
                }
                Some(name.to_owned())
            }
            Token::NamePlaceholder(placeholder) => {
                let name = self.given.name(placeholder);
                if name.is_none() {
                    self.diagnosis.note(Class::Placeholder, || {
                        format!(
                            "An expression attribute name used in the document path is not defined; attribute name: \
                             {placeholder}"
                        )
                    });
                }
                name
            }
            _ => return Err(self.tokens.misplaced()),
        };
        self.tokens.take();
        Ok(name)
    }

    /// An index must fit a signed 32-bit integer.
    fn index(&mut self, digits: &str) -> Option<u32> {
        let index = digits
            .parse::<i32>()
            .ok()
            .and_then(|index| u32::try_from(index).ok());
        if index.is_none() {
            self.diagnosis.note(Class::Path, || {
                format!("List index is not within the allowable range; index: [{digits}]")
            });
        }
        index
    }

    /// `:value`.
    pub(super) fn value(&mut self) -> Result<Option<Literal>, String> {
        let Token::ValuePlaceholder(placeholder) = self.tokens.look(0) else {
            return Err(self.tokens.misplaced());
        };
        self.tokens.take();
        let value = self.given.value(placeholder);
        if value.is_none() {
            self.diagnosis.note(Class::Placeholder, || {
                format!(
                    "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
                )
            });
        }
        Ok(value)
    }

    /// A path, a value or a call, perhaps in parentheses.
    pub(super) fn operand(&mut self) -> Result<Written<'a>, String> {
        let mut open = 0;
        while self.tokens.take_sign("(") {
            open += 1;
        }
        let operand = self.bare_operand()?;
        for _ in 0..open {
            self.tokens.expect(")")?;
        }
        if open > 1 {
            self.redundant_parentheses();
        }
        Ok(operand)
    }

    /// The same without parentheses.
    pub(super) fn bare_operand(&mut self) -> Result<Written<'a>, String> {
        match (self.tokens.look(0), self.tokens.look(1)) {
            (Token::Name(name), Token::Sign("(")) => {
                self.tokens.take();
                self.call(name).map(Written::Call)
            }
            (Token::ValuePlaceholder(_), _) => self.value().map(Written::Value),
            _ => self.path().map(Written::Path),
        }
    }

    /// What follows a function's name.
    fn call(&mut self, name: &'a str) -> Result<Call<'a>, String> {
        self.count_operator()?;
        self.tokens.expect("(")?;
        let mut operands = vec![self.operand()?];
        while self.tokens.take_sign(",") {
            operands.push(self.operand()?);
        }
        self.tokens.expect(")")?;
        Ok(Call { name, operands })
    }

    pub(super) fn redundant_parentheses(&mut self) {
        self.diagnosis.note(Class::Parentheses, || {
            "The expression has redundant parentheses;".to_owned()
        });
    }

    pub(super) fn unknown_function(&mut self, name: &str) {
        self.diagnosis.note(Class::UnknownFunction, || {
            format!("Invalid function name; function: {name}")
        });
    }

    pub(super) fn misused_function(&mut self, name: &str) {
        self.diagnosis.note(Class::MisusedFunction, || {
            format!("The function is not allowed to be used this way in an expression; function: {name}")
        });
    }

    pub(super) fn wrong_operands(&mut self, name: &str, count: usize) {
        self.diagnosis.note(Class::Operands, || {
            format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of \
                 operands: {count}"
            )
        });
    }

    pub(super) fn wrong_type(&mut self, name: &str, kind: Kind) {
        self.diagnosis.note(Class::Type, || {
            format!(
                "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
            )
        });
    }

    pub(super) fn path_required(&mut self, name: &str) {
        self.diagnosis.note(Class::Type, || {
            format!("Operator or function requires a document path; operator or function: {name}")
        });
    }
}
