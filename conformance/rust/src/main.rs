//! The AWS SDK for Rust against Millrace; prints `ok NAME` or `not ok NAME # why` for each case.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    PutRecordsRequestEntry, ShardIteratorType, StartingPosition, StreamStatus, SubscribeToShardEventStream,
};
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};

type Outcome = Result<(), Box<dyn Error>>;

fn client(secret: &str) -> Client {
    let mut trust = TrustStore::empty();
    if let Ok(file) = std::env::var("CA_FILE") {
        trust = trust.with_pem_certificate(std::fs::read(file).expect("CA_FILE is readable"));
    }
    let tls = TlsContext::builder().with_trust_store(trust).build().expect("a TLS context");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(std::env::var("ENDPOINT").expect("ENDPOINT is set"))
        .credentials_provider(Credentials::new("test", secret, None, None, "conformance"))
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .build();
    Client::from_conf(config)
}

async fn stream(client: &Client, shards: i32) -> Result<String, Box<dyn Error>> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let name = format!("rust-{nanos}");
    client.create_stream().stream_name(&name).shard_count(shards).send().await?;
    for _ in 0..200 {
        let answer = client.describe_stream_summary().stream_name(&name).send().await?;
        let summary = answer.stream_description_summary().ok_or("no summary")?;
        if *summary.stream_status() == StreamStatus::Active {
            return Ok(name);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err("never ACTIVE".into())
}

async fn put_and_get() -> Outcome {
    let client = client("test");
    let name = stream(&client, 1).await?;
    let data: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let put = client.put_record().stream_name(&name).partition_key("a").data(Blob::new(data.clone())).send().await?;
    let entry = |i: u32| {
        PutRecordsRequestEntry::builder().partition_key(i.to_string()).data(Blob::new(i.to_string())).build()
    };
    let entries = (0..100).map(entry).collect::<Result<Vec<_>, _>>()?;
    let puts = client.put_records().stream_name(&name).set_records(Some(entries)).send().await?;
    if puts.failed_record_count() != Some(0) {
        return Err(format!("{:?} records failed", puts.failed_record_count()).into());
    }
    let iterator = client
        .get_shard_iterator()
        .stream_name(&name)
        .shard_id(put.shard_id())
        .shard_iterator_type(ShardIteratorType::TrimHorizon)
        .send()
        .await?;
    let got = client.get_records().set_shard_iterator(iterator.shard_iterator).send().await?;
    if got.records().len() != 101 || got.records()[0].data().as_ref() != data {
        return Err(format!("read {} records", got.records().len()).into());
    }
    Ok(())
}

async fn paginator() -> Outcome {
    let client = client("test");
    let name = stream(&client, 5).await?;
    let mut shards = 0;
    let mut from: Option<String> = None;
    loop {
        let page =
            client.describe_stream().stream_name(&name).limit(2).set_exclusive_start_shard_id(from).send().await?;
        let page = page.stream_description().ok_or("no description")?;
        shards += page.shards().len();
        if !page.has_more_shards() {
            break;
        }
        from = page.shards().last().map(|s| s.shard_id().to_owned());
    }
    if shards == 5 { Ok(()) } else { Err(format!("{shards} shards").into()) }
}

async fn subscribe_to_shard() -> Outcome {
    let client = client("test");
    let name = stream(&client, 1).await?;
    let summary = client.describe_stream_summary().stream_name(&name).send().await?;
    let arn = summary.stream_description_summary().ok_or("no summary")?.stream_arn().to_owned();
    let registered = client.register_stream_consumer().stream_arn(arn).consumer_name("reader").send().await?;
    let consumer = registered.consumer().ok_or("no consumer")?.consumer_arn().to_owned();
    for _ in 0..200 {
        let answer = client.describe_stream_consumer().consumer_arn(&consumer).send().await?;
        if answer.consumer_description().is_some_and(|c| c.consumer_status().as_str() == "ACTIVE") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let latest = StartingPosition::builder().r#type(ShardIteratorType::Latest).build()?;
    let mut subscription = client
        .subscribe_to_shard()
        .consumer_arn(consumer)
        .shard_id("shardId-000000000000")
        .starting_position(latest)
        .send()
        .await?;
    client.put_record().stream_name(&name).partition_key("a").data(Blob::new("pushed")).send().await?;
    while let Some(event) = subscription.event_stream.recv().await? {
        if let SubscribeToShardEventStream::SubscribeToShardEvent(event) = event
            && let Some(record) = event.records().first()
        {
            return if record.data().as_ref() == b"pushed" { Ok(()) } else { Err("another record".into()) };
        }
    }
    Err("the subscription ended".into())
}

async fn errors_have_their_type() -> Outcome {
    let Err(missing) = client("test").describe_stream().stream_name("nowhere").send().await else {
        return Err("expected a refusal".into());
    };
    if !missing.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) {
        return Err(format!("{}", DisplayErrorContext(&missing)).into());
    }
    let Err(wrong) = client("wrong").list_streams().send().await else {
        return Err("expected a refusal".into());
    };
    if wrong.code() == Some("InvalidSignatureException") { Ok(()) } else { Err(format!("{:?}", wrong.code()).into()) }
}

async fn case(name: &str, run: impl Future<Output = Outcome>) {
    let outcome = match tokio::time::timeout(Duration::from_secs(30), run).await {
        Ok(outcome) => outcome,
        Err(_) => Err("timeout".into()),
    };
    match outcome {
        Ok(()) => println!("ok {name}"),
        Err(error) => println!("not ok {name} # {}", format!("{error:?}").replace('\n', " ")),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    case("put_and_get", put_and_get()).await;
    case("paginator", paginator()).await;
    case("subscribe_to_shard", subscribe_to_shard()).await;
    case("errors_have_their_type", errors_have_their_type()).await;
}
