//! Every combination of what the policies can say, and the words of a denial.

use super::super::{
    Context, Decision, Denial, Effect, Grants, Kind, Policy, Principal, Request, Source, decide,
};
use super::{ACCOUNT, OTHER, policy, principal};

const ARN: &str = "arn:aws:kinesis:us-east-1:111122223333:stream/s";

fn statement(effect: &str, principal: &str) -> String {
    format!(r#"{{"Effect": "{effect}", {principal} "Action": "kinesis:*", "Resource": "{ARN}"}}"#)
}

fn document(statement: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#)
}

fn identity(effect: Effect) -> Policy {
    let text = match effect {
        Effect::Allow => statement("Allow", ""),
        Effect::Deny => statement("Deny", ""),
        Effect::Silent => statement("Allow", "").replace("kinesis:*", "firehose:*"),
    };
    policy(&document(&text), Kind::Identity)
}

/// How the resource's policy stands to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfResource {
    Absent,
    Silent,
    Denies,
    AllowsAccount,
    AllowsRole,
    AllowsDirectly,
}

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/r/s";

fn of_resource(how: OfResource, account: &str) -> Option<Policy> {
    let named = |arn: &str| format!(r#""Principal": {{"AWS": "{}"}},"#, arn.replace(ACCOUNT, account));
    let role = "arn:aws:iam::111122223333:role/r";
    let text = match how {
        OfResource::Absent => return None,
        OfResource::Silent => statement("Allow", &named("999999999999")),
        OfResource::Denies => statement("Deny", &named(SESSION)),
        OfResource::AllowsAccount => statement("Allow", &named(ACCOUNT)),
        OfResource::AllowsRole => statement("Allow", &named(role)),
        OfResource::AllowsDirectly => statement("Allow", &named(SESSION)),
    };
    Some(policy(&document(&text), Kind::Resource))
}

/// The user guide's flow chart and its table for resource policies, written down a second time.
fn expected(own: bool, identity: Effect, limits: [Option<Effect>; 2], resource: OfResource) -> bool {
    let denies =
        identity == Effect::Deny || limits.contains(&Some(Effect::Deny)) || resource == OfResource::Denies;
    let within = limits
        .iter()
        .all(|limit| limit.is_none_or(|effect| effect == Effect::Allow));
    let may = identity == Effect::Allow;
    !denies
        && match (own, resource) {
            (_, OfResource::Denies) => false,
            (true, OfResource::AllowsDirectly) => true,
            (true, OfResource::AllowsRole) => within,
            (true, _) => may && within,
            (false, OfResource::Absent | OfResource::Silent) => false,
            (false, _) => may && within,
        }
}

#[test]
fn every_combination_is_decided_as_the_flow_chart_says() {
    let effects = [Effect::Allow, Effect::Deny, Effect::Silent];
    let limits = [
        None,
        Some(Effect::Allow),
        Some(Effect::Deny),
        Some(Effect::Silent),
    ];
    let resources = [
        OfResource::Absent,
        OfResource::Silent,
        OfResource::Denies,
        OfResource::AllowsAccount,
        OfResource::AllowsRole,
        OfResource::AllowsDirectly,
    ];
    let mut seen = 0;
    for account in [ACCOUNT, OTHER] {
        let who = principal(&SESSION.replace(ACCOUNT, account));
        let context = Context::new().principal(&who, "aws");
        let request = Request {
            principal: &who,
            action: "kinesis:PutRecord",
            resource: ARN,
            context: &context,
        };
        for (i, b, s, r) in combinations(&effects, &limits, &resources) {
            let policies = [identity(i)];
            let boundary = b.map(|effect| [identity(effect)]);
            let session = s.map(|effect| [identity(effect)]);
            let resource = of_resource(r, account);
            let grants = Grants {
                identity: &policies,
                boundary: boundary.as_ref().map(<[_; 1]>::as_slice),
                session: session.as_ref().map(<[_; 1]>::as_slice),
                resource: resource.as_ref(),
            };
            let found = decide(&grants, ACCOUNT, &request);
            let wanted = expected(account == ACCOUNT, i, [b, s], r);
            assert_eq!(
                found.is_allowed(),
                wanted,
                "{account} {i:?} {b:?} {s:?} {r:?}: {found:?}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 2 * 3 * 4 * 4 * 6);
}

type Combination = (Effect, Option<Effect>, Option<Effect>, OfResource);

fn combinations<'a>(
    effects: &'a [Effect],
    limits: &'a [Option<Effect>],
    resources: &'a [OfResource],
) -> impl Iterator<Item = Combination> + 'a {
    effects.iter().flat_map(move |i| {
        limits.iter().flat_map(move |b| {
            let with_session = limits.iter().map(move |s| (*i, *b, *s));
            with_session.flat_map(move |(i, b, s)| resources.iter().map(move |r| (i, b, s, *r)))
        })
    })
}

#[test]
fn the_owner_of_the_account_needs_no_policy_and_obeys_a_deny() {
    let who = Principal::Root {
        account: ACCOUNT.to_owned(),
    };
    let context = Context::new();
    let request = Request {
        principal: &who,
        action: "kinesis:DeleteStream",
        resource: ARN,
        context: &context,
    };
    assert_eq!(decide(&Grants::default(), ACCOUNT, &request), Decision::Allow);
    let denies = [identity(Effect::Deny)];
    let grants = Grants {
        identity: &denies,
        ..Grants::default()
    };
    assert!(!decide(&grants, ACCOUNT, &request).is_allowed());
    assert!(!decide(&Grants::default(), OTHER, &request).is_allowed());
}

#[test]
fn denials_are_worded_as_aws_words_them() {
    let all = [
        (
            false,
            Source::Identity,
            "because no identity-based policy allows the kinesis:PutRecord action",
        ),
        (
            false,
            Source::Boundary,
            "because no permissions boundary allows the kinesis:PutRecord action",
        ),
        (
            false,
            Source::Session,
            "because no session policy allows the kinesis:PutRecord action",
        ),
        (
            false,
            Source::Resource,
            "because no resource-based policy allows the kinesis:PutRecord action",
        ),
        (
            false,
            Source::Trust,
            "because no role trust policy allows the kinesis:PutRecord action",
        ),
        (
            true,
            Source::Identity,
            "with an explicit deny in an identity-based policy",
        ),
        (
            true,
            Source::Boundary,
            "with an explicit deny in a permissions boundary",
        ),
        (true, Source::Session, "with an explicit deny in a session policy"),
        (
            true,
            Source::Resource,
            "with an explicit deny in a resource-based policy",
        ),
        (
            true,
            Source::Trust,
            "with an explicit deny in the role trust policy",
        ),
    ];
    let ana = "arn:aws:iam::111122223333:user/ana";
    for (explicit, by, why) in all {
        let denial = Denial { explicit, by };
        assert_eq!(
            denial.message(ana, "kinesis:PutRecord", ARN),
            format!("User: {ana} is not authorized to perform: kinesis:PutRecord on resource: {ARN} {why}")
        );
        assert_eq!(
            denial.message(ana, "kinesis:PutRecord", "*"),
            format!("User: {ana} is not authorized to perform: kinesis:PutRecord {why}")
        );
    }
}

#[test]
fn principals_have_the_arns_of_aws() {
    let ana = principal("arn:aws:iam::111122223333:user/division/ana");
    assert_eq!(
        ana.arn("aws-cn"),
        "arn:aws-cn:iam::111122223333:user/division/ana"
    );
    assert_eq!((ana.user_name(), ana.account()), (Some("ana"), Some(ACCOUNT)));
    let session = Principal::AssumedRole {
        account: ACCOUNT.to_owned(),
        role: "service-role/reader".to_owned(),
        session: "nightly".to_owned(),
    };
    assert_eq!(
        session.arn("aws"),
        "arn:aws:sts::111122223333:assumed-role/reader/nightly"
    );
    assert_eq!(
        session.identity_arn("aws"),
        "arn:aws:iam::111122223333:role/service-role/reader"
    );
    let firehose = principal("firehose.amazonaws.com");
    assert_eq!(
        (firehose.arn("aws").as_str(), firehose.account()),
        ("firehose.amazonaws.com", None)
    );
    assert_eq!(Principal::Anonymous.arn("aws"), "anonymous");
}

#[test]
fn a_role_with_a_path_is_known_by_its_role_arn_and_its_session_arn() {
    let who = Principal::AssumedRole {
        account: ACCOUNT.to_owned(),
        role: "service-role/reader".to_owned(),
        session: "nightly".to_owned(),
    };
    let context = Context::new();
    let request = Request {
        principal: &who,
        action: "kinesis:PutRecord",
        resource: ARN,
        context: &context,
    };
    let allows = |arn: &str| {
        let text = document(&statement(
            "Allow",
            &format!(r#""Principal": {{"AWS": "{arn}"}},"#),
        ));
        policy(&text, Kind::Resource).evaluate(&request) == Effect::Allow
    };
    assert!(allows("arn:aws:iam::111122223333:role/service-role/reader"));
    assert!(allows("arn:aws-cn:sts::111122223333:assumed-role/reader/nightly"));
    assert!(!allows("arn:aws:iam::111122223333:role/reader"));
    assert!(!allows("arn:aws:iam::444455556666:role/service-role/reader"));
    assert!(!allows("arn:aws:iam::111122223333:role/other/reader"));
    assert!(!allows("arn:aws:sts::444455556666:assumed-role/reader/nightly"));
    assert!(!allows("arn:aws:iam::111122223333:user/service-role/reader"));
}
