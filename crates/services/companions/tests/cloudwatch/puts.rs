//! PutMetricData: what is taken, what is refused, and in which words.

use bytes::Bytes;
use millrace_api::cloudwatch::shapes::{LIST_METRICS_OUTPUT, PUT_METRIC_DATA_INPUT};
use millrace_wire::Codec;
use serde_json::{Value, json};

use crate::world::{self, ACCOUNT, caller, open};

#[tokio::test]
async fn every_kind_of_datum_counts() {
    let world = open().await;
    world
        .put(json!([
            {"MetricName": "m", "Value": 4, "Unit": "Count"},
            {"MetricName": "m", "Values": [1, 10], "Counts": [2, 1], "Unit": "Count"},
            {"MetricName": "m", "Values": [7], "Unit": "Count"},
            {"MetricName": "m", "Unit": "Count",
             "StatisticValues": {"SampleCount": 3, "Sum": 9, "Minimum": 0.5, "Maximum": 6}},
            {"MetricName": "m", "Value": 100},
        ]))
        .await;
    let points = world
        .points(
            json!({"Unit": "Count", "Statistics": ["SampleCount", "Sum", "Minimum", "Maximum", "Average"]}),
        )
        .await;
    let [point] = &points[..] else {
        panic!("{points:?}")
    };
    assert_eq!(point["SampleCount"], 8.0);
    assert_eq!(point["Sum"], 32.0);
    assert_eq!(
        (&point["Minimum"], &point["Maximum"]),
        (&json!(0.5), &json!(10.0))
    );
    assert_eq!(
        (&point["Average"], &point["Unit"]),
        (&json!(4.0), &json!("Count"))
    );
    let all = world.points(json!({"Statistics": ["Sum"]})).await;
    let units: Vec<&Value> = all.iter().map(|point| &point["Unit"]).collect();
    assert_eq!(units, ["Count", "None"], "a datapoint for each unit");
}

