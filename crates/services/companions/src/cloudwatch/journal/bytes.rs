//! The bytes of records and checkpoints.
//!
//! ```text
//! record  = version u8 = 1 | account text | region text | count varint | sample*
//! sample  = metric | unit u8 | kind u8 | second varint | values
//!           kind: 0 set, 1 values; plus 2 where it is kept by the second
//! values  = set:    count f64 | sum f64 | min f64 | max f64
//!           values: number varint | (value f64 | count f64)*
//! metric  = namespace text | name text | dimensions varint | (name text | value text)*
//! text    = length varint | UTF-8
//!
//! part    = version u8 = 1 | (0 | account text | region text   what follows is of this account and region
//!                            | 1 | metric | published varint | units varint | series* )*
//! series  = unit u8 | ring of minutes | ring of seconds
//! ring    = number varint | (seconds since the one before varint | point)*
//! point   = 0 | count f64 | sum f64 | value f64             all values the same
//!         | 1 | set | number varint | (value f64 | count f64)*
//!         | 2 | set                                         values unknown
//! ```
//! Numbers are little-endian; a varint has seven bits a byte, the lowest first. The log has checksums of its own;
//! checkpoints have theirs beside them.

use crate::cloudwatch::limits::{DATA_MAX, SPREAD_VALUES_MAX, VALUES_MAX};
use crate::cloudwatch::state::{
    Measured, Metric, MetricId, Point, Ring, Sample, Series, Spread, StatisticSet, Tenant, Unit, Update,
};

/// The only version so far, of records and of checkpoints.
const VERSION: u8 = 1;
const VALUES: u8 = 1;
const FINE: u8 = 2;
const TENANT: u8 = 0;
const METRIC: u8 = 1;
const ONE: u8 = 0;
const SPREAD: u8 = 1;
const LOST: u8 = 2;
/// Dimensions of one metric (API model).
const DIMENSIONS_MAX: u64 = 30;
/// Aggregates of one ring: more than there are seconds or minutes that are kept, ahead included.
const RING_MAX: u64 = 1 << 16;

/// The bytes of an update.
pub(crate) fn encode(update: &Update) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(64 + 96 * update.samples.len()));
    out.byte(VERSION);
    out.text(&update.tenant.account);
    out.text(&update.tenant.region);
    out.count(update.samples.len());
    for sample in &update.samples {
        out.metric_id(&sample.id);
        out.byte(sample.unit.number());
        let fine = if sample.fine { FINE } else { 0 };
        match &sample.measured {
            Measured::Set(set) => {
                out.byte(fine);
                out.varint(sample.second);
                out.set(*set);
            }
            Measured::Values(values) => {
                out.byte(VALUES | fine);
                out.varint(sample.second);
                out.values(values);
            }
        }
    }
    out.0
}

/// Reads the bytes of an update. What is wrong is the end of a sentence that starts with where they were found.
pub(crate) fn decode(bytes: &[u8]) -> Result<Update, String> {
    let mut reader = Reader::new(bytes)?;
    let tenant = reader.tenant().ok_or(CUT)?;
    let count = reader.number(DATA_MAX as u64).ok_or(CUT)?;
    let mut samples = Vec::new();
    for _ in 0..count {
        samples.push(reader.sample().ok_or(CUT)?);
    }
    reader.end()?;
    Ok(Update { tenant, samples })
}

const CUT: &str = "is cut off or has values of no known form";

/// Writes a checkpoint, part by part.
#[derive(Debug)]
pub(crate) struct PartWriter {
    out: Writer,
    tenant: Option<Tenant>,
}

impl PartWriter {
    pub(crate) fn new() -> Self {
        Self {
            out: Writer(vec![VERSION]),
            tenant: None,
        }
    }

    pub(crate) fn add(&mut self, tenant: &Tenant, id: &MetricId, metric: &Metric) {
        if self.tenant.as_ref() != Some(tenant) {
            self.out.byte(TENANT);
            self.out.text(&tenant.account);
            self.out.text(&tenant.region);
            self.tenant = Some(tenant.clone());
        }
        self.out.byte(METRIC);
        self.out.metric_id(id);
        self.out.varint(metric.published);
        self.out.count(metric.series.len());
        for series in &metric.series {
            self.out.byte(series.unit.number());
            self.out.ring(&series.minutes);
            self.out.ring(&series.seconds);
        }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.out.0.len()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out.0
    }
}

