//! An HTTP request as readable text, so that seeds can be read and mutated line by line.

use millrace_wire::sigv4::Request;

/// `METHOD target\nname: value\n…\n\nbody`; whatever is missing is empty.
#[derive(Debug)]
pub struct Http<'a> {
    /// The first word.
    pub method: &'a str,
    /// The second word up to `?`.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: &'a str,
    /// Lower-case names, values as they are.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Everything behind the empty line.
    pub body: &'a [u8],
}

impl<'a> Http<'a> {
    /// Reads a request; `None` when its first line is no text, which no server hands on.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let end = data
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .unwrap_or(data.len());
        let (head, body) = data.split_at(end);
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, rest) = first.split_once(' ').unwrap_or((first, "/"));
        let target = rest.strip_suffix(" HTTP/1.1").unwrap_or(rest);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(header).collect();
        Some(Self {
            method,
            path,
            query,
            headers,
            body: body.get(2..).unwrap_or_default(),
        })
    }

    /// The headers as the verifier takes them.
    pub fn header_slices(&self) -> Vec<(&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect()
    }

    /// The request with these headers.
    pub fn request<'b>(&'b self, headers: &'b [(&'b str, &'b [u8])]) -> Request<'b> {
        Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers,
        }
    }
}

fn header(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let from = usize::from(line.first() == Some(&b':')); // `:authority` begins with the separator
    let at = from + line.get(from..)?.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(line.get(..at)?).ok()?;
    Some((name.to_ascii_lowercase(), line.get(at + 1..)?.to_vec()))
}
