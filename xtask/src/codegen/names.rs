//! Names of the model turned into names of Rust.

/// Words that Rust keeps for itself and members are called.
const KEYWORDS: &[&str] = &[
    "type", "match", "ref", "move", "use", "where", "loop", "enum", "in", "as", "self", "box",
];

/// `StreamARN` → `stream_arn`, `KeyId` → `key_id`, `S3Bucket` → `s3_bucket`.
pub fn snake(name: &str) -> String {
    // Units are one word each.
    let name = name.replace("KiB", "Kib").replace("MiB", "Mib");
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in letters.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            out.push('_');
            continue;
        }
        let before = i.checked_sub(1).map(|b| letters[b]);
        let after = letters.get(i + 1);
        let starts = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_ascii_uppercase()
                        && after.is_some_and(char::is_ascii_lowercase)
                        && !plural(&letters, i))
            });
        if starts && !out.ends_with('_') {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Whether the capital at `at` ends an abbreviation whose plural `s` follows, as in `ARNs`.
fn plural(letters: &[char], at: usize) -> bool {
    letters.get(at + 1) == Some(&'s') && letters.get(at + 2).is_none_or(|c| !c.is_ascii_lowercase())
}

/// The name of a struct's field.
pub fn field(name: &str) -> String {
    let snake = snake(name);
    if KEYWORDS.contains(&snake.as_str()) {
        format!("r#{snake}")
    } else {
        snake
    }
}

/// The name of a static. Models have shapes that differ in the case of their first letter only.
pub fn constant(name: &str) -> String {
    let shouted = snake(name).to_ascii_uppercase();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        format!("{shouted}_LOWER")
    } else {
        shouted
    }
}

/// The name of a type; models have a few that start in lower case or are Rust's own.
pub fn type_name(name: &str) -> String {
    let mut letters = name.chars();
    let head = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    let name: String = head.chain(letters).collect();
    match name.as_str() {
        "String" | "Option" | "Vec" | "Box" | "Result" | "Bytes" | "Value" | "Fields" | "Shape"
        | "Service" | "Operation" | "Protocol" | "ErrorShape" => {
            format!("{name}Shape")
        }
        _ => name,
    }
}

/// The name of an enumeration's variant: `UNIFORM_SCALING` and `uniform-scaling` → `UniformScaling`.
pub fn variant(value: &str) -> String {
    let mut out = String::new();
    for word in value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
    {
        let shouted = word.chars().all(|c| !c.is_ascii_lowercase());
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.extend(letters.map(|c| if shouted { c.to_ascii_lowercase() } else { c }));
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) || out.is_empty() {
        out.insert(0, 'V');
    }
    if out == "Self" {
        "SelfValue".to_owned()
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_rust_does() {
        assert_eq!(snake("StreamARN"), "stream_arn");
        assert_eq!(snake("MaxRecordSizeInKiB"), "max_record_size_in_kib");
        assert_eq!(snake("ResourceARNs"), "resource_arns");
        assert_eq!(field("Type"), "r#type");
        assert_eq!(constant("HTTPEndpointURL"), "HTTP_ENDPOINT_URL");
        assert_eq!(constant("errorMessage"), "ERROR_MESSAGE_LOWER");
        assert_eq!(variant("UNIFORM_SCALING"), "UniformScaling");
        assert_eq!(variant("IncomingBytes"), "IncomingBytes");
        assert_eq!(variant("2015-03"), "V201503");
    }
}
