//! GetMetricStatistics

use serde_json::{Value, json};

use crate::world::{minute, open};

#[tokio::test]
async fn periods_and_statistics() {
    let world = open().await;
    for i in 0..10 {
        world.value(-60 * i, f64::from(i32::try_from(i).unwrap())).await;
    }
    let start = minute(world.now()) - 9 * 60;
    let points = world
        .points(json!({"StartTime": start, "Period": 300, "Statistics": ["Sum", "Minimum", "SampleCount"]}))
        .await;
    assert_eq!(
        points,
        [
            json!({"Timestamp": start, "Sum": 35.0, "Minimum": 5.0, "SampleCount": 5.0, "Unit": "None"}),
            json!({"Timestamp": start + 300, "Sum": 10.0, "Minimum": 0.0, "SampleCount": 5.0, "Unit": "None"}),
        ]
    );
    // The start is inclusive and rounded down to the minute, the end is exclusive.
    let one = world
        .points(json!({"StartTime": start + 59, "EndTime": start + 60, "Period": 60, "Statistics": ["Sum"]}))
        .await;
    assert_eq!(one, [json!({"Timestamp": start, "Sum": 9.0, "Unit": "None"})]);
    let label = json!({
        "Namespace": "n", "MetricName": "none", "StartTime": 0, "EndTime": 1, "Period": 60, "Statistics": ["Sum"],
    });
    let answer = world.ok("GetMetricStatistics", label).await;
    assert_eq!(answer, json!({"Label": "none", "Datapoints": []}));
}

#[tokio::test]
async fn percentiles_where_the_values_are_known() {
    let world = open().await;
    let values: Vec<u32> = (1..=100).collect();
    world.put(json!([{"MetricName": "m", "Values": values}])).await;
    let asked = json!({"ExtendedStatistics": ["p50", "p99", "TM(10%:90%)", "PR(:30)"]});
    let points = world.points(asked.clone()).await;
    let expected = json!({"p50": 50.0, "p99": 99.0, "TM(10%:90%)": 50.5, "PR(:30)": 30.0});
    assert_eq!(points[0]["ExtendedStatistics"], expected);
    assert_eq!(points[0].get("Sum"), None);
    let set = json!({"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2});
    world
        .put(json!([{"MetricName": "m", "StatisticValues": set}]))
        .await;
    assert!(
        world.points(asked).await.is_empty(),
        "half of the values are unknown"
    );
}

#[tokio::test]
async fn high_resolution_is_kept_by_the_second() {
    let world = open().await;
    let start = minute(world.now());
    for second in [0, 1, 9, 10] {
        let datum =
            json!({"MetricName": "m", "Value": 1, "StorageResolution": 1, "Timestamp": start + second});
        world.put(json!([datum])).await;
    }
    let sums = |period: u64| {
        let asked =
            json!({"StartTime": start, "EndTime": start + 60, "Period": period, "Statistics": ["Sum"]});
        let points = world.points(asked);
        async move {
            let points = points.await;
            let sum = |point: &Value| {
                (
                    point["Timestamp"].as_u64().unwrap() - start,
                    point["Sum"].as_f64().unwrap(),
                )
            };
            points.iter().map(sum).collect::<Vec<_>>()
        }
    };
    assert_eq!(sums(1).await, [(0, 1.0), (1, 1.0), (9, 1.0), (10, 1.0)]);
    assert_eq!(sums(10).await, [(0, 3.0), (10, 1.0)]);
    assert_eq!(sums(60).await, [(0, 4.0)]);
}

#[tokio::test]
async fn what_is_wrong_is_said_as_cloudwatch_does() {
    let world = open().await;
    let now = world.now();
    let body = |more: Value| {
        let mut body = json!({
            "Namespace": "n", "MetricName": "m", "StartTime": now - 3600, "EndTime": now, "Period": 60,
            "Statistics": ["Sum"],
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (more, expected) in [
        (
            json!({"StartTime": now}),
            "InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            json!({"Period": 45}),
            "InvalidParameterValue: The parameter Period must be a value in the set [1, 5, 10, 20, 30] or a multiple of \
             60.",
        ),
        (
            json!({"StartTime": now - 1441 * 60}),
            "InvalidParameterCombination: You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. \
             You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        ),
        (
            json!({"Statistics": null}),
            "InvalidParameterCombination: At least one of the parameters Statistics and ExtendedStatistics must be \
             specified.",
        ),
        (
            json!({"ExtendedStatistics": ["p99"]}),
            "InvalidParameterCombination: The parameters Statistics and ExtendedStatistics are mutually exclusive and you \
             have specified both.",
        ),
        (
            json!({"Statistics": null, "ExtendedStatistics": ["q99"]}),
            "InvalidParameterValue: The value q99 for parameter ExtendedStatistics is not supported.",
        ),
        (
            json!({"MetricName": null}),
            "MissingParameter: The parameter MetricName is required.",
        ),
        (
            json!({"Statistics": ["Median"]}),
            "ValidationException: 1 validation error detected: Value '[Median]' at 'statistics' failed to satisfy",
        ),
        (
            json!({"Period": 0}),
            "ValidationException: 1 validation error detected: Value '0' at 'period' failed to satisfy constraint",
        ),
    ] {
        let error = world.refused("GetMetricStatistics", body(more)).await;
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(
        world
            .ok("GetMetricStatistics", body(json!({"StartTime": now - 1440 * 60})))
            .await["Label"],
        "m"
    );
}
