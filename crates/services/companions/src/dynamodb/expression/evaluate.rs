//! Whether a condition holds for an item. It always has an answer: what is missing or of another type makes a test
//! false, except for `<>` and `attribute_not_exists`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::ast::{Comparator, Condition, Operand, Path, Segment, Step, Test};
use crate::dynamodb::model::{AttributeValue, Item, Number};

impl Condition {
    /// Whether it holds; an item that does not exist has no attributes.
    #[must_use]
    pub fn holds(&self, item: &Item) -> bool {
        let mut stack = Vec::new();
        for step in &self.0 {
            // The reader writes no operator without its operands.
            let mut pop = || stack.pop().unwrap_or(false);
            let value = match step {
                Step::Test(test) => test.holds(item),
                Step::Not => !pop(),
                Step::And => pop() & pop(),
                Step::Or => pop() | pop(),
            };
            stack.push(value);
        }
        stack.pop().unwrap_or(false)
    }
}

impl Path {
    /// What an item has there.
    #[must_use]
    pub fn of_item<'a>(&self, item: &'a Item) -> Option<&'a AttributeValue> {
        let value = item.get(&self.head)?;
        self.tail
            .iter()
            .try_fold(value, |value, segment| match (segment, value) {
                (Segment::Name(name), AttributeValue::M(entries)) => entries.get(name),
                (Segment::Index(index), AttributeValue::L(items)) => items.get(usize::try_from(*index).ok()?),
                _ => None,
            })
    }
}

impl Operand {
    fn of_item<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, AttributeValue>> {
        match self {
            Self::Path(path) => path.of_item(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(&value.0)),
            Self::Size(path) => {
                let length = u32::try_from(path.of_item(item)?.length()?).ok()?;
                Some(Cow::Owned(AttributeValue::N(Number::from(length))))
            }
        }
    }
}

impl Test {
    fn holds(&self, item: &Item) -> bool {
        let both = |a: &Operand, b: &Operand, f: &dyn Fn(&AttributeValue, &AttributeValue) -> bool| {
            a.of_item(item)
                .zip(b.of_item(item))
                .is_some_and(|(a, b)| f(&a, &b))
        };
        match self {
            Self::Compare(Comparator::Ne, a, b) => !both(a, b, &|a, b| a == b),
            Self::Compare(comparator, a, b) => both(a, b, &|a, b| comparator.holds(a, b)),
            Self::Between(a, low, high) => {
                both(a, low, &|a, low| Comparator::Ge.holds(a, low))
                    && both(a, high, &|a, high| Comparator::Le.holds(a, high))
            }
            Self::In(a, list) => list.iter().any(|b| both(a, b, &|a, b| a == b)),
            Self::Exists(path) => path.of_item(item).is_some(),
            Self::NotExists(path) => path.of_item(item).is_none(),
            Self::Type(a, kind) => a.of_item(item).is_some_and(|value| value.kind() == *kind),
            Self::BeginsWith(a, b) => both(a, b, &begins_with),
            Self::Contains(a, b) => both(a, b, &contains),
        }
    }
}

impl Comparator {
    pub(super) fn holds(self, a: &AttributeValue, b: &AttributeValue) -> bool {
        let order = || a.compare(b);
        match self {
            Self::Eq => a == b,
            Self::Ne => a != b,
            Self::Lt => order() == Some(Ordering::Less),
            Self::Le => order().is_some_and(Ordering::is_le),
            Self::Gt => order() == Some(Ordering::Greater),
            Self::Ge => order().is_some_and(Ordering::is_ge),
        }
    }
}

pub(super) fn begins_with(value: &AttributeValue, start: &AttributeValue) -> bool {
    match (value, start) {
        (AttributeValue::S(value), AttributeValue::S(start)) => value.starts_with(start),
        (AttributeValue::B(value), AttributeValue::B(start)) => value.0.starts_with(&start.0),
        _ => false,
    }
}

fn contains(value: &AttributeValue, part: &AttributeValue) -> bool {
    match (value, part) {
        (AttributeValue::S(value), AttributeValue::S(part)) => value.contains(part),
        (AttributeValue::B(value), AttributeValue::B(part)) => {
            part.0.is_empty() || value.0.windows(part.0.len()).any(|window| window == part.0)
        }
        (AttributeValue::Ss(set), AttributeValue::S(part)) => set.contains(part),
        (AttributeValue::Ns(set), AttributeValue::N(part)) => set.contains(part),
        (AttributeValue::Bs(set), AttributeValue::B(part)) => set.contains(part),
        (AttributeValue::L(items), part) => items.contains(part),
        _ => false,
    }
}
