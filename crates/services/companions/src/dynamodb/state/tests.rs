//! The state by itself: random writes against a model, what is derived from items, snapshots, tokens.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use proptest::prelude::*;

use super::*;
use crate::dynamodb::expression::{Placeholders, Role, condition, update};
use crate::dynamodb::limits::TOKEN_LIFE;
use crate::dynamodb::model::{AttributeValue, Item, KeyAttribute, KeySchema, Number, ScalarType};

fn at(time: u64) -> Applied {
    Applied {
        index: 0,
        time: Timestamp(time),
    }
}

fn key() -> TableKey {
    TableKey::new("000000000000", "us-east-1", "leases")
}

fn attribute(name: &str, kind: ScalarType) -> KeyAttribute {
    KeyAttribute {
        name: name.to_owned(),
        kind,
    }
}

fn index(name: &str, hash: &str, range: Option<&str>, projected: Projected) -> IndexDefinition {
    IndexDefinition {
        name: name.to_owned(),
        key: KeySchema {
            hash: attribute(hash, ScalarType::S),
            range: range.map(|name| attribute(name, ScalarType::S)),
        },
        projected,
        global: true,
        throughput: None,
    }
}

/// Key `k`; indexes by `owner` and `k`, and by `n` as a text, which it mostly is not.
fn state() -> DynamodbState {
    let mut state = DynamodbState::default();
    let table = NewTable {
        id: "id".to_owned(),
        attributes: ["k", "holder", "n"]
            .map(|name| attribute(name, ScalarType::S))
            .to_vec(),
        key: KeySchema {
            hash: attribute("k", ScalarType::S),
            range: None,
        },
        billing: Billing::OnDemand,
        indexes: vec![
            index("by_owner", "holder", Some("k"), Projected::Keys),
            index("by_n", "n", None, Projected::All),
        ],
        deletion_protection: false,
        tags: BTreeMap::new(),
        class: None,
    };
    state
        .apply(at(1), Command::CreateTable { key: key(), table })
        .unwrap();
    state
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn item(k: u8, owner: Option<u8>) -> Item {
    let mut item = Item::from([("k".to_owned(), text(&format!("lease-{k}")))]);
    item.extend(owner.map(|owner| ("holder".to_owned(), text(&format!("worker-{owner}")))));
    item
}

fn write(change: Change, holds: Option<&str>) -> Write {
    let mut given = Placeholders::default();
    Write {
        table: key(),
        change,
        condition: holds.map(|text| condition(Role::Condition, text, &mut given).unwrap()),
    }
}

fn set_owner(k: u8, owner: u8) -> Change {
    let mut given = Placeholders::default();
    let mut update = update("SET holder = k", &mut given).unwrap();
    for action in &mut update.actions {
        use crate::dynamodb::expression::ast::{Action, Assigned, Source, Term};
        if let Action::Set(_, Assigned::Is(Source { or, .. })) = action {
            *or = Term::Value(text(&format!("worker-{owner}")).into());
        }
    }
    Change::Update(item(k, None), update)
}

/// Everything derived must be what it would be if it were made anew from the items.
fn check_derived(state: &DynamodbState) {
    let json = serde_json::to_string(state).unwrap();
    let again: DynamodbState = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), json);
    assert_eq!(again.bytes(), state.bytes());
    let (table, fresh) = (state.table(&key()).unwrap(), again.table(&key()).unwrap());
    assert_eq!(table.items, fresh.items);
    for (index, fresh) in table.indexes.iter().zip(&fresh.indexes) {
        assert_eq!((&index.entries, index.bytes()), (&fresh.entries, fresh.bytes()));
    }
    let owned = table
        .items
        .values()
        .filter(|item| item.contains_key("holder"))
        .count();
    assert_eq!(table.indexes[0].len(), owned);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Option<u8>),
    PutNew(u8, Option<u8>),
    Take(u8, u8),
    Delete(u8),
    /// A transaction of puts that fails where one of the keys is there already.
    Both(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let k = || 0u8..6;
    let owner = || prop::option::of(0u8..3);
    prop_oneof![
        (k(), owner()).prop_map(|(k, o)| Step::Put(k, o)),
        (k(), owner()).prop_map(|(k, o)| Step::PutNew(k, o)),
        (k(), 0u8..3).prop_map(|(k, o)| Step::Take(k, o)),
        k().prop_map(Step::Delete),
        (k(), k()).prop_map(|(a, b)| Step::Both(a, b)),
    ]
}

