//! What streams and accounts are set to.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::world::{self, World};

const HOUR: Duration = Duration::from_secs(3600);

fn arn(name: &str) -> String {
    format!(
        "arn:aws:kinesis:{}:{}:stream/{name}",
        world::REGION,
        world::ACCOUNT
    )
}

fn mode(mode: &str) -> Value {
    json!({"StreamARN": arn("s"), "StreamModeDetails": {"StreamMode": mode}})
}

async fn on_demand(world: &World, name: &str) {
    world
        .ok(
            "CreateStream",
            json!({"StreamName": name, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
        )
        .await;
    world.reaches(name, "ACTIVE").await;
}

async fn summary(world: &World) -> Value {
    let answer = world
        .ok("DescribeStreamSummary", json!({"StreamName": "s"}))
        .await;
    answer["StreamDescriptionSummary"].clone()
}

#[tokio::test]
async fn the_mode_changes_and_the_shards_stay() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 3).await;
    world.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
    let now = summary(&world).await;
    assert_eq!(now["StreamModeDetails"]["StreamMode"], "ON_DEMAND");
    assert_eq!(now["OpenShardCount"], 3);
    let limits = world.ok("DescribeLimits", json!({})).await;
    assert_eq!(
        (&limits["OpenShardCount"], &limits["OnDemandStreamCount"]),
        (&json!(0), &json!(1))
    );
    // What it is already counts as no change.
    world.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
    world.ok("UpdateStreamMode", mode("PROVISIONED")).await;
    let refused = world.refused("UpdateStreamMode", mode("ON_DEMAND")).await;
    assert!(refused.starts_with("LimitExceededException: "), "{refused}");
    world.clock.advance(24 * HOUR);
    world.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
}

#[tokio::test]
async fn a_mode_that_quotas_forbid_is_refused() {
    let world = world::open(Profile::Aws).await;
    world.active("full", 499).await;
    on_demand(&world, "s").await;
    let refused = world.refused("UpdateStreamMode", mode("PROVISIONED")).await;
    assert!(refused.starts_with("LimitExceededException: "), "{refused}");
    assert!(
        refused.contains("Current shard count for the account: 499. Limit: 500."),
        "{refused}"
    );
    let mut warm = mode("PROVISIONED");
    warm["WarmThroughputMiBps"] = json!(10);
    let refused = world.refused("UpdateStreamMode", warm).await;
    assert!(refused.starts_with("ValidationException: "), "{refused}");
    assert_eq!(
        summary(&world).await["StreamModeDetails"]["StreamMode"],
        "ON_DEMAND"
    );
}

#[tokio::test]
async fn warm_throughput_splits_beforehand() {
    let world = world::open(Profile::Open).await;
    on_demand(&world, "s").await;
    let body = json!({"StreamName": "s", "WarmThroughputMiBps": 10});
    let answer = world.ok("UpdateStreamWarmThroughput", body.clone()).await;
    assert_eq!(
        answer["WarmThroughput"],
        json!({"TargetMiBps": 10, "CurrentMiBps": 4})
    );
    assert_eq!(
        (&answer["StreamName"], &answer["StreamARN"]),
        (&json!("s"), &json!(arn("s")))
    );
    world.reaches("s", "ACTIVE").await;
    let now = summary(&world).await;
    assert_eq!(now["OpenShardCount"], 10);
    assert_eq!(
        now["WarmThroughput"],
        json!({"TargetMiBps": 10, "CurrentMiBps": 10})
    );
    // Less changes no shard.
    world
        .ok(
            "UpdateStreamWarmThroughput",
            json!({"StreamARN": arn("s"), "WarmThroughputMiBps": 5}),
        )
        .await;
    let now = summary(&world).await;
    assert_eq!(
        (&now["OpenShardCount"], &now["WarmThroughput"]["TargetMiBps"]),
        (&json!(10), &json!(5))
    );
    let mut more = mode("ON_DEMAND");
    more["WarmThroughputMiBps"] = json!(12);
    world.ok("UpdateStreamMode", more).await;
    world.reaches("s", "ACTIVE").await;
    assert_eq!(summary(&world).await["OpenShardCount"], 12);
    world.ok("UpdateStreamMode", mode("PROVISIONED")).await;
    let refused = world.refused("UpdateStreamWarmThroughput", body).await;
    assert!(refused.starts_with("ValidationException: "), "{refused}");
    assert_eq!(summary(&world).await.get("WarmThroughput"), None);
}

#[tokio::test]
async fn the_largest_record_can_be_changed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let size = |kib: i64| json!({"StreamARN": arn("s"), "MaxRecordSizeInKiB": kib});
    world.ok("UpdateMaxRecordSize", size(10_240)).await;
    assert_eq!(summary(&world).await["MaxRecordSizeInKiB"], 10_240);
    for kib in [0, 1023, 10_241] {
        let refused = world.refused("UpdateMaxRecordSize", size(kib)).await;
        assert!(refused.starts_with("ValidationException: "), "{refused}");
    }
    let refused = world
        .refused(
            "UpdateMaxRecordSize",
            json!({"StreamARN": arn("no"), "MaxRecordSizeInKiB": 2048}),
        )
        .await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
}

