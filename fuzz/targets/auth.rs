//! From the signature to the permission: a request that was altered after signing is never let in, one that was not
//! always is – until its time is over – and what the policy does not allow stays forbidden.
//!
//! Input: `key and form u8 | alteration u8 | place u8 | the request as text`.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use millrace_fuzz::Http;
use millrace_fuzz::sent::{EXPIRES_S, Gate, KEYS, NOW, REGION, Sent, Verdict};

static GATE: LazyLock<Gate> = LazyLock::new(Gate::default);

fuzz_target!(|data: &[u8]| {
    let [who, what, place, text @ ..] = data else {
        return;
    };
    let Some(http) = Http::parse(text) else { return };
    // As it came: no input knows a secret.
    let raw = Sent {
        method: http.method.to_owned(),
        path: http.path.to_owned(),
        query: http.query.to_owned(),
        headers: http.headers.clone(),
        body: http.body.to_vec(),
    };
    assert_eq!(
        GATE.judge(&raw, NOW),
        Verdict::Unknown,
        "a forged signature passes"
    );

    let Some(plain) = Sent::plain(&http) else { return };
    let key = &KEYS[usize::from(who & 1)];
    let in_query = who & 2 != 0;
    let signed = if in_query {
        plain.signed_in_query(key)
    } else {
        plain.signed_in_header(key)
    };
    let Some(mut signed) = signed else { return };
    let target = String::from_utf8_lossy(signed.header("x-amz-target").unwrap()).into_owned();
    let operation = target.split_once('.').map_or("", |(_, name)| name);
    let allowed = operation
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("put"));
    let verdict = if allowed {
        Verdict::Allowed
    } else {
        Verdict::Forbidden
    };
    assert_eq!(GATE.judge(&signed, NOW), verdict, "{signed:?}");

    let life = Duration::from_secs(if in_query { EXPIRES_S } else { 15 * 60 });
    assert_eq!(GATE.judge(&signed, NOW.plus(life)), verdict);
    assert_eq!(
        GATE.judge(&signed, NOW.plus(life + Duration::from_secs(1))),
        Verdict::Unknown,
        "replayed"
    );
    assert_eq!(
        GATE.judge(&signed, NOW.minus(Duration::from_secs(15 * 60 + 1))),
        Verdict::Unknown,
        "too early"
    );

    harmless(&signed, usize::from(*place), verdict);
    let altered = alter(&signed, *what, usize::from(*place), in_query);
    if let Some(altered) = altered.filter(|altered| *altered != signed) {
        let found = GATE.judge(&altered, NOW);
        assert_eq!(
            found,
            Verdict::Unknown,
            "alteration {what} passes: {signed:?}\n{altered:?}"
        );
    }
});

/// What a proxy may do to a request without harm.
fn harmless(signed: &Sent, place: usize, verdict: Verdict) {
    let mut other = signed.clone();
    let at = place % other.headers.len();
    other.headers.rotate_left(at);
    other.headers.push(("via".to_owned(), b"1.1 proxy".to_vec()));
    let repeats = other
        .headers
        .iter()
        .any(|(name, _)| other.headers.iter().filter(|(n, _)| n == name).count() > 1);
    if !repeats {
        assert_eq!(GATE.judge(&other, NOW), verdict, "{other:?}");
    }
}

