//! Expressions against answers recorded from DynamoDB Local 2.6.1 (`testdata`), where it does as the service does, and
//! properties that hold for any text.

use millrace_api::dynamodb::{self as types, shapes};
use millrace_api::{Entries, Shape, Typed};
use millrace_wire::Codec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::ast::{Condition, Path};
use super::{ExpressionError, Placeholders, Role, apply, condition, project, projection, update};
use crate::dynamodb::model::{Item, item_from_wire, item_into_wire};

const WORLD: &str = include_str!("testdata/world.json");

fn decode<T: Typed>(shape: &'static Shape, json: &Json) -> T {
    let value = Codec::Json10
        .decode(shape, &serde_json::to_vec(json).unwrap().into())
        .unwrap();
    T::from_value(value).unwrap()
}

fn item_of(json: &Json) -> Item {
    item_from_wire(decode(&shapes::ATTRIBUTE_MAP, json)).unwrap()
}

fn json_of(item: &Item) -> Json {
    let value = item_into_wire(item).into_value();
    serde_json::from_slice(&Codec::Json10.encode(&shapes::ATTRIBUTE_MAP, &value)).unwrap()
}

struct World {
    item: Item,
    given: Placeholders,
}

fn world() -> World {
    let world: Json = serde_json::from_str(WORLD).unwrap();
    let values: Entries<types::AttributeValue> = decode(&shapes::ATTRIBUTE_MAP, &world["values"]);
    let names = world["names"].as_object().unwrap().iter();
    let names = names.map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()));
    World {
        item: item_of(&world["item"]),
        given: Placeholders::of(Some(Entries(names.collect())), Some(values)).unwrap(),
    }
}

