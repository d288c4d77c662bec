//! Reads variables one by one and collects what is wrong with them, so that all of it can
//! be said at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use secrecy::SecretString;

use super::EventsConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::specs;

/// Reads variables and remembers what is wrong with them.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    /// An empty value counts as unset: templates and shells cannot always leave one out.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn required(&mut self, name: &str, form: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems
                .push(format!("{name} is missing: it is {form}"));
            String::new()
        })
    }

    /// Remembers a problem that only the caller can see.
    pub(super) fn refuse(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Not trimmed: a space may belong to it.
    pub(super) fn password(&mut self, name: &str) -> SecretString {
        self.required(name, "a password or an API key");
        SecretString::from((self.lookup)(name).unwrap_or_default())
    }

    pub(super) fn http_url(&mut self, name: &str) -> String {
        const FORM: &str = "https://odoo.example.com";
        let value = self.required(name, FORM);
        let is_http = reqwest::Url::parse(&value)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !value.is_empty() && !is_http {
            self.problems
                .push(format!("{name} is malformed: it has the form {FORM}"));
        }
        value.trim_end_matches('/').to_owned()
    }

    pub(super) fn optional_bounded<T>(&mut self, name: &str, min: T, max: T) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let text = self.optional(name)?;
        match text.parse::<T>() {
            Ok(value) if value >= min && value <= max => Some(value),
            _ => {
                self.problems.push(format!(
                    "{name} is malformed: it is a number from {min} to {max}"
                ));
                None
            }
        }
    }

    pub(super) fn bounded<T>(&mut self, name: &str, default: T, min: T, max: T) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        self.optional_bounded(name, min, max).unwrap_or(default)
    }

    /// The first of `choices` is the default.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let default = choices[0].1;
        let Some(text) = self.optional(name) else {
            return default;
        };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.problems.push(format!(
            "{name} is malformed: it is one of {}",
            words.join(", ")
        ));
        default
    }

    pub(super) fn extra_fields(&mut self) -> BTreeMap<String, Vec<String>> {
        let Some(text) = self.optional("SYNC_EXTRA_FIELDS") else {
            return BTreeMap::new();
        };
        let fields: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap_or_default();
        let is_a_table = |name: &String| {
            let mut streams = specs::REGISTRY.iter().flat_map(|spec| spec.streams);
            streams.any(|stream| stream.name == name)
        };
        let names = fields.values().flatten();
        let is_right = !fields.is_empty()
            && fields.keys().all(is_a_table)
            // Every row has its id already.
            && names.into_iter().all(|name| name != "id");
        if !is_right {
            self.problems.push(
                r#"SYNC_EXTRA_FIELDS is malformed: it has the form {"products": ["x_brand"]}, with names of tables and of Odoo fields other than id"#
                    .to_owned(),
            );
        }
        fields
    }

    /// The bus, for what cannot do without one.
    pub(super) fn event_bus(&mut self) -> String {
        EventsConfig::from_lookup(self.lookup)
            .bus
            .unwrap_or_else(|| {
                self.problems.push(
                    "SYNC_EVENT_BUS is empty: it is the name of the EventBridge bus that carries the requests to the functions"
                        .to_owned(),
                );
                String::new()
            })
    }

    pub(super) fn finish<T>(self, config: T) -> Result<T> {
        if self.problems.is_empty() {
            return Ok(config);
        }
        Err(Error::new(ErrorKind::Config, self.problems.join("; ")))
    }
}
