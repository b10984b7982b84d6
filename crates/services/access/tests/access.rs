//! Users and sessions through the front door: `Access::call` with forms, over memory engines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_access::{Access, Deps, Found, Unknown};
use millrace_api::{iam, sts};
use millrace_base::{Clock, ManualClock, SeededRng, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_control::{Control, Options};
use millrace_keys::local::Options as KeyOptions;
use millrace_keys::{Keys, LocalKeys};
use millrace_log::{Log, LogId, MemoryLog};
use millrace_wire::access::Target;
use millrace_wire::{ApiError, Caller, Codec, Reply, percent};
use serde_json::Value;

const ACCOUNT: &str = "000000000000";
const OTHER: &str = "111111111111";

struct World {
    access: Access,
    clock: ManualClock,
    log: Arc<dyn Log>,
    blobs: Blobs,
    keys: Arc<LocalKeys>,
    tasks: Tasks,
}

async fn open() -> World {
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    let keys = LocalKeys::open(KeyOptions {
        dir: None,
        default_alias: Some("alias/aws/kinesis".to_owned()),
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(3)),
    });
    start(clock, log, Blobs::memory(), Arc::new(keys.unwrap()), 1).await
}

async fn start(
    clock: ManualClock,
    log: Arc<dyn Log>,
    blobs: Blobs,
    keys: Arc<LocalKeys>,
    seed: u64,
) -> World {
    let tasks = Tasks::new();
    let options = Options::default();
    let mut builder = Control::builder(Arc::clone(&log), LogId(0), blobs.clone(), tasks.clone(), options);
    let part = builder.part(2);
    builder.open().await.unwrap();
    let deps = Deps {
        control: part,
        keys: Arc::clone(&keys) as Arc<dyn Keys>,
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(seed)),
    };
    World {
        access: Access::open(deps, &tasks).await.unwrap(),
        clock,
        log,
        blobs,
        keys,
        tasks,
    }
}

impl World {
    async fn restart(self) -> Self {
        assert!(self.tasks.drain(Duration::from_secs(5)).await);
        start(self.clock, self.log, self.blobs, self.keys, 2).await
    }

    async fn second(&self) -> Self {
        start(
            self.clock.clone(),
            Arc::clone(&self.log),
            self.blobs.clone(),
            Arc::clone(&self.keys),
            4,
        )
        .await
    }

    async fn call_as(
        &self,
        caller: Caller,
        op: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, ApiError> {
        let (service, op) = match iam::SERVICE.operation(op) {
            Some(op) => (&iam::SERVICE, op),
            None => (&sts::SERVICE, sts::SERVICE.operation(op).unwrap()),
        };
        let mut form = format!("Action={}&Version={}", op.name, service.version);
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", percent::encode(value)));
        }
        let caller = Caller {
            received: self.clock.now(),
            ..caller.asking(service, op)
        };
        match self
            .access
            .call(&caller, op, Codec::QueryJson, Bytes::from(form))
            .await?
        {
            Reply::Body(body) if body.is_empty() => Ok(Value::Null),
            Reply::Body(body) => Ok(serde_json::from_slice(&body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    async fn ok(&self, op: &str, parameters: &[(&str, &str)]) -> Value {
        let owner = Caller::root(ACCOUNT, "us-east-1");
        match self.call_as(owner, op, parameters).await {
            Ok(answer) => answer,
            Err(error) => panic!("{op}: {error}"),
        }
    }

    /// A user with one key and a policy that allows `action`.
    async fn user(&self, name: &str, action: &str) -> String {
        self.ok("CreateUser", &[("UserName", name)]).await;
        let document = allowing(action);
        let parameters = [
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        self.ok("PutUserPolicy", &parameters).await;
        let key = self.ok("CreateAccessKey", &[("UserName", name)]).await;
        key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned()
    }

    fn find(&self, key: &str, token: Option<&str>) -> Result<Found, Unknown> {
        self.access.find(key, token, self.clock.now())
    }

    fn caller(&self, found: &Found) -> Caller {
        Caller {
            identity: Arc::clone(&found.identity),
            ..Caller::root(found.identity.principal().account().unwrap(), "us-east-1")
        }
    }
}

/// Access key and session token of an answer.
fn credentials(answer: &Value) -> (String, String) {
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    (text("AccessKeyId"), text("SessionToken"))
}

fn allowing(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    )
}

fn trusting(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}}}"#
    )
}

