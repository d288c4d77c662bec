//! What Odoo's webhooks may say: the token in the query, and a body of which nothing but its form is looked
//! at. Odoo calls with the id of a record (`_id`), its model and any fields that somebody has
//! chosen; what has changed is asked of Odoo itself.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use subtle::{Choice, ConstantTimeEq};

use crate::api::query::data_type;
use crate::config::HooksConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::specs::DataType;

/// The one parameter.
pub(crate) const TOKEN: &str = "token";

/// Whom a caller's token lets in where.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The hook of this data type.
    Hook(&'static DataType),
    /// None: the token is missing or another one's.
    Nothing,
    /// None: the hook has no token, so it is closed to everybody. Why is for the operator and for no caller: to a stranger
    /// a hook without a token is one whose token he does not have.
    Closed(Error),
}

/// Looks whether the query's token opens the hook of the data type of this name. Never open by default.
///
/// # Errors
/// [`ErrorKind::BadRequest`] where there is no such data type, told only to who has the token of another one.
pub(crate) fn open(query: &str, name: &str, config: &HooksConfig) -> Result<Opened> {
    let sent = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == TOKEN);
    let sent = sent.map(|(_, token)| token).unwrap_or_default();
    let is = |token: &secrecy::SecretString| {
        // Only the length is compared in varying time, and it is no secret.
        sent.as_bytes().ct_eq(token.expose_secret().as_bytes())
    };
    let Some(spec) = DataType::find(name) else {
        // All are compared, so that the time does not tell which one it is.
        let all = config.tokens.values().map(is);
        let is_any = all.fold(Choice::from(0), |found, is_this| found | is_this);
        return match bool::from(is_any) {
            true => data_type(name).map(Opened::Hook),
            false if config.tokens.is_empty() => Ok(Opened::Closed(closed(None))),
            false => Ok(Opened::Nothing),
        };
    };
    let Some(token) = config.tokens.get(spec.name) else {
        return Ok(Opened::Closed(closed(Some(spec.name))));
    };
    Ok(match bool::from(is(token)) {
        true => Opened::Hook(spec),
        false => Opened::Nothing,
    })
}

fn closed(name: Option<&str>) -> Error {
    let which = name.map_or_else(String::new, |name| format!(" for {name}"));
    Error::new(
        ErrorKind::Config,
        format!(
            "SYNC_HOOK_TOKENS has no token{which}: it has the form {{\"products\": \"…\"}}, and Odoo sends the token as ?{TOKEN}=…"
        ),
    )
}

/// Whether a body is that of a webhook of Odoo's: a JSON object whose `_id` is a whole number.
///
/// # Errors
/// [`ErrorKind::BadRequest`]; nothing of the body is repeated.
pub(crate) fn check_body(body: &[u8]) -> Result<()> {
    // The parser's own error may repeat what it found.
    let fields: Option<BTreeMap<String, &RawValue>> = serde_json::from_slice(body).ok();
    let id = fields.and_then(|fields| fields.get("_id").and_then(|id| id.get().parse().ok()));
    match id {
        Some(1_i64..) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::BadRequest,
            "the body is not what a webhook of Odoo sends: a JSON object whose \"_id\" is the id of a record",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTS: &str = "produkte-kennwort";
    const SALES: &str = "verkauf-kennwort!";

    fn config() -> HooksConfig {
        let tokens = [("products", PRODUCTS), ("sales", SALES)];
        let tokens = tokens.map(|(name, token)| (name.to_owned(), token.into()));
        HooksConfig {
            tokens: tokens.into(),
        }
    }

    fn is_open(query: &str, name: &str) -> bool {
        matches!(open(query, name, &config()), Ok(Opened::Hook(spec)) if spec.name == name)
    }

    #[test]
    fn a_token_opens_its_own_hook_and_no_other() {
        assert!(is_open(&format!("token={PRODUCTS}"), "products"));
        assert!(is_open("token=verkauf-kennwort%21", "sales"));
        let long = format!("token={}", PRODUCTS.repeat(10_000));
        for wrong in [
            "",
            "token",
            "token=",
            "token=produkte-kennwor",
            "token=Produkte-kennwort",
            "Token=produkte-kennwort",
            "token=verkauf-kennwort!",
            // The first counts, and the repeated parameter is refused by whoever reads the query.
            "token=x&token=produkte-kennwort",
            long.as_str(),
        ] {
            assert!(!is_open(wrong, "products"), "{wrong:.40}");
        }
    }

    #[test]
    fn a_hook_without_a_token_is_closed() {
        for (name, config) in [
            ("transfers", config()),
            ("products", HooksConfig::default()),
            ("nonsense", HooksConfig::default()),
        ] {
            let opened = open("token=", name, &config);
            let Ok(Opened::Closed(why)) = opened else {
                panic!("{name}: {opened:?}");
            };
            assert_eq!(why.kind(), ErrorKind::Config, "{name}");
            assert!(why.to_string().starts_with("SYNC_HOOK_TOKENS"), "{why}");
        }
    }

    #[test]
    fn only_who_has_a_token_is_told_which_data_types_there_are() {
        let query = format!("token={SALES}");
        let error = open(&query, "nonsense", &config()).expect_err("unknown");
        assert!(error.to_string().contains("products"), "{error}");
        let stranger = open("token=x", "nonsense", &config());
        assert!(matches!(stranger, Ok(Opened::Nothing)));
    }

    #[test]
    fn of_a_body_only_its_id_counts() {
        for right in [
            r#"{"_id": 7}"#,
            r#"{"_id": 7, "_model": "res.users", "_action": "A(#1)", "name": {"x": [null]}}"#,
        ] {
            assert!(check_body(right.as_bytes()).is_ok(), "{right}");
        }
        let deep = format!(r#"{{"_id": 7, "x": {}"#, "[".repeat(60_000));
        for wrong in [
            "",
            "7",
            "[7]",
            "{}",
            r#"{"id": 7}"#,
            r#"{"_id": "7"}"#,
            r#"{"_id": 7.5}"#,
            r#"{"_id": 0}"#,
            r#"{"_id": -7}"#,
            r#"{"_id": null}"#,
            r#"{"_id": 99999999999999999999}"#,
            r#"{"_id": [7]}"#,
            r#"{"_id": 7"#,
            "\u{0}",
            deep.as_str(),
        ] {
            let error = check_body(wrong.as_bytes()).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{wrong:.40}");
        }
    }
}
