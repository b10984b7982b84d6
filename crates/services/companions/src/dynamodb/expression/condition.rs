//! Conditions: tests joined by AND, OR and NOT, in this order of binding from loose to tight: OR, AND, NOT.
//!
//! The text is read without recursion, operators waiting on a stack until what binds tighter is done (Dijkstra's
//! shunting yard), so that no nesting of parentheses is too deep.

use std::cmp::Ordering;

use super::ast::{Comparator, Condition, Operand, Step, Test};
use super::diagnosis::Class;
use super::lexer::{Token, Word};
use super::operand::{Call, Parser, Written};
use crate::dynamodb::model::value::KINDS;
use crate::dynamodb::model::{AttributeValue, Kind, Number};

/// Functions of updates; they have a sentence of their own.
const UPDATE_FUNCTIONS: [&str; 2] = ["if_not_exists", "list_append"];

/// What waits for its right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// An open parenthesis, and which token it is.
    Open(usize),
    Or,
    And,
    Not,
}

impl Waiting {
    fn binds_as_tight_as(self, other: Self) -> bool {
        match self {
            Self::Open(_) => false,
            Self::Not => true,
            Self::And => matches!(other, Self::And | Self::Or),
            Self::Or => other == Self::Or,
        }
    }

    const fn step(self) -> Option<Step> {
        match self {
            Self::Open(_) => None,
            Self::Or => Some(Step::Or),
            Self::And => Some(Step::And),
            Self::Not => Some(Step::Not),
        }
    }
}

/// Steps that are done and operators that wait.
#[derive(Default)]
struct Yard {
    steps: Vec<Step>,
    waiting: Vec<Waiting>,
    /// The tokens of the parentheses that were closed last.
    closed: Option<(usize, usize)>,
}

impl Yard {
    /// Parentheses that are opened directly before the next token.
    fn directly_open(&self) -> usize {
        self.waiting
            .iter()
            .rev()
            .take_while(|w| matches!(w, Waiting::Open(_)))
            .count()
    }

    /// An operator is read: what binds as tight on its left is done.
    fn operator(&mut self, operator: Waiting) {
        while let Some(top) = self.waiting.pop_if(|top| top.binds_as_tight_as(operator)) {
            self.steps.extend(top.step());
        }
        self.waiting.push(operator);
    }

    /// A parenthesis is closed at token `at`. Says whether one was open, and whether it held nothing but another pair.
    fn close(&mut self, at: usize) -> Option<bool> {
        while let Some(top) = self.waiting.pop() {
            if let Waiting::Open(open) = top {
                let redundant = self.closed == Some((open + 1, at.wrapping_sub(1)));
                self.closed = Some((open, at));
                return Some(redundant);
            }
            self.steps.extend(top.step());
        }
        None
    }
}

/// Reads a condition to the end of its text.
pub(super) fn read(parser: &mut Parser<'_>) -> Result<Condition, String> {
    let mut yard = Yard::default();
    loop {
        loop {
            let position = parser.tokens.position();
            if parser.tokens.take_word(Word::Not) {
                parser.count_operator()?;
                yard.waiting.push(Waiting::Not);
            } else if parser.tokens.take_sign("(") {
                yard.waiting.push(Waiting::Open(position));
            } else {
                break;
            }
        }
        let (test, wrapped) = test(parser, yard.directly_open())?;
        yard.waiting.truncate(yard.waiting.len().saturating_sub(wrapped));
        yard.steps.extend(test.map(Step::Test));
        parser.diagnosis.next_test();
        while parser.tokens.look(0) == Token::Sign(")") {
            let Some(redundant) = yard.close(parser.tokens.position()) else {
                return Err(parser.tokens.misplaced());
            };
            parser.tokens.take();
            if redundant {
                parser.redundant_parentheses();
            }
        }
        let operator = if parser.tokens.take_word(Word::And) {
            Waiting::And
        } else if parser.tokens.take_word(Word::Or) {
            Waiting::Or
        } else {
            break;
        };
        parser.count_operator()?;
        yard.operator(operator);
    }
    parser.expect_end()?;
    while let Some(top) = yard.waiting.pop() {
        if matches!(top, Waiting::Open(_)) {
            return Err(parser.tokens.misplaced());
        }
        yard.steps.extend(top.step());
    }
    Ok(Condition(yard.steps))
}

fn comparator(token: Token<'_>) -> Option<Comparator> {
    Some(match token {
        Token::Sign("=") => Comparator::Eq,
        Token::Sign("<>") => Comparator::Ne,
        Token::Sign("<") => Comparator::Lt,
        Token::Sign("<=") => Comparator::Le,
        Token::Sign(">") => Comparator::Gt,
        Token::Sign(">=") => Comparator::Ge,
        _ => return None,
    })
}

