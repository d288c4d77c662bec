//! What a caller is told: the contract's bodies and statuses.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::Body;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::http::Refusal;
use crate::api::dashboard::Page;
use crate::error::{Error, ErrorKind, Result};
use crate::specs::DataType;
use crate::sync::{Outcome, RunFailure};

/// The body of an answer to a sync, whoever asked. `is_told`: whether the bus has the event
/// that makes a run go on.
pub(super) fn body(spec: &DataType, outcome: &Result<Outcome, RunFailure>, is_told: bool) -> Value {
    match outcome {
        Ok(Outcome::Finished(report)) => json!({
            "success": true,
            "message": format!("{} sync completed", spec.title),
            "data": report,
        }),
        Ok(Outcome::HandedOver { report, .. }) => json!({
            "success": true,
            "message": if is_told {
                format!("{} sync goes on", spec.title)
            } else {
                format!("{} sync goes on with the next request or schedule", spec.title)
            },
            "data": report,
        }),
        Ok(Outcome::Repeated { run_id, .. }) => json!({
            "success": true,
            "message": "Nothing to do: what this asks for is running or over",
            "data": {"dataType": spec.name, "runId": run_id},
        }),
        Err(failure) => json!({
            "success": false,
            "error": error(&failure.error),
            "data": failure_data(spec, failure),
        }),
    }
}

/// What is known of a run that failed, or that never began.
pub(super) fn failure_data(spec: &DataType, failure: &RunFailure) -> Value {
    match (&failure.report, failure.running) {
        (Some(report), _) => json!(report),
        (None, Some(running)) => {
            json!({"dataType": spec.name, "runId": running, "status": "in_progress"})
        }
        (None, None) => json!({"dataType": spec.name}),
    }
}

/// Code, message and remedy.
pub(super) fn error(error: &Error) -> Value {
    json!({
        "code": error.kind().code(),
        "message": error.to_string(),
        "remedy": error.kind().remedy(),
    })
}

/// The HTTP answer to a sync.
pub(super) fn http_of_sync(
    spec: &DataType,
    outcome: &Result<Outcome, RunFailure>,
    is_told: bool,
) -> Value {
    let mut answer = http(status(outcome), &body(spec, outcome, is_told));
    if matches!(outcome, Ok(Outcome::HandedOver { .. })) {
        answer["headers"][LOCATION.as_str()] = json!(format!("/api/sync/status/{}", spec.name));
    }
    answer
}

/// The HTTP status of an outcome.
fn status(outcome: &Result<Outcome, RunFailure>) -> u16 {
    match outcome {
        Ok(Outcome::HandedOver { .. }) => 202,
        Ok(_) => 200,
        Err(failure) => failure.error.kind().http_status(),
    }
}

/// Answers a request that was not let in.
pub(super) fn refusal(refusal: &Refusal) -> Value {
    let body = json!({"success": false, "error": error(&refusal.error)});
    // RFC 9110: 401 names the scheme, 405 the method that would do.
    let scheme = (refusal.status == 401).then_some((WWW_AUTHENTICATE, "Bearer"));
    let method = refusal.allow.map(|method| (ALLOW, method));
    let headers: Vec<_> = scheme
        .into_iter()
        .chain(method)
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    http_with(refusal.status, &headers, &body)
}

/// An API Gateway response of payload version 2.0.
pub(super) fn http(status: u16, body: &Value) -> Value {
    http_with(status, &[], body)
}

/// As [`http`], with headers of its own beside the content type.
pub(super) fn http_with(status: u16, headers: &[(HeaderName, HeaderValue)], body: &Value) -> Value {
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let headers = headers.iter().cloned().chain([json]);
    write(status, headers, body.to_string())
}

/// A page for a browser.
pub(super) fn page(page: &Page) -> Value {
    let headers = page.headers.iter().filter_map(|(name, value)| {
        // They are ours, and plain text.
        Some((name.clone(), HeaderValue::from_str(value).ok()?))
    });
    write(200, headers, page.body.clone())
}

fn write(
    status: u16,
    headers: impl Iterator<Item = (HeaderName, HeaderValue)>,
    body: String,
) -> Value {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status.into();
    response.headers.extend(headers);
    response.body = Some(Body::Text(body));
    serde_json::to_value(response).unwrap_or_else(|_| {
        let internal = Error::new(ErrorKind::Internal, "the answer could not be written");
        json!({"statusCode": 500, "body": json!({"success": false, "error": error(&internal)}).to_string()})
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::PRODUCTS;
    use uuid::Uuid;

    #[test]
    fn a_busy_answer_names_the_running_run() {
        let running = Uuid::from_u128(7);
        let outcome = Err(RunFailure {
            error: Error::new(ErrorKind::Busy, "a sync of products is already running"),
            report: None,
            running: Some(running),
        });
        assert_eq!(status(&outcome), 409);
        let body = body(&PRODUCTS, &outcome, true);
        assert_eq!(body["success"], false);
        assert_eq!(body["error"]["code"], "busy");
        assert_eq!(body["data"]["runId"], running.to_string());
    }

    #[test]
    fn an_http_answer_is_json_with_its_status() {
        let answer = http(200, &json!({"success": true}));
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(answer["body"], r#"{"success":true}"#);
    }

    #[test]
    fn a_refusal_names_the_scheme_or_the_method_that_would_do() {
        let stranger = refusal(&Refusal::new(401, "no key"));
        assert_eq!(stranger["headers"]["www-authenticate"], "Bearer");
        assert_eq!(stranger["headers"]["allow"], Value::Null);
        let wrong_method = refusal(&Refusal {
            allow: Some("GET"),
            ..Refusal::new(405, "GET only")
        });
        assert_eq!(wrong_method["headers"]["allow"], "GET");
        assert_eq!(wrong_method["headers"]["www-authenticate"], Value::Null);
    }
}
