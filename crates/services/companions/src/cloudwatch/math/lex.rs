//! The words of an expression.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// A function or an id.
    Name(String),
    Text(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 20] = [
    "<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "{", "}",
];

/// Takes an expression apart.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() || first == '.' {
            let (number, length) = number(rest)?;
            tokens.push(Token::Number(number));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let length = end.unwrap_or(rest.len());
            tokens.push(Token::Name(rest.get(..length).unwrap_or_default().to_owned()));
            length
        } else if first == '"' || first == '\'' {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner.find(first).ok_or("a text has no end")?;
            tokens.push(Token::Text(inner.get(..end).unwrap_or_default().to_owned()));
            end + 2
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| format!("'{first}' is not understood"))?;
            tokens.push(Token::Symbol(symbol));
            symbol.len()
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn number(text: &str) -> Result<(f64, usize), String> {
    let bytes = text.as_bytes();
    let mut length = 0;
    while bytes
        .get(length)
        .is_some_and(|b| b.is_ascii_digit() || *b == b'.')
    {
        length += 1;
    }
    // An exponent, unless the letter begins something else.
    if bytes.get(length).is_some_and(|b| b.eq_ignore_ascii_case(&b'e')) {
        let sign = usize::from(bytes.get(length + 1).is_some_and(|b| b"+-".contains(b)));
        let digits = bytes
            .iter()
            .skip(length + 1 + sign)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    let digits = text.get(..length).unwrap_or_default();
    let number: Option<f64> = digits.parse().ok().filter(|number: &f64| number.is_finite());
    Ok((number.ok_or_else(|| format!("'{digits}' is no number"))?, length))
}
