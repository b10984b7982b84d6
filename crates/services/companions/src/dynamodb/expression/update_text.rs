//! Updates: `SET path = value, …`, `REMOVE path, …`, `ADD path :value, …` and `DELETE path :value, …`, each at most once
//! and in any order.

use super::ast::{Action, Assigned, Literal, Path, Source, Term, Update};
use super::diagnosis::Class;
use super::lexer::{Token, Word};
use super::operand::{Call, Parser, Written};
use super::projection::add_distinct;
use crate::dynamodb::model::Kind;

/// Functions of conditions; they have a sentence of their own.
const CONDITION_FUNCTIONS: [&str; 6] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
];

/// Reads an update to the end of its text.
pub(super) fn read(parser: &mut Parser<'_>) -> Result<Update, String> {
    let mut update = Update::default();
    let mut paths = Vec::new();
    let mut sections = Vec::new();
    loop {
        let Token::Word(section @ (Word::Set | Word::Remove | Word::Add | Word::Delete)) =
            parser.tokens.look(0)
        else {
            return Err(parser.tokens.misplaced());
        };
        parser.tokens.take();
        if sections.contains(&section) {
            parser.diagnosis.note(Class::Section, || {
                format!(
                    "The \"{}\" section can only be used once in an update expression;",
                    section.as_str()
                )
            });
        }
        sections.push(section);
        loop {
            let path = parser.path()?;
            if let Some(path) = &path {
                add_distinct(&mut parser.diagnosis, &mut paths, path.clone());
            }
            update.actions.extend(action(parser, section, path)?);
            if !parser.tokens.take_sign(",") {
                break;
            }
        }
        if parser.tokens.look(0) == Token::End {
            return Ok(update);
        }
    }
}

/// The rest of an action; `None` has been noted as a fault.
fn action(parser: &mut Parser<'_>, section: Word, path: Option<Path>) -> Result<Option<Action>, String> {
    match section {
        Word::Set => {
            parser.tokens.expect("=")?;
            let assigned = assigned(parser)?;
            Ok(path
                .zip(assigned)
                .map(|(path, assigned)| Action::Set(path, assigned)))
        }
        Word::Add => {
            let value = operand_of(parser, "ADD", |kind| kind == Kind::N || kind.is_set())?;
            Ok(path.zip(value).map(|(path, value)| Action::Add(path, value)))
        }
        Word::Delete => {
            let value = operand_of(parser, "DELETE", Kind::is_set)?;
            Ok(path.zip(value).map(|(path, value)| Action::Delete(path, value)))
        }
        _ => Ok(path.map(Action::Remove)),
    }
}

/// The value behind ADD's or DELETE's path.
fn operand_of(
    parser: &mut Parser<'_>,
    operator: &str,
    fits: impl FnOnce(Kind) -> bool,
) -> Result<Option<Literal>, String> {
    let value = parser.value()?;
    if let Some(kind) = value
        .as_ref()
        .map(|value| value.0.kind())
        .filter(|kind| !fits(*kind))
    {
        parser.diagnosis.note(Class::Type, || {
            format!(
                "Incorrect operand type for operator or function; operator: {operator}, operand type: {}, typeSet: \
                 ALLOWED_FOR_{operator}_OPERAND",
                kind.long_name()
            )
        });
    }
    Ok(value)
}

/// What stands behind SET's `=`: an operand, or two with `+` or `-`, perhaps in parentheses.
fn assigned(parser: &mut Parser<'_>) -> Result<Option<Assigned>, String> {
    let mut open = 0;
    while parser.tokens.take_sign("(") {
        open += 1;
    }
    let first = parser.bare_operand()?;
    open = close(parser, open);
    let operator = match parser.tokens.look(0) {
        Token::Sign(sign @ ("+" | "-")) => sign,
        _ if open > 0 => return Err(parser.tokens.misplaced()),
        _ => return Ok(single(parser, first)),
    };
    parser.tokens.take();
    parser.count_operator()?;
    let second = parser.operand()?;
    if close(parser, open) > 0 {
        return Err(parser.tokens.misplaced());
    }
    for written in [&first, &second] {
        if let Some(kind) = written.kind().filter(|kind| *kind != Kind::N) {
            parser.wrong_type(operator, kind);
        }
    }
    let (first, second) = (source(parser, first), source(parser, second));
    Ok(first.zip(second).map(|(first, second)| {
        if operator == "+" {
            Assigned::Plus(first, second)
        } else {
            Assigned::Minus(first, second)
        }
    }))
}

/// Closes as many of `open` parentheses as are closed here; yields how many stay open.
fn close(parser: &mut Parser<'_>, open: usize) -> usize {
    let closed = (0..open).take_while(|_| parser.tokens.take_sign(")")).count();
    if closed > 1 {
        parser.redundant_parentheses();
    }
    open - closed
}

fn single(parser: &mut Parser<'_>, written: Written<'_>) -> Option<Assigned> {
    let Written::Call(Call {
        name: name @ "list_append",
        operands,
    }) = written
    else {
        return source(parser, written).map(Assigned::Is);
    };
    let Ok([first, second]) = <[Written<'_>; 2]>::try_from(operands).map_err(|operands| {
        parser.wrong_operands(name, operands.len());
    }) else {
        return None;
    };
    for written in [&first, &second] {
        if let Some(kind) = written.kind().filter(|kind| *kind != Kind::L) {
            parser.wrong_type(name, kind);
        }
    }
    let (first, second) = (source(parser, first), source(parser, second));
    Some(Assigned::Append(first?, second?))
}

/// An operand that is no list_append. `None` has been noted as a fault.
fn source(parser: &mut Parser<'_>, mut written: Written<'_>) -> Option<Source> {
    let mut either = Vec::new();
    loop {
        let call = match written {
            Written::Path(path) => {
                return path.map(|path| Source {
                    either,
                    or: Term::Path(path),
                });
            }
            Written::Value(value) => {
                return value.map(|value| Source {
                    either,
                    or: Term::Value(value),
                });
            }
            Written::Call(call) => call,
        };
        if !known(parser, call.name) {
            return None;
        }
        let count = call.operands.len();
        let Ok([first, second]) = <[Written<'_>; 2]>::try_from(call.operands) else {
            parser.wrong_operands(call.name, count);
            return None;
        };
        let Written::Path(path) = first else {
            parser.path_required(call.name);
            return None;
        };
        either.push(path?);
        written = second;
    }
}

/// Whether the function may stand within an operand; notes it where it may not.
fn known(parser: &mut Parser<'_>, name: &str) -> bool {
    match name {
        "if_not_exists" => return true,
        "list_append" => parser.misused_function(name),
        _ if CONDITION_FUNCTIONS.contains(&name) => parser.diagnosis.note(Class::UnknownFunction, || {
            format!("The function is not allowed in an update expression; function: {name}")
        }),
        _ => parser.unknown_function(name),
    }
    false
}