const NEW: Option<&str> = Some("attribute_not_exists(k)");

proptest! {
    #[test]
    fn writes_do_what_a_map_does(steps in prop::collection::vec(step(), 1..40)) {
        let mut state = state();
        let mut model: BTreeMap<u8, Option<u8>> = BTreeMap::new();
        for step in steps {
            let one = |state: &mut DynamodbState, write| state.apply(at(2), Command::Write { writes: vec![write] });
            match step {
                Step::Put(k, owner) => {
                    one(&mut state, write(Change::Put(item(k, owner)), None)).unwrap();
                    model.insert(k, owner);
                }
                Step::PutNew(k, owner) => {
                    let done = one(&mut state, write(Change::Put(item(k, owner)), NEW));
                    prop_assert_eq!(done.is_ok(), !model.contains_key(&k));
                    model.entry(k).or_insert(owner);
                }
                Step::Take(k, owner) => {
                    one(&mut state, write(set_owner(k, owner), None)).unwrap();
                    model.insert(k, Some(owner));
                }
                Step::Delete(k) => {
                    one(&mut state, write(Change::Delete(item(k, None)), None)).unwrap();
                    model.remove(&k);
                }
                Step::Both(a, b) => {
                    let writes = [a, b].map(|k| write(Change::Put(item(k, Some(9))), NEW)).to_vec();
                    let done = state.apply(at(2), Command::Transact { token: None, writes });
                    let free = a != b && !model.contains_key(&a) && !model.contains_key(&b);
                    prop_assert_eq!(done.is_ok(), free);
                    if free {
                        model.extend([(a, Some(9)), (b, Some(9))]);
                    }
                }
            }
            let expected: Vec<Item> = model.iter().map(|(k, owner)| item(*k, *owner)).collect();
            let table = state.table(&key()).unwrap();
            let mut found: Vec<Item> = table.items.values().map(|item| Item::clone(item)).collect();
            found.sort_by_key(|item| format!("{:?}", item["k"]));
            prop_assert_eq!(found, expected);
            check_derived(&state);
        }
    }
}

#[test]
fn a_cancelled_transaction_tells_each_reason_and_changes_nothing() {
    let mut state = state();
    let there = Command::Write {
        writes: vec![write(Change::Put(item(1, Some(1))), None)],
    };
    state.apply(at(2), there).unwrap();
    let before = serde_json::to_string(&state).unwrap();
    let writes = vec![
        write(Change::Put(item(2, None)), None),
        write(Change::Check(item(1, None)), NEW),
        write(
            Change::Put(Item::from([("k".to_owned(), AttributeValue::N(Number::ZERO))])),
            None,
        ),
    ];
    let refusal = state
        .apply(at(3), Command::Transact { token: None, writes })
        .unwrap_err();
    assert!(
        refusal
            .to_string()
            .ends_with("[None, ConditionalCheckFailed, ValidationError]"),
        "{refusal}"
    );
    let Refusal::Cancelled(reasons) = refusal else {
        panic!()
    };
    assert_eq!(
        **reasons[1].as_ref().unwrap().item.as_ref().unwrap(),
        StoredItem::new(item(1, Some(1)))
    );
    assert_eq!(serde_json::to_string(&state).unwrap(), before);
}

#[test]
fn a_token_makes_a_repetition_harmless_for_ten_minutes() {
    let mut state = state();
    let token = |fingerprint: &str| {
        Some(Token {
            account: "0".to_owned(),
            region: "r".to_owned(),
            token: "t".to_owned(),
            fingerprint: fingerprint.to_owned(),
        })
    };
    let mut transact = |time, fingerprint| {
        let writes = vec![write(Change::Put(item(1, None)), NEW)];
        let done = state.apply(
            at(time),
            Command::Transact {
                token: token(fingerprint),
                writes,
            },
        );
        let json = serde_json::to_string(&state).unwrap();
        state = serde_json::from_str(&json).unwrap();
        done
    };
    let life = u64::try_from(TOKEN_LIFE.as_millis()).unwrap();
    assert!(matches!(transact(10, "a"), Ok(Changed::Items(_))));
    assert!(matches!(transact(20, "a"), Ok(Changed::Before)));
    assert!(matches!(transact(20, "b"), Err(Refusal::TokenMismatch)));
    assert!(matches!(transact(9 + life, "a"), Ok(Changed::Before)));
    // Forgotten, so that it is tried again.
    assert!(matches!(transact(10 + life, "a"), Err(Refusal::Cancelled(_))));
}