fn may(caller: &Caller, action: &str) -> bool {
    let caller = Caller {
        service: "kinesis",
        ..caller.clone()
    };
    caller
        .authorize_as(action, &Target::account(&caller.account))
        .is_ok()
}

#[tokio::test]
async fn keys_and_permissions_survive_a_restart() {
    let world = open().await;
    let key = world.user("ana", "kinesis:ListStreams").await;
    let before = world.find(&key, None).unwrap();
    assert_eq!(before.secret.expose().len(), 40);
    let world = world.restart().await;
    let after = world.find(&key, None).unwrap();
    assert_eq!(after.secret.expose(), before.secret.expose());
    assert_eq!(after.identity.arn(), "arn:aws:iam::000000000000:user/ana");
    let ana = world.caller(&after);
    assert!(may(&ana, "ListStreams") && !may(&ana, "DescribeLimits"));
}

#[tokio::test]
async fn another_node_knows_keys_that_are_made_after_it_started() {
    let world = open().await;
    let second = world.second().await;
    assert_eq!(second.find("AKIAX", None).unwrap_err(), Unknown::Key);
    let key = world.user("ana", "kinesis:ListStreams").await;
    for _ in 0..1000 {
        if second.find(&key, None).is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the second node never learned of the key");
}

#[tokio::test]
async fn no_secret_is_stored_as_it_is() {
    let world = open().await;
    let key = world.user("ana", "kinesis:ListStreams").await;
    let secret = world.find(&key, None).unwrap().secret.expose().clone();
    let limits = millrace_log::ReadLimits {
        bytes: 1 << 20,
        records: 1000,
    };
    let chunk = world.log.read(LogId(0), 0, limits).await.unwrap();
    let stored: Vec<u8> = chunk
        .entries
        .iter()
        .flat_map(|entry| entry.bytes.to_vec())
        .collect();
    let text = String::from_utf8_lossy(&stored);
    assert!(text.contains(&key) && !text.contains(&secret));
}

#[tokio::test]
async fn a_session_ends_when_it_is_over() {
    let world = open().await;
    let key = world.user("ana", "kinesis:ListStreams").await;
    let ana = world.caller(&world.find(&key, None).unwrap());
    let answer = world
        .call_as(ana, "GetSessionToken", &[("DurationSeconds", "900")])
        .await
        .unwrap();
    let credentials = &answer["Credentials"];
    let (id, token) = (
        credentials["AccessKeyId"].as_str().unwrap(),
        credentials["SessionToken"].as_str().unwrap(),
    );
    let found = world.find(id, Some(token)).unwrap();
    assert_eq!(
        found.secret.expose(),
        credentials["SecretAccessKey"].as_str().unwrap()
    );
    world.clock.advance(Duration::from_millis(899_999));
    assert!(world.find(id, Some(token)).is_ok());
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.find(id, Some(token)).unwrap_err(), Unknown::Expired);
}

#[tokio::test]
async fn every_byte_of_a_token_counts() {
    let world = open().await;
    let key = world.user("ana", "kinesis:ListStreams").await;
    let ana = world.caller(&world.find(&key, None).unwrap());
    let answer = world.call_as(ana, "GetSessionToken", &[]).await.unwrap();
    let id = answer["Credentials"]["AccessKeyId"].as_str().unwrap();
    let token = answer["Credentials"]["SessionToken"]
        .as_str()
        .unwrap()
        .as_bytes()
        .to_vec();
    for at in (0..token.len()).step_by(7) {
        let mut forged = token.clone();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(
            world.find(id, Some(&forged)).unwrap_err(),
            Unknown::Key,
            "byte {at}"
        );
    }
    assert_eq!(world.find(id, None).unwrap_err(), Unknown::Key);
    assert_eq!(world.find(&key, Some("x")).unwrap_err(), Unknown::Key);
    let long = "A".repeat(100_000);
    assert_eq!(world.find(id, Some(&long)).unwrap_err(), Unknown::Key);
}