/// Reads a test, and how many of the `open` parentheses before it belong to its first operand alone.
fn test(parser: &mut Parser<'_>, open: usize) -> Result<(Option<Test>, usize), String> {
    let first = parser.bare_operand()?;
    let mut wrapped = (0..open)
        .take_while(|&ahead| parser.tokens.look(ahead) == Token::Sign(")"))
        .count();
    let compares = |token| {
        comparator(token).is_some() || matches!(token, Token::Word(Word::Between) | Token::Word(Word::In))
    };
    if matches!(first, Written::Call(_)) && !compares(parser.tokens.look(wrapped)) {
        wrapped = 0;
    }
    for _ in 0..wrapped {
        parser.tokens.take();
    }
    if wrapped > 1 {
        parser.redundant_parentheses();
    }
    let test = if let Some(comparator) = comparator(parser.tokens.look(0)) {
        parser.tokens.take();
        parser.count_operator()?;
        let second = parser.operand()?;
        compare(parser, comparator, first, second)
    } else if parser.tokens.take_word(Word::Between) {
        parser.count_operator()?;
        let low = parser.operand()?;
        if !parser.tokens.take_word(Word::And) {
            return Err(parser.tokens.misplaced());
        }
        let high = parser.operand()?;
        between(parser, first, low, high)
    } else if parser.tokens.take_word(Word::In) {
        parser.count_operator()?;
        let list = list(parser)?;
        one_of(parser, first, list)
    } else if let Written::Call(call) = first {
        function(parser, &call)
    } else {
        return Err(parser.tokens.misplaced());
    };
    Ok((test, wrapped))
}

fn list<'a>(parser: &mut Parser<'a>) -> Result<Vec<Written<'a>>, String> {
    parser.tokens.expect("(")?;
    let mut list = vec![parser.operand()?];
    while parser.tokens.take_sign(",") {
        list.push(parser.operand()?);
    }
    parser.tokens.expect(")")?;
    let max = crate::dynamodb::limits::IN_OPERANDS_MAX;
    if list.len() > max {
        return Err(format!(
            "The IN operator is provided with too many operands; number of operands: {}",
            list.len()
        ));
    }
    Ok(list)
}

/// The first operand must not be among the others.
fn check_distinct<'a>(parser: &mut Parser<'_>, name: &str, first: &Written<'a>, rest: &[&Written<'a>]) {
    let Some(path) = first.as_path() else { return };
    if rest.iter().any(|other| other.as_path() == Some(path)) {
        parser.diagnosis.note(Class::Distinct, || {
            format!(
                "The first operand must be distinct from the remaining operands for this operator or function; \
                 operator: {name}, first operand: {path}"
            )
        });
    }
}

/// Values must have an order.
fn check_ordered(parser: &mut Parser<'_>, name: &str, operands: &[&Written<'_>]) {
    let unordered = operands
        .iter()
        .filter_map(|operand| operand.kind())
        .find(|kind| !kind.is_ordered());
    if let Some(kind) = unordered {
        parser.wrong_type(name, kind);
    }
}

fn compare(
    parser: &mut Parser<'_>,
    comparator: Comparator,
    first: Written<'_>,
    second: Written<'_>,
) -> Option<Test> {
    check_distinct(parser, comparator.as_str(), &first, &[&second]);
    if !matches!(comparator, Comparator::Eq | Comparator::Ne) {
        check_ordered(parser, comparator.as_str(), &[&first, &second]);
    }
    let (first, second) = (operand(parser, first), operand(parser, second));
    Some(Test::Compare(comparator, first?, second?))
}

fn between(parser: &mut Parser<'_>, first: Written<'_>, low: Written<'_>, high: Written<'_>) -> Option<Test> {
    check_distinct(parser, "BETWEEN", &first, &[&low, &high]);
    check_ordered(parser, "BETWEEN", &[&first, &low, &high]);
    if let (Written::Value(Some(low)), Written::Value(Some(high))) = (&low, &high) {
        let shown = || {
            format!(
                "lower bound operand: AttributeValue: {}, upper bound operand: AttributeValue: {}",
                low.0, high.0
            )
        };
        if low.0.kind() != high.0.kind() {
            parser.diagnosis.note(Class::Type, || {
                format!(
                    "The BETWEEN operator requires same data type for lower and upper bounds; {}",
                    shown()
                )
            });
        } else if low.0.compare(&high.0) == Some(Ordering::Greater) {
            parser.diagnosis.note(Class::Type, || {
                format!(
                    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {}",
                    shown()
                )
            });
        }
    }
    let (first, low, high) = (
        operand(parser, first),
        operand(parser, low),
        operand(parser, high),
    );
    Some(Test::Between(first?, low?, high?))
}