/// Every line of a file: an expression, two spaces, an arrow, and what comes of it.
fn check(file: &str, run: impl Fn(&str) -> Result<String, ExpressionError>) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in file.lines().filter(|line| !line.starts_with("# ")) {
        let (text, expected) = line.split_once("  =>  ").unwrap();
        let found = run(text).unwrap_or_else(|ExpressionError(what)| {
            let prefixed = what.starts_with("Invalid ");
            what.split_once(": ")
                .filter(|_| prefixed)
                .map_or(what.clone(), |(_, rest)| rest.to_owned())
        });
        count += 1;
        if found != expected {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(
        wrong.is_empty() && count > 20,
        "{count} lines\n{}",
        wrong.join("\n")
    );
}

#[test]
fn conditions() {
    check(include_str!("testdata/conditions.txt"), |text| {
        let World { item, mut given } = world();
        condition(Role::Filter, text, &mut given).map(|condition| condition.holds(&item).to_string())
    });
}

#[test]
fn updates() {
    check(include_str!("testdata/updates.txt"), |text| {
        let World { item, mut given } = world();
        let update = update(text, &mut given)?;
        // The key is the table's business.
        if update.paths().any(|path| path.head == "k") {
            let what = "One or more parameter values were invalid: Cannot update attribute k. This attribute is part of \
                        the key";
            return Ok(what.to_owned());
        }
        let after = match apply(&update, &item) {
            Ok(after) => json_of(&after),
            Err(error) => return Ok(error.to_string()),
        };
        let before = json_of(&item);
        let mut different = json!({});
        for name in item.keys().chain(after.as_object().unwrap().keys()) {
            let (was, is) = (&before[name.as_str()], &after[name.as_str()]);
            if was != is {
                different[name.as_str()] = is.clone();
            }
        }
        Ok(different.to_string())
    });
}

#[test]
fn projections() {
    check(include_str!("testdata/projections.txt"), |text| {
        let World { item, mut given } = world();
        projection(text, &mut given).map(|projection| json_of(&project(&item, &projection)).to_string())
    });
}

#[test]
fn stored_forms_never_change() {
    let World { mut given, .. } = world();
    let stored = |text: &str, given: &mut Placeholders| {
        serde_json::to_string(&condition(Role::Condition, text, given).unwrap()).unwrap()
    };
    assert_eq!(
        stored("#k = :k AND NOT size(m.b[0]) < :n", &mut given),
        r#"[{"test":{"compare":["eq",{"path":{"head":"k"}},{"value":{"S":"a"}}]}},{"test":{"compare":["lt",{"size":{"head":"m","tail":["b",0]}},{"value":{"N":"1"}}]}},"not","and"]"#
    );
    assert_eq!(
        stored(
            "attribute_type(a, :N) OR attribute_exists(a) OR a IN (:n)",
            &mut given
        ),
        r#"[{"test":{"type":[{"path":{"head":"a"}},"N"]}},{"test":{"exists":{"head":"a"}}},"or",{"test":{"in":[{"path":{"head":"a"}},[{"value":{"N":"1"}}]]}},"or"]"#
    );
    let update = update(
        "SET a = if_not_exists(b, c) + :n REMOVE d[1] ADD e :n DELETE f :ss",
        &mut given,
    )
    .unwrap();
    assert_eq!(
        serde_json::to_string(&update).unwrap(),
        r#"{"actions":[{"set":[{"head":"a"},{"plus":[{"either":[{"head":"b"}],"or":{"path":{"head":"c"}}},{"or":{"value":{"N":"1"}}}]}]},{"remove":{"head":"d","tail":[1]}},{"add":[{"head":"e"},{"N":"1"}]},{"delete":[{"head":"f"},{"SS":["x","y"]}]}]}"#
    );
}

#[test]
fn bounds_are_those_of_the_service() {
    let read = |text: &str| {
        let World { mut given, .. } = world();
        condition(Role::Condition, text, &mut given).map_err(|ExpressionError(what)| what)
    };
    let many = |count: usize| vec!["a=:n"; count].join(" OR ");
    assert!(read(&many(150)).is_ok());
    assert!(
        read(&many(151))
            .unwrap_err()
            .ends_with("too many operators; operator count: 301")
    );
    assert!(
        read(&format!("{}a=:n", "NOT ".repeat(300)))
            .unwrap_err()
            .contains("operator count: 301")
    );
    let nested = (0..149).fold("a=:n".to_owned(), |inner, _| format!("({inner} OR a=:n)"));
    assert!(read(&nested).is_ok());
    assert!(
        read(&"f(".repeat(2000))
            .unwrap_err()
            .contains("operator count: 301")
    );
    assert!(read(&"(".repeat(4096)).unwrap_err().contains("<EOF>"));
    assert!(read(&format!("a IN ({})", vec![":n"; 100].join(","))).is_ok());
    assert!(
        read(&format!("a IN ({})", vec![":n"; 101].join(",")))
            .unwrap_err()
            .ends_with("number of operands: 101")
    );
    assert!(read(&format!("a{} = :n", "[0]".repeat(31))).is_ok());
    assert!(
        read(&format!("a{} = :n", "[0]".repeat(32)))
            .unwrap_err()
            .ends_with("nesting levels: 33")
    );
}

#[test]
fn placeholders_are_defined_and_used() {
    let of = |names: &[(&str, &str)], values: &[&str]| {
        let one = types::AttributeValue {
            n: Some("1".to_owned()),
            ..types::AttributeValue::default()
        };
        let names = names
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let values = values.iter().map(|k| ((*k).to_owned(), one.clone())).collect();
        Placeholders::of(Some(Entries(names)), Some(Entries(values)))
    };
    let refused = |names: &[(&str, &str)], values: &[&str]| of(names, values).unwrap_err().0;
    assert_eq!(
        refused(&[], &[":a"]),
        "ExpressionAttributeNames must not be empty"
    );
    assert_eq!(
        refused(&[("#a", "a")], &[]),
        "ExpressionAttributeValues must not be empty"
    );
    assert!(refused(&[("a", "a")], &[":a"]).ends_with("contains invalid key: Syntax error; key: \"a\""));
    assert!(refused(&[("#a", "")], &[":a"]).ends_with("Empty attribute name for key #a"));
    assert!(refused(&[("#a", "a")], &[": a"]).ends_with("Syntax error; key: \": a\""));
    let mut given = of(&[("#a", "a"), ("#b", "b")], &[":c", ":d"]).unwrap();
    let unused = |given: &Placeholders| given.check_used().unwrap_err().0;
    assert!(unused(&given).ends_with("ExpressionAttributeNames unused in expressions: keys: {#a, #b}"));
    condition(Role::Filter, "#a = #b", &mut given).unwrap();
    assert!(unused(&given).ends_with("ExpressionAttributeValues unused in expressions: keys: {:c, :d}"));
    condition(Role::Filter, "#a IN (:c, :d)", &mut given).unwrap();
    given.check_used().unwrap();
}

/// A truth table: what a condition should say, computed from its own tree.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Tree {
    fn value(&self) -> bool {
        match self {
            Self::Leaf(value) => *value,
            Self::Not(a) => !a.value(),
            Self::And(a, b) => a.value() && b.value(),
            Self::Or(a, b) => a.value() || b.value(),
        }
    }

    /// Its text with as few parentheses as it can have; `above` is how tight its surroundings bind.
    fn text(&self, above: u8) -> String {
        let (own, text) = match self {
            Self::Leaf(true) => return "attribute_exists(k)".to_owned(),
            Self::Leaf(false) => return "attribute_exists(nothing)".to_owned(),
            Self::Not(a) => (2, format!("NOT {}", a.text(2))),
            Self::And(a, b) => (1, format!("{} AND {}", a.text(1), b.text(2))),
            Self::Or(a, b) => (0, format!("{} OR {}", a.text(0), b.text(1))),
        };
        if own < above { format!("({text})") } else { text }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    any::<bool>()
        .prop_map(Tree::Leaf)
        .prop_recursive(6, 40, 2, |inner| {
            let two = || (inner.clone(), inner.clone());
            prop_oneof![
                inner.clone().prop_map(|a| Tree::Not(Box::new(a))),
                two().prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
                two().prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
            ]
        })
}

/// Words of the language in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "a",
        "l",
        "m",
        "#a",
        "#zz",
        ":n",
        ":s",
        ":l",
        ":ss",
        ":zz",
        "(",
        ")",
        "[",
        "]",
        "0",
        "2",
        ".",
        ",",
        "=",
        "<>",
        "<",
        ">=",
        "+",
        "-",
        "AND",
        "OR",
        "NOT",
        "BETWEEN",
        "IN",
        "SET",
        "REMOVE",
        "ADD",
        "DELETE",
        "size(",
        "contains(",
        "attribute_exists(",
        "attribute_type(",
        "if_not_exists(",
        "list_append(",
        "foo(",
        "name",
        "!",
        "é",
    ]);
    prop::collection::vec(words, 0..25).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn and_or_and_not_bind_as_they_should(tree in tree()) {
        let World { item, mut given } = world();
        let text = tree.text(0);
        let condition = condition(Role::Condition, &text, &mut given).unwrap();
        prop_assert_eq!(condition.holds(&item), tree.value(), "{}", text);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in prop_oneof![soup(), "\\PC{0,60}"]) {
        let World { item, mut given } = world();
        if let Ok(condition) = condition(Role::Condition, &text, &mut given) {
            let stored = serde_json::to_string(&condition).unwrap();
            let read: Condition = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&read, &condition);
            prop_assert_eq!(read.holds(&item), condition.holds(&item));
        }
        let _ = super::key_condition(&text, &mut given);
        if let Ok(projection) = projection(&text, &mut given) {
            let _ = project(&item, &projection);
        }
    }

    #[test]
    fn any_update_leaves_what_it_does_not_name(text in soup(), head in "(SET|REMOVE|ADD|DELETE) ") {
        let World { item, mut given } = world();
        let Ok(update) = update(&format!("{head}{text}"), &mut given) else { return Ok(()) };
        let named: Vec<Path> = update.paths().cloned().collect();
        if let Ok(after) = apply(&update, &item) {
            for (name, value) in &item {
                if named.iter().all(|path| path.head != *name) {
                    prop_assert_eq!(after.get(name), Some(value));
                }
            }
            prop_assert!(after.keys().all(|name| item.contains_key(name) || named.iter().any(|p| p.head == *name)));
        }
    }
}
