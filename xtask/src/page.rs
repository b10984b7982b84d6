//! Pages of which a part is written by a task.

use anyhow::{Context, Result};

/// The page's `text` with `part` between the markers of that name, each a comment on a line of its own:
/// `<!-- name:begin -->` and `<!-- name:end -->`.
pub fn with_part(text: &str, name: &str, part: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = text
        .split_once(&begin)
        .with_context(|| format!("the marker `{name}:begin` is missing"))?;
    let (_, after) = rest
        .split_once(&end)
        .with_context(|| format!("the marker `{name}:end` is missing"))?;
    Ok(format!("{before}{begin}{part}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = |part: &str| format!("a\n<!-- x:begin -->\n{part}<!-- x:end -->\nb\n");
        assert_eq!(with_part(&page("old\n"), "x", "new\n").unwrap(), page("new\n"));
        assert_eq!(with_part(&page(""), "x", "new\n").unwrap(), page("new\n"));
        assert!(with_part(&page("old\n"), "y", "new\n").is_err());
    }
}
