//! The configuration as a commented TOML file, and the reference of all keys as Markdown.

use std::fmt::Write;

use super::error::Source;
use super::keys::{Key, Kind};
use super::{Config, all_keys};

/// Longest line of a comment, in characters.
const COMMENT_COLUMNS: usize = 100;

impl Config {
    /// Every setting with its documentation, value and origin, as TOML that [`Config::load`] reads. Secrets are
    /// left out: the tables of credentials are comments.
    #[must_use]
    pub fn dump(&self) -> String {
        let mut out = String::new();
        let mut section = "";
        for key in all_keys() {
            if key.section() != section {
                section = key.section();
                if key.kind != Kind::Credentials {
                    // Writing into a String cannot fail, here and below.
                    let _ = writeln!(out, "[{section}]");
                }
            }
            self.dump_key(key, &mut out);
        }
        out
    }

    fn dump_key(&self, key: &'static Key, out: &mut String) {
        let set = self.values.get(key);
        comment(key.doc, out);
        let default = if key.default.is_empty() {
            "none"
        } else {
            key.default
        };
        comment(&format!("Default: {default}. Environment: {}.", key.env), out);
        if set.source != Source::Default {
            comment(&format!("Set by {}.", set.source), out);
        }
        let leaf = key.leaf();
        let _ = match key.kind {
            Kind::Secret => writeln!(out, "# {leaf} = \"***\""),
            Kind::Text if set.text.is_empty() => writeln!(out, "# {leaf} = \"\""),
            Kind::Text => writeln!(out, "{leaf} = {}", quoted(&set.text)),
            Kind::Bool | Kind::Number => writeln!(out, "{leaf} = {}", set.text),
            Kind::List => {
                let items: Vec<_> = self.values.list(key).iter().map(|item| quoted(item)).collect();
                writeln!(out, "{leaf} = [{}]", items.join(", "))
            }
            Kind::Credentials => {
                for credential in self.auth.effective() {
                    let (key, account) = (quoted(&credential.access_key), quoted(&credential.account));
                    let _ = writeln!(
                        out,
                        "# [[credentials]]\n# access_key = {key}\n# secret_key = \"***\"\n# account = {account}"
                    );
                }
                Ok(())
            }
        };
        out.push('\n');
    }
}

/// All keys as a Markdown page; `docs/operations/configuration.md` is this text.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Written from the key table in crates/server/src/config; a test holds the two together. -->\n\n\
         A setting is looked for on the command line (`--set section.key=value`, and flags of their own for the common \
         ones),\nthen in the environment, then in the file given by `--config`; the first one found wins. An unknown \
         key is refused.\n`millrace config` prints every setting with its value and where it came from.\n",
    );
    let mut section = "";
    for key in all_keys() {
        if key.section() != section {
            section = key.section();
            let title = if key.kind == Kind::Credentials {
                format!("[[{section}]]")
            } else {
                format!("[{section}]")
            };
            let _ = write!(
                out,
                "\n## `{title}`\n\n| key | default | environment | what it does |\n|---|---|---|---|\n"
            );
        }
        let default = if key.default.is_empty() {
            "–".to_owned()
        } else {
            format!("`{}`", key.default)
        };
        let _ = writeln!(
            out,
            "| `{}` | {default} | `{}` | {} |",
            key.leaf(),
            key.env,
            key.doc
        );
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn comment(text: &str, out: &mut String) {
    let mut column = usize::MAX;
    for word in text.split_whitespace() {
        let length = word.chars().count() + 1;
        if column.saturating_add(length) > COMMENT_COLUMNS {
            if column != usize::MAX {
                out.push('\n');
            }
            out.push('#');
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}
