//! What woke the function: a bare request, an event of the bus, a schedule or an HTTP
//! request of API Gateway (payload 2.0). All lead to the same request.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::encodings::Base64Data;
use lambda_http::{Body, RequestExt};
use serde_json::Value;
use serde_json::value::RawValue;

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
    Http(Result<Box<lambda_http::Request>>),
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
        return Invocation::Http(read_http(event).map(Box::new));
    }
    if event.get("detail-type").is_some() {
        return read_bus_event(event);
    }
    Invocation::Direct {
        trigger: Trigger::Invoke,
        request: SyncRequest::from_json(event),
    }
}

/// Takes what is looked at out of an HTTP request. The conversion that `lambda_http` has for
/// it panics where the query is no URI, which any stranger may send, or the body no base64.
fn read_http(event: Value) -> Result<lambda_http::Request> {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).map_err(|_| {
        Error::new(
            ErrorKind::BadRequest,
            "the event has a requestContext and is no API Gateway request of payload version 2.0",
        )
    })?;
    let mut request = lambda_http::Request::new(match event.body {
        Some(body) if event.is_base64_encoded => decode(body),
        Some(body) => Body::Text(body),
        None => Body::Empty,
    });
    *request.method_mut() = event.request_context.http.method;
    *request.headers_mut() = event.headers;
    Ok(request.with_query_string_parameters(event.query_string_parameters))
}

/// What is no base64 is left as it is, and refused as not JSON once the key has been looked at.
fn decode(body: String) -> Body {
    match serde_json::from_value::<Base64Data>(Value::from(body.as_str())) {
        Ok(decoded) => Body::Binary(decoded.0),
        Err(_) => Body::Text(body),
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
    fn an_http_request_keeps_method_query_headers_and_body() {
        let event = json!({
            "version": "2.0",
            "routeKey": "POST /api/sync/products",
            "rawPath": "/api/sync/products",
            "rawQueryString": "wait=true",
            "queryStringParameters": {"wait": "true"},
            "headers": {"authorization": "Bearer k", "host": "localhost"},
            "requestContext": {
                "http": {"method": "POST", "path": "/api/sync/products"}
            },
            "body": "eyJtb2RlIjoiZnVsbCJ9",
            "isBase64Encoded": true
        });
        let Invocation::Http(Ok(request)) = tell_apart(event) else {
            panic!("not HTTP");
        };
        assert_eq!(request.method(), "POST");
        assert_eq!(request.headers()["authorization"], "Bearer k");
        let query = request.query_string_parameters();
        assert_eq!(query.first("wait"), Some("true"));
        assert_eq!(request.body().as_ref(), br#"{"mode":"full"}"#);
    }

    #[test]
    fn what_only_looks_like_http_is_refused() {
        let Invocation::Http(request) = tell_apart(json!({"requestContext": 7})) else {
            panic!("not HTTP");
        };
        assert!(request.is_err());
    }
}
