//! The contract of keys, against the real service on a real port; and a service that stumbles.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use millrace_api::kms::SERVICE;
use millrace_base::{SeededRng, SystemClock};
use millrace_keys::LocalKeys;
use millrace_keys::contract::{self, Ground};
use millrace_keys::local::Options as LocalOptions;
use millrace_wire::{Caller, Codec, Reply};
use tokio::net::TcpListener;

use super::*;
use crate::kms::{Kms, MasterKeys};

const REALM: &str = "arn:aws:kms:eu-west-1:123456789012:";

/// A key service on a port.
struct Served {
    keys: Arc<LocalKeys>,
    endpoint: Endpoint,
    tasks: Tasks,
    /// How many calls came.
    calls: Arc<AtomicU32>,
}

/// Answers before the service does; `None` lets it answer.
type Stumble = fn(u32) -> Option<(u16, &'static str)>;

async fn serve(stumble: Stumble) -> Served {
    let rng = Arc::new(SeededRng::new(1));
    let keys = Arc::new(
        LocalKeys::open(LocalOptions {
            dir: None,
            default_alias: None,
            clock: Arc::new(SystemClock::new()),
            rng: rng.clone(),
        })
        .unwrap(),
    );
    let kms = Kms::new(MasterKeys::Local(Arc::clone(&keys)), rng);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let (tasks, calls) = (Tasks::new(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let connections = tasks.clone();
    tasks.spawn_until_stop(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (kms, counted) = (kms.clone(), Arc::clone(&counted));
            connections.spawn_until_stop(async move {
                let service = service_fn(|request| answer(request, &kms, &counted, stumble));
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Served {
        keys,
        endpoint,
        tasks,
        calls,
    }
}

async fn answer(
    request: http::Request<Incoming>,
    kms: &Kms,
    calls: &AtomicU32,
    stumble: Stumble,
) -> Result<Response<Full>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let call = calls.fetch_add(1, Ordering::SeqCst);
    let (status, body) = match stumble(call) {
        Some((status, body)) => (status, body.to_owned()),
        None => called(kms, &head.headers, body).await,
    };
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}

type Full = http_body_util::Full<Bytes>;

async fn called(kms: &Kms, headers: &HeaderMap, body: Bytes) -> (u16, String) {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("content-type"), "application/x-amz-json-1.1");
    let signature = text("authorization");
    assert!(
        signature.contains("Credential=AK/") && signature.contains("/eu-west-1/kms/aws4_request"),
        "{signature}"
    );
    assert_eq!(text("x-amz-security-token"), "token");
    let target = text("x-amz-target");
    let op = SERVICE
        .operation(target.strip_prefix("TrentService.").unwrap())
        .unwrap();
    let caller = Caller::root("123456789012", "eu-west-1").asking(&SERVICE, op);
    match kms.call(&caller, op, Codec::Json11, body).await {
        Ok(Reply::Body(body)) => (200, String::from_utf8(body.to_vec()).unwrap()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            let body = serde_json::json!({"__type": error.code, "message": error.message});
            (error.status, body.to_string())
        }
    }
}

fn options(endpoint: Endpoint) -> Options {
    Options {
        endpoint,
        region: None,
        access_key: "AK".to_owned(),
        secret_key: Secret::new("SK".to_owned()),
        session_token: Some(Secret::new("token".to_owned())),
        ca: None,
        default_key: Some(("alias/aws/kinesis".to_owned(), "alias/tests".to_owned())),
        fresh_for: Duration::from_secs(300),
    }
}

fn seams(tasks: &Tasks) -> Seams {
    Seams {
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SeededRng::new(2)),
        tasks: tasks.clone(),
    }
}

fn client(served: &Served) -> KmsKeys {
    KmsKeys::new(options(served.endpoint.clone()), seams(&served.tasks)).unwrap()
}

fn switch(keys: &LocalKeys, id: &str, state: KeyState) {
    if keys.show(REALM, id).unwrap().state == KeyState::PendingDeletion {
        keys.cancel_deletion(REALM, id).unwrap();
    }
    match state {
        KeyState::PendingDeletion => drop(
            keys.schedule_deletion(REALM, id, Duration::from_secs(60))
                .unwrap(),
        ),
        other => drop(keys.set_enabled(REALM, id, other == KeyState::Enabled).unwrap()),
    }
}

fn key(served: &Served) -> String {
    let made = served.keys.create(REALM, "", false).unwrap();
    served.keys.set_alias(REALM, "alias/tests", &made.id).unwrap();
    made.id
}

#[tokio::test]
async fn keys_of_another_service_keep_the_promise() {
    let served = serve(|_| None).await;
    let id = key(&served);
    let (keys, switched) = (Arc::clone(&served.keys), id.clone());
    contract::check(&Ground {
        keys: Arc::new(client(&served)),
        realm: REALM.to_owned(),
        id,
        alias: "alias/tests".to_owned(),
        switch: Box::new(move |state| switch(&keys, &switched, state)),
    })
    .await;
    served.tasks.drain(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_default_key_is_the_one_that_was_configured() {
    let served = serve(|_| None).await;
    let full = format!("{REALM}key/{}", key(&served));
    let client = client(&served);
    for name in ["alias/aws/kinesis", &format!("{REALM}alias/aws/kinesis")] {
        let made = client.make_key(REALM, name, &Context::new()).await.unwrap();
        assert_eq!(made.master, full);
        assert_eq!(client.describe_key(REALM, name).await.unwrap().master, full);
    }
}

#[tokio::test]
async fn a_service_that_stumbles_is_asked_again_but_not_for_ever() {
    let served = serve(|call| match call {
        0 => Some((400, r#"{"__type":"ThrottlingException","message":"slow down"}"#)),
        1 => Some((500, r#"{"__type":"KMSInternalException"}"#)),
        _ => None,
    })
    .await;
    key(&served);
    let made = client(&served)
        .make_key(REALM, "alias/tests", &Context::new())
        .await;
    assert!(made.is_ok(), "{made:?}");
    assert_eq!(served.calls.load(Ordering::SeqCst), 3);

    let served = serve(|_| Some((400, r#"{"__type":"ThrottlingException","message":"slow down"}"#))).await;
    let refused = client(&served)
        .make_key(REALM, "alias/tests", &Context::new())
        .await;
    assert!(matches!(refused, Err(KeyError::Throttled(_))), "{refused:?}");
    assert_eq!(served.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_will_not_pass_is_told_at_once() {
    let served = serve(|_| Some((400, r#"{"__type":"DisabledException","message":"it is off"}"#))).await;
    let refused = client(&served)
        .make_key(REALM, "alias/tests", &Context::new())
        .await
        .unwrap_err();
    let sentence = "it is off (KMS GenerateDataKey: DisabledException), for key alias/tests";
    assert_eq!(refused, KeyError::Disabled(sentence.to_owned()));
    assert_eq!(served.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_is_none_is_no_key() {
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"KeyId":"arn:x","Plaintext":"AAAA","CiphertextBlob":"AAAA"}"#,
    ] {
        let stumble: Stumble = match body {
            "" => |_| Some((200, "")),
            "<html>" => |_| Some((200, "<html>")),
            "{}" => |_| Some((200, "{}")),
            _ => |_| {
                Some((
                    200,
                    r#"{"KeyId":"arn:x","Plaintext":"AAAA","CiphertextBlob":"AAAA"}"#,
                ))
            },
        };
        let served = serve(stumble).await;
        let refused = client(&served)
            .make_key(REALM, "alias/tests", &Context::new())
            .await;
        assert!(
            matches!(refused, Err(KeyError::Unavailable(_))),
            "{body}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = format!("http://{}", closed.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(closed);
    let tasks = Tasks::new();
    let keys = KmsKeys::new(options(endpoint.clone()), seams(&tasks)).unwrap();
    let refused = keys.describe_key(REALM, "alias/tests").await.unwrap_err();
    assert!(
        refused.is_passing() && refused.to_string().contains(&endpoint.to_string()),
        "{refused}"
    );
}

#[test]
fn secrets_do_not_print() {
    let endpoint: Endpoint = "http://127.0.0.1:1".parse().unwrap();
    let text = format!("{:?}", options(endpoint));
    assert!(!text.contains("SK") && !text.contains("\"token\""), "{text}");
}
