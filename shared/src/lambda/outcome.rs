//! What the bus tells `sync-all` of runs: `Sync Completed`, `Sync Failed`, and what Lambda's own
//! on-failure destination says of a function that crashed in every attempt.
//!
//! An event is believed where it names a batch, and is else only the occasion to look. Who may
//! put events on the bus may start syncs as well.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::trigger::{OUR_SOURCE, SYNC_REQUESTED};
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::Ended;
use crate::specs::{DataType, REGISTRY};
use crate::sync::request::SyncRequest;

/// Source and detail type of what Lambda's destination puts on a bus.
const LAMBDA_SOURCE: &str = "lambda";
const LAMBDA_FAILURE: &str = "Lambda Function Invocation Result - Failure";

/// Longest message that is kept, in characters: ours are shorter.
const MAX_MESSAGE: usize = 2000;

/// Reads an event that tells how a run ended; `None` where it is another one.
///
/// # Errors
/// `bad_request` for one that names no data type, or is about no sync.
pub(super) fn read(event: &Value) -> Option<Result<Ended>> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let detail = event.get("detail").unwrap_or(&Value::Null);
    match (text("source"), text("detail-type")) {
        (OUR_SOURCE, "Sync Completed") => Some(completed(detail)),
        (OUR_SOURCE, "Sync Failed") => Some(failed(detail)),
        (LAMBDA_SOURCE, LAMBDA_FAILURE) => Some(crashed(detail)),
        _ => None,
    }
}

fn completed(detail: &Value) -> Result<Ended> {
    Ok(Ended {
        data_type: known(detail["dataType"].as_str())?,
        batch_id: id(&detail["batchId"]),
        run_id: id(&detail["runId"]),
        error: None,
        given_up_at: None,
    })
}

fn failed(detail: &Value) -> Result<Ended> {
    let code = detail["error"]["code"].as_str();
    let message = detail["error"]["message"].as_str().unwrap_or_default();
    let kind = code.and_then(ErrorKind::from_code);
    Ok(Ended {
        error: Some((
            kind.unwrap_or(ErrorKind::Internal),
            message.chars().take(MAX_MESSAGE).collect(),
        )),
        ..completed(detail)?
    })
}

/// Its `requestPayload` is what the function was invoked with: an event of the bus, whose detail
/// is the request, or the request alone.
fn crashed(detail: &Value) -> Result<Ended> {
    let payload = &detail["requestPayload"];
    let request = match payload.get("detail-type").and_then(Value::as_str) {
        Some(SYNC_REQUESTED) if payload["source"] == OUR_SOURCE => &payload["detail"],
        // A schedule's detail is a request as well.
        Some(_) if payload["source"] != OUR_SOURCE => &payload["detail"],
        Some(_) => return Err(no_sync()),
        None => payload,
    };
    let request = SyncRequest::from_json(request.clone()).unwrap_or_default();
    let by_name = of_function(&detail["requestContext"]["functionArn"]);
    let why = match detail["requestContext"]["condition"].as_str() {
        Some("EventAgeExceeded") => "Lambda could not start its function in time",
        _ => "its function crashed in every attempt",
    };
    Ok(Ended {
        data_type: match by_name {
            Some(spec) => spec,
            None => known(request.data_type.as_deref())?,
        },
        batch_id: request.batch_id,
        run_id: request.run_id,
        error: Some((ErrorKind::Internal, why.to_owned())),
        given_up_at: Some(time(&detail["timestamp"]).unwrap_or_else(Timestamp::now)),
    })
}

/// The data type of `arn:aws:lambda:<region>:<account>:function:<stack>-sync-products:$LATEST`.
fn of_function(arn: &Value) -> Option<&'static DataType> {
    let name = arn.as_str()?.split(':').nth(6)?;
    let mut known = REGISTRY.iter().copied();
    known.find(|spec| {
        let function = spec.function_name();
        name == function || name.ends_with(&format!("-{function}"))
    })
}

fn known(name: Option<&str>) -> Result<&'static DataType> {
    name.and_then(DataType::find).ok_or_else(no_sync)
}

fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn no_sync() -> Error {
    Error::new(
        ErrorKind::BadRequest,
        "the event tells of something else than a sync of a data type",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BATCH: &str = "0b0b0b0b-0000-4000-8000-000000000007";
    const RUN: &str = "0a0a0a0a-0000-4000-8000-000000000007";

    fn told(detail_type: &str, detail: &Value) -> Option<Result<Ended>> {
        read(&json!({"source": "odoo.sync", "detail-type": detail_type, "detail": detail}))
    }

    fn destination(payload: &Value, arn: &str) -> Result<Ended> {
        // As Lambda's documentation shows it.
        let event = json!({
            "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": "Lambda Function Invocation Result - Failure",
            "source": "lambda", "account": "000000000000", "time": "2026-11-22T10:00:00Z",
            "region": "eu-central-1",
            "resources": ["arn:aws:events:eu-central-1:000000000000:event-bus/shop", arn],
            "detail": {
                "version": "1.0", "timestamp": "2026-11-22T10:00:00.000Z",
                "requestContext": {
                    "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
                    "functionArn": arn,
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": 3
                },
                "requestPayload": payload,
                "responseContext": {
                    "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"
                },
                "responsePayload": {"errorType": "Runtime.ExitError"}
            }
        });
        read(&event).expect("of ours")
    }

    const PRODUCTS: &str =
        "arn:aws:lambda:eu-central-1:000000000000:function:shop-sync-products:$LATEST";

    #[test]
    fn the_end_of_a_run_names_batch_and_run() {
        let detail = json!({"dataType": "sales", "batchId": BATCH, "runId": RUN});
        let ended = told("Sync Completed", &detail).expect("of ours");
        let ended = ended.expect("readable");
        assert_eq!(ended.data_type.name, "sales");
        assert_eq!(
            ended.batch_id.map(|id| id.to_string()).as_deref(),
            Some(BATCH)
        );
        assert_eq!(ended.run_id.map(|id| id.to_string()).as_deref(), Some(RUN));
        assert_eq!((ended.error, ended.given_up_at), (None, None));
    }

    #[test]
    fn a_failure_keeps_its_code_and_an_unknown_one_is_internal() {
        for (code, kind) in [
            (json!("odoo_auth"), ErrorKind::OdooAuth),
            (json!("unknown"), ErrorKind::Internal),
            (json!(7), ErrorKind::Internal),
        ] {
            let detail = json!({"dataType": "sales", "error": {"code": code, "message": "m"}});
            let ended = told("Sync Failed", &detail).expect("of ours");
            let error = ended.expect("readable").error;
            assert_eq!(error, Some((kind, "m".to_owned())));
        }
    }

    #[test]
    fn a_crash_is_told_by_the_payload_whatever_its_form() {
        let request = json!({"dataType": "products", "batchId": BATCH});
        let event = json!({
            "source": "odoo.sync", "detail-type": "Sync Requested", "detail": request
        });
        for payload in [&request, &event] {
            let ended = destination(payload, PRODUCTS).expect("readable");
            assert_eq!(ended.data_type.name, "products");
            assert!(ended.batch_id.is_some());
            assert!(ended.error.is_some());
            let given_up_at = ended.given_up_at.map(|at| at.to_string());
            assert_eq!(given_up_at.as_deref(), Some("2026-11-22T10:00:00Z"));
        }
        let schedule = json!({
            "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}
        });
        for payload in [schedule, json!({}), json!(null)] {
            let ended = destination(&payload, PRODUCTS).expect("readable");
            assert_eq!((ended.data_type.name, ended.batch_id), ("products", None));
        }
    }

    #[test]
    fn a_crash_of_something_else_is_none_of_ours() {
        let other = "arn:aws:lambda:eu-central-1:000000000000:function:shop-mailer";
        assert!(destination(&json!({}), other).is_err());
        // What sync-all itself was told and crashed over says nothing of that run.
        let completed = json!({
            "source": "odoo.sync", "detail-type": "Sync Completed",
            "detail": {"dataType": "products", "batchId": BATCH}
        });
        let all = "arn:aws:lambda:eu-central-1:000000000000:function:shop-sync-all:$LATEST";
        assert!(destination(&completed, all).is_err());
    }

    #[test]
    fn an_event_of_somebody_else_is_not_read_and_one_of_no_data_type_is_refused() {
        assert_eq!(
            told("Sync Requested", &json!({})).map(|it| it.is_ok()),
            None
        );
        for detail in [json!({}), json!(7), json!({"dataType": "nonsense"})] {
            let refused = told("Sync Completed", &detail).expect("of ours");
            assert_eq!(refused.expect_err("refused").kind(), ErrorKind::BadRequest);
        }
    }
}
