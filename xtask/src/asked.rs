//! What a task is asked for. Its usage is the only list of what it takes, so that a wrong argument is refused before
//! anything is built.

use std::fmt;

/// The arguments behind a task's name.
#[derive(Debug, Default)]
pub struct Asked {
    /// All of them, as given.
    pub words: Vec<String>,
    /// What is not an option.
    pub names: Vec<String>,
    /// Options with their values; those that take none have an empty one.
    options: Vec<(String, String)>,
}

/// Arguments that are not understood.
#[derive(Debug)]
pub struct Misuse(String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// The error for arguments that are not understood: the usage is said behind it, and the exit code is 2.
pub fn misuse(what: impl Into<String>) -> anyhow::Error {
    Misuse(what.into()).into()
}

/// What stands behind an option.
#[derive(Debug, PartialEq)]
enum Takes {
    Nothing,
    /// A whole number; `N` in the usage.
    Number,
    /// Another word in capitals.
    Text,
}

impl Asked {
    /// Reads the arguments of a task.
    ///
    /// # Errors
    ///
    /// [`Misuse`] names what the usage does not have: an option, a value, or a name where it has no `…`.
    pub fn read(usage: &str, words: &[String]) -> anyhow::Result<Self> {
        let mut asked = Self {
            words: words.to_vec(),
            ..Self::default()
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if !word.starts_with('-') {
                asked.names.push(word.clone());
                continue;
            }
            let value = match takes(usage, word) {
                None => return Err(misuse(format!("no option '{word}'"))),
                Some(Takes::Nothing) => "",
                Some(takes) => {
                    let value = rest.next().map_or("", String::as_str);
                    if takes == Takes::Number && value.parse::<u64>().is_err() {
                        return Err(misuse(format!("{word} takes a number, not '{value}'")));
                    }
                    if value.is_empty() {
                        return Err(misuse(format!("{word} takes a value")));
                    }
                    value
                }
            };
            asked.options.push((word.clone(), value.to_owned()));
        }
        match asked.names.first() {
            Some(name) if !usage.contains('…') => Err(misuse(format!("'{name}' is not understood"))),
            _ => Ok(asked),
        }
    }

    /// Whether there is that option.
    pub fn has(&self, option: &str) -> bool {
        self.value(option).is_some()
    }

    /// The value of that option; the last one counts.
    pub fn value(&self, option: &str) -> Option<&str> {
        let mut found = self.options.iter().rev().filter(|(name, _)| name == option);
        found.next().map(|(_, value)| value.as_str())
    }

    /// An option that is not among these.
    pub fn besides(&self, known: &[&str]) -> Option<&str> {
        let mut names = self.options.iter().map(|(name, _)| name.as_str());
        names.find(|name| !known.contains(name))
    }
}

/// What an option takes; nothing when the usage does not have it.
fn takes(usage: &str, option: &str) -> Option<Takes> {
    let mut words = usage.split_whitespace();
    let found = words.find(|word| word.trim_matches(['[', ']', ',']) == option)?;
    let next = words.next().filter(|_| !found.ends_with(']')).unwrap_or_default();
    let next = next.trim_end_matches([']', ',']);
    Some(match next {
        "N" => Takes::Number,
        _ if next.starts_with(|c: char| c.is_ascii_uppercase()) => Takes::Text,
        _ => Takes::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = "do [--all] [--seeds N] [NAME …]    does it
  --where PATH  a place
  --only        nothing else";

    fn read(line: &str) -> Result<Asked, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Asked::read(USAGE, &words).map_err(|error| error.downcast::<Misuse>().unwrap().to_string())
    }

    #[test]
    fn options_values_and_names_are_told_apart() {
        let asked = read("a --seeds 5 --all b --where x --seeds 6").unwrap();
        assert_eq!(asked.names, ["a", "b"]);
        assert_eq!(asked.words.len(), 9);
        assert_eq!(
            (asked.value("--seeds"), asked.value("--where")),
            (Some("6"), Some("x"))
        );
        assert!(asked.has("--all") && !asked.has("--only"));
        assert_eq!(asked.besides(&["--seeds", "--where"]), Some("--all"));
    }

    #[test]
    fn what_the_usage_does_not_have_is_refused() {
        for (line, refused) in [
            ("--seedz 5", "no option '--seedz'"),
            ("-s", "no option '-s'"),
            ("--seeds x", "--seeds takes a number, not 'x'"),
            ("--seeds", "--seeds takes a number, not ''"),
            ("--where", "--where takes a value"),
        ] {
            assert_eq!(read(line).unwrap_err(), refused);
        }
        let named = Asked::read("do [--all]", &["a".to_owned()]);
        assert_eq!(named.unwrap_err().to_string(), "'a' is not understood");
    }
}
