//! Ways in for fuzz targets; no part of the service's interface.

use std::collections::BTreeSet;

use millrace_api::{Entries, dynamodb as types};

use super::expression::{self, Placeholders, Role, apply, project};
use super::limits::{ITEM_BYTES_MAX, NESTING_MAX};
use super::model::value::item_size;
use super::model::{AttributeValue, Item, Number};

/// An item with something of every type, at the names that seeds use.
fn item() -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u32| AttributeValue::N(Number::from(number));
    let map = Item::from([
        ("a".to_owned(), text("x")),
        ("b".to_owned(), AttributeValue::L(vec![number(1)])),
    ]);
    let entries = [
        ("k", text("key")),
        ("s", text("xyz")),
        ("n", number(5)),
        ("t", AttributeValue::Bool(true)),
        (
            "l",
            AttributeValue::L(vec![text("x"), number(1), AttributeValue::M(map.clone())]),
        ),
        ("m", AttributeValue::M(map)),
        (
            "ss",
            AttributeValue::Ss(BTreeSet::from(["x".to_owned(), "z".to_owned()])),
        ),
        ("ns", AttributeValue::Ns(BTreeSet::from([Number::from(1)]))),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// `:s`, `:n`, `:ss`, `:l` and `#a`.
fn given() -> Placeholders {
    let of = |set: fn(&mut types::AttributeValue)| {
        let mut value = types::AttributeValue::default();
        set(&mut value);
        value
    };
    let values = [
        (":s", of(|v| v.s = Some("x".to_owned()))),
        (":n", of(|v| v.n = Some("1".to_owned()))),
        (":ss", of(|v| v.ss = Some(vec!["x".to_owned()]))),
        (":l", of(|v| v.l = Some(Vec::new()))),
    ];
    let values = values
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let names = Entries(vec![("#a".to_owned(), "a.b".to_owned())]);
    Placeholders::of(Some(names), Some(Entries(values))).unwrap_or_default()
}

/// Any text as each kind of expression: what reads is stored and read back as the same, and evaluated within the
/// bounds of an item.
pub fn expressions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (item, mut given) = (item(), given());
    for role in [Role::Condition, Role::Filter] {
        if let Ok(condition) = expression::condition(role, text, &mut given) {
            let stored = serde_json::to_vec(&condition).unwrap_or_default();
            assert_eq!(serde_json::from_slice(&stored).ok().as_ref(), Some(&condition));
            let _ = condition.holds(&item);
        }
    }
    let _ = expression::key_condition(text, &mut given);
    if let Ok(projection) = expression::projection(text, &mut given) {
        assert!(item_size(&project(&item, &projection)) <= item_size(&item));
    }
    if let Ok(update) = expression::update(text, &mut given) {
        let stored = serde_json::to_vec(&update).unwrap_or_default();
        assert_eq!(serde_json::from_slice(&stored).ok().as_ref(), Some(&update));
        if let Ok(after) = apply(&update, &item) {
            assert!(item_size(&after) <= item_size(&item) + ITEM_BYTES_MAX + 64 * 4096);
            assert!(after.values().all(|value| value.nesting() <= NESTING_MAX));
        }
    }
    if let Ok(number) = text.parse::<Number>() {
        assert_eq!(number.to_string().parse(), Ok(number));
    }
}
