//! Holding a decoded message against its table's constraints, in the words of AWS's own validator ("coral").
//!
//! `2 validation errors detected: Value null at 'records' failed to satisfy constraint: Member must not be null;
//! Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1`
//!
//! At most ten failures are listed. A path is lower-first names, `N.member` from 1 for elements of lists and
//! `KEY.member` for values of maps. Constraints of plain elements, keys and values are reported once, at their
//! collection, all of them in brackets. The length of a text is its number of Unicode scalar values, as Smithy 2.0
//! defines `@length` and as the service documents partition keys; an emoji counts once.

mod constraint;
mod render;
#[cfg(test)]
mod tests;

use std::fmt;

use millrace_api::{Kind, Member, Shape, Value};

use crate::ApiError;
use crate::codec::lower_first;
use crate::limits::VALIDATION_ERRORS_MAX;

/// Holds a value against every constraint of its shape.
///
/// # Errors
/// `ValidationException` with up to ten failures.
pub fn validate(shape: &'static Shape, value: &Value) -> Result<(), ApiError> {
    let mut validator = Validator {
        root: shape,
        failures: Vec::new(),
    };
    validator.value(&Path::Root, shape, value, false);
    let Validator { failures, .. } = validator;
    let count = failures.len();
    if count == 0 {
        return Ok(());
    }
    let plural = if count == 1 { "" } else { "s" };
    Err(ApiError::validation(format!(
        "{count} validation error{plural} detected: {}",
        failures.join("; ")
    )))
}

/// Where a value stands; linked upwards, so that nothing is written down unless it fails.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'static str),
    Element(&'a Path<'a>, usize),
    Entry(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = match self {
            Self::Root => return Ok(()),
            Self::Member(parent, _) | Self::Element(parent, _) | Self::Entry(parent, _) => *parent,
        };
        if !matches!(parent, Path::Root) {
            write!(f, "{parent}.")?;
        }
        match self {
            Self::Root => Ok(()),
            Self::Member(_, name) => f.write_str(&lower_first(name)),
            Self::Element(_, index) => write!(f, "{}.member", index + 1),
            Self::Entry(_, key) => write!(f, "{}.member", crate::serialization::echo(key)),
        }
    }
}

struct Validator {
    root: &'static Shape,
    failures: Vec<String>,
}

impl Validator {
    fn value(&mut self, path: &Path<'_>, shape: &'static Shape, value: &Value, sensitive: bool) {
        if self.failures.len() >= VALIDATION_ERRORS_MAX {
            return;
        }
        for broken in constraint::broken(&shape.kind, value) {
            self.fail(path, Some(value), Some(shape), sensitive, &broken.to_string());
        }
        match (&shape.kind, value) {
            (Kind::Structure { members, .. }, Value::Struct(fields)) => {
                for (member, slot) in members.iter().zip(&fields.0) {
                    self.member(path, member, slot.as_ref());
                }
            }
            (Kind::List { element, .. }, Value::List(items)) => {
                self.elements(path, (shape, value), element, items, sensitive);
            }
            (
                Kind::Map {
                    key, value: element, ..
                },
                Value::Map(entries),
            ) => {
                self.entries(path, (shape, value), (key, element), entries, sensitive);
            }
            _ => {}
        }
    }

    fn member(&mut self, path: &Path<'_>, member: &'static Member, slot: Option<&Value>) {
        let path = Path::Member(path, member.name);
        match slot {
            Some(value) => self.value(&path, member.shape, value, member.sensitive),
            None if member.required => {
                self.fail(&path, None, None, member.sensitive, "Member must not be null");
            }
            None => {}
        }
    }

    fn elements(
        &mut self,
        path: &Path<'_>,
        list: (&'static Shape, &Value),
        element: &'static Shape,
        items: &[Value],
        sensitive: bool,
    ) {
        if !is_plain(element) {
            for (index, item) in items.iter().enumerate() {
                self.value(&Path::Element(path, index), element, item, sensitive);
            }
        } else if items.iter().any(|item| constraint::breaks(&element.kind, item)) {
            let message = format!(
                "Member must satisfy constraint: {}",
                constraint::all(&element.kind)
            );
            self.fail(path, Some(list.1), Some(list.0), sensitive, &message);
        }
    }

    fn entries(
        &mut self,
        path: &Path<'_>,
        map: (&'static Shape, &Value),
        (key, element): (&'static Shape, &'static Shape),
        entries: &[(String, Value)],
        sensitive: bool,
    ) {
        if entries
            .iter()
            .any(|(name, _)| constraint::breaks_text(&key.kind, name))
        {
            let message = format!("Map keys must satisfy constraint: {}", constraint::all(&key.kind));
            self.fail(path, Some(map.1), Some(map.0), sensitive, &message);
        }
        if !is_plain(element) {
            for (name, item) in entries {
                self.value(&Path::Entry(path, name), element, item, sensitive);
            }
        } else if entries
            .iter()
            .any(|(_, item)| constraint::breaks(&element.kind, item))
        {
            let message = format!(
                "Map value must satisfy constraint: {}",
                constraint::all(&element.kind)
            );
            self.fail(path, Some(map.1), Some(map.0), sensitive, &message);
        }
    }

    fn fail(
        &mut self,
        path: &Path<'_>,
        value: Option<&Value>,
        shape: Option<&'static Shape>,
        sensitive: bool,
        constraint: &str,
    ) {
        if self.failures.len() >= VALIDATION_ERRORS_MAX {
            return;
        }
        let shown = match (value, shape) {
            // AWS leaves the value of a sensitive member out.
            (Some(_), _) if sensitive => "Value".to_owned(),
            (Some(value), Some(shape)) => format!("Value '{}'", render::render(self.root, shape, value)),
            _ => "Value null".to_owned(),
        };
        self.failures.push(format!(
            "{shown} at '{path}' failed to satisfy constraint: {constraint}"
        ));
    }
}

/// Whether failures of such a value are reported at its collection.
fn is_plain(shape: &Shape) -> bool {
    !matches!(
        shape.kind,
        Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. }
    )
}
