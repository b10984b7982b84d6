//! What a key is, and finding the one a typing error meant.

/// One setting: its only definition. Everything else – file, environment, `--set`, dump and reference – follows it.
#[derive(Debug)]
pub struct Key {
    /// Section and name, such as `server.listen`; as in the file and on the command line.
    pub name: &'static str,
    /// The environment variable that sets it.
    pub env: &'static str,
    /// Its value when nobody sets it, as text; empty where there is none.
    pub default: &'static str,
    /// How the value is written in the file.
    pub kind: Kind,
    /// What it does, in sentences, with its unit.
    pub doc: &'static str,
}

/// How a value is written in the file. In the environment everything is plain text; a list has commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `"text"`
    Text,
    /// `"text"` that is never shown.
    Secret,
    /// `true` or `false`
    Bool,
    /// A whole number.
    Number,
    /// `["text", "text"]`
    List,
    /// `[[credentials]]`; a list of `access_key:secret_key:account:session_token` in the environment.
    Credentials,
}

impl Key {
    /// The part before the dot.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// The part behind the dot.
    #[must_use]
    pub fn leaf(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

/// The candidate that is closest to `wrong`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = 2.max(wrong.len() / 3);
    candidates
        .map(|candidate| (distance(wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein_s() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_a_close_candidate_is_suggested() {
        let known = || ["server.listen", "storage.data_dir"].into_iter();
        assert_eq!(nearest("server.lisen", known()), Some("server.listen"));
        assert_eq!(nearest("storage.datadir", known()), Some("storage.data_dir"));
        assert_eq!(nearest("colour", known()), None);
    }
}
