//! The service through its `call`, with JSON as clients send it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use bytes::Bytes;
use millrace_api::kms::SERVICE;
use millrace_base::{ManualClock, SeededRng, Timestamp};
use millrace_keys::LocalKeys;
use millrace_keys::local::Options;
use millrace_wire::policy::{Kind, Policy, Principal};
use millrace_wire::{ApiError, Caller, Codec, Identity, Reply};
use serde_json::{Value, json};

use super::{Kms, MasterKeys};

const ACCOUNT: &str = "000000000000";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

struct World {
    kms: Kms,
    keys: Arc<LocalKeys>,
    clock: ManualClock,
}

fn world() -> World {
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let rng = Arc::new(SeededRng::new(1));
    let keys = Arc::new(
        LocalKeys::open(Options {
            dir: None,
            default_alias: Some("alias/aws/kinesis".to_owned()),
            clock: Arc::new(clock.clone()),
            rng: rng.clone(),
        })
        .unwrap(),
    );
    let kms = Kms::new(MasterKeys::Local(Arc::clone(&keys)), rng);
    World { kms, keys, clock }
}

fn called(kms: &Kms, caller: Caller, op: &str, body: &Value) -> Result<Value, ApiError> {
    let op = SERVICE.operation(op).unwrap();
    let caller = caller.asking(&SERVICE, op);
    match block_on(kms.call(&caller, op, Codec::Json11, Bytes::from(body.to_string())))? {
        Reply::Body(body) if body.is_empty() => Ok(Value::Null),
        Reply::Body(body) => Ok(serde_json::from_slice(&body).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn block_on<T>(call: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(call)
}

fn root() -> Caller {
    Caller::root(ACCOUNT, "us-east-1")
}

/// Somebody who may do this to that.
fn user(actions: &[&str], resources: &[&str]) -> Caller {
    let principal = Principal::User {
        account: ACCOUNT.to_owned(),
        name: "ana".to_owned(),
    };
    let mut identity = Identity::new(principal, "AIDAANA");
    if !actions.is_empty() {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        identity.policies = vec![Policy::parse(&text, Kind::Identity).unwrap()];
    }
    Caller {
        identity: Arc::new(identity),
        ..root()
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "`json!` reads better without a reference"
)]
impl World {
    fn call(&self, op: &str, body: Value) -> Value {
        called(&self.kms, root(), op, &body).unwrap_or_else(|error| panic!("{op} {body}: {error}"))
    }

    fn refused(&self, op: &str, body: Value) -> String {
        let error = called(&self.kms, root(), op, &body).unwrap_err();
        assert!(!error.message.is_empty(), "{op} {body}");
        error.code.into_owned()
    }

    fn key(&self) -> String {
        let made = self.call("CreateKey", json!({}));
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }
}

fn blob(text: &[u8]) -> String {
    STANDARD.encode_to_string(text)
}

#[test]
fn a_key_is_made_and_described_by_all_its_names() {
    let world = world();
    let made = world.call("CreateKey", json!({"Description": "for tests"}))["KeyMetadata"].clone();
    let id = made["KeyId"].as_str().unwrap();
    let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}");
    assert_eq!(
        made,
        json!({
            "AWSAccountId": ACCOUNT, "KeyId": id, "Arn": arn, "CreationDate": 1_700_000_000, "Enabled": true,
            "Description": "for tests", "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
        })
    );
    world.call("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id}));
    let alias = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/a");
    for name in [id, &arn, "alias/a", &alias] {
        assert_eq!(
            world.call("DescribeKey", json!({"KeyId": name}))["KeyMetadata"],
            made,
            "{name}"
        );
    }
    world.call(
        "UpdateKeyDescription",
        json!({"KeyId": id, "Description": "other"}),
    );
    let described = world.call("DescribeKey", json!({"KeyId": id}));
    assert_eq!(described["KeyMetadata"]["Description"], "other");
    for name in [NOBODY, "alias/none", "nonsense"] {
        assert_eq!(
            world.refused("DescribeKey", json!({"KeyId": name})),
            "NotFoundException",
            "{name}"
        );
    }
    let other = format!("arn:aws:kms:us-east-1:111111111111:key/{id}");
    assert_eq!(
        world.refused("DescribeKey", json!({"KeyId": other})),
        "AccessDeniedException"
    );
}

#[test]
fn the_default_key_is_made_when_it_is_asked_for() {
    let world = world();
    let described = world.call("DescribeKey", json!({"KeyId": "alias/aws/kinesis"}));
    assert_eq!(described["KeyMetadata"]["KeyManager"], "AWS");
    for (op, body) in [
        (
            "CreateAlias",
            json!({"AliasName": "alias/aws/x", "TargetKeyId": NOBODY}),
        ),
        (
            "UpdateAlias",
            json!({"AliasName": "alias/aws/kinesis", "TargetKeyId": NOBODY}),
        ),
        ("DeleteAlias", json!({"AliasName": "alias/aws/kinesis"})),
    ] {
        assert_eq!(world.refused(op, body), "NotAuthorizedException");
    }
}

#[test]
fn secrets_come_back_in_their_context_alone() {
    let world = world();
    let (key, other) = (world.key(), world.key());
    let context = json!({"a": "b"});
    let sealed = world.call(
        "Encrypt",
        json!({"KeyId": key, "Plaintext": blob(b"secret"), "EncryptionContext": context}),
    );
    let made = world.call(
        "GenerateDataKey",
        json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context}),
    );
    assert_eq!(
        STANDARD
            .decode_to_vec(made["Plaintext"].as_str().unwrap())
            .unwrap()
            .len(),
        32
    );
    let hidden = world.call(
        "GenerateDataKeyWithoutPlaintext",
        json!({"KeyId": key, "NumberOfBytes": 5, "EncryptionContext": context}),
    );
    assert!(hidden.get("Plaintext").is_none());
    world.call("RotateKeyOnDemand", json!({"KeyId": key}));
    for (wrapped, plain) in [
        (&sealed, Some(json!(blob(b"secret")))),
        (&made, Some(made["Plaintext"].clone())),
        (&hidden, None),
    ] {
        let wrapped = &wrapped["CiphertextBlob"];
        let opened = world.call(
            "Decrypt",
            json!({"CiphertextBlob": wrapped, "EncryptionContext": context}),
        );
        assert!(plain.is_none_or(|plain| plain == opened["Plaintext"]));
        assert_eq!(
            opened["KeyId"],
            format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}")
        );
        let again = json!({"CiphertextBlob": wrapped, "EncryptionContext": context, "KeyId": key});
        world.call("Decrypt", again);
        for (body, code) in [
            (json!({"CiphertextBlob": wrapped}), "InvalidCiphertextException"),
            (
                json!({"CiphertextBlob": wrapped, "EncryptionContext": context, "KeyId": other}),
                "IncorrectKeyException",
            ),
            (
                json!({"CiphertextBlob": blob(b"nonsense")}),
                "InvalidCiphertextException",
            ),
            (
                json!({"CiphertextBlob": wrapped, "EncryptionContext": context, "DryRun": true}),
                "DryRunOperationException",
            ),
        ] {
            assert_eq!(world.refused("Decrypt", body), code);
        }
    }
    // Nor does it in another account.
    let body = json!({"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context});
    let error = called(
        &world.kms,
        Caller::root("111111111111", "us-east-1"),
        "Decrypt",
        &body,
    )
    .unwrap_err();
    assert_eq!(error.code, "AccessDeniedException");
}

#[test]
fn a_key_that_is_switched_off_says_so() {
    let world = world();
    let key = world.key();
    let sealed = world.call("Encrypt", json!({"KeyId": key, "Plaintext": blob(b"secret")}));
    let encrypt = json!({"KeyId": key, "NumberOfBytes": 16});
    let decrypt = json!({"CiphertextBlob": sealed["CiphertextBlob"]});
    world.call("DisableKey", json!({"KeyId": key}));
    assert_eq!(
        world.refused("GenerateDataKey", encrypt.clone()),
        "DisabledException"
    );
    assert_eq!(world.refused("Decrypt", decrypt.clone()), "DisabledException");
    world.call("EnableKey", json!({"KeyId": key}));
    world.call("Decrypt", decrypt.clone());
    let waits = world.call(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    assert_eq!(waits["DeletionDate"], json!(1_700_000_000 + 7 * 86_400));
    assert_eq!(
        (&waits["KeyState"], &waits["PendingWindowInDays"]),
        (&json!("PendingDeletion"), &json!(7))
    );
    assert_eq!(
        world.refused("Decrypt", decrypt.clone()),
        "KMSInvalidStateException"
    );
    assert_eq!(
        world.refused("EnableKey", json!({"KeyId": key})),
        "KMSInvalidStateException"
    );
    world.call("CancelKeyDeletion", json!({"KeyId": key}));
    assert_eq!(
        world.refused("CancelKeyDeletion", json!({"KeyId": key})),
        "KMSInvalidStateException"
    );
    world.call("EnableKey", json!({"KeyId": key}));
    world.call("Decrypt", decrypt.clone());
    world.call("ScheduleKeyDeletion", json!({"KeyId": key}));
    world.clock.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(world.keys.remove_due().unwrap().len(), 1);
    assert_eq!(world.refused("Decrypt", decrypt), "AccessDeniedException");
    assert_eq!(
        world.refused("DescribeKey", json!({"KeyId": key})),
        "NotFoundException"
    );
}

#[test]
fn a_key_without_bytes_waits_for_them() {
    let world = world();
    let made = world.call("CreateKey", json!({"Origin": "EXTERNAL"}))["KeyMetadata"].clone();
    assert_eq!(
        (&made["KeyState"], &made["Origin"]),
        (&json!("PendingImport"), &json!("EXTERNAL"))
    );
    let body = json!({"KeyId": made["KeyId"], "KeySpec": "AES_128"});
    assert_eq!(world.refused("GenerateDataKey", body), "KMSInvalidStateException");
    let realm = format!("arn:aws:kms:us-east-1:{ACCOUNT}:");
    let material = zeroize::Zeroizing::new([7; 32]);
    world
        .keys
        .import(&realm, made["KeyId"].as_str().unwrap(), material)
        .unwrap();
    let body = json!({"KeyId": made["KeyId"]});
    assert_eq!(
        world.refused("RotateKeyOnDemand", body.clone()),
        "UnsupportedOperationException"
    );
    let described = world.call("DescribeKey", body);
    assert_eq!(
        described["KeyMetadata"]["ExpirationModel"],
        "KEY_MATERIAL_DOES_NOT_EXPIRE"
    );
}

#[test]
fn keys_and_aliases_are_listed_page_by_page() {
    let world = world();
    let mut keys: Vec<_> = (0..5).map(|_| world.key()).collect();
    keys.sort();
    let first = world.call("ListKeys", json!({"Limit": 3}));
    assert_eq!(
        (first["Keys"].as_array().unwrap().len(), &first["Truncated"]),
        (3, &json!(true))
    );
    let rest = world.call("ListKeys", json!({"Limit": 3, "Marker": first["NextMarker"]}));
    let all: Vec<_> = [&first, &rest]
        .iter()
        .flat_map(|page| page["Keys"].as_array().unwrap())
        .collect();
    assert_eq!(
        all.iter().map(|key| &key["KeyId"]).collect::<Vec<_>>(),
        keys.iter().collect::<Vec<_>>()
    );
    assert!(rest.get("NextMarker").is_none() && rest["Truncated"] == json!(false));
    assert_eq!(
        world.refused("ListKeys", json!({"Marker": "nonsense!"})),
        "InvalidMarkerException"
    );
    for (alias, key) in [("alias/b", 0), ("alias/a", 0), ("alias/c", 1)] {
        world.call(
            "CreateAlias",
            json!({"AliasName": alias, "TargetKeyId": keys[key]}),
        );
    }
    let again = json!({"AliasName": "alias/a", "TargetKeyId": keys[1]});
    assert_eq!(
        world.refused("CreateAlias", again.clone()),
        "AlreadyExistsException"
    );
    let first = world.call("ListAliases", json!({"Limit": 2}));
    let names = |page: &Value| -> Vec<Value> {
        page["Aliases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alias| alias["AliasName"].clone())
            .collect()
    };
    assert_eq!(
        (names(&first), &first["NextMarker"]),
        (vec![json!("alias/a"), json!("alias/b")], &json!("alias/b"))
    );
    assert_eq!(first["Aliases"][0]["TargetKeyId"], json!(keys[0]));
    let rest = world.call("ListAliases", json!({"Marker": "alias/b"}));
    assert_eq!(names(&rest), ["alias/c"]);
    world.call("UpdateAlias", again);
    let of_one = world.call("ListAliases", json!({"KeyId": keys[1]}));
    assert_eq!(names(&of_one), ["alias/a", "alias/c"]);
    world.call("DeleteAlias", json!({"AliasName": "alias/a"}));
    for (op, body) in [
        ("DeleteAlias", json!({"AliasName": "alias/a"})),
        (
            "UpdateAlias",
            json!({"AliasName": "alias/a", "TargetKeyId": keys[1]}),
        ),
        (
            "CreateAlias",
            json!({"AliasName": "alias/d", "TargetKeyId": NOBODY}),
        ),
        ("DisableKey", json!({"KeyId": "alias/c"})),
    ] {
        assert_eq!(world.refused(op, body), "NotFoundException", "{op}");
    }
}

#[test]
fn what_is_not_there_is_refused_and_not_ignored() {
    let world = world();
    let key = world.key();
    let alias = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/a");
    for (op, body, code) in [
        (
            "CreateKey",
            json!({"KeySpec": "RSA_2048"}),
            "UnsupportedOperationException",
        ),
        (
            "CreateKey",
            json!({"KeyUsage": "SIGN_VERIFY"}),
            "UnsupportedOperationException",
        ),
        (
            "CreateKey",
            json!({"Policy": "{}"}),
            "UnsupportedOperationException",
        ),
        (
            "CreateKey",
            json!({"MultiRegion": true}),
            "UnsupportedOperationException",
        ),
        (
            "CreateKey",
            json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
            "UnsupportedOperationException",
        ),
        (
            "CreateKey",
            json!({"Origin": "AWS_CLOUDHSM"}),
            "UnsupportedOperationException",
        ),
        ("GenerateDataKey", json!({"KeyId": key}), "ValidationException"),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 1}),
            "ValidationException",
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "NumberOfBytes": 1, "GrantTokens": ["t"]}),
            "UnsupportedOperationException",
        ),
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": blob(&[0; 4097])}),
            "ValidationException",
        ),
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": "AA==", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}),
            "UnsupportedOperationException",
        ),
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": "AA==", "EncryptionContext": {"a": "b".repeat(8192)}}),
            "ValidationException",
        ),
        (
            "ScheduleKeyDeletion",
            json!({"KeyId": key, "PendingWindowInDays": 6}),
            "ValidationException",
        ),
        (
            "CreateAlias",
            json!({"AliasName": "alias/a:b", "TargetKeyId": key}),
            "ValidationException",
        ),
        (
            "CreateAlias",
            json!({"AliasName": "a", "TargetKeyId": key}),
            "ValidationException",
        ),
        ("DisableKey", json!({"KeyId": alias}), "InvalidArnException"),
        ("DescribeKey", json!({}), "ValidationException"),
    ] {
        assert_eq!(world.refused(op, body.clone()), code, "{op} {body}");
    }
}