/// Reads a part of a checkpoint.
pub(crate) fn read_part(
    bytes: &[u8],
    mut each: impl FnMut(&Tenant, MetricId, Metric) -> bool,
) -> Result<(), String> {
    let mut reader = Reader::new(bytes)?;
    let mut tenant = None;
    while !reader.rest.is_empty() {
        match (reader.byte().ok_or(CUT)?, &tenant) {
            (TENANT, _) => tenant = Some(reader.tenant().ok_or(CUT)?),
            (METRIC, Some(tenant)) => {
                let id = reader.metric_id().ok_or(CUT)?;
                let metric = reader.metric().ok_or(CUT)?;
                if !each(tenant, id, metric) {
                    return Err("has the same metric twice".to_owned());
                }
            }
            _ => return Err(CUT.to_owned()),
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn varint(&mut self, mut number: u64) {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    fn count(&mut self, count: usize) {
        self.varint(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn double(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn set(&mut self, set: StatisticSet) {
        for number in [set.count, set.sum, set.min, set.max] {
            self.double(number);
        }
    }

    fn values(&mut self, values: &[(f64, f64)]) {
        self.count(values.len());
        for (value, count) in values {
            self.double(*value);
            self.double(*count);
        }
    }

    fn metric_id(&mut self, id: &MetricId) {
        self.text(&id.namespace);
        self.text(&id.name);
        self.count(id.dimensions.len());
        for (name, value) in &id.dimensions {
            self.text(name);
            self.text(value);
        }
    }

    fn ring(&mut self, ring: &Ring) {
        self.count(ring.iter().len());
        let mut before = 0;
        for (start, point) in ring.iter() {
            self.varint(start - before);
            before = start;
            self.point(point);
        }
    }

    fn point(&mut self, point: &Point) {
        match &point.spread {
            Spread::One => {
                self.byte(ONE);
                self.double(point.set.count);
                self.double(point.set.sum);
                self.double(point.set.min);
            }
            Spread::Values(values) => {
                self.byte(SPREAD);
                self.set(point.set);
                self.values(values);
            }
            Spread::Lost => {
                self.byte(LOST);
                self.set(point.set);
            }
        }
    }
}

/// The rest of some bytes; `None` where they end too early or mean nothing.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let (version, rest) = bytes.split_first().ok_or("is empty")?;
        if *version != VERSION {
            return Err(format!(
                "has format version {version}, this program knows version {VERSION}: start a newer program"
            ));
        }
        Ok(Self { rest })
    }

    fn end(&self) -> Result<(), String> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(format!("has {} bytes behind its end", self.rest.len()))
        }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number of things, at most `most`.
    fn number(&mut self, most: u64) -> Option<u64> {
        self.varint().filter(|number| *number <= most)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::try_from(self.varint()?).ok()?;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    fn double(&mut self) -> Option<f64> {
        let bytes = self.take(8)?.first_chunk::<8>()?;
        Some(f64::from_le_bytes(*bytes)).filter(|number| number.is_finite())
    }

    fn tenant(&mut self) -> Option<Tenant> {
        Some(Tenant {
            account: self.text()?,
            region: self.text()?,
        })
    }

    fn metric_id(&mut self) -> Option<MetricId> {
        let (namespace, name) = (self.text()?, self.text()?);
        let count = self.number(DIMENSIONS_MAX)?;
        let dimensions = (0..count)
            .map(|_| Some((self.text()?, self.text()?)))
            .collect::<Option<_>>()?;
        Some(MetricId::new(namespace, name, dimensions))
    }

    fn unit(&mut self) -> Option<Unit> {
        Unit::of_number(self.byte()?)
    }

    fn set(&mut self) -> Option<StatisticSet> {
        Some(StatisticSet {
            count: self.double()?,
            sum: self.double()?,
            min: self.double()?,
            max: self.double()?,
        })
    }

    fn values(&mut self, most: usize) -> Option<Vec<(f64, f64)>> {
        let count = self.number(most as u64).filter(|count| *count > 0)?;
        (0..count)
            .map(|_| Some((self.double()?, self.double()?)))
            .collect()
    }

    fn sample(&mut self) -> Option<Sample> {
        let id = self.metric_id()?;
        let unit = self.unit()?;
        let kind = self.byte()?;
        let second = self.varint()?;
        let measured = match kind & !FINE {
            0 => Measured::Set(self.set()?),
            VALUES => Measured::Values(self.values(VALUES_MAX)?),
            _ => return None,
        };
        Some(Sample {
            id,
            unit,
            second,
            fine: kind & FINE != 0,
            measured,
        })
    }

    fn metric(&mut self) -> Option<Metric> {
        let published = self.varint()?;
        let count = self.number(u64::from(u8::MAX))?;
        let series = (0..count)
            .map(|_| {
                Some(Series {
                    unit: self.unit()?,
                    minutes: self.ring()?,
                    seconds: self.ring()?,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let ascending = series.is_sorted_by(|a, b| a.unit < b.unit);
        ascending.then_some(Metric { series, published })
    }

    fn ring(&mut self) -> Option<Ring> {
        let count = self.number(RING_MAX)?;
        let mut before = 0u64;
        let points = (0..count)
            .map(|_| {
                before = before.checked_add(self.varint()?)?;
                Some((before, self.point()?))
            })
            .collect::<Option<_>>()?;
        Ring::of(points)
    }

    fn point(&mut self) -> Option<Point> {
        Some(match self.byte()? {
            ONE => {
                let (count, sum, value) = (self.double()?, self.double()?, self.double()?);
                let set = StatisticSet {
                    count,
                    sum,
                    min: value,
                    max: value,
                };
                Point {
                    set,
                    spread: Spread::One,
                }
            }
            SPREAD => Point {
                set: self.set()?,
                spread: Spread::Values(self.values(SPREAD_VALUES_MAX)?.into_boxed_slice()),
            },
            LOST => Point {
                set: self.set()?,
                spread: Spread::Lost,
            },
            _ => return None,
        })
    }
}
