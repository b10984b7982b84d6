//! Applying an update to an item.
//!
//! Every value is computed from the item as it was. Then values are put where they belong – an element beyond the end
//! of a list is appended, in the order of the indexes – and at last everything is removed, from behind, so that the
//! indexes are those of the item as it was.

use super::ast::{Action, Assigned, Path, Segment, Source, Term, Update};
use crate::dynamodb::limits::{ITEM_BYTES_MAX, NESTING_MAX};
use crate::dynamodb::model::{AttributeValue, Item, Number, NumberError};

/// Why an update cannot be applied to an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A path that is read leads nowhere.
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    Missing,
    /// A value has a type that does not fit.
    #[error("An operand in the update expression has an incorrect data type")]
    Type,
    /// The same in the words of AttributeUpdates.
    #[error("Type mismatch for attribute to update")]
    LegacyType,
    /// A path that is written leads into something that is not there or is no map or list.
    #[error("The document path provided in the update expression is invalid for update")]
    Path,
    /// A sum cannot be stored.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The item would become too large.
    #[error("Item size to update has exceeded the maximum allowed size")]
    TooLarge,
    /// The item would become nested too deeply.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported \
         limit"
    )]
    TooDeep,
}

/// What becomes of a path.
enum Change {
    Put(AttributeValue),
    Remove,
}

/// The item after an update.
///
/// # Errors
/// [`UpdateError`].
pub fn apply(update: &Update, before: &Item) -> Result<Item, UpdateError> {
    let mismatch = || {
        if update.legacy {
            UpdateError::LegacyType
        } else {
            UpdateError::Type
        }
    };
    let mut puts = Vec::new();
    let mut removals = Vec::new();
    // What is put stays in the item, so that it can be refused before it is copied a hundred times.
    let mut left = ITEM_BYTES_MAX;
    for action in &update.actions {
        check_parent(action.path(), before)?;
        match change(action, before, &mut left, &mismatch)? {
            Some(Change::Put(value)) => puts.push((action.path(), value)),
            Some(Change::Remove) => removals.push(action.path()),
            None => {}
        }
    }
    let mut after = before.clone();
    puts.sort_by(|(a, _), (b, _)| a.tail.cmp(&b.tail));
    for (path, value) in puts {
        if path.tail.len() + value.nesting() > NESTING_MAX {
            return Err(UpdateError::TooDeep);
        }
        put(&mut after, path, value);
    }
    removals.sort_by(|a, b| b.tail.cmp(&a.tail));
    for path in removals {
        remove(&mut after, path);
    }
    Ok(after)
}

/// What a path leads into must be there, and be a map or a list as the path says.
fn check_parent(path: &Path, item: &Item) -> Result<(), UpdateError> {
    let Some((last, way)) = path.tail.split_last() else {
        return Ok(());
    };
    let parent = Path {
        head: path.head.clone(),
        tail: way.to_vec(),
    };
    match (last, parent.of_item(item)) {
        (Segment::Name(_), Some(AttributeValue::M(_))) | (Segment::Index(_), Some(AttributeValue::L(_))) => {
            Ok(())
        }
        _ => Err(UpdateError::Path),
    }
}

/// What an action does to the item as it was; `None` is nothing.
fn change(
    action: &Action,
    item: &Item,
    left: &mut usize,
    mismatch: &dyn Fn() -> UpdateError,
) -> Result<Option<Change>, UpdateError> {
    let mut fits = |size: usize| {
        *left = left.checked_sub(size).ok_or(UpdateError::TooLarge)?;
        Ok::<_, UpdateError>(())
    };
    let was = action.path().of_item(item);
    match action {
        Action::Set(_, assigned) => {
            let value = match assigned {
                Assigned::Is(source) => {
                    let value = source.of_item(item)?;
                    fits(value.size())?;
                    value.clone()
                }
                Assigned::Plus(a, b) => AttributeValue::N(number(a, item)?.plus(number(b, item)?)?),
                Assigned::Minus(a, b) => AttributeValue::N(number(a, item)?.minus(number(b, item)?)?),
                Assigned::Append(a, b) => {
                    let (a, b) = (list(a, item)?, list(b, item)?);
                    fits(a.iter().chain(b).map(AttributeValue::size).sum())?;
                    AttributeValue::L(a.iter().chain(b).cloned().collect())
                }
            };
            Ok(Some(Change::Put(value)))
        }
        Action::Remove(_) => Ok(was.map(|_| Change::Remove)),
        Action::Add(_, value) => {
            fits(value.0.size())?;
            let Some(was) = was else {
                return Ok(Some(Change::Put((*value.0).clone())));
            };
            fits(was.size())?;
            added(was, &value.0)?
                .map(|value| Some(Change::Put(value)))
                .ok_or_else(mismatch)
        }
        Action::Delete(_, value) => {
            let Some(was) = was else { return Ok(None) };
            fits(was.size())?;
            without(was, &value.0).map(Some).ok_or_else(mismatch)
        }
    }
}

