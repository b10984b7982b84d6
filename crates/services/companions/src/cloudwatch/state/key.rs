//! What a metric is known by.

use millrace_api::cloudwatch::StandardUnit;

/// Whose metrics: an account in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tenant {
    /// Twelve digits.
    pub(crate) account: String,
    /// Such as `us-east-1`.
    pub(crate) region: String,
}

/// A metric within an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MetricId {
    /// Such as `AWS/Kinesis`.
    pub(crate) namespace: String,
    /// Such as `IncomingBytes`.
    pub(crate) name: String,
    /// Names and values, sorted by name; no name stands twice.
    pub(crate) dimensions: Vec<(String, String)>,
}

impl MetricId {
    /// The metric of these names, whatever the order of the dimensions.
    #[must_use]
    pub(crate) fn new(namespace: String, name: String, mut dimensions: Vec<(String, String)>) -> Self {
        dimensions.sort_unstable();
        Self {
            namespace,
            name,
            dimensions,
        }
    }

    /// Bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        let dimensions: usize = self.dimensions.iter().map(|(k, v)| k.len() + v.len() + 48).sum();
        self.namespace.len() + self.name.len() + dimensions
    }
}

/// The unit of a metric's values. Its number is stored; the order is that in which CloudWatch prefers units where a
/// query names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Unit(u8);

const UNITS: [StandardUnit; 27] = [
    StandardUnit::Megabits,
    StandardUnit::Terabits,
    StandardUnit::Gigabits,
    StandardUnit::Count,
    StandardUnit::Bytes,
    StandardUnit::Gigabytes,
    StandardUnit::GigabytesSecond,
    StandardUnit::Kilobytes,
    StandardUnit::KilobitsSecond,
    StandardUnit::Terabytes,
    StandardUnit::TerabitsSecond,
    StandardUnit::BytesSecond,
    StandardUnit::Percent,
    StandardUnit::Megabytes,
    StandardUnit::MegabitsSecond,
    StandardUnit::Milliseconds,
    StandardUnit::Microseconds,
    StandardUnit::KilobytesSecond,
    StandardUnit::GigabitsSecond,
    StandardUnit::MegabytesSecond,
    StandardUnit::Bits,
    StandardUnit::BitsSecond,
    StandardUnit::CountSecond,
    StandardUnit::Seconds,
    StandardUnit::Kilobits,
    StandardUnit::TerabytesSecond,
    StandardUnit::None,
];

impl Unit {
    /// A unit of the API.
    #[must_use]
    pub(crate) fn of(unit: StandardUnit) -> Self {
        let at = UNITS.iter().position(|known| *known == unit);
        // Every unit is in the list; a test holds that.
        at.and_then(|at| u8::try_from(at).ok()).map_or(Self::NONE, Self)
    }

    /// No unit, which is one of its own.
    pub(crate) const NONE: Self = Self(26);

    /// The unit in the API.
    #[must_use]
    pub(crate) fn standard(self) -> StandardUnit {
        let unit = UNITS.get(usize::from(self.0));
        unit.copied().unwrap_or(StandardUnit::None)
    }

    /// The number that is stored.
    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// The unit of a stored number; `None` where this version does not know it.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        (usize::from(number) < UNITS.len()).then_some(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use millrace_api::Kind;
    use millrace_api::cloudwatch::shapes::STANDARD_UNIT;

    use super::*;

    #[test]
    fn every_unit_has_its_number() {
        let Kind::String { values, .. } = STANDARD_UNIT.kind else {
            panic!()
        };
        assert_eq!(values.len(), UNITS.len());
        for text in values {
            let unit = StandardUnit::parse(text).unwrap();
            assert_eq!(Unit::of(unit).standard(), unit);
        }
        assert_eq!(Unit::of(StandardUnit::None), Unit::NONE);
        // Stored numbers never change.
        assert_eq!(Unit::of(StandardUnit::Count).number(), 3);
        assert_eq!(Unit::of(StandardUnit::Seconds).number(), 23);
        assert_eq!(Unit::of_number(27), None);
    }

    #[test]
    fn dimensions_have_no_order() {
        let dimension = |name: &str| (name.to_owned(), "v".to_owned());
        let id = |dimensions| MetricId::new("n".to_owned(), "m".to_owned(), dimensions);
        assert_eq!(
            id(vec![dimension("a"), dimension("b")]),
            id(vec![dimension("b"), dimension("a")])
        );
    }
}