#[test]
fn an_index_is_made_of_what_is_there_and_dropped_again() {
    let mut state = state();
    let writes = (0..9)
        .map(|k| write(Change::Put(item(k, Some(k % 3))), None))
        .collect();
    state.apply(at(2), Command::Write { writes }).unwrap();
    let change = |state: &mut DynamodbState, update| {
        let update = TableUpdate {
            indexes: vec![update],
            ..TableUpdate::default()
        };
        state.apply(at(3), Command::UpdateTable { key: key(), update })
    };
    let more = index("more", "holder", None, Projected::Some(vec!["x".to_owned()]));
    change(&mut state, IndexUpdate::Create(more.clone())).unwrap();
    assert!(matches!(
        change(&mut state, IndexUpdate::Create(more)),
        Err(Refusal::Invalid(_))
    ));
    check_derived(&state);
    assert_eq!(state.table(&key()).unwrap().indexes[2].len(), 9);
    change(&mut state, IndexUpdate::Delete("by_owner".to_owned())).unwrap();
    let refused = change(&mut state, IndexUpdate::Delete("by_owner".to_owned()));
    assert!(matches!(refused, Err(Refusal::IndexNotFound(_))));
    let definition = Arc::clone(state.table(&key()).unwrap().definition());
    let names: Vec<&str> = definition
        .indexes
        .iter()
        .map(|index| index.name.as_str())
        .collect();
    assert_eq!(names, ["by_n", "more"]);
    assert!(
        definition.attributes.iter().any(|a| a.name == "holder"),
        "still the key of another index"
    );
    change(&mut state, IndexUpdate::Delete("more".to_owned())).unwrap();
    let definition = state.table(&key()).unwrap().definition();
    assert!(
        definition.attributes.iter().all(|a| a.name != "holder"),
        "of no key any more"
    );
}

#[test]
fn a_wrong_kind_of_attribute_has_no_place_in_an_index_that_comes_later() {
    let mut state = state();
    let mut odd = item(1, None);
    odd.insert("later".to_owned(), AttributeValue::N(Number::ZERO));
    state
        .apply(
            at(2),
            Command::Write {
                writes: vec![write(Change::Put(odd), None)],
            },
        )
        .unwrap();
    let update = TableUpdate {
        indexes: vec![IndexUpdate::Create(index("late", "later", None, Projected::All))],
        ..TableUpdate::default()
    };
    state
        .apply(at(3), Command::UpdateTable { key: key(), update })
        .unwrap();
    assert_eq!(state.table(&key()).unwrap().indexes[2].len(), 0);
    // It stays as it is, and can be changed elsewhere.
    state
        .apply(
            at(4),
            Command::Write {
                writes: vec![write(set_owner(1, 1), None)],
            },
        )
        .unwrap();
    check_derived(&state);
}

#[test]
fn what_is_stored_has_one_form() {
    let mut state = DynamodbState::default();
    let full = self::state();
    state.tables.extend(full.tables);
    state
        .apply(
            at(2),
            Command::Write {
                writes: vec![write(Change::Put(item(1, Some(2))), None)],
            },
        )
        .unwrap();
    let stored = r#"{"tables":[{"key":{"account":"000000000000","region":"us-east-1","name":"leases"},"definition":{"id":"id","created":1,"attributes":[{"name":"k","type":"S"},{"name":"holder","type":"S"},{"name":"n","type":"S"}],"key":{"hash":{"name":"k","type":"S"}},"billing":"on_demand","on_demand_since":1,"indexes":[{"name":"by_owner","key":{"hash":{"name":"holder","type":"S"},"range":{"name":"k","type":"S"}},"projected":"keys","global":true},{"name":"by_n","key":{"hash":{"name":"n","type":"S"}},"projected":"all","global":true}],"deletion_protection":false},"items":[{"holder":{"S":"worker-2"},"k":{"S":"lease-1"}}]}],"tokens":[]}"#;
    assert_eq!(serde_json::to_string(&state).unwrap(), stored);
    let command = Command::Write {
        writes: vec![write(Change::Delete(item(1, None)), NEW)],
    };
    let stored = r#"{"write":{"writes":[{"table":{"account":"000000000000","region":"us-east-1","name":"leases"},"change":{"delete":{"k":{"S":"lease-1"}}},"condition":[{"test":{"not_exists":{"head":"k"}}}]}]}}"#;
    assert_eq!(serde_json::to_string(&command).unwrap(), stored);
    assert!(serde_json::from_str::<Command>(stored).is_ok());
}
