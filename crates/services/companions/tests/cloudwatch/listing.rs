//! ListMetrics

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, open};

async fn names(world: &World, filter: Value) -> Vec<String> {
    let answer = world.ok("ListMetrics", filter).await;
    let metrics = answer["Metrics"].as_array().unwrap();
    metrics
        .iter()
        .map(|metric| {
            let dimensions = metric["Dimensions"].as_array().unwrap().iter();
            let dimensions: Vec<String> = dimensions
                .map(|d| format!("{}={}", d["Name"].as_str().unwrap(), d["Value"].as_str().unwrap()))
                .collect();
            format!(
                "{}/{}{{{}}}",
                metric["Namespace"].as_str().unwrap(),
                metric["MetricName"].as_str().unwrap(),
                dimensions.join(",")
            )
        })
        .collect()
}

#[tokio::test]
async fn filters() {
    let world = open().await;
    let dimensions = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect()
    };
    for (namespace, name, pairs) in [
        ("n", "a", vec![]),
        ("n", "a", vec![("s", "1"), ("c", "x")]),
        ("n", "b", vec![("s", "2")]),
        ("o", "a", vec![("s", "1")]),
    ] {
        let datum = json!({"MetricName": name, "Value": 1, "Dimensions": dimensions(&pairs)});
        world
            .ok(
                "PutMetricData",
                json!({"Namespace": namespace, "MetricData": [datum]}),
            )
            .await;
    }
    assert_eq!(
        names(&world, json!({})).await,
        ["n/a{}", "n/a{c=x,s=1}", "n/b{s=2}", "o/a{s=1}"]
    );
    assert_eq!(names(&world, json!({"Namespace": "o"})).await, ["o/a{s=1}"]);
    assert_eq!(
        names(&world, json!({"MetricName": "a"})).await,
        ["n/a{}", "n/a{c=x,s=1}", "o/a{s=1}"]
    );
    let with = |filters: Value| json!({"Dimensions": filters});
    assert_eq!(
        names(&world, with(json!([{"Name": "s"}]))).await,
        ["n/a{c=x,s=1}", "n/b{s=2}", "o/a{s=1}"]
    );
    assert_eq!(
        names(&world, with(json!([{"Name": "s", "Value": "1"}, {"Name": "c"}]))).await,
        ["n/a{c=x,s=1}"]
    );
    let linked = json!({"IncludeLinkedAccounts": true, "Namespace": "o"});
    let answer = world.ok("ListMetrics", linked).await;
    assert_eq!(answer["OwningAccounts"], json!([ACCOUNT]));
    let error = world
        .refused("ListMetrics", json!({"OwningAccount": "123456789012"}))
        .await;
    assert!(
        error.starts_with("InvalidParameterValue: The parameter OwningAccount is invalid"),
        "{error}"
    );
}

#[tokio::test]
async fn metrics_age() {
    let world = open().await;
    world.value(0, 1.0).await;
    world.clock.advance(Duration::from_secs(3 * 3600 + 1));
    let recent = json!({"RecentlyActive": "PT3H"});
    assert_eq!(names(&world, json!({})).await, ["n/m{}"]);
    assert!(names(&world, recent.clone()).await.is_empty());
    world.value(-3600, 1.0).await;
    assert_eq!(names(&world, recent).await, ["n/m{}"]);
    world.clock.advance(Duration::from_secs(25 * 3600));
    // Nothing came since, so nothing was thrown away yet; it is not shown all the same.
    assert!(names(&world, json!({})).await.is_empty());
    let error = world
        .refused("ListMetrics", json!({"RecentlyActive": "PT4H"}))
        .await;
    assert!(error.contains("recentlyActive"), "{error}");
}

#[tokio::test]
async fn five_hundred_a_page() {
    let world = open().await;
    for chunk in 0..2 {
        let data: Vec<Value> = (0..600)
            .map(|i| json!({"MetricName": format!("m{:05}", chunk * 600 + i), "Value": 1}))
            .collect();
        world.put(Value::from(data)).await;
    }
    let mut filter = json!({"Namespace": "n"});
    let (mut all, mut pages) = (Vec::new(), Vec::new());
    loop {
        let answer = world.ok("ListMetrics", filter.clone()).await;
        let page = answer["Metrics"].as_array().unwrap();
        pages.push(page.len());
        all.extend(
            page.iter()
                .map(|metric| metric["MetricName"].as_str().unwrap().to_owned()),
        );
        match answer.get("NextToken") {
            Some(token) => filter["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, [500, 500, 200]);
    assert!(all.is_sorted_by(|a, b| a < b));
    let other = json!({"NextToken": filter["NextToken"]});
    let error = world.refused("ListMetrics", other).await;
    assert!(
        error.starts_with("InvalidParameterValue: The parameter NextToken is invalid"),
        "{error}"
    );
}
