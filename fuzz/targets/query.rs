//! Forms of the query protocol, as every message of CloudWatch and every request of STS: no panic, and what decodes is validated, comes
//! back the same through the other formats, and is written as XML whose elements are closed.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use millrace_api::{Service, Shape, cloudwatch, sts};
use millrace_fuzz::{Body, hold};
use millrace_wire::Codec;
use millrace_wire::query::parameter;

const CLOUDWATCH: &Service = &cloudwatch::SERVICE;
const STS: &Service = &sts::SERVICE;

fuzz_target!(|data: &[u8]| {
    let Some((choice, form)) = data.split_first() else {
        return;
    };
    let messages = CLOUDWATCH
        .operations
        .iter()
        .flat_map(|operation| [operation.input, operation.output]);
    let requests = STS.operations.iter().map(|operation| operation.input);
    let shapes: Vec<&'static Shape> = messages.chain(requests).flatten().collect();
    let shape = shapes[usize::from(*choice) % shapes.len()];
    if let Ok(text) = std::str::from_utf8(form) {
        let _ = parameter(text, "Action");
    }
    let body = Body {
        shape,
        bytes: Bytes::copy_from_slice(form),
    };
    // NaN is a value that does not equal itself, and comes back all the same.
    if form.windows(3).any(|word| word.eq_ignore_ascii_case(b"nan")) {
        let _ = Codec::QueryXml.decode(shape, &body.bytes);
        return;
    }
    let Some(value) = hold(Codec::QueryXml, &body) else {
        return;
    };
    let xml = String::from_utf8(Codec::QueryXml.encode(shape, &value)).expect("XML is text");
    let mut open = Vec::new();
    for piece in xml.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None => open.push(tag),
        }
    }
    assert!(open.is_empty());
});
