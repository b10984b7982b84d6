//! What holds of any input: matching is what the words say, negation is negation, and nothing breaks.

use proptest::prelude::*;

use super::super::glob::{Glob, Part};
use super::super::{Context, Effect, Kind, Policy, Principal, Request};
use super::{ACCOUNT, policy};

/// The definition itself: try everything.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
        Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
        Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
    }
}

fn glob(pattern: &str) -> Glob {
    Glob::new(pattern.char_indices().map(|(at, c)| match c {
        '*' => Part::Any,
        '?' => Part::One,
        c => Part::Text(&pattern[at..at + c.len_utf8()]),
    }))
}

fn ana() -> Principal {
    Principal::User {
        account: ACCOUNT.to_owned(),
        name: "ana".to_owned(),
    }
}

fn effect(policy: &Policy, action: &str, resource: &str) -> Effect {
    let (principal, context) = (ana(), Context::new());
    policy.evaluate(&Request {
        principal: &principal,
        action,
        resource,
        context: &context,
    })
}

fn one(members: &str) -> Policy {
    policy(
        &format!(r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {members}}}}}"#),
        Kind::Identity,
    )
}

proptest! {
    #[test]
    fn patterns_match_what_their_definition_says(pattern in "[abé*?]{0,9}", text in "[abé]{0,9}") {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        prop_assert_eq!(glob(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)), "{} {}", pattern, text);
    }

    #[test]
    fn a_pattern_without_wildcards_is_itself(text in "\\PC{0,12}", other in "\\PC{0,12}") {
        let exact = Glob::new([Part::Text(&text)]);
        prop_assert!(exact.matches(&text));
        prop_assert_eq!(exact.matches(&other), text == other);
        prop_assert_eq!(exact.literal(), Some(text.as_str()));
    }

    #[test]
    fn not_action_and_not_resource_are_the_opposite(
        action in "(kinesis|sts):[a-c*?]{1,4}",
        asked in "(kinesis|sts):[a-c]{1,4}",
        resource in "[a-c*?]{1,4}",
        named in "[a-c]{1,4}",
    ) {
        let (pattern, arn) = (format!("arn:aws:kinesis:r:1:{resource}"), format!("arn:aws:kinesis:r:1:{named}"));
        let says = |members: String| effect(&one(&members), &asked, &arn) == Effect::Allow;
        let of_action = says(format!(r#""Action": "{action}", "Resource": "*""#));
        prop_assert_ne!(of_action, says(format!(r#""NotAction": "{action}", "Resource": "*""#)));
        let of_resource = says(format!(r#""Action": "*", "Resource": "{pattern}""#));
        prop_assert_ne!(of_resource, says(format!(r#""Action": "*", "NotResource": "{pattern}""#)));
        let both = says(format!(r#""Action": "{action}", "Resource": "{pattern}""#));
        prop_assert_eq!(both, of_action && of_resource);
    }

    #[test]
    fn capitals_of_an_action_never_matter(action in "kinesis:[A-Za-z]{1,6}", resource in "[a-z]{1,3}") {
        let allows = one(&format!(r#""Action": "{}", "Resource": "*""#, action.to_ascii_uppercase()));
        prop_assert_eq!(effect(&allows, &action, &format!("arn:aws:kinesis:r:1:{resource}")), Effect::Allow);
    }

    #[test]
    fn a_deny_wins_wherever_it_stands(at in 0usize..5) {
        let allow = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        let mut all = vec![allow.to_owned(); 5];
        all[at] = allow.replace("Allow", "Deny");
        let document = format!(r#"{{"Statement": [{}]}}"#, all.join(","));
        prop_assert_eq!(effect(&policy(&document, Kind::Identity), "a:b", "*"), Effect::Deny);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", kind in 0u8..3) {
        let kind = [Kind::Identity, Kind::Resource, Kind::Trust][usize::from(kind)];
        if let Err(error) = Policy::parse(&text, kind) {
            prop_assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn any_change_of_a_policy_is_read_or_refused(cut in 0usize..600, junk in "[\\[\\]{}\",:*?$a-z0-9]{0,3}") {
        let whole = include_str!("sample.json");
        let cut = whole.floor_char_boundary(cut.min(whole.len()));
        let text = format!("{}{junk}{}", &whole[..cut], &whole[whole.floor_char_boundary(cut + junk.len())..]);
        if let Ok(policy) = Policy::parse(&text, Kind::Resource) {
            let _ = effect(&policy, "kinesis:PutRecord", "arn:aws:kinesis:us-east-1:111122223333:stream/ana-1");
        }
    }
}

#[test]
fn long_texts_cost_no_more_than_their_length() {
    // Matched by trying everything these would take for ever.
    let text = "a".repeat(20_000);
    assert!(!glob(&"*a".repeat(500)).matches(&format!("{text}b")));
    assert!(glob(&"*a".repeat(500)).matches(&text));
    assert!(!glob(&format!("*{}b*", "a".repeat(5_000))).matches(&text));
    assert!(!glob(&format!("*{}?b*", "a".repeat(60))).matches(&text));
}

#[test]
fn long_actions_are_compared_like_short_ones() {
    let long = format!("kinesis:{}", "Put".repeat(60));
    let allows = one(&format!(
        r#""Action": "{}", "Resource": "*""#,
        long.to_ascii_uppercase()
    ));
    assert_eq!(effect(&allows, &long, "*"), Effect::Allow);
    assert_eq!(effect(&allows, &format!("{long}x"), "*"), Effect::Silent);
}
