//! Working an expression out.

use std::cell::Cell;

use super::parse::{Expression, Operator};
use super::{Quantity, Timeline, functions};
use crate::cloudwatch::limits::EVALUATION_DEPTH_MAX;
use crate::cloudwatch::query::Window;

/// What one call may still cost, all of its expressions together.
#[derive(Debug)]
pub(crate) struct Work {
    /// Datapoints that may still be computed.
    datapoints: Cell<usize>,
    /// How deep evaluation is nested now.
    depth: Cell<usize>,
}

impl Work {
    pub(crate) fn new(datapoints: usize) -> Self {
        Self {
            datapoints: Cell::new(datapoints),
            depth: Cell::new(0),
        }
    }

    /// Datapoints that may still be computed.
    pub(super) fn left(&self) -> usize {
        self.datapoints.get()
    }

    /// Pays for datapoints.
    pub(crate) fn pay(&self, datapoints: usize) -> Result<(), String> {
        let left = self.datapoints.get().checked_sub(datapoints);
        self.datapoints.set(left.ok_or(
            "it takes more datapoints than one call may compute: use a longer period or a shorter time range",
        )?);
        Ok(())
    }
}

/// What an expression is worked out in.
pub(crate) struct Context<'a> {
    /// What another query comes to, by its id.
    pub(crate) lookup: &'a mut dyn FnMut(&str) -> Result<Quantity, String>,
    /// Every query that is a metric, with its id.
    pub(crate) metrics: &'a [(String, Timeline)],
    /// The time that is asked about.
    pub(crate) window: Window,
    /// The second up to which missing values are filled.
    pub(crate) until: u64,
    pub(crate) work: &'a Work,
}

/// What an expression comes to. The error is the end of a sentence.
pub(crate) fn evaluate(expression: &Expression, context: &mut Context<'_>) -> Result<Quantity, String> {
    let work = context.work;
    let depth = work.depth.get() + 1;
    if depth > EVALUATION_DEPTH_MAX {
        return Err(format!(
            "it leads through more than {EVALUATION_DEPTH_MAX} levels of expressions"
        ));
    }
    work.depth.set(depth);
    let quantity = step(expression, context)?;
    work.depth.set(depth - 1);
    work.pay(quantity.cost())?;
    Ok(quantity)
}

fn step(expression: &Expression, context: &mut Context<'_>) -> Result<Quantity, String> {
    Ok(match expression {
        Expression::Number(number) => Quantity::Scalar(*number),
        Expression::Text(text) => {
            return Err(format!(
                "the text '{text}' stands where a number or a time line belongs"
            ));
        }
        Expression::Id(id) => (context.lookup)(id)?,
        Expression::List(items) => list(items, context)?,
        Expression::Negated(inner) => map(evaluate(inner, context)?, |_, value| -value),
        Expression::Binary(operator, left, right) => {
            let (left, right) = (evaluate(left, context)?, evaluate(right, context)?);
            binary(&left, &right, |a, b| apply(*operator, a, b))?
        }
        Expression::Call(name, arguments) => functions::call(name, arguments, context)?,
    })
}

/// `[m1, m2, …]`
fn list(items: &[Expression], context: &mut Context<'_>) -> Result<Quantity, String> {
    let mut all = Vec::new();
    for item in items {
        match evaluate(item, context)? {
            Quantity::One(one) => all.push(one),
            Quantity::Many(many) => all.extend(many),
            Quantity::Scalar(_) => return Err("a list is of time lines, not of numbers".to_owned()),
        }
    }
    Ok(Quantity::Many(all))
}

/// Each value by itself.
pub(super) fn map(quantity: Quantity, f: impl Fn(u64, f64) -> f64) -> Quantity {
    match quantity {
        Quantity::Scalar(value) => Quantity::Scalar(f(0, value)),
        Quantity::One(one) => Quantity::One(one.map(&f)),
        Quantity::Many(many) => Quantity::Many(many.iter().map(|one| one.map(&f)).collect()),
    }
}

/// Each time line by itself.
pub(super) fn each(
    quantity: Quantity,
    what: &str,
    f: impl Fn(&Timeline) -> Timeline,
) -> Result<Quantity, String> {
    match quantity {
        Quantity::Scalar(_) => Err(format!("{what} is of a time line, not of a number")),
        Quantity::One(one) => Ok(Quantity::One(f(&one))),
        Quantity::Many(many) => Ok(Quantity::Many(many.iter().map(f).collect())),
    }
}

/// Two operands value by value.
pub(super) fn binary(
    left: &Quantity,
    right: &Quantity,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Quantity, String> {
    use Quantity::{Many, One, Scalar};
    Ok(match (left, right) {
        (Scalar(a), Scalar(b)) => Scalar(f(*a, *b)),
        (One(a), Scalar(b)) => One(a.map(|_, a| f(a, *b))),
        (Scalar(a), One(b)) => One(b.map(|_, b| f(*a, b))),
        (One(a), One(b)) => One(meet(a, b, &f)),
        (Many(many), Scalar(b)) => Many(many.iter().map(|a| a.map(|_, a| f(a, *b))).collect()),
        (Scalar(a), Many(many)) => Many(many.iter().map(|b| b.map(|_, b| f(*a, b))).collect()),
        (Many(many), One(b)) => Many(many.iter().map(|a| meet(a, b, &f)).collect()),
        (One(a), Many(many)) => Many(
            many.iter()
                .map(|b| Timeline {
                    label: b.label.clone(),
                    ..meet(a, b, &f)
                })
                .collect(),
        ),
        (Many(_), Many(_)) => {
            return Err("two lists of time lines cannot be joined: sum them up first".to_owned());
        }
    })
}

/// At the times that both have.
fn meet(a: &Timeline, b: &Timeline, f: impl Fn(f64, f64) -> f64) -> Timeline {
    let points = a.points.iter().filter_map(|(at, left)| {
        let value = f(*left, b.at(*at)?);
        value.is_finite().then_some((*at, value))
    });
    Timeline {
        label: a.label.clone(),
        period: a.period.max(b.period),
        points: points.collect(),
    }
}

fn apply(operator: Operator, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Plus => a + b,
        Operator::Minus => a - b,
        Operator::Times => a * b,
        Operator::Over => a / b,
        Operator::Power => a.powf(b),
        Operator::Less => truth(a < b),
        Operator::AtMost => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::AtLeast => truth(a >= b),
        Operator::Equal => truth(a == b),
        Operator::Unequal => truth(a != b),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Or => truth(a != 0.0 || b != 0.0),
    }
}
