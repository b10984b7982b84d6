//! GetMetricData

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use base64_simd::URL_SAFE_NO_PAD;
use millrace_api::cloudwatch::{
    GetMetricDataInput, GetMetricDataOutput, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
    StatusCode,
};
use millrace_api::value::EpochMillis;
use millrace_wire::Caller;

use crate::cloudwatch::datum;
use crate::cloudwatch::error::CloudwatchError;
use crate::cloudwatch::limits::{COMPUTED_DATAPOINTS_MAX, LABEL_BYTES_MAX, PAGE_DATAPOINTS_MAX, QUERIES_MAX};
use crate::cloudwatch::math::{self, Context, Expression, Quantity, Timeline, Work};
use crate::cloudwatch::query::{Statistic, Window, buckets, digest, is_period};
use crate::cloudwatch::service::Cloudwatch;
use crate::cloudwatch::state::{MetricId, Tenant};

type Checked<T> = Result<T, CloudwatchError>;

/// Statistics of many metrics and what expressions make of them, page by page.
pub(super) fn call(
    cloudwatch: &Cloudwatch,
    caller: &Caller,
    input: GetMetricDataInput,
) -> Checked<GetMetricDataOutput> {
    let digest = digest(&GetMetricDataInput {
        next_token: None,
        max_datapoints: None,
        ..input.clone()
    });
    let from = input
        .next_token
        .as_deref()
        .map(|token| read_token(token, digest))
        .transpose()?;
    let most = page_size(input.max_datapoints)?;
    let descending = input.scan_by != Some(ScanBy::TimestampAscending);
    let results = Evaluation::new(cloudwatch, caller, &input)?.results(input.metric_data_queries)?;
    let (page, next) = page(results, from.unwrap_or_default(), most, descending);
    Ok(GetMetricDataOutput {
        metric_data_results: Some(page),
        next_token: next.map(|next| token(next, digest)),
        messages: None,
    })
}

fn wrong(text: impl Into<String>) -> CloudwatchError {
    CloudwatchError::Validation(text.into())
}

fn page_size(asked: Option<i32>) -> Checked<usize> {
    let Some(asked) = asked else {
        return Ok(PAGE_DATAPOINTS_MAX);
    };
    let size = usize::try_from(asked)
        .ok()
        .filter(|size| (1..=PAGE_DATAPOINTS_MAX).contains(size));
    size.ok_or_else(|| {
        wrong(format!(
            "The value {asked} for parameter MaxDatapoints is invalid: it must be between 1 and {PAGE_DATAPOINTS_MAX}."
        ))
    })
}

/// A query that was checked.
enum Query {
    Metric(Timeline),
    Expression(Expression, Window),
}

/// How far an expression is.
enum Progress {
    Open,
    Done(Quantity),
}

/// One call being worked out.
struct Evaluation<'a> {
    cloudwatch: &'a Cloudwatch,
    caller: &'a Caller,
    times: (EpochMillis, EpochMillis),
    /// In the request's order.
    metrics: Rc<[(String, Timeline)]>,
    queries: HashMap<String, Query>,
    progress: HashMap<String, Progress>,
    work: Rc<Work>,
}

/// A result before it is cut into pages.
struct Whole {
    id: String,
    timeline: Timeline,
}