#[test]
fn every_operation_of_the_table_is_answered() {
    let world = world();
    for op in super::CHANGES {
        assert!(SERVICE.operation(op).is_some(), "{op}");
    }
    for op in SERVICE.operations {
        if let Err(error) = called(&world.kms, root(), op.name, &json!({})) {
            assert_ne!(error.short_code(), "UnknownOperationException", "{}", op.name);
        }
    }
    let elsewhere = Kms::new(
        MasterKeys::Elsewhere("http://kms".to_owned()),
        Arc::new(SeededRng::new(1)),
    );
    let error = called(&elsewhere, root(), "ListKeys", &json!({})).unwrap_err();
    assert!(error.message.contains("http://kms"), "{error}");
}

#[test]
fn every_operation_asks_whether_it_is_allowed() {
    for op in SERVICE.operations {
        let world = world();
        let key = world.key();
        let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}");
        world.call("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        let sealed = world.call("Encrypt", json!({"KeyId": key, "Plaintext": "AA=="}));
        let body = match op.name {
            "CreateAlias" => json!({"AliasName": "alias/b", "TargetKeyId": key}),
            "UpdateAlias" => json!({"AliasName": "alias/a", "TargetKeyId": key}),
            "DeleteAlias" => json!({"AliasName": "alias/a"}),
            "CreateKey" | "ListKeys" | "ListAliases" => json!({}),
            "Decrypt" => json!({"CiphertextBlob": sealed["CiphertextBlob"]}),
            "Encrypt" => json!({"KeyId": "alias/a", "Plaintext": "AA=="}),
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
                json!({"KeyId": key, "NumberOfBytes": 1})
            }
            "UpdateKeyDescription" => json!({"KeyId": key, "Description": ""}),
            _ => json!({"KeyId": key}),
        };
        let action = format!("kms:{}", op.name);
        let other = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{NOBODY}");
        for caller in [user(&[], &[]), user(&[&action], &[&other])] {
            let refused = called(&world.kms, caller, op.name, &body).unwrap_err();
            assert_eq!(refused.code, "AccessDeniedException", "{}", op.name);
            let wanted = format!("is not authorized to perform: {action}");
            assert!(refused.message.contains(&wanted), "{refused}");
        }
        let alias = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/*");
        let resources = match op.name {
            "CreateKey" | "ListKeys" | "ListAliases" => vec!["*"],
            "CreateAlias" | "UpdateAlias" | "DeleteAlias" => vec![arn.as_str(), alias.as_str()],
            _ => vec![arn.as_str()],
        };
        let allowed = called(&world.kms, user(&[&action], &resources), op.name, &body);
        let denied = allowed.is_err_and(|error| error.code == "AccessDeniedException");
        assert!(!denied, "{}", op.name);
    }
}
