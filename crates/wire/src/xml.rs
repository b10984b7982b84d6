//! Text inside of XML.

/// Appends `text` so that it cannot break out of its element and an XML 1.0 parser gives it back the same. Characters
/// that XML has no form for become U+FFFD.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A parser would make it a line feed.
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\0'..=' ' if c != ' ' => out.push(char::REPLACEMENT_CHARACTER),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let mut out = String::new();
        escape("a</b>&\r\n\t\u{0}é \u{ffff}", &mut out);
        assert_eq!(out, "a&lt;/b&gt;&amp;&#13;\n\t\u{fffd}é \u{fffd}");
    }
}