impl<'a> Evaluation<'a> {
    fn new(cloudwatch: &'a Cloudwatch, caller: &'a Caller, input: &GetMetricDataInput) -> Checked<Self> {
        if input.metric_data_queries.is_empty() {
            return Err(wrong("The parameter MetricDataQueries is required."));
        }
        if input.metric_data_queries.len() > QUERIES_MAX {
            return Err(wrong(format!(
                "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
            )));
        }
        if input.start_time >= input.end_time {
            return Err(wrong(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        Ok(Self {
            cloudwatch,
            caller,
            times: (input.start_time, input.end_time),
            metrics: Rc::new([]),
            queries: HashMap::new(),
            progress: HashMap::new(),
            work: Rc::new(Work::new(COMPUTED_DATAPOINTS_MAX)),
        })
    }

    /// What all queries come to whose data is to be returned, in the request's order.
    fn results(mut self, queries: Vec<MetricDataQuery>) -> Checked<Vec<Whole>> {
        let labels = Labels::of(&queries);
        let mut metrics = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            let path = format!("MetricDataQueries.member.{}", at + 1);
            let checked = self.checked(&path, query, &labels)?;
            if let Query::Metric(timeline) = &checked {
                metrics.push((query.id.clone(), timeline.clone()));
            }
            if self.queries.insert(query.id.clone(), checked).is_some() {
                return Err(wrong(
                    "The values for parameter id in MetricDataQueries are not unique.",
                ));
            }
        }
        self.metrics = metrics.into();
        let mut results = Vec::new();
        for query in queries {
            let quantity = self
                .quantity(&query.id)
                .map_err(|why| wrong(format!("Error in expression '{}': {why}.", query.id)))?;
            if query.return_data != Some(false) {
                results.extend(returned(&query, quantity)?);
            }
        }
        Ok(results)
    }

    fn checked(&self, path: &str, query: &MetricDataQuery, labels: &Labels) -> Checked<Query> {
        let mut id = query.id.bytes();
        let plain = id.next().is_some_and(|b| b.is_ascii_lowercase())
            && id.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain {
            return Err(wrong(format!(
                "The value for parameter {path}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if query
            .account_id
            .as_ref()
            .is_some_and(|account| *account != self.caller.account)
        {
            return Err(wrong(format!(
                "The parameter {path}.AccountId is invalid: Millrace has no linked accounts, name your own or none."
            )));
        }
        if query
            .label
            .as_ref()
            .is_some_and(|label| label.len() > LABEL_BYTES_MAX)
        {
            return Err(wrong(format!(
                "The parameter {path}.Label must not be longer than {LABEL_BYTES_MAX} bytes."
            )));
        }
        let exclusive = |other: &str| {
            wrong(format!(
                "The parameters {path}.{other} and {path}.MetricStat are mutually exclusive and you have specified both."
            ))
        };
        match (&query.expression, &query.metric_stat) {
            (Some(_), Some(_)) => Err(exclusive("Expression")),
            (None, None) => Err(wrong(format!(
                "At least one of the parameters {path}.Expression and {path}.MetricStat must be specified."
            ))),
            (None, Some(_)) if query.period.is_some() => Err(exclusive("Period")),
            (None, Some(stat)) => self.metric(&format!("{path}.MetricStat"), query, stat, labels),
            (Some(expression), None) => {
                let window = self.window(&format!("{path}.Period"), query.period.unwrap_or(60))?;
                let parsed = math::parse(expression);
                let parsed =
                    parsed.map_err(|why| wrong(format!("Error in expression '{}': {why}.", query.id)))?;
                Ok(Query::Expression(parsed, window))
            }
        }
    }

    fn window(&self, path: &str, period: i32) -> Checked<Window> {
        if !is_period(period) {
            return Err(wrong(format!(
                "The value {period} for parameter {path} is invalid: it must be 1, 5, 10, 20, 30 or a multiple of 60."
            )));
        }
        let (start, end) = self.times;
        Ok(Window::new(start.0, end.0, period).with_data(self.cloudwatch.0.clock.now()))
    }

    fn metric(
        &self,
        path: &str,
        query: &MetricDataQuery,
        stat: &MetricStat,
        labels: &Labels,
    ) -> Checked<Query> {
        let required = |value: &Option<String>, name: &str| {
            let missing = || wrong(format!("The parameter {path}.Metric.{name} is required."));
            value.clone().ok_or_else(missing)
        };
        let name = required(&stat.metric.metric_name, "MetricName")?;
        let namespace = required(&stat.metric.namespace, "Namespace")?;
        let statistic = Statistic::parse(&stat.stat).ok_or_else(|| {
            wrong(format!(
                "The value {} for parameter {path}.Stat is not supported.",
                stat.stat
            ))
        })?;
        let window = self.window(&format!("{path}.Period"), stat.period)?;
        let dimensions = stat.metric.dimensions.clone().unwrap_or_default();
        let dimensions = datum::dimensions(&format!("{path}.Metric"), dimensions)
            .map_err(|error| wrong(error.to_string()))?;
        let tenant = Tenant {
            account: self.caller.account.clone(),
            region: self.caller.region.clone(),
        };
        let id = MetricId::new(namespace, name.clone(), dimensions);
        let metric = self.cloudwatch.0.journal.state().store.metric(&tenant, &id);
        let wanted = datum::unit(stat.unit);
        let series = metric.iter().flat_map(|metric| &metric.series);
        // Of several units the first counts that has data, in the order of preference that the series have.
        let points = series
            .filter(|series| wanted.is_none_or(|wanted| wanted == series.unit))
            .map(|series| buckets(series, window))
            .find(|found| !found.is_empty());
        let points: Vec<(u64, f64)> = points
            .iter()
            .flatten()
            .filter_map(|bucket| Some((bucket.start, statistic.of(bucket)?)))
            .collect();
        let timeline = Timeline {
            label: query.label.clone().unwrap_or_else(|| labels.label(&name, stat)),
            period: window.period,
            points,
        };
        self.work.pay(timeline.cost()).map_err(|_| {
            wrong("The queries ask for more datapoints than one call may compute: use longer periods or fewer queries.")
        })?;
        Ok(Query::Metric(timeline))
    }

    /// What a query comes to. Ids are looked up as they are met; one that is met while it is worked out leads to itself.
    fn quantity(&mut self, id: &str) -> Result<Quantity, String> {
        match self.progress.get(id) {
            Some(Progress::Done(quantity)) => return Ok(quantity.clone()),
            Some(Progress::Open) => return Err(format!("'{id}' leads back to itself")),
            None => {}
        }
        let (expression, window) = match self.queries.get(id) {
            None => return Err(format!("there is no query with the id '{id}'")),
            Some(Query::Metric(timeline)) => return Ok(Quantity::One(timeline.clone())),
            Some(Query::Expression(expression, window)) => (expression.clone(), *window),
        };
        self.progress.insert(id.to_owned(), Progress::Open);
        let (metrics, work) = (Rc::clone(&self.metrics), Rc::clone(&self.work));
        let window = shared(window, &metrics);
        let until = self.cloudwatch.0.clock.now().seconds() + 1;
        let mut lookup = |id: &str| self.quantity(id);
        let mut context = Context {
            lookup: &mut lookup,
            metrics: &metrics,
            window,
            until,
            work: &work,
        };
        let quantity = math::evaluate(&expression, &mut context)?;
        self.progress
            .insert(id.to_owned(), Progress::Done(quantity.clone()));
        Ok(quantity)
    }
}

/// An expression's window has the periods of its metrics, so that what is filled in meets what is there.
fn shared(window: Window, metrics: &[(String, Timeline)]) -> Window {
    let period = metrics.iter().map(|(_, timeline)| timeline.period).max();
    Window {
        period: period.unwrap_or(window.period),
        ..window
    }
}

fn returned(query: &MetricDataQuery, quantity: Quantity) -> Checked<Vec<Whole>> {
    let whole = |timeline| Whole {
        id: query.id.clone(),
        timeline,
    };
    let label = query.label.as_ref().unwrap_or(&query.id);
    Ok(match quantity {
        Quantity::One(timeline) if query.expression.is_none() => vec![whole(timeline)],
        Quantity::One(timeline) => vec![whole(Timeline {
            label: label.clone(),
            ..timeline
        })],
        Quantity::Many(many) => {
            let named = many.into_iter().map(|timeline| Timeline {
                label: format!("{label} {}", timeline.label),
                ..timeline
            });
            named.map(whole).collect()
        }
        Quantity::Scalar(_) => {
            return Err(wrong(format!(
                "Error in expression '{}': it comes to a single number, which cannot be returned: make it a time line \
                 with TIME_SERIES(), or set ReturnData to false.",
                query.id
            )));
        }
    })
}

/// What default labels have to tell apart: statistics and periods are named where they differ.
struct Labels {
    statistics: bool,
    periods: bool,
}

impl Labels {
    fn of(queries: &[MetricDataQuery]) -> Self {
        let stats = || queries.iter().filter_map(|query| query.metric_stat.as_ref());
        let statistics: BTreeSet<&str> = stats().map(|stat| &*stat.stat).collect();
        let periods: BTreeSet<i32> = stats().map(|stat| stat.period).collect();
        Self {
            statistics: statistics.len() > 1,
            periods: periods.len() > 1,
        }
    }

    fn label(&self, name: &str, stat: &MetricStat) -> String {
        let mut label = name.to_owned();
        if self.statistics {
            label = format!("{label} {}", stat.stat);
        }
        if self.periods {
            label = format!("{label} {}", stat.period);
        }
        label
    }
}

/// Where a page begins: the number of a result, and how many of its datapoints were returned before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    result: usize,
    point: usize,
}

/// The results of one page, and where the next begins.
fn page(
    results: Vec<Whole>,
    from: Cursor,
    most: usize,
    descending: bool,
) -> (Vec<MetricDataResult>, Option<Cursor>) {
    let mut left = most;
    let mut page = Vec::new();
    for (at, Whole { id, mut timeline }) in results.into_iter().enumerate().skip(from.result) {
        if left == 0 {
            return (page, Some(Cursor { result: at, point: 0 }));
        }
        if descending {
            timeline.points.reverse();
        }
        let skipped = if at == from.result { from.point } else { 0 };
        let ends = timeline.points.len().min(skipped.saturating_add(left));
        let points = timeline.points.get(skipped..ends).unwrap_or_default();
        let complete = ends >= timeline.points.len();
        left -= points.len();
        page.push(MetricDataResult {
            id: Some(id),
            label: Some(timeline.label),
            timestamps: Some(points.iter().map(|(at, _)| time(*at)).collect()),
            values: Some(points.iter().map(|(_, value)| *value).collect()),
            status_code: Some(if complete {
                StatusCode::Complete
            } else {
                StatusCode::PartialData
            }),
            messages: None,
        });
        if !complete {
            return (
                page,
                Some(Cursor {
                    result: at,
                    point: ends,
                }),
            );
        }
    }
    (page, None)
}

fn time(second: u64) -> EpochMillis {
    EpochMillis(i64::try_from(second).map_or(i64::MAX, |second| second.saturating_mul(1000)))
}

/// `base64url(digest of the request u32 | result u32 | datapoint u32)`
fn token(cursor: Cursor, digest: u32) -> String {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let bytes = [digest.to_be_bytes(), number(cursor.result), number(cursor.point)];
    URL_SAFE_NO_PAD.encode_to_string(bytes.concat())
}

fn read_token(token: &str, digest: u32) -> Checked<Cursor> {
    let invalid = || CloudwatchError::InvalidNextToken;
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(token).map_err(|_| invalid())?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    match (numbers, rest) {
        ([of, result, point], []) if u32::from_be_bytes(*of) == digest => {
            let number = |bytes: &[u8; 4]| usize::try_from(u32::from_be_bytes(*bytes)).map_err(|_| invalid());
            Ok(Cursor {
                result: number(result)?,
                point: number(point)?,
            })
        }
        _ => Err(invalid()),
    }
}
