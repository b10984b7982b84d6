//! GetMetricData

use serde_json::{Value, json};

use crate::world::{World, minute, open};

/// A query for a statistic of a metric.
fn metric(id: &str, name: &str, stat: &str) -> Value {
    json!({"Id": id, "MetricStat": {
        "Metric": {"Namespace": "n", "MetricName": name}, "Period": 60, "Stat": stat,
    }})
}

fn math(id: &str, expression: &str) -> Value {
    json!({"Id": id, "Expression": expression})
}

fn hidden(mut query: Value) -> Value {
    query["ReturnData"] = json!(false);
    query
}

fn body(world: &World, queries: &[Value], more: Value) -> Value {
    let now = minute(world.now());
    let mut body = json!({
        "MetricDataQueries": queries, "StartTime": now - 600, "EndTime": now + 60, "ScanBy": "TimestampAscending",
    });
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    for (name, value) in more {
        body[name] = value;
    }
    body
}

async fn get(world: &World, queries: &[Value]) -> Vec<Value> {
    let answer = world.ok("GetMetricData", body(world, queries, json!({}))).await;
    assert_eq!(answer.get("NextToken"), None);
    answer["MetricDataResults"].as_array().unwrap().clone()
}

/// Values of `m` in each of the last five minutes, and of `e` in every second one.
async fn filled() -> World {
    let world = open().await;
    for i in 0..5 {
        let at = world.now() - 60 * i;
        world
            .put(json!([{"MetricName": "m", "Value": 10 * (5 - i), "Timestamp": at}]))
            .await;
        if i % 2 == 0 {
            world
                .put(json!([{"MetricName": "e", "Value": 5 - i, "Timestamp": at}]))
                .await;
        }
    }
    world
}

#[tokio::test]
async fn metrics_in_both_orders() {
    let world = filled().await;
    let now = minute(world.now());
    let results = get(&world, &[metric("a", "m", "Sum"), metric("b", "none", "Sum")]).await;
    assert_eq!(
        results[0],
        json!({
            "Id": "a", "Label": "m", "StatusCode": "Complete",
            "Timestamps": [now - 240, now - 180, now - 120, now - 60, now],
            "Values": [10.0, 20.0, 30.0, 40.0, 50.0],
        })
    );
    assert_eq!(
        results[1],
        json!({"Id": "b", "Label": "none", "StatusCode": "Complete", "Timestamps": [], "Values": []})
    );
    let descending = body(&world, &[metric("a", "m", "Sum")], json!({"ScanBy": null}));
    let answer = world.ok("GetMetricData", descending).await;
    assert_eq!(
        answer["MetricDataResults"][0]["Values"],
        json!([50.0, 40.0, 30.0, 20.0, 10.0])
    );
}

