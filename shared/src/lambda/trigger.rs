//! What woke the function: a bare request, an event of the bus, a schedule or an HTTP
//! request of API Gateway (payload 2.0). All lead to the same request.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_lambda_events::encodings::Base64Data;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::http::HttpRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::request::{SyncRequest, Trigger};

/// Source of our own events.
pub(super) const OUR_SOURCE: &str = "odoo.sync";
/// Detail type of an event that asks for a sync.
pub(super) const SYNC_REQUESTED: &str = "Sync Requested";

/// An event, told apart.
pub(super) enum Invocation {
    /// The request itself, and who sent it.
    Direct {
        trigger: Trigger,
        request: Result<SyncRequest>,
    },
    /// HTTP, with its headers still to be looked at; an error where it cannot be read.
    Http(Result<HttpRequest>),
}

/// Reads any event. One that is nested too deeply to be read is refused here: left to the
/// Lambda runtime it would be an error of the function, which Lambda tries again.
pub(super) fn read(event: &RawValue) -> Invocation {
    match serde_json::from_str(event.get()) {
        Ok(event) => tell_apart(event),
        Err(_) => refused(Trigger::Invoke, "the event is nested too deeply"),
    }
}

/// Tells events apart by the fields that their senders always set.
fn tell_apart(event: Value) -> Invocation {
    if event.get("requestContext").is_some() {
        return Invocation::Http(read_http(event));
    }
    if event.get("detail-type").is_some() {
        return read_bus_event(event);
    }
    Invocation::Direct {
        trigger: Trigger::Invoke,
        request: SyncRequest::from_json(event),
    }
}

/// What is looked at of an HTTP request of API Gateway. The types that `aws_lambda_events`
/// and `lambda_http` have for it would look at all of it, and panic where the query is no
/// URI or there are more headers than a `HeaderMap` holds, which any stranger may send.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayEvent {
    request_context: GatewayContext,
    // A local router leaves out, or sends as null, what API Gateway always sends.
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct GatewayContext {
    http: GatewayHttp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayHttp {
    method: String,
    source_ip: Option<String>,
}

fn read_http(event: Value) -> Result<HttpRequest> {
    let event: GatewayEvent = serde_json::from_value(event).map_err(|_| {
        Error::new(
            ErrorKind::BadRequest,
            "the event has a requestContext and is no API Gateway request of payload version 2.0",
        )
    })?;
    let mut headers = event.headers.into_iter();
    let authorization = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    Ok(HttpRequest {
        source_ip: event
            .request_context
            .http
            .source_ip
            .filter(|text| text.parse::<IpAddr>().is_ok()),
        method: event.request_context.http.method,
        path: event.raw_path.unwrap_or_default(),
        query: event.raw_query_string.unwrap_or_default(),
        authorization: authorization.map(|(_, value)| value),
        body: match event.body {
            Some(body) if event.is_base64_encoded => decode(body),
            Some(body) => body.into_bytes(),
            None => Vec::new(),
        },
    })
}

/// What is no base64 is left as it is, and refused as not JSON once the key has been looked at.
fn decode(body: String) -> Vec<u8> {
    match serde_json::from_value::<Base64Data>(Value::from(body.as_str())) {
        Ok(decoded) => decoded.0,
        Err(_) => body.into_bytes(),
    }
}

fn read_bus_event(mut event: Value) -> Invocation {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let trigger = match (text("source"), text("detail-type")) {
        (OUR_SOURCE, SYNC_REQUESTED) => Trigger::Event,
        // EventBridge's own schedules, old ("Scheduled Event") and new ("aws.scheduler").
        ("aws.events" | "aws.scheduler", _) => Trigger::Schedule,
        _ => {
            return refused(
                Trigger::Event,
                "the event is neither a schedule nor \"Sync Requested\" of source \"odoo.sync\"",
            );
        }
    };
    let detail = match event.get_mut("detail").map(Value::take) {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        Some(detail) => detail,
    };
    Invocation::Direct {
        trigger,
        request: SyncRequest::from_json(detail),
    }
}

fn refused(trigger: Trigger, why: &str) -> Invocation {
    Invocation::Direct {
        trigger,
        request: Err(Error::new(ErrorKind::BadRequest, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::request::Mode;
    use serde_json::json;

    fn direct(event: Value) -> (Trigger, Result<SyncRequest>) {
        match tell_apart(event) {
            Invocation::Direct { trigger, request } => (trigger, request),
            Invocation::Http(_) => panic!("not HTTP"),
        }
    }

    #[test]
    fn a_bare_request_an_event_and_a_schedule_are_the_same_request() {
        let full = json!({"mode": "full"});
        let event = json!({"detail-type": "Sync Requested", "source": "odoo.sync", "detail": full});
        for (event, expected) in [(full.clone(), Trigger::Invoke), (event, Trigger::Event)] {
            let (trigger, request) = direct(event);
            assert_eq!(trigger, expected);
            assert_eq!(request.expect("allowed").mode, Mode::Full);
        }
        let (trigger, request) = direct(json!({
            "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}
        }));
        assert_eq!(trigger, Trigger::Schedule);
        assert_eq!(request.expect("allowed"), SyncRequest::default());
    }

    #[test]
    fn an_event_of_somebody_else_is_refused() {
        for (source, detail_type) in [
            ("aws.s3", "Object Created"),
            ("odoo.sync", "Sync Completed"),
        ] {
            let (_, request) =
                direct(json!({"detail-type": detail_type, "source": source, "detail": {}}));
            let error = request.expect_err("foreign");
            assert_eq!(error.kind(), ErrorKind::BadRequest);
        }
    }

    #[test]
    fn an_http_request_keeps_what_is_looked_at() {
        let event = json!({
            "version": "2.0",
            "routeKey": "POST /api/sync/products",
            "rawPath": "/api/sync/products",
            "rawQueryString": "a=b&c=%zz",
            "headers": {"Authorization": "Bearer k", "host": "localhost"},
            "requestContext": {
                "http": {"method": "POST", "path": "/api/sync/products"}
            },
            "body": "eyJtb2RlIjoiZnVsbCJ9",
            "isBase64Encoded": true
        });
        let Invocation::Http(Ok(request)) = tell_apart(event) else {
            panic!("not HTTP");
        };
        assert_eq!(request.method, "POST");
        assert_eq!(request.path, "/api/sync/products");
        assert_eq!(request.query, "a=b&c=%zz");
        assert_eq!(request.authorization.as_deref(), Some("Bearer k"));
        assert_eq!(request.body, br#"{"mode":"full"}"#);
    }

    #[test]
    fn a_flood_of_headers_is_no_trouble() {
        let headers: serde_json::Map<String, Value> = (0..40_000)
            .map(|number| (format!("x-{number}"), json!("")))
            .collect();
        let event = json!({
            "requestContext": {"http": {"method": "GET"}},
            "headers": headers
        });
        let Invocation::Http(Ok(request)) = tell_apart(event) else {
            panic!("not HTTP");
        };
        assert_eq!(request.authorization, None);
    }

    #[test]
    fn what_only_looks_like_http_is_refused() {
        let Invocation::Http(request) = tell_apart(json!({"requestContext": 7})) else {
            panic!("not HTTP");
        };
        assert!(request.is_err());
    }
}
