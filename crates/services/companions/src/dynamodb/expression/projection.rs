//! Projections: document paths, separated by commas.

use super::ast::{Path, Projection, Segment};
use super::diagnosis::{Class, Diagnosis};
use super::operand::Parser;

/// Reads a projection to the end of its text.
pub(super) fn read(parser: &mut Parser<'_>) -> Result<Projection, String> {
    let mut paths = Vec::new();
    loop {
        if let Some(path) = parser.path()? {
            add_distinct(&mut parser.diagnosis, &mut paths, path);
        }
        if !parser.tokens.take_sign(",") {
            break;
        }
    }
    parser.expect_end()?;
    Ok(Projection(paths))
}

/// Adds a path that must not lead into, or over, one that is there already.
pub(super) fn add_distinct(diagnosis: &mut Diagnosis, paths: &mut Vec<Path>, path: Path) {
    let fault = paths
        .iter()
        .find_map(|other| clash(other, &path).map(|how| (how, other)));
    if let Some((how, other)) = fault {
        diagnosis.note(Class::Overlap, || {
            format!(
                "Two document paths {how} with each other; must remove or rewrite one of these paths; path one: \
                 {other}, path two: {path}"
            )
        });
    }
    paths.push(path);
}

/// How two paths are in each other's way: the same place or one within the other, or a place that is taken for a list
/// and for a map.
fn clash(one: &Path, two: &Path) -> Option<&'static str> {
    if one.head != two.head {
        return None;
    }
    for (a, b) in one.tail.iter().zip(&two.tail) {
        match (a, b) {
            (Segment::Name(_), Segment::Index(_)) | (Segment::Index(_), Segment::Name(_)) => {
                return Some("conflict");
            }
            (a, b) if a != b => return None,
            _ => {}
        }
    }
    Some("overlap")
}
