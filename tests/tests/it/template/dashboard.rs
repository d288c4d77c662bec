//! The dashboard: it shows every metric and every queue, whoever adds one.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::telemetry::metrics;

use super::template;

fn widgets(template: &Value) -> Vec<Value> {
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"].as_str();
    // What `!Sub` puts in place of a parameter is a number there.
    let filled = body
        .expect("a text")
        .replace("${StaleAfterSeconds}", "1800")
        .replace("${UnverifiedAfterSeconds}", "180000");
    let shown: Value = serde_json::from_str(&filled).expect("JSON");
    shown["widgets"].as_array().expect("widgets").clone()
}

#[test]
fn the_dashboard_shows_every_metric_and_every_queue() {
    let template = template();
    let dashboard = &template["Resources"]["Dashboard"];
    assert_eq!(dashboard["Condition"], "IsWatched");
    let widgets = &widgets(&template);
    let expressions: Vec<&str> = widgets
        .iter()
        .filter_map(|widget| widget.pointer("/properties/metrics/0/0/expression"))
        .map(|expression| expression.as_str().expect("a text"))
        .collect();
    let by_type = format!(
        "{{{},{},{}}}",
        metrics::NAMESPACE,
        metrics::STACK,
        metrics::DATA_TYPE
    );
    let stack = format!("{}=\"${{AWS::StackName}}\"", metrics::STACK);
    for name in metrics::NAMES {
        let schema = match name {
            metrics::RUNS_FAILED => by_type.replace('}', &format!(",{}}}", metrics::CODE)),
            _ => by_type.clone(),
        };
        let asked = format!("SEARCH('{schema} {stack} MetricName=\"{name}\"'");
        assert!(
            expressions.iter().any(|it| it.starts_with(&asked)),
            "{asked}"
        );
    }
    assert_eq!(expressions.len(), metrics::NAMES.len());
    let queues = queues_shown(widgets);
    for (id, queue) in of_type(&template, "AWS::SQS::Queue") {
        // A queue that is not always there cannot be named by its resource.
        let by_its_text = queue["Properties"]["QueueName"].as_str().expect("a name");
        let named = match queue.get("Condition") {
            Some(_) => by_its_text.to_owned(),
            None => format!("${{{id}.QueueName}}"),
        };
        assert!(queues.contains(&named), "{named}");
    }
}

fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let resources = template["Resources"].as_object().expect("resources");
    let found: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .collect();
    assert!(!found.is_empty(), "none of {kind}");
    found
}

/// The queues whose length is shown.
fn queues_shown(widgets: &[Value]) -> BTreeSet<String> {
    let metrics = widgets
        .iter()
        .filter_map(|widget| widget["properties"]["metrics"].as_array())
        .flatten();
    metrics
        .filter(|it| it[1] == "ApproximateNumberOfMessagesVisible" && it[2] == "QueueName")
        .map(|it| it[3].as_str().expect("a name").to_owned())
        .collect()
}

/// A picture that lies over another one hides it.
#[test]
fn no_two_widgets_of_the_dashboard_lie_over_each_other() {
    let widgets = widgets(&template());
    let place = |widget: &Value| {
        ["x", "y", "width", "height"].map(|side| widget[side].as_u64().expect("a number"))
    };
    for (index, one) in widgets.iter().enumerate() {
        let [x, y, width, height] = place(one);
        assert!(x + width <= 24, "{one}");
        for other in &widgets[..index] {
            let [left, top, wide, high] = place(other);
            let is_beside = x >= left + wide || left >= x + width;
            let is_below = y >= top + high || top >= y + height;
            assert!(is_beside || is_below, "{one} and {other}");
        }
    }
}
