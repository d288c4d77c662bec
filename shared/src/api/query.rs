//! The parameters of a request. One that a route does not have is refused with the list of
//! those that it has: a misspelt `force` or `severity` must not pass for none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::specs::{DataType, REGISTRY};

/// Rows that a list has where no limit is given, and at most.
const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;

/// The parameters of a request, each at most once.
#[derive(Debug)]
pub(crate) struct Query<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Query<'a> {
    /// Reads the text behind a URL's question mark.
    ///
    /// # Errors
    /// `bad_request`, naming what is allowed and never repeating what was sent.
    pub(crate) fn parse(text: &'a str, allowed: &[&str]) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !allowed.contains(&name.as_ref()) {
                return Err(refuse(match allowed {
                    [] => "this route has no parameters".to_owned(),
                    names => format!("this route has the parameters {} only", names.join(", ")),
                }));
            }
            if parameters.insert(name, value).is_some() {
                return Err(refuse("a parameter is given twice"));
            }
        }
        Ok(Self(parameters))
    }

    /// The data types that a list is about: all where none is named.
    pub(crate) fn data_types(&self) -> Result<Vec<&'static str>> {
        match self.get("dataType") {
            Some(name) => Ok(vec![data_type(name)?.name]),
            None => Ok(REGISTRY.iter().map(|spec| spec.name).collect()),
        }
    }

    /// How many rows a list may have.
    pub(crate) fn limit(&self) -> Result<i64> {
        let Some(text) = self.get("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(limit) if is_number && (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            _ => Err(refuse(format!(
                "limit is a whole number from 1 to {MAX_LIMIT}"
            ))),
        }
    }

    /// `reject`, `warning`, or both where it is absent.
    pub(crate) fn severity(&self) -> Result<Option<&str>> {
        match self.get("severity") {
            None => Ok(None),
            Some(word @ ("reject" | "warning")) => Ok(Some(word)),
            Some(_) => Err(refuse("severity is reject or warning")),
        }
    }

    /// A parameter that is `true` or `false`; absent it is `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(refuse(format!("{name} is true or false"))),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }
}

/// The data type of this name.
///
/// # Errors
/// `bad_request` with the names that there are.
pub(crate) fn data_type(name: &str) -> Result<&'static DataType> {
    DataType::find(name).ok_or_else(|| {
        let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
        refuse(format!(
            "there is no such data type: it is one of {}",
            names.join(", ")
        ))
    })
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [&str; 4] = ["dataType", "severity", "limit", "force"];

    fn parse(text: &str) -> Query<'_> {
        Query::parse(text, &ALL).expect("allowed")
    }

    #[test]
    fn what_is_absent_has_its_default() {
        let query = parse("");
        assert_eq!(query.limit().expect("a limit"), 50);
        assert_eq!(query.severity().expect("either"), None);
        assert_eq!(query.data_types().expect("all").len(), REGISTRY.len());
        assert!(!query.flag("force").expect("a flag"));
    }

    #[test]
    fn what_is_given_is_taken() {
        let query = parse("limit=500&severity=reject&dataType=s%61les&force=true");
        assert_eq!(query.limit().expect("a limit"), 500);
        assert_eq!(query.severity().expect("one"), Some("reject"));
        assert_eq!(query.data_types().expect("one"), ["sales"]);
        assert!(query.flag("force").expect("a flag"));
    }

    #[test]
    fn an_unknown_or_repeated_parameter_is_refused_with_what_is_allowed() {
        for text in ["Limit=1", "limits=1", "a", "=", "%00=1", "limit=1&x"] {
            let error = Query::parse(text, &ALL).expect_err("unknown");
            assert!(error.to_string().contains("severity"), "{error}");
        }
        let error = Query::parse("limit=1&limit=1", &ALL).expect_err("twice");
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(Query::parse("deep=true", &[]).is_err());
    }

    #[test]
    fn a_value_of_another_form_is_refused() {
        for limit in [
            "",
            "0",
            "501",
            "-1",
            "%2B5",
            "5.0",
            "1e2",
            "x",
            "99999999999999999999",
        ] {
            let text = format!("limit={limit}");
            assert!(parse(&text).limit().is_err(), "{limit}");
        }
        assert!(parse("severity=").severity().is_err());
        assert!(parse("dataType=Sales").data_types().is_err());
        assert!(parse("force=1").flag("force").is_err());
    }

    proptest! {
        #[test]
        fn no_query_panics(text in ".*") {
            if let Ok(query) = Query::parse(&text, &ALL) {
                let _ = (query.limit(), query.severity(), query.data_types());
            }
        }
    }
}
