//! Any policy and any request: reading and deciding never panic and are bounded; a deny always wins, limits only limit,
//! and nobody but the owner gets what no policy allows.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use millrace_fuzz::{ACCOUNT, Ask};
use millrace_wire::policy::{
    Decision, Effect, Grants, Kind, Policy, Principal, Request, check_resource_policy, decide,
};

/// Longest message of a refusal; it repeats parts of the policy, never all of it.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;

fn fixed(effect: &str) -> [Policy; 1] {
    let text = format!(r#"{{"Statement": {{"Effect": "{effect}", "Action": "*", "Resource": "*"}}}}"#);
    [Policy::parse(&text, Kind::Identity).unwrap()]
}

static ALLOWS: LazyLock<[Policy; 1]> = LazyLock::new(|| fixed("Allow"));
static DENIES: LazyLock<[Policy; 1]> = LazyLock::new(|| fixed("Deny"));

fuzz_target!(|data: &[u8]| {
    let Some(ask) = Ask::parse(data) else { return };
    let policy = match Policy::parse(ask.policy, ask.kind) {
        Ok(policy) => policy,
        Err(error) => {
            let shown = error.to_string();
            assert!(
                !error.message.is_empty() && shown.len() < MESSAGE_BYTES_MAX,
                "{shown}"
            );
            return;
        }
    };
    assert_eq!(policy.text(), ask.policy);
    let _ = check_resource_policy(&policy, ask.resource, &[ask.action]);
    let context = ask.context();
    let request = Request {
        principal: &ask.principal,
        action: ask.action,
        resource: ask.resource,
        context: &context,
    };
    let effect = policy.evaluate(&request);
    assert_eq!(policy.clone().evaluate(&request), effect);
    if ask.kind == Kind::Identity {
        of_identity(&policy, effect, &request);
    } else {
        of_resource(&policy, effect, &request);
    }
});

fn of_identity(policy: &Policy, effect: Effect, request: &Request<'_>) {
    let only = std::slice::from_ref(policy);
    let identity = Grants {
        identity: only,
        ..Grants::default()
    };
    let account = request.principal.account();
    let owner = matches!(request.principal, Principal::Root { .. });
    let may = |grants: &Grants<'_>| decide(grants, ACCOUNT, request).is_allowed();
    let expected = account.is_some() && effect != Effect::Deny && (owner || effect == Effect::Allow);
    assert_eq!(may(&identity), expected, "{effect:?}");
    // As a limit it grants nothing, and takes away whatever it does not allow.
    let limited = [
        Grants {
            identity: &*ALLOWS,
            boundary: Some(only),
            ..Grants::default()
        },
        Grants {
            identity: &*ALLOWS,
            session: Some(only),
            ..Grants::default()
        },
    ];
    for grants in limited {
        assert_eq!(
            may(&grants),
            account.is_some() && effect == Effect::Allow,
            "{effect:?}"
        );
    }
    let elsewhere = decide(&identity, "999999999999", request);
    assert!(
        !elsewhere.is_allowed(),
        "let into another account without its policy"
    );
}

fn of_resource(policy: &Policy, effect: Effect, request: &Request<'_>) {
    let with = |identity: &'static [Policy]| {
        let grants = Grants {
            identity,
            resource: Some(policy),
            ..Grants::default()
        };
        [ACCOUNT, "999999999999"].map(|account| decide(&grants, account, request))
    };
    for decision in with(&*DENIES) {
        assert!(!decision.is_allowed(), "a deny was overruled");
    }
    for decision in with(&*ALLOWS).into_iter().chain(with(&[])) {
        match decision {
            Decision::Allow => assert_ne!(effect, Effect::Deny),
            Decision::Deny(denial) => {
                let said = denial.message("arn", request.action, "r");
                assert!(
                    said.starts_with("User: arn is not authorized to perform: "),
                    "{said}"
                );
                assert!(!denial.explicit || effect == Effect::Deny, "{said}");
            }
        }
    }
    let [_, elsewhere] = with(&*ALLOWS);
    assert_eq!(
        elsewhere.is_allowed(),
        effect == Effect::Allow,
        "across accounts it takes both, and both allow"
    );
}
