//! ARNs of conditions, compared part by part: of the six parts between colons each has its own pattern, so that no star
//! reaches into the next (IAM User Guide, "Amazon Resource Name (ARN) condition operators").

use super::super::context::Context;
use super::super::error::{Path, PolicyError, clipped};
use super::super::glob::{Glob, Part};
use super::super::text::{Pattern, Resolved, Syntax, parts};

/// Parts of an ARN; the last takes all further colons.
const PARTS: usize = 6;

/// A pattern for ARNs.
#[derive(Clone, Debug)]
pub(super) struct ArnPattern(Pattern<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    globs: Box<[Glob]>,
}

impl ArnPattern {
    pub(super) fn parse(text: &str, variables: bool, path: &Path<'_>) -> Result<Self, PolicyError> {
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let pattern = Pattern::new(parts(text, syntax, path)?, split);
        pattern.map(Self).ok_or_else(|| {
            path.error(format!(
                "'{}' is no ARN; write arn:partition:service:region:account:resource, with * for what may be anything",
                clipped(text)
            ))
        })
    }

    pub(super) fn matches(&self, arn: &str, context: &Context<'_>) -> bool {
        self.0.holds(context, split, |parts| parts.matches(arn))
    }
}

impl Parts {
    fn matches(&self, arn: &str) -> bool {
        let mut found = arn.splitn(PARTS, ':');
        self.globs
            .iter()
            .all(|glob| found.next().is_some_and(|part| glob.matches(part)))
    }
}

/// One pattern for each part; `None` where there are fewer than six. A lone `*` is any ARN.
fn split(resolved: &[Resolved<'_>]) -> Option<Parts> {
    if matches!(resolved, [Resolved::Any]) {
        let any = Glob::new([Part::Any]);
        return Some(Parts {
            globs: vec![any; PARTS].into(),
        });
    }
    let mut done: Vec<Vec<Part<'_>>> = vec![Vec::new()];
    for part in resolved {
        let mut rest = match part {
            Resolved::Text(text) => &**text,
            other => {
                done.last_mut()?.push(other.part());
                continue;
            }
        };
        while done.len() < PARTS
            && let Some((before, behind)) = rest.split_once(':')
        {
            done.last_mut()?.push(Part::Text(before));
            done.push(Vec::new());
            rest = behind;
        }
        done.last_mut()?.push(Part::Text(rest));
    }
    (done.len() == PARTS).then(|| Parts {
        globs: done.into_iter().map(Glob::new).collect(),
    })
}
