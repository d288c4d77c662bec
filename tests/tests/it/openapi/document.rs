//! docs/openapi.yaml, and whether an answer is as it says. Every answer that a test asks for
//! over HTTP is held against it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Draft;
use serde_json::{Value, json};

/// The one document.
pub(crate) static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);

/// A parsed OpenAPI document (3.1, whose schemas are JSON Schema 2020-12).
pub(crate) struct Document(Value);

impl Document {
    fn read() -> Self {
        let text = std::fs::read_to_string("../docs/openapi.yaml").expect("docs/openapi.yaml");
        Self(serde_saphyr::from_str(&text).expect("YAML"))
    }

    /// Its routes, such as `GET /api/sync/runs`.
    pub(super) fn routes(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().expect("paths");
        let routes = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        routes.collect()
    }

    /// The statuses of a route.
    pub(super) fn statuses(&self, route: &str) -> BTreeSet<u64> {
        let operation = self.operation(route).expect("a route of the document");
        let statuses = operation["responses"].as_object().expect("responses");
        let statuses = statuses
            .keys()
            .map(|status| status.parse().expect("a number"));
        statuses.collect()
    }

    /// Part of the document.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.0
            .pointer(pointer)
            .unwrap_or_else(|| panic!("there is no {pointer}"))
    }

    /// What `$ref` points to, where the value is one.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.at(reference.trim_start_matches('#')),
            None => value,
        }
    }

    /// What is wrong with a value by one of the document's schemas.
    pub(crate) fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let root = json!({"allOf": [schema], "components": self.0["components"]});
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&root)
            .unwrap_or_else(|error| panic!("{schema}: {error}"));
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Every response that stands under a route or as a component, with its name.
    pub(super) fn responses(&self) -> Vec<(String, &Value)> {
        let mut found = Vec::new();
        for route in self.routes() {
            let operation = self.operation(&route).expect("its own route");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                found.push((format!("{route} {status}"), self.resolve(response)));
            }
        }
        found
    }

    /// The answer to this event has a status of its route and a body of that status's form.
    pub(crate) fn assert_describes(&self, event: &Value, status: u64, body: &Value) {
        let method = event["requestContext"]["http"]["method"].as_str();
        let path = event["rawPath"].as_str().expect("a path");
        let route = self.route_of(method.expect("a method"), path);
        let response = match route.as_deref().and_then(|route| self.operation(route)) {
            Some(operation) => operation["responses"].get(status.to_string()),
            None => self.without_route(status),
        };
        let response = response
            .unwrap_or_else(|| panic!("{method:?} {path:.80}: {status} is not described: {body}"));
        let schema = &self.resolve(response)["content"]["application/json"]["schema"];
        let errors = self.errors(schema, body);
        assert_eq!(errors, [""; 0], "{method:?} {path:.80} {status}: {body:#}");
    }

    /// The route that a request is for; `None` where there is none.
    pub(super) fn route_of(&self, method: &str, path: &str) -> Option<String> {
        let routes = self.routes();
        let literal = format!("{method} {path}");
        if routes.contains(&literal) {
            return Some(literal);
        }
        if let Some(rest) = path.strip_prefix("/api/sync/findings/") {
            let (_, operation) = rest.split_once('/')?;
            let route = format!("{method} /api/sync/findings/{{id}}/{operation}");
            return routes.contains(&route).then_some(route);
        }
        let (start, name) = path.rsplit_once('/')?;
        let route = format!("{method} {start}/{{dataType}}");
        // `GET /api/sync/status` has no method POST; that it looks like a name changes nothing.
        let is_literal = |it: &String| it.split_once(' ').is_some_and(|(_, other)| other == path);
        let is_route =
            !name.is_empty() && routes.contains(&route) && !routes.iter().any(is_literal);
        is_route.then_some(route)
    }

    fn operation(&self, route: &str) -> Option<&Value> {
        let (method, path) = route.split_once(' ')?;
        self.0["paths"][path].get(method.to_lowercase())
    }

    /// What the introduction says of a request that no route is for.
    fn without_route(&self, status: u64) -> Option<&Value> {
        let name = match status {
            401 => "Unauthorized",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            503 => "Unavailable",
            _ => return None,
        };
        self.0["components"]["responses"].get(name)
    }
}