/// The sum, union or, for the older form, list of both. `None` where their types do not go together.
fn added(was: &AttributeValue, more: &AttributeValue) -> Result<Option<AttributeValue>, UpdateError> {
    Ok(Some(match (was, more) {
        (AttributeValue::N(was), AttributeValue::N(more)) => AttributeValue::N(was.plus(*more)?),
        (AttributeValue::Ss(was), AttributeValue::Ss(more)) => AttributeValue::Ss(was | more),
        (AttributeValue::Ns(was), AttributeValue::Ns(more)) => AttributeValue::Ns(was | more),
        (AttributeValue::Bs(was), AttributeValue::Bs(more)) => AttributeValue::Bs(was | more),
        (AttributeValue::L(was), AttributeValue::L(more)) => {
            AttributeValue::L(was.iter().chain(more).cloned().collect())
        }
        _ => return Ok(None),
    }))
}

/// A set without some elements; one without any left is removed. `None` where the types do not go together.
fn without(was: &AttributeValue, less: &AttributeValue) -> Option<Change> {
    let rest = match (was, less) {
        (AttributeValue::Ss(was), AttributeValue::Ss(less)) => AttributeValue::Ss(was - less),
        (AttributeValue::Ns(was), AttributeValue::Ns(less)) => AttributeValue::Ns(was - less),
        (AttributeValue::Bs(was), AttributeValue::Bs(less)) => AttributeValue::Bs(was - less),
        _ => return None,
    };
    Some(if rest.length() == Some(0) {
        Change::Remove
    } else {
        Change::Put(rest)
    })
}

impl Source {
    fn of_item<'a>(&'a self, item: &'a Item) -> Result<&'a AttributeValue, UpdateError> {
        let existing = self.either.iter().find_map(|path| path.of_item(item));
        let or = || match &self.or {
            Term::Path(path) => path.of_item(item),
            Term::Value(value) => Some(&*value.0),
        };
        existing.or_else(or).ok_or(UpdateError::Missing)
    }
}

fn number(source: &Source, item: &Item) -> Result<Number, UpdateError> {
    match source.of_item(item)? {
        AttributeValue::N(number) => Ok(*number),
        _ => Err(UpdateError::Type),
    }
}

fn list<'a>(source: &'a Source, item: &'a Item) -> Result<&'a [AttributeValue], UpdateError> {
    match source.of_item(item)? {
        AttributeValue::L(items) => Ok(items),
        _ => Err(UpdateError::Type),
    }
}

/// What a path leads to, and its last step; `None` for a whole attribute.
fn parent_mut<'a>(item: &'a mut Item, path: &'a Path) -> Option<(&'a mut AttributeValue, &'a Segment)> {
    let (last, way) = path.tail.split_last()?;
    let value = item.get_mut(&path.head)?;
    let parent = way
        .iter()
        .try_fold(value, |value, segment| match (segment, value) {
            (Segment::Name(name), AttributeValue::M(entries)) => entries.get_mut(name),
            (Segment::Index(index), AttributeValue::L(items)) => items.get_mut(usize::try_from(*index).ok()?),
            _ => None,
        })?;
    Some((parent, last))
}

/// Puts a value where its parent was found before.
fn put(item: &mut Item, path: &Path, value: AttributeValue) {
    if !path.is_nested() {
        item.insert(path.head.clone(), value);
        return;
    }
    match parent_mut(item, path) {
        Some((AttributeValue::M(entries), Segment::Name(name))) => {
            entries.insert(name.clone(), value);
        }
        Some((AttributeValue::L(items), Segment::Index(index))) => {
            match usize::try_from(*index)
                .ok()
                .and_then(|index| items.get_mut(index))
            {
                Some(place) => *place = value,
                None => items.push(value),
            }
        }
        _ => {}
    }
}

/// Removes a value that was there before.
fn remove(item: &mut Item, path: &Path) {
    if !path.is_nested() {
        item.remove(&path.head);
        return;
    }
    match parent_mut(item, path) {
        Some((AttributeValue::M(entries), Segment::Name(name))) => {
            entries.remove(name);
        }
        Some((AttributeValue::L(items), Segment::Index(index))) => {
            if let Some(index) = usize::try_from(*index).ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}