#[tokio::test]
async fn values_and_a_statistic_set_go_together() {
    let world = open().await;
    let set = json!({"SampleCount": 10, "Sum": 55, "Minimum": 1, "Maximum": 10});
    world
        .put(json!([{"MetricName": "m", "Values": [1.0, 10.0], "StatisticValues": set}]))
        .await;
    let points = world.points(json!({"Statistics": ["SampleCount", "Sum"]})).await;
    assert_eq!(
        (&points[0]["SampleCount"], &points[0]["Sum"]),
        (&json!(12.0), &json!(66.0))
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn what_is_wrong_is_said_as_cloudwatch_does() {
    let world = open().await;
    let now = world.now();
    let set = |max: i32| json!({"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": max});
    let cases = [
        (
            json!({"Value": 1.5, "Values": [1.0]}),
            "InvalidParameterCombination: The parameters MetricData.member.1.Value and MetricData.member.1.Values are \
             mutually exclusive and you have specified both.",
        ),
        (
            json!({"Value": 1.5, "StatisticValues": set(1)}),
            "InvalidParameterCombination: The parameters MetricData.member.1.Value and \
             MetricData.member.1.StatisticValues are mutually exclusive and you have specified both.",
        ),
        (
            json!({"Values": [1, 10], "Counts": [2, 4, 5]}),
            "InvalidParameterValue: The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of \
             the same size.",
        ),
        (
            json!({"Values": vec![1; 151]}),
            "InvalidParameterValue: The collection MetricData.member.1.Values must not have a size greater than 150.",
        ),
        (
            json!({"Value": "NaN"}),
            "InvalidParameterValue: The value NaN for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            json!({"Values": [1, "-Infinity"]}),
            "InvalidParameterValue: The value -Infinity for parameter MetricData.member.1.Values.member.2 is invalid.",
        ),
        (
            json!({"Value": 2.4e108}),
            "InvalidParameterValue: The value 2.4e108 for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            json!({"Values": [1], "Counts": [-1]}),
            "InvalidParameterValue: The value -1 for parameter MetricData.member.1.Counts.member.1 is invalid.",
        ),
        (
            json!({"StatisticValues": set(0)}),
            "InvalidParameterValue: The parameter MetricData.member.1.StatisticValues.Maximum must be greater than \
             MetricData.member.1.StatisticValues.Minimum.",
        ),
        (
            json!({"StatisticValues": {"Sum": 1}}),
            "MissingParameter: The parameter MetricData.member.1.StatisticValues.SampleCount is required.",
        ),
        (
            json!({}),
            "MissingParameter: At least one of the parameters MetricData.member.1.Value",
        ),
        (
            json!({"Value": 1, "Timestamp": now - 15 * 86_400}),
            "InvalidParameterValue: The parameter MetricData.member.1.Timestamp must specify a time within the past two \
             weeks.",
        ),
        (
            json!({"Value": 1, "Timestamp": now + 7201}),
            "InvalidParameterValue: The parameter MetricData.member.1.Timestamp must specify a time no more than two \
             hours in the future.",
        ),
        (
            json!({"Value": 1, "StorageResolution": 30}),
            "InvalidParameterValue: The value 30 for parameter MetricData.member.1.StorageResolution is invalid.",
        ),
        (
            json!({"Value": 1, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}),
            "the dimension a is given twice",
        ),
        (
            json!({"Value": 1, "Dimensions": [{"Name": "é", "Value": "1"}]}),
            "InvalidParameterValue: The parameter MetricData.member.1.Dimensions.member.1.Name is invalid",
        ),
        (
            json!({"Value": 1, "Unit": "Parsecs"}),
            "ValidationException: 1 validation error detected: Value 'Parsecs' at 'metricData.1.member.unit'",
        ),
    ];
    for (mut datum, expected) in cases {
        datum["MetricName"] = json!("m");
        let body = json!({"Namespace": "n", "MetricData": [datum]});
        let error = world.refused("PutMetricData", body).await;
        assert!(error.contains(expected), "{error}\n{expected}");
    }
    assert!(
        world.points(json!({"Statistics": ["Sum"]})).await.is_empty(),
        "nothing was kept"
    );
}

#[tokio::test]
async fn namespaces_and_numbers_of_data() {
    let world = open().await;
    let with = |namespace: &str, data: Value| json!({"Namespace": namespace, "MetricData": data});
    let one = || json!([{"MetricName": "m", "Value": 1}]);
    for (body, expected) in [
        (
            with("AWS/Kinesis", one()),
            "InvalidParameterValue: The value AWS/ for parameter Namespace is invalid.",
        ),
        (
            with("a$b", one()),
            "InvalidParameterValue: The value a$b for parameter Namespace is invalid.",
        ),
        (
            with("", one()),
            "ValidationException: 2 validation errors detected",
        ),
        (
            json!({"MetricData": one()}),
            "MissingParameter: The parameter Namespace is required.",
        ),
        (
            json!({"Namespace": "n"}),
            "MissingParameter: The parameter MetricData is required.",
        ),
        (
            with("n", json!([])),
            "MissingParameter: The parameter MetricData is required.",
        ),
        (
            with("n", json!([{"Value": 1}])),
            "MissingParameter: The parameter MetricData.member.1.MetricName is required.",
        ),
        (
            with("n", Value::from(vec![one()[0].clone(); 1001])),
            "InvalidParameterValue: The collection MetricData must not have a size greater than 1000.",
        ),
    ] {
        let error = world.refused("PutMetricData", body).await;
        assert!(error.starts_with(expected), "{error}");
    }
    world.put(Value::from(vec![one()[0].clone(); 1000])).await;
    let points = world.points(json!({"Statistics": ["SampleCount"]})).await;
    assert_eq!(points[0]["SampleCount"], 1000.0);
}

#[tokio::test]
async fn entities_are_accepted() {
    let world = open().await;
    let body = json!({
        "Namespace": "n",
        "StrictEntityValidation": true,
        "EntityMetricData": [{
            "Entity": {"KeyAttributes": {"Type": "Service", "Name": "x"}},
            "MetricData": [{"MetricName": "m", "Value": 2}],
        }],
    });
    world.ok("PutMetricData", body.clone()).await;
    assert_eq!(world.points(json!({"Statistics": ["Sum"]})).await[0]["Sum"], 2.0);
    let mut wrong = body;
    wrong["EntityMetricData"][0]["MetricData"][0] = json!({"MetricName": "m"});
    let error = world.refused("PutMetricData", wrong).await;
    assert!(
        error.contains("EntityMetricData.member.1.MetricData.member.1.Value"),
        "{error}"
    );
}

#[tokio::test]
async fn old_data_are_accepted_and_not_kept() {
    let world = open().await;
    world.value(-2 * 86_400, 1.0).await;
    world.value(-3600, 2.0).await;
    world.value(7199, 4.0).await;
    let points = world.points(json!({"Statistics": ["Sum"]})).await;
    let sums: Vec<f64> = points
        .iter()
        .map(|point| point["Sum"].as_f64().unwrap())
        .collect();
    assert_eq!(sums, [2.0, 4.0]);
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let world = open().await;
    world.value(0, 1.0).await;
    for (account, region, metrics) in [
        (ACCOUNT, "us-east-1", 1),
        (ACCOUNT, "eu-west-1", 0),
        ("111111111111", "us-east-1", 0),
    ] {
        let found = world
            .call_as(&caller(account, region), "ListMetrics", &json!({}))
            .await
            .unwrap();
        assert_eq!(
            found["Metrics"].as_array().unwrap().len(),
            metrics,
            "{account} {region}"
        );
    }
}

/// One call in each protocol, with the bytes that SDKs send.
#[tokio::test]
async fn every_protocol_puts_the_same() {
    let world = open().await;
    let json = format!(
        r#"{{"Namespace":"n","MetricData":[{{"MetricName":"m","Value":1.5,"Timestamp":{}}}]}}"#,
        world.now() - 60
    );
    let form = format!(
        "Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m\
         &MetricData.member.1.Value=1.5&MetricData.member.1.Timestamp={}",
        "2023-11-14T22%3A13%3A30Z"
    );
    let value = Codec::Json10
        .decode(&PUT_METRIC_DATA_INPUT, &Bytes::from(json.clone()))
        .unwrap();
    let cbor = Codec::RpcV2Cbor.encode(&PUT_METRIC_DATA_INPUT, &value);
    let caller = caller(ACCOUNT, "us-east-1");
    for (codec, body) in [
        (Codec::Json10, json.into_bytes()),
        (Codec::RpcV2Cbor, cbor),
        (Codec::QueryXml, form.clone().into_bytes()),
        (Codec::QueryJson, form.into_bytes()),
    ] {
        let answer = world
            .call_in(&caller, codec, "PutMetricData", body.into())
            .await
            .unwrap();
        assert!(answer.is_empty());
    }
    let points = world
        .points(json!({"Statistics": ["Sum", "SampleCount"], "Period": 60, "StartTime": world.now() - 3600}))
        .await;
    assert_eq!(points.len(), 1, "{points:?}");
    assert_eq!(
        (&points[0]["Sum"], &points[0]["SampleCount"]),
        (&json!(6.0), &json!(4.0))
    );
    assert_eq!(points[0]["Timestamp"], world::minute(world.now() - 60));
    for codec in [Codec::Json10, Codec::RpcV2Cbor] {
        let body = codec.encode(
            &millrace_api::cloudwatch::shapes::LIST_METRICS_INPUT,
            &millrace_api::Value::Struct(millrace_api::Fields::absent(7)),
        );
        let listed = world
            .call_in(&caller, codec, "ListMetrics", body.into())
            .await
            .unwrap();
        let listed = codec.decode(&LIST_METRICS_OUTPUT, &listed).unwrap();
        let text = String::from_utf8(Codec::Json10.encode(&LIST_METRICS_OUTPUT, &listed)).unwrap();
        assert_eq!(
            text,
            r#"{"Metrics":[{"Namespace":"n","MetricName":"m","Dimensions":[]}]}"#
        );
    }
}