#[tokio::test]
async fn distribution_is_for_on_demand_streams() {
    let world = world::open(Profile::Open).await;
    let strategy = |strategy: &str| json!({"StreamARN": arn("s"), "RecordDistributionStrategy": strategy});
    world.active("s", 1).await;
    // The member is for on-demand streams.
    assert_eq!(summary(&world).await.get("RecordDistributionStrategy"), None);
    let op = "UpdateStreamRecordDistributionStrategy";
    let refused = world.refused(op, strategy("AUTO")).await;
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
    world.ok("UpdateStreamMode", mode("ON_DEMAND")).await;
    world.ok(op, strategy("AUTO")).await;
    assert_eq!(summary(&world).await["RecordDistributionStrategy"], "AUTO");
    let refused = world.refused("UpdateStreamMode", mode("PROVISIONED")).await;
    assert!(refused.contains("USER_PARTITION_KEY"), "{refused}");
    world.ok(op, strategy("USER_PARTITION_KEY")).await;
    world.ok("UpdateStreamMode", mode("PROVISIONED")).await;
    let refused = world
        .refused(
            "CreateStream",
            json!({"StreamName": "t", "ShardCount": 1, "RecordDistributionStrategy": "AUTO"}),
        )
        .await;
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
}

#[tokio::test]
async fn monitoring_is_switched_by_metric() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let metrics = |names: &[&str]| json!({"StreamName": "s", "ShardLevelMetrics": names});
    let answer = world
        .ok(
            "EnableEnhancedMonitoring",
            metrics(&["OutgoingBytes", "IncomingBytes"]),
        )
        .await;
    assert_eq!(answer["CurrentShardLevelMetrics"], json!([]));
    assert_eq!(
        answer["DesiredShardLevelMetrics"],
        json!(["IncomingBytes", "OutgoingBytes"])
    );
    assert_eq!(
        (&answer["StreamName"], &answer["StreamARN"]),
        (&json!("s"), &json!(arn("s")))
    );
    let answer = world.ok("EnableEnhancedMonitoring", metrics(&["ALL"])).await;
    assert_eq!(
        answer["CurrentShardLevelMetrics"],
        json!(["IncomingBytes", "OutgoingBytes"])
    );
    assert_eq!(answer["DesiredShardLevelMetrics"].as_array().unwrap().len(), 7);
    let answer = world
        .ok("DisableEnhancedMonitoring", metrics(&["IncomingBytes"]))
        .await;
    assert_eq!(answer["DesiredShardLevelMetrics"].as_array().unwrap().len(), 6);
    assert_eq!(
        summary(&world).await["EnhancedMonitoring"],
        json!([{"ShardLevelMetrics": answer["DesiredShardLevelMetrics"]}])
    );
    let answer = world.ok("DisableEnhancedMonitoring", metrics(&["ALL"])).await;
    assert_eq!(answer["DesiredShardLevelMetrics"], json!([]));
    let described = world.ok("DescribeStream", json!({"StreamName": "s"})).await;
    assert_eq!(
        described["StreamDescription"]["EnhancedMonitoring"],
        json!([{"ShardLevelMetrics": []}])
    );
}

#[tokio::test]
async fn an_account_is_committed_for_a_day_at_least() {
    let world = world::open(Profile::Open).await;
    let set = |status: &str| json!({"MinimumThroughputBillingCommitment": {"Status": status}});
    let settings = async || {
        let answer = world.ok("DescribeAccountSettings", json!({})).await;
        answer["MinimumThroughputBillingCommitment"].clone()
    };
    assert_eq!(settings().await, json!({"Status": "DISABLED"}));
    world.ok("UpdateAccountSettings", set("DISABLED")).await;
    assert_eq!(settings().await, json!({"Status": "DISABLED"}));
    let started = world::START / 1000;
    let committed =
        json!({"Status": "ENABLED", "StartedAt": started, "EarliestAllowedEndAt": started + 86_400});
    let answer = world.ok("UpdateAccountSettings", set("ENABLED")).await;
    assert_eq!(answer["MinimumThroughputBillingCommitment"], committed);
    world.clock.advance(HOUR);
    let answer = world.ok("UpdateAccountSettings", set("DISABLED")).await;
    assert_eq!(
        answer["MinimumThroughputBillingCommitment"]["Status"],
        "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    );
    // Taken back.
    world.ok("UpdateAccountSettings", set("ENABLED")).await;
    assert_eq!(settings().await, committed);
    world.ok("UpdateAccountSettings", set("DISABLED")).await;
    world.clock.advance(23 * HOUR);
    let over = json!({"Status": "DISABLED", "StartedAt": started, "EarliestAllowedEndAt": started + 86_400,
        "EndedAt": started + 86_400});
    assert_eq!(settings().await, over);
    world.ok("UpdateAccountSettings", set("ENABLED")).await;
    assert_eq!(settings().await["StartedAt"], started + 24 * 3600);
    world.clock.advance(30 * HOUR);
    let answer = world.ok("UpdateAccountSettings", set("DISABLED")).await;
    assert_eq!(answer["MinimumThroughputBillingCommitment"]["Status"], "DISABLED");
    let elsewhere = world
        .call_as(
            &world::caller(world::ACCOUNT, "eu-west-1"),
            "DescribeAccountSettings",
            json!({}),
        )
        .await
        .unwrap();
    assert_eq!(
        elsewhere["MinimumThroughputBillingCommitment"],
        json!({"Status": "DISABLED"})
    );
}
