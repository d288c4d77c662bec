//! The dashboard: one page that a browser draws from the other routes' answers. It is put
//! together here from the files beside this one, holds no data of its own, and may do nothing
//! but what its policy names: its own script and style, known by their hashes, and requests to
//! where it came from.
//!
//! The script's parts share one scope and stand in the order in which they need each other.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderName;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::specs::REGISTRY;

const FRAME: &str = include_str!("dashboard/page.html");
const STYLE: &str = include_str!("dashboard/style.css");
const PARTS_OF_SCRIPT: &str = concat!(
    include_str!("dashboard/elements.js"),
    include_str!("dashboard/words.js"),
    include_str!("dashboard/requests.js"),
    include_str!("dashboard/progress.js"),
    include_str!("dashboard/chart.js"),
    include_str!("dashboard/confirmation.js"),
    include_str!("dashboard/actions.js"),
    include_str!("dashboard/findings.js"),
    include_str!("dashboard/card.js"),
    include_str!("dashboard/watch.js"),
);
/// The whole script. An object in JSON has no order, so the page is told in which one the status's data types
/// stand.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    format!("const DATA_TYPES = {};\n{PARTS_OF_SCRIPT}", json!(names))
});
/// Where the frame takes them in.
const PLACE_OF_STYLE: &str = "/* style */";
const PLACE_OF_SCRIPT: &str = "/* script */";

/// The page and what a browser must know before it reads it.
pub(crate) struct Page {
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// HTML.
    pub(crate) body: String,
}

/// The one page.
pub(crate) fn page() -> &'static Page {
    static PAGE: LazyLock<Page> = LazyLock::new(Page::put_together);
    &PAGE
}

impl Page {
    fn put_together() -> Self {
        let fixed = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            // An old page would not know a new version's answers.
            (CACHE_CONTROL, "no-store"),
        ];
        let mut headers: Vec<_> = fixed
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        headers.push((CONTENT_SECURITY_POLICY, policy()));
        Self {
            headers,
            body: FRAME
                .replace(PLACE_OF_STYLE, STYLE)
                .replace(PLACE_OF_SCRIPT, &SCRIPT),
        }
    }
}

/// Nothing is allowed but what is named. A text can become a script nowhere: without trusted
/// types the browser refuses `innerHTML` and its like.
fn policy() -> String {
    [
        "default-src 'none'".to_owned(),
        format!("script-src 'sha256-{}'", hash(&SCRIPT)),
        format!("style-src 'sha256-{}'", hash(STYLE)),
        "connect-src 'self'".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
        "require-trusted-types-for 'script'".to_owned(),
        "trusted-types 'none'".to_owned(),
    ]
    .join("; ")
}

/// SHA-256 in base64, as a policy names what stands between two tags.
fn hash(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
        let (_, rest) = text.split_once(start).expect("its start");
        rest.split_once(end).expect("its end").0
    }

    #[test]
    fn the_policy_names_what_stands_in_the_page() {
        let page = page();
        let policy = page
            .headers
            .iter()
            .find(|it| it.0 == CONTENT_SECURITY_POLICY);
        let policy = &policy.expect("a policy").1;
        for (what, start, end) in [
            ("script-src", "<script>", "</script>"),
            ("style-src", "<style>", "</style>"),
        ] {
            let hash = hash(between(&page.body, start, end));
            assert!(
                policy.contains(&format!("{what} 'sha256-{hash}'")),
                "{policy}"
            );
            assert_eq!(page.body.matches(start).count(), 1, "{start}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn a_hash_is_written_as_a_policy_has_it() {
        // SHA-256 of nothing (FIPS 180-4), in base64.
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_no_text_becomes_markup() {
        let body = &page().body;
        for what in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "localStorage",
            "indexedDB",
            "document.cookie",
            "src=",
            "@import",
            "url(",
            "onclick=",
            " style=",
        ] {
            assert!(!body.contains(what), "{what}");
        }
        let addresses = body.matches("http").count();
        // The namespace of SVG is a name and leads nowhere.
        assert_eq!(
            addresses,
            body.matches("http://www.w3.org/2000/svg").count()
        );
    }
}
