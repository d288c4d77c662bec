//! Odoo's answers from any bytes, for `crate::fuzzing`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Head, Payload, RawRecords};
use super::fault::Asked;
use super::field::FieldDescription;
use super::{json2, jsonrpc};
use crate::error::{Error, Result};

/// Longest message that an answer may lead to, in characters. A message says what is wrong, and
/// names at most an exception and fields.
const LONGEST_MESSAGE: usize = 1000;

/// Takes an answer to a `read` apart as its protocol says; `None` where it is an error.
pub(crate) fn records(is_json2: bool, status: u16, body: &[u8]) -> Option<RawRecords> {
    let asked = Asked::call("product.product", "read");
    let payload = || told(open(&asked, is_json2, status, body));
    told(payload()?.read::<BTreeMap<String, FieldDescription>>(&asked));
    told(payload()?.read::<Vec<i64>>(&asked));
    told(payload()?.read::<Value>(&asked));
    told(payload()?.into_records(&asked))
}

fn open(asked: &Asked<'_>, is_json2: bool, status: u16, body: &[u8]) -> Result<Payload> {
    let answer = Answer {
        head: Head {
            status,
            server_time: None,
            retry_after: Some(Duration::from_secs(1)),
        },
        redirect_to: None,
        body: body.to_vec(),
    };
    if is_json2 {
        json2::open(asked, answer)
    } else {
        jsonrpc::open(asked, answer)
    }
}

/// Whatever was sent, the caller gets a sentence, not a page.
fn told<T>(outcome: Result<T>) -> Option<T> {
    let check = |error: &Error| {
        let length = error.chain().chars().count();
        assert!(
            length <= LONGEST_MESSAGE,
            "a message of {length} characters"
        );
    };
    outcome.inspect_err(check).ok()
}
