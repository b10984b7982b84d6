//! What is wrong with a text that follows the grammar. DynamoDB says one thing only; which one depends on the class of
//! the fault before it depends on its place.

/// Classes of faults, the one that is said first at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// `((a = b))`.
    Parentheses,
    /// A function nobody knows, or one of the other kind of expression.
    UnknownFunction,
    /// A function where none, or none that gives this, may stand.
    MisusedFunction,
    /// A reserved word as a name.
    Reserved,
    /// SET twice.
    Section,
    /// A path that is too long or an index that is too large.
    Path,
    /// A placeholder that is not defined.
    Placeholder,
    /// A number of operands that a function does not have.
    Operands,
    /// The same path on both sides.
    Distinct,
    /// Two changes of one place.
    Overlap,
    /// A value of a type that does not fit.
    Type,
}

/// The worst fault so far.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    worst: Option<(Rank, String)>,
    /// Counts the tests of a condition: within the same one the class decides, then the first test does.
    test: usize,
}

/// Orders faults. The classes from [`Class::Placeholder`] on belong to a single test.
type Rank = (Class, usize, Class);

impl Diagnosis {
    /// Notes a fault. Of faults with the same rank the first is said.
    pub(super) fn note(&mut self, class: Class, what: impl FnOnce() -> String) {
        let rank = if class < Class::Placeholder {
            (class, 0, class)
        } else {
            (Class::Placeholder, self.test, class)
        };
        if self.worst.as_ref().is_none_or(|(worst, _)| rank < *worst) {
            self.worst = Some((rank, what()));
        }
    }

    /// A test of the condition is read.
    pub(super) fn next_test(&mut self) {
        self.test += 1;
    }

    /// What is said.
    pub(super) fn worst(&self) -> Option<String> {
        self.worst.as_ref().map(|(_, what)| what.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_before_places() {
        let mut diagnosis = Diagnosis::default();
        assert_eq!(diagnosis.worst(), None);
        diagnosis.note(Class::Type, || "type of the first".to_owned());
        diagnosis.next_test();
        diagnosis.note(Class::Placeholder, || "placeholder of the second".to_owned());
        assert_eq!(diagnosis.worst().unwrap(), "type of the first");
        diagnosis.note(Class::Reserved, || "reserved".to_owned());
        diagnosis.note(Class::Reserved, || "reserved again".to_owned());
        assert_eq!(diagnosis.worst().unwrap(), "reserved");
        diagnosis.note(Class::Parentheses, || "parentheses".to_owned());
        assert_eq!(diagnosis.worst().unwrap(), "parentheses");
    }
}