#[tokio::test]
async fn roles_are_assumed_across_accounts_when_both_sides_agree() {
    let world = open().await;
    let trust = trusting(OTHER);
    let role = [("RoleName", "reader"), ("AssumeRolePolicyDocument", &*trust)];
    world.ok("CreateRole", &role).await;
    let document = allowing("kinesis:ListStreams");
    let policy = [
        ("RoleName", "reader"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.ok("PutRolePolicy", &policy).await;
    let arn = "arn:aws:iam::000000000000:role/reader";
    let asked = [("RoleArn", arn), ("RoleSessionName", "one")];
    // The other account's owner may; a user there needs a permission of its own; a third account may not.
    let answer = world
        .call_as(Caller::root(OTHER, "us-east-1"), "AssumeRole", &asked)
        .await
        .unwrap();
    let credentials = &answer["Credentials"];
    let found = world
        .find(
            credentials["AccessKeyId"].as_str().unwrap(),
            credentials["SessionToken"].as_str(),
        )
        .unwrap();
    assert_eq!(
        found.identity.arn(),
        "arn:aws:sts::000000000000:assumed-role/reader/one"
    );
    let session = world.caller(&found);
    assert!(may(&session, "ListStreams") && !may(&session, "DescribeLimits"));
    let third = world
        .call_as(Caller::root("222222222222", "us-east-1"), "AssumeRole", &asked)
        .await;
    assert_eq!(third.unwrap_err().code, "AccessDenied");
    // A role that is made again under the name is another one.
    world
        .ok("DeleteRolePolicy", &[("RoleName", "reader"), ("PolicyName", "p")])
        .await;
    world.ok("DeleteRole", &[("RoleName", "reader")]).await;
    world.ok("CreateRole", &role).await;
    let gone = world.find(
        credentials["AccessKeyId"].as_str().unwrap(),
        credentials["SessionToken"].as_str(),
    );
    assert_eq!(gone.unwrap_err(), Unknown::Key);
}

#[tokio::test]
async fn every_operation_asks_whether_it_is_allowed() {
    let world = open().await;
    let key = world.user("nobody", "s3:GetObject").await;
    let nobody = world.caller(&world.find(&key, None).unwrap());
    let (policy, trust) = (allowing("*"), trusting(ACCOUNT));
    let all = [
        ("UserName", "x"),
        ("RoleName", "x"),
        ("PolicyName", "x"),
        ("PolicyDocument", &*policy),
        ("AssumeRolePolicyDocument", &*trust),
        ("PolicyArn", "arn:aws:iam::000000000000:policy/x"),
        ("VersionId", "v1"),
        ("AccessKeyId", "AKIAXXXXXXXXXXXXXXXX"),
        ("Status", "Active"),
    ];
    for op in iam::SERVICE.operations {
        let refused = world.call_as(nobody.clone(), op.name, &all).await;
        let refused = refused.expect_err(op.name);
        assert_eq!(refused.code, "AccessDeniedException", "{}: {refused}", op.name);
        let wanted = format!("is not authorized to perform: iam:{}", op.name);
        assert!(refused.message.contains(&wanted), "{refused}");
    }
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let world = open().await;
    let key = world.user("ana", "*").await;
    let other = Caller::root(OTHER, "us-east-1");
    let listed = world.call_as(other.clone(), "ListUsers", &[]).await.unwrap();
    assert_eq!(listed["Users"], serde_json::json!([]));
    let refused = world
        .call_as(other.clone(), "GetUser", &[("UserName", "ana")])
        .await;
    assert_eq!(refused.unwrap_err().code, "NoSuchEntity");
    let id = [("UserName", "ana"), ("AccessKeyId", &*key)];
    let refused = world.call_as(other, "DeleteAccessKey", &id).await;
    assert_eq!(refused.unwrap_err().code, "NoSuchEntity");
    assert!(world.find(&key, None).is_ok());
}

#[tokio::test]
async fn a_session_does_not_pass_to_a_later_user_of_the_name() {
    let world = open().await;
    let key = world.user("ana", "kinesis:ListStreams").await;
    let ana = world.caller(&world.find(&key, None).unwrap());
    let answer = world.call_as(ana, "GetSessionToken", &[]).await.unwrap();
    let (id, token) = credentials(&answer);
    assert!(world.find(&id, Some(&token)).is_ok());
    world
        .ok("DeleteUserPolicy", &[("UserName", "ana"), ("PolicyName", "p")])
        .await;
    let own = [("UserName", "ana"), ("AccessKeyId", &*key)];
    world.ok("DeleteAccessKey", &own).await;
    // Still the same user: the session outlives the key that asked for it.
    assert!(world.find(&id, Some(&token)).is_ok());
    world.ok("DeleteUser", &[("UserName", "ana")]).await;
    assert_eq!(world.find(&id, Some(&token)).unwrap_err(), Unknown::Key);
    world.user("ana", "*").await;
    assert_eq!(world.find(&id, Some(&token)).unwrap_err(), Unknown::Key);
}

#[tokio::test]
async fn an_owner_s_session_lasts_an_hour_at_most() {
    let world = open().await;
    for (asked, minutes) in [(None, 60), (Some("43200"), 60), (Some("900"), 15)] {
        let start = world.clock.now();
        let parameters: Vec<_> = asked.map(|secs| ("DurationSeconds", secs)).into_iter().collect();
        let answer = world.ok("GetSessionToken", &parameters).await;
        let (id, token) = credentials(&answer);
        let ends = start.plus(Duration::from_secs(60 * minutes));
        let before = Timestamp(ends.0 - 1);
        assert!(world.access.find(&id, Some(&token), before).is_ok(), "{asked:?}");
        let over = world.access.find(&id, Some(&token), ends);
        assert_eq!(over.unwrap_err(), Unknown::Expired, "{asked:?}");
    }
}

#[tokio::test]
async fn a_policy_can_say_which_policies_may_be_attached() {
    let world = open().await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let reader = "arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess";
    let key = world.user("ana", "iam:*").await;
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{{"ArnEquals":{{"iam:PolicyARN":"{admin}"}}}}}}}}"#
    );
    let deny = [
        ("UserName", "ana"),
        ("PolicyName", "deny"),
        ("PolicyDocument", &*document),
    ];
    world.ok("PutUserPolicy", &deny).await;
    let ana = world.caller(&world.find(&key, None).unwrap());
    let attach = |arn| [("UserName", "ana"), ("PolicyArn", arn)];
    let refused = world
        .call_as(ana.clone(), "AttachUserPolicy", &attach(admin))
        .await;
    assert_eq!(refused.unwrap_err().code, "AccessDeniedException");
    world
        .call_as(ana, "AttachUserPolicy", &attach(reader))
        .await
        .unwrap();
}