fn one_of(parser: &mut Parser<'_>, first: Written<'_>, list: Vec<Written<'_>>) -> Option<Test> {
    check_distinct(parser, "IN", &first, &list.iter().collect::<Vec<_>>());
    let first = operand(parser, first);
    // All are looked at, also behind one that is wrong.
    let list: Vec<Option<Operand>> = list.into_iter().map(|written| operand(parser, written)).collect();
    Some(Test::In(first?, list.into_iter().collect::<Option<_>>()?))
}

/// An operand of a test. `None` has been noted as a fault.
fn operand(parser: &mut Parser<'_>, written: Written<'_>) -> Option<Operand> {
    match written {
        Written::Path(path) => path.map(Operand::Path),
        Written::Value(value) => value.map(Operand::Value),
        Written::Call(call) if call.name == "size" => size(parser, &call),
        Written::Call(call) => {
            if known(parser, call.name) {
                parser.misused_function(call.name);
            }
            None
        }
    }
}

/// `size`; that of a value is known already.
fn size(parser: &mut Parser<'_>, call: &Call<'_>) -> Option<Operand> {
    let [only] = call.operands.as_slice() else {
        parser.wrong_operands(call.name, call.operands.len());
        return None;
    };
    if let Some(kind) = only
        .kind()
        .filter(|kind| matches!(kind, Kind::N | Kind::Bool | Kind::Null))
    {
        parser.wrong_type(call.name, kind);
        return None;
    }
    match operand(parser, only.clone())? {
        Operand::Path(path) => Some(Operand::Size(path)),
        Operand::Value(value) => {
            let length = u32::try_from(value.0.length()?).ok()?;
            Some(Operand::Value(AttributeValue::N(Number::from(length)).into()))
        }
        Operand::Size(_) => None,
    }
}

/// Whether conditions have a function of that name; notes it where they have not.
fn known(parser: &mut Parser<'_>, name: &str) -> bool {
    let known = matches!(
        name,
        "attribute_exists" | "attribute_not_exists" | "attribute_type" | "begins_with" | "contains" | "size"
    );
    if UPDATE_FUNCTIONS.contains(&name) {
        parser.diagnosis.note(Class::UnknownFunction, || {
            format!("The function is not allowed in a condition expression; function: {name}")
        });
    } else if !known {
        parser.unknown_function(name);
    }
    known
}

/// A function as a test.
fn function(parser: &mut Parser<'_>, call: &Call<'_>) -> Option<Test> {
    let Call { name, operands } = call;
    if !known(parser, name) {
        return None;
    }
    match (*name, operands.as_slice()) {
        ("size", _) => {
            parser.misused_function(name);
            None
        }
        ("attribute_exists" | "attribute_not_exists", [only]) => {
            let Written::Path(path) = only else {
                parser.path_required(name);
                return None;
            };
            let path = path.clone()?;
            Some(if *name == "attribute_exists" {
                Test::Exists(path)
            } else {
                Test::NotExists(path)
            })
        }
        ("attribute_type" | "begins_with" | "contains", [first, second]) => {
            check_distinct(parser, name, first, &[second]);
            binary(parser, name, first, second)
        }
        _ => {
            parser.wrong_operands(name, operands.len());
            None
        }
    }
}

fn binary(parser: &mut Parser<'_>, name: &str, first: &Written<'_>, second: &Written<'_>) -> Option<Test> {
    if name == "attribute_type" {
        let kind = type_named(parser, name, second);
        return Some(Test::Type(operand(parser, first.clone())?, kind?));
    }
    if name == "begins_with" {
        let kinds = [first.kind(), second.kind()].into_iter().flatten();
        if let Some(kind) = kinds.into_iter().find(|kind| !matches!(kind, Kind::S | Kind::B)) {
            parser.wrong_type(name, kind);
        }
    }
    let (first, second) = (operand(parser, first.clone()), operand(parser, second.clone()));
    Some(if name == "contains" {
        Test::Contains(first?, second?)
    } else {
        Test::BeginsWith(first?, second?)
    })
}

/// The type that the second operand of `attribute_type` names.
fn type_named(parser: &mut Parser<'_>, name: &str, written: &Written<'_>) -> Option<Kind> {
    if let Written::Value(value) = written {
        match &*value.as_ref()?.0 {
            AttributeValue::S(text) => {
                let kind = Kind::parse(text);
                if kind.is_none() {
                    let valid = KINDS.map(Kind::as_str).join(",");
                    parser.diagnosis.note(Class::Type, || {
                        format!("Invalid attribute type name found; type: {text}, valid types: {{{valid}}}")
                    });
                }
                return kind;
            }
            other => parser.wrong_type(name, other.kind()),
        }
    } else if let Some(kind) = written.kind() {
        parser.wrong_type(name, kind);
    } else {
        parser.diagnosis.note(Class::Type, || {
            format!(
                "Incorrect operand type for operator or function; operator or function: {name}, operand type: \
                 {{NS,SS,L,BS,N,M,B,BOOL,NULL,S}}"
            )
        });
    }
    None
}
