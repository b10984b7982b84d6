//! What is acknowledged stays: over a restart, and on every node.

use serde_json::{Value, json};

use crate::world::{World, open};

async fn everything(world: &World) -> Value {
    let mut all = Vec::new();
    let listed = world.ok("ListMetrics", json!({})).await;
    for metric in listed["Metrics"].as_array().unwrap() {
        let now = world.now();
        let mut body = json!({
            "StartTime": now - 86_400, "EndTime": now + 7200, "Period": 60,
            "Statistics": ["Sum", "SampleCount", "Minimum", "Maximum"],
        });
        body["Period"] = json!(120);
        for name in ["Namespace", "MetricName", "Dimensions"] {
            body[name] = metric[name].clone();
        }
        let mut percentiles = body.clone();
        percentiles["Statistics"] = Value::Null;
        percentiles["ExtendedStatistics"] = json!(["p50", "tm90"]);
        all.push(json!([
            metric,
            world.ok("GetMetricStatistics", body).await,
            world.ok("GetMetricStatistics", percentiles).await,
        ]));
    }
    Value::from(all)
}

async fn fill(world: &World, rounds: u64) {
    for round in 0..rounds {
        let at = world.now() - round % 50 * 60;
        let values: Vec<u64> = (0..round % 30 + 1).collect();
        world
            .put(json!([
                {"MetricName": "m", "Values": values, "Timestamp": at, "Unit": "Count"},
                {"MetricName": format!("x{}", round % 7), "Value": round, "StorageResolution": 1,
                 "Dimensions": [{"Name": "d", "Value": "v"}]},
                {"MetricName": "s", "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}},
            ]))
            .await;
    }
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let world = open().await;
    fill(&world, 30).await;
    let before = everything(&world).await;
    let world = world.restart().await;
    assert_eq!(everything(&world).await, before);
    // Enough for checkpoints.
    fill(&world, 1000).await;
    while world.cloudwatch.metrics().checkpoints.get() < 2 {
        tokio::task::yield_now().await;
    }
    let before = everything(&world).await;
    let world = world.restart().await;
    assert_eq!(everything(&world).await, before);
    fill(&world, 3).await;
    assert_ne!(everything(&world).await, before);
}

#[tokio::test]
async fn another_node_has_the_same() {
    let one = open().await;
    fill(&one, 10).await;
    let two = one.second().await;
    assert_eq!(everything(&two).await, everything(&one).await);
    two.value(0, 1.0).await;
    one.value(0, 1.0).await;
    // What this node was told is in its answers; the other one's is there too, since the log has an order.
    let points = one
        .points(json!({"Statistics": ["SampleCount"], "Unit": "None"}))
        .await;
    assert_eq!(points[0]["SampleCount"], 2.0);
}