/// A role that the other account may assume.
async fn assumable(world: &World) -> Vec<(&'static str, &'static str)> {
    let trust = trusting(OTHER);
    let role = [("RoleName", "reader"), ("AssumeRolePolicyDocument", &*trust)];
    world.ok("CreateRole", &role).await;
    vec![
        ("RoleArn", "arn:aws:iam::000000000000:role/reader"),
        ("RoleSessionName", "one"),
    ]
}

#[tokio::test]
async fn a_token_that_would_be_too_long_to_be_read_is_not_given() {
    let world = open().await;
    let mut asked = assumable(&world).await;
    let mut document = allowing("kinesis:ListStreams");
    document.push_str(&" ".repeat(40_000));
    asked.push(("Policy", &document));
    let refused = world
        .call_as(Caller::root(OTHER, "us-east-1"), "AssumeRole", &asked)
        .await;
    assert_eq!(refused.unwrap_err().code, "PackedPolicyTooLarge");
}

#[tokio::test]
async fn what_a_session_cannot_have_is_refused_and_not_left_out() {
    let world = open().await;
    let asked = assumable(&world).await;
    for (name, value) in [
        ("SourceIdentity", "ana"),
        ("SerialNumber", "arn:aws:iam::111111111111:mfa/ana"),
        ("TokenCode", "123456"),
        ("TransitiveTagKeys.member.1", "team"),
    ] {
        let mut asked = asked.clone();
        asked.push((name, value));
        let refused = world
            .call_as(Caller::root(OTHER, "us-east-1"), "AssumeRole", &asked)
            .await;
        let refused = refused.expect_err(name);
        assert_eq!(refused.code, "ValidationException", "{name}");
        let parameter = name.split('.').next().unwrap();
        assert!(refused.message.contains(parameter), "{refused}");
    }
    let refused = world
        .call_as(
            Caller::root(OTHER, "us-east-1"),
            "GetSessionToken",
            &[("TokenCode", "123456")],
        )
        .await;
    assert_eq!(refused.unwrap_err().code, "ValidationException");
}