fn alter(signed: &Sent, what: u8, place: usize, in_query: bool) -> Option<Sent> {
    let mut sent = signed.clone();
    match what % 20 {
        0 => sent.method.push('X'),
        1 => sent.path.push('x'),
        2 => sent
            .query
            .push_str(if sent.query.is_empty() { "zz=1" } else { "&zz=1" }),
        3 => sent.query = parameter(&sent.query, place, |pair| format!("{pair}1"))?,
        4 => sent.query = parameter(&sent.query, place, |pair| format!("{pair}&{pair}"))?,
        5 => sent.query = parameter(&sent.query, place, |_| "zz=1".to_owned())?,
        6 => header(&mut sent, place, in_query, |value| value.push(b'x'))?,
        7 => {
            let at = signed_header(&sent, place, in_query)?;
            let again = sent.headers.get(at)?.clone();
            sent.headers.push(again);
        }
        8 => {
            let at = signed_header(&sent, place, in_query)?;
            sent.headers.remove(at);
        }
        9 => sent.body.push(b'x'),
        10 => {
            let at = place % sent.body.len().max(1);
            *sent.body.get_mut(at)? ^= 1 << (what % 8);
        }
        11 => replace(&mut sent, in_query, REGION, "eu-west-1")?,
        12 => replace(&mut sent, in_query, "kinesis", "sts")?,
        13 => replace(&mut sent, in_query, "20150830", "20150831")?,
        14 => {
            let [a, b] = [KEYS[0].id, KEYS[1].id];
            replace(&mut sent, in_query, a, b).or_else(|| replace(&mut sent, in_query, b, a))?;
        }
        15 => digit(&mut sent, place, in_query)?,
        16 => replace(&mut sent, in_query, "x-amz-target", "x-amz-target;zz")?,
        17 => replace(&mut sent, in_query, ";x-amz-target", "")
            .or_else(|| replace(&mut sent, in_query, "%3Bx-amz-target", ""))?,
        18 => sent.headers.push(("x-amz-zz".to_owned(), b"1".to_vec())),
        _ => sent.headers.push((
            "authorization".to_owned(),
            b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e".to_vec(),
        )),
    }
    Some(sent)
}

/// Changes one parameter of a query.
fn parameter(query: &str, place: usize, change: impl Fn(&str) -> String) -> Option<String> {
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    let real: Vec<usize> = (0..pairs.len()).filter(|at| !pairs[*at].is_empty()).collect();
    let at = *real.get(place % real.len().max(1))?;
    pairs[at] = change(&pairs[at]);
    Some(pairs.join("&"))
}

/// The place of a header that is signed.
fn signed_header(sent: &Sent, place: usize, in_query: bool) -> Option<usize> {
    let signed = |name: &str| match name {
        "host" | "x-amz-target" => true,
        "via" => false,
        _ => !in_query,
    };
    let all: Vec<usize> = (0..sent.headers.len())
        .filter(|at| signed(&sent.headers[*at].0))
        .collect();
    all.get(place % all.len().max(1)).copied()
}

fn header(sent: &mut Sent, place: usize, in_query: bool, change: impl Fn(&mut Vec<u8>)) -> Option<()> {
    let at = signed_header(sent, place, in_query)?;
    change(&mut sent.headers.get_mut(at)?.1);
    Some(())
}

/// Replaces the first occurrence where the signature stands.
fn replace(sent: &mut Sent, in_query: bool, from: &str, to: &str) -> Option<()> {
    if in_query {
        let at = sent.query.find("X-Amz-Algorithm")?;
        let (before, own) = sent.query.split_at(at);
        if !own.contains(from) {
            return None;
        }
        sent.query = format!("{before}{}", own.replacen(from, to, 1));
        return Some(());
    }
    let value = sent.header("authorization")?;
    let text = String::from_utf8(value.clone()).ok()?;
    if !text.contains(from) {
        return None;
    }
    *value = text.replacen(from, to, 1).into_bytes();
    Some(())
}

/// Another digit in the signature, or the same in upper case.
fn digit(sent: &mut Sent, place: usize, in_query: bool) -> Option<()> {
    let change = |text: &str| {
        let at = text.len() - 1 - place % 64;
        let old = text.as_bytes()[at];
        let new = if place >= 128 {
            old.to_ascii_uppercase()
        } else if old == b'0' {
            b'1'
        } else {
            b'0'
        };
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = new;
        bytes
    };
    if in_query {
        sent.query = String::from_utf8(change(&sent.query)).ok()?;
    } else {
        let value = sent.header("authorization")?;
        *value = change(std::str::from_utf8(value).ok()?);
    }
    Some(())
}