#[tokio::test]
async fn labels_tell_what_differs() {
    let world = filled().await;
    let labels = |queries: Vec<Value>| {
        let world = &world;
        async move {
            let results = get(world, &queries).await;
            results
                .iter()
                .map(|r| r["Label"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    let two = vec![metric("a", "m", "Sum"), metric("b", "m", "Maximum")];
    assert_eq!(labels(two.clone()).await, ["m Sum", "m Maximum"]);
    let mut longer = two.clone();
    longer[1]["MetricStat"]["Period"] = json!(120);
    assert_eq!(labels(longer).await, ["m Sum 60", "m Maximum 120"]);
    let mut named = two;
    named[0]["Label"] = json!("mine");
    named.push(math("x", "a+1"));
    assert_eq!(labels(named).await, ["mine", "m Maximum", "x"]);
}

#[tokio::test]
async fn the_first_unit_that_has_data_counts() {
    let world = open().await;
    world
        .put(json!([
            {"MetricName": "m", "Value": 60, "Unit": "Seconds"},
            {"MetricName": "m", "Value": 5, "Unit": "Count"},
            {"MetricName": "m", "Value": 1},
        ]))
        .await;
    let mut seconds = metric("b", "m", "Sum");
    seconds["MetricStat"]["Unit"] = json!("Seconds");
    let mut bytes = metric("c", "m", "Sum");
    bytes["MetricStat"]["Unit"] = json!("Bytes");
    let results = get(&world, &[metric("a", "m", "Sum"), seconds, bytes]).await;
    let values: Vec<&Value> = results.iter().map(|result| &result["Values"]).collect();
    assert_eq!(values, [&json!([5.0]), &json!([60.0]), &json!([])]);
}

#[tokio::test]
async fn expressions_over_metrics_and_each_other() {
    let world = filled().await;
    let results = get(
        &world,
        &[
            math("rate", "100*errors/calls"),
            hidden(metric("calls", "m", "Sum")),
            hidden(metric("errors", "e", "Sum")),
            math("filled", "FILL(errors, 0)"),
            math("twice", "rate*2"),
            hidden(math("most", "MAX(calls)")),
            math("share", "calls/most"),
            math("all", "SUM(METRICS())"),
        ],
    )
    .await;
    let by_id = |id: &str| results.iter().find(|result| result["Id"] == id).unwrap()["Values"].clone();
    assert_eq!(results.len(), 5);
    assert_eq!(by_id("rate"), json!([10.0, 10.0, 10.0]));
    assert_eq!(by_id("twice"), json!([20.0, 20.0, 20.0]));
    assert_eq!(by_id("share"), json!([0.2, 0.4, 0.6, 0.8, 1.0]));
    assert_eq!(by_id("all"), json!([11.0, 20.0, 33.0, 40.0, 55.0]));
    let filled = by_id("filled");
    assert_eq!(filled.as_array().unwrap().len(), 11, "every period up to now");
    assert_eq!(
        filled.as_array().unwrap()[6..],
        [json!(1.0), json!(0.0), json!(3.0), json!(0.0), json!(5.0)]
    );
}

#[tokio::test]
async fn a_list_is_several_results() {
    let world = filled().await;
    let queries = [
        hidden(metric("calls", "m", "Sum")),
        hidden(metric("errors", "e", "Sum")),
        math("all", "METRICS()*2"),
    ];
    let results = get(&world, &queries).await;
    let names: Vec<(&Value, &Value)> = results
        .iter()
        .map(|result| (&result["Id"], &result["Label"]))
        .collect();
    assert_eq!(
        names,
        [(&json!("all"), &json!("all m")), (&json!("all"), &json!("all e"))]
    );
    assert_eq!(results[1]["Values"], json!([2.0, 6.0, 10.0]));
}

#[tokio::test]
async fn pages_are_cut_and_continued() {
    let world = filled().await;
    let queries = [
        metric("a", "m", "Sum"),
        metric("none", "x", "Sum"),
        metric("b", "e", "Sum"),
    ];
    let mut more = json!({"MaxDatapoints": 3});
    let mut seen: Vec<(String, Vec<f64>, String)> = Vec::new();
    let mut pages = 0;
    loop {
        let answer = world
            .ok("GetMetricData", body(&world, &queries, more.clone()))
            .await;
        pages += 1;
        let mut datapoints = 0;
        for result in answer["MetricDataResults"].as_array().unwrap() {
            let values: Vec<f64> = result["Values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect();
            datapoints += values.len();
            assert_eq!(values.len(), result["Timestamps"].as_array().unwrap().len());
            let text = |name: &str| result[name].as_str().unwrap().to_owned();
            seen.push((text("Id"), values, text("StatusCode")));
        }
        assert!(datapoints <= 3);
        match answer.get("NextToken") {
            Some(token) => more["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, 3);
    let seen: Vec<(&str, &[f64], &str)> = seen.iter().map(|(a, b, c)| (&**a, &**b, &**c)).collect();
    assert_eq!(
        seen,
        [
            ("a", [10.0, 20.0, 30.0].as_slice(), "PartialData"),
            ("a", &[40.0, 50.0], "Complete"),
            ("none", &[], "Complete"),
            ("b", &[1.0], "PartialData"),
            ("b", &[3.0, 5.0], "Complete"),
        ]
    );
    let other = body(&world, &queries[..1], more);
    assert!(
        world
            .refused("GetMetricData", other)
            .await
            .starts_with("InvalidNextToken: ")
    );
    let nonsense = body(&world, &queries, json!({"NextToken": "x"}));
    assert!(
        world
            .refused("GetMetricData", nonsense)
            .await
            .starts_with("InvalidNextToken: ")
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn what_is_wrong_is_said() {
    let world = filled().await;
    let with = |name: &str, value: Value| {
        let mut query = metric("a", "m", "Sum");
        query[name] = value;
        query
    };
    let stat = |name: &str, value: Value| {
        let mut query = metric("a", "m", "Sum");
        query["MetricStat"][name] = value;
        query
    };
    for (queries, expected) in [
        (vec![], "The parameter MetricDataQueries is required."),
        (
            vec![metric("A", "m", "Sum")],
            "The value for parameter MetricDataQueries.member.1.Id is not matching the expected pattern \
             ^[a-z][a-zA-Z0-9_]*$.",
        ),
        (
            vec![metric("a", "m", "Sum"), metric("a", "e", "Sum")],
            "The values for parameter id in MetricDataQueries are not unique.",
        ),
        (
            vec![with("Period", json!(60))],
            "The parameters MetricDataQueries.member.1.Period and MetricDataQueries.member.1.MetricStat are mutually \
             exclusive and you have specified both.",
        ),
        (
            vec![with("Expression", json!("1"))],
            "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually \
             exclusive and you have specified both.",
        ),
        (
            vec![json!({"Id": "a"})],
            "At least one of the parameters MetricDataQueries.member.1.Expression",
        ),
        (
            vec![stat("Metric", json!({"MetricName": "m"}))],
            "The parameter MetricDataQueries.member.1.MetricStat.Metric.Namespace is required.",
        ),
        (
            vec![stat("Stat", json!("Median"))],
            "The value Median for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported.",
        ),
        (
            vec![stat("Period", json!(7))],
            "The value 7 for parameter MetricDataQueries.member.1.MetricStat.Period",
        ),
        (
            vec![stat("Stat", Value::Null)],
            "The parameter MetricDataQueries.member.1.MetricStat.Stat is required.",
        ),
        (
            vec![with("AccountId", json!("1"))],
            "MetricDataQueries.member.1.AccountId is invalid",
        ),
        (
            vec![math("x", "SEARCH('m', 'Sum', 60)")],
            "Error in expression 'x': SEARCH is not supported",
        ),
        (
            vec![math("x", "y+1")],
            "Error in expression 'x': there is no query with the id 'y'.",
        ),
        (
            vec![math("x", "y+1"), math("y", "x")],
            "Error in expression 'x': 'x' leads back to itself.",
        ),
        (
            vec![math("x", "(1")],
            "Error in expression 'x': ')' is missing at the end.",
        ),
        (
            vec![math("x", "1+1")],
            "Error in expression 'x': it comes to a single number",
        ),
    ] {
        let error = world
            .refused("GetMetricData", body(&world, &queries, json!({})))
            .await;
        let rest = error
            .strip_prefix("ValidationException: ")
            .unwrap_or_else(|| panic!("{error}"));
        assert!(rest.contains(expected), "{error}");
    }
    let many: Vec<Value> = (0..501).map(|i| metric(&format!("a{i}"), "m", "Sum")).collect();
    let error = world
        .refused("GetMetricData", body(&world, &many, json!({})))
        .await;
    assert!(error.contains("must not have a size greater than 500"), "{error}");
    let all = get(&world, &many[..500]).await;
    assert_eq!(all.len(), 500);
    let reversed = body(&world, &many[..1], json!({"EndTime": 0}));
    let error = world.refused("GetMetricData", reversed).await;
    assert!(error.contains("StartTime must be less than"), "{error}");
    let much = body(&world, &many[..1], json!({"MaxDatapoints": 100_801}));
    assert!(
        world
            .refused("GetMetricData", much)
            .await
            .contains("parameter MaxDatapoints")
    );
}

#[tokio::test]
async fn a_chain_of_expressions_is_bounded() {
    let world = open().await;
    let chain = |length: usize| -> Vec<Value> {
        let link = |i: usize| {
            let nested = format!("{}x{}{}", "(1+".repeat(20), i + 1, ")".repeat(20));
            hidden(math(&format!("x{i}"), &nested))
        };
        let mut queries: Vec<Value> = (0..length).map(link).collect();
        queries.push(hidden(math(&format!("x{length}"), "1")));
        queries
    };
    assert!(get(&world, &chain(5)).await.is_empty());
    let error = world
        .refused("GetMetricData", body(&world, &chain(400), json!({})))
        .await;
    assert!(error.contains("levels of expressions"), "{error}");
}

/// Time lines without a datapoint take memory too, and lists of lists multiply them.
#[tokio::test]
async fn lists_of_nothing_are_bounded() {
    let world = open().await;
    let list = |of: &str| format!("[{}]", vec![of; 500].join(","));
    let queries = [
        hidden(metric("a", "none", "Sum")),
        hidden(math("b", &list("a"))),
        hidden(math("c", &list("b"))),
        hidden(math("d", &list("c"))),
        hidden(math("x", "METRIC_COUNT(d)")),
    ];
    let error = world
        .refused("GetMetricData", body(&world, &queries, json!({})))
        .await;
    assert!(
        error.contains("more datapoints than one call may compute"),
        "{error}"
    );
    assert!(get(&world, &queries[..2]).await.is_empty());
    let mut labelled = metric("a", "none", "Sum");
    labelled["Label"] = "x".repeat(1025).into();
    let error = world
        .refused("GetMetricData", body(&world, &[labelled.clone()], json!({})))
        .await;
    assert!(
        error.contains("Label must not be longer than 1024 bytes"),
        "{error}"
    );
    labelled["Label"] = "x".repeat(1024).into();
    assert_eq!(get(&world, &[labelled]).await.len(), 1);
}
