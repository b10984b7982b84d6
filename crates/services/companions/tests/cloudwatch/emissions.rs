//! What services emit.

use std::time::Duration;

use millrace_api::cloudwatch::StandardUnit;
use millrace_base::Clock;
use millrace_companions::cloudwatch::limits::EMISSIONS_MAX;
use millrace_companions::cloudwatch::{Emission, StatisticSet};
use serde_json::json;

use crate::world::{ACCOUNT, World, open};

fn emit(world: &World, name: &str, count: f64, sum: f64) {
    world.cloudwatch.emit(&Emission {
        account: ACCOUNT,
        region: "us-east-1",
        namespace: "AWS/Kinesis",
        name,
        dimensions: &[("StreamName", "s")],
        unit: StandardUnit::Bytes,
        at: world.clock.now(),
        statistics: StatisticSet {
            count,
            sum,
            min: 1.0,
            max: sum,
        },
    });
}

async fn sum(world: &World, name: &str) -> f64 {
    let now = world.now();
    let body = json!({
        "Namespace": "AWS/Kinesis", "MetricName": name, "Dimensions": [{"Name": "StreamName", "Value": "s"}],
        "StartTime": now - 3600, "EndTime": now + 60, "Period": 3600, "Statistics": ["Sum"], "Unit": "Bytes",
    });
    let answer = world.ok("GetMetricStatistics", body).await;
    answer["Datapoints"][0]["Sum"].as_f64().unwrap_or_default()
}

#[tokio::test]
async fn emissions_are_gathered_and_written() {
    let world = open().await;
    emit(&world, "IncomingBytes", 2.0, 10.0);
    emit(&world, "IncomingBytes", 1.0, 5.0);
    emit(&world, "Nothing", 0.0, 0.0);
    assert_eq!(sum(&world, "IncomingBytes").await, 0.0, "not written yet");
    world.cloudwatch.flush().await;
    assert_eq!(sum(&world, "IncomingBytes").await, 15.0);
    let listed = world.ok("ListMetrics", json!({})).await;
    assert_eq!(listed["Metrics"].as_array().unwrap().len(), 1);
    assert_eq!(world.cloudwatch.metrics().appends.get(), 1, "one record for all");
}

#[tokio::test]
async fn emissions_are_written_by_themselves() {
    let world = open().await;
    emit(&world, "IncomingBytes", 1.0, 5.0);
    let written = async {
        while sum(&world, "IncomingBytes").await == 0.0 {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_millis(100));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written)
        .await
        .expect("never written");
}

#[tokio::test]
async fn emissions_are_written_when_the_service_stops() {
    let world = open().await;
    emit(&world, "IncomingBytes", 1.0, 5.0);
    let again = world.restart().await;
    assert_eq!(sum(&again, "IncomingBytes").await, 5.0);
}

#[tokio::test]
async fn too_many_are_thrown_away_and_counted() {
    let world = open().await;
    for i in 0..EMISSIONS_MAX + 10 {
        emit(&world, &format!("m{i}"), 1.0, 1.0);
    }
    emit(&world, "m0", 1.0, 1.0);
    assert_eq!(world.cloudwatch.metrics().dropped.get(), 10);
    world.cloudwatch.flush().await;
    let dropped = world.cloudwatch.metrics().dropped.get();
    // More than one account may have: the first are let in, updates that would pass the bound are not.
    assert!(dropped > 10, "{dropped}");
    emit(&world, "m0", 1.0, 1.0);
    emit(&world, "another", 1.0, 1.0);
    world.cloudwatch.flush().await;
    let (stored, now_dropped) = (
        world.cloudwatch.metrics().stored_metrics.get(),
        world.cloudwatch.metrics().dropped.get(),
    );
    assert!((49_000..=50_000).contains(&stored), "{stored}");
    assert!(now_dropped >= dropped, "{now_dropped}");
}
