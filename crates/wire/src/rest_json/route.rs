//! Which operation a method and a path name.

use millrace_api::{Operation, Service};

use crate::percent;

/// The path's labels: name in the template, decoded value.
pub type Labels = Vec<(&'static str, String)>;

/// Finds the operation and its labels; where several templates match, the one with the earlier literal segment.
/// One trailing slash more or less makes no difference.
#[must_use]
pub fn route(service: &'static Service, method: &str, path: &str) -> Option<(&'static Operation, Labels)> {
    let matching = service.operations.iter().filter(|op| op.method == method);
    let matching = matching.filter_map(|op| Some((op, labels(op.uri, path)?)));
    matching.min_by_key(|(op, _)| segments(op.uri).map(Segment::rank).collect::<Vec<_>>())
}

/// A segment of a template.
#[derive(Clone, Copy)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes all the rest, slashes included.
    Greedy(&'static str),
}

impl Segment {
    fn of(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Self::Literal(text),
            Some(name) => name.strip_suffix('+').map_or(Self::Label(name), Self::Greedy),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Label(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

fn segments(template: &'static str) -> impl Iterator<Item = Segment> {
    let path = template.split('?').next().unwrap_or(template);
    trim(path).split('/').map(Segment::of)
}

fn trim(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path)
}

fn labels(template: &'static str, path: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    let mut rest = Some(trim(path));
    for segment in segments(template) {
        let current = rest?;
        let (head, tail) = current
            .split_once('/')
            .map_or((current, None), |(head, tail)| (head, Some(tail)));
        match segment {
            Segment::Literal(text) if percent::decode_strictly(head)? == text => rest = tail,
            Segment::Literal(_) => return None,
            Segment::Label(name) if !head.is_empty() => {
                labels.push((name, percent::decode_strictly(head)?.into_owned()));
                rest = tail;
            }
            Segment::Greedy(name) if !current.is_empty() => {
                labels.push((name, percent::decode_strictly(current)?.into_owned()));
                rest = None;
            }
            Segment::Label(_) | Segment::Greedy(_) => return None,
        }
    }
    rest.is_none().then_some(labels)
}
