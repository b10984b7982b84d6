//! What an account may have, as the state decides it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use millrace_access::AccessState;
use millrace_access::limits::{KEYS_MAX, USER_INLINE_CHARS_MAX};
use millrace_access::state::{AccessKey, Command, Holder, Of, Outcome};
use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use millrace_wire::ApiError;

const ACCOUNT: &str = "000000000000";

fn apply(state: &mut AccessState, command: Command) -> Outcome {
    let at = Applied {
        index: 1,
        time: Timestamp(1),
    };
    state.apply(at, command)
}

fn with_user() -> AccessState {
    let mut state = AccessState::default();
    let holder = Holder {
        path: "/".to_owned(),
        id: "AIDA".to_owned(),
        created: Timestamp(1),
        tags: BTreeMap::new(),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        role: None,
    };
    let command = Command::Create {
        account: ACCOUNT.to_owned(),
        of: Of::User,
        name: "ana".to_owned(),
        holder: Box::new(holder),
    };
    apply(&mut state, command).unwrap();
    state
}

fn inline(policy: &str, text: String) -> Command {
    Command::SetInline {
        account: ACCOUNT.to_owned(),
        of: Of::User,
        name: "ana".to_owned(),
        policy: policy.to_owned(),
        text: Some(text),
    }
}

#[test]
fn inline_policies_have_a_size_together_and_white_space_is_free() {
    let mut state = with_user();
    let half = "x".repeat(USER_INLINE_CHARS_MAX / 2);
    apply(&mut state, inline("a", half.clone())).unwrap();
    apply(&mut state, inline("b", format!("{half}\n  \n"))).unwrap();
    let refused = apply(&mut state, inline("c", "x".to_owned())).unwrap_err();
    assert_eq!(ApiError::from(refused).code, "LimitExceeded");
    // One that takes the place of another counts alone.
    apply(&mut state, inline("a", half)).unwrap();
}

#[test]
fn a_user_has_so_many_keys() {
    let mut state = with_user();
    let key = |id: usize| Command::CreateKey {
        id: format!("AKIA{id}"),
        key: AccessKey {
            account: ACCOUNT.to_owned(),
            user: "ana".to_owned(),
            sealed: String::new(),
            active: true,
            created: Timestamp(1),
        },
    };
    for id in 0..KEYS_MAX {
        apply(&mut state, key(id)).unwrap();
    }
    let refused = apply(&mut state, key(KEYS_MAX)).unwrap_err();
    assert_eq!(ApiError::from(refused).code, "LimitExceeded");
}
