//! API Gateway's routes, for the router of `cargo lambda watch`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::template::Template;

/// Every method: a path of its own keeps `cargo lambda watch` from looking further, where API
/// Gateway goes on to its default route, and never answers a method that is missing here.
const METHODS: [&str; 9] = [
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

/// A configuration of `cargo lambda watch` with the template's routes. A request goes where
/// API Gateway would send it, the default route included.
pub fn router_toml(template: &Template) -> String {
    let default = default_function(template);
    let mut toml = "[watch.router]\n".to_owned();
    for (path, methods) in paths(template) {
        let targets: Vec<String> = METHODS
            .into_iter()
            .filter_map(|method| {
                let function = methods.get(method).copied().or(default)?;
                Some(format!(
                    "{{ function = \"{function}\", method = \"{method}\" }}"
                ))
            })
            .collect();
        // Writing to a text does not fail.
        let _ = writeln!(toml, "\"{path}\" = [{}]", targets.join(", "));
    }
    if let Some(function) = default {
        let _ = writeln!(
            toml,
            "\"/\" = \"{function}\"\n\"/{{*rest}}\" = \"{function}\""
        );
    }
    toml
}

fn default_function(template: &Template) -> Option<&str> {
    let has_default = |routes: &[crate::Route]| routes.iter().any(|route| route.path.is_none());
    let mut functions = template.functions.iter();
    functions
        .find(|function| has_default(&function.routes))
        .map(|function| function.binary.as_str())
}

/// The function of each method of each path.
fn paths(template: &Template) -> BTreeMap<String, BTreeMap<&str, &str>> {
    let mut paths: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for function in &template.functions {
        for route in &function.routes {
            let Some(path) = &route.path else { continue };
            let methods = paths.entry(greedy(path)).or_default();
            match route.method.as_deref() {
                Some(method) => {
                    methods.insert(method, &function.binary);
                }
                // A method of its own goes before.
                None => METHODS.into_iter().for_each(|method| {
                    methods.entry(method).or_insert(&function.binary);
                }),
            }
        }
    }
    paths
}

/// API Gateway writes `{rest+}` where the router writes `{*rest}`.
fn greedy(path: &str) -> String {
    match path.rsplit_once('{') {
        Some((start, name)) if name.ends_with("+}") => {
            format!("{start}{{*{}}}", name.trim_end_matches("+}"))
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, Route};

    fn function(binary: &str, method: Option<&str>, path: Option<&str>) -> Function {
        let route = Route {
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        let mut function = Template::parse(&format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: {binary}}}}}\n"
        ))
        .expect("a template")
        .functions
        .remove(0);
        function.routes = vec![route];
        function
    }

    fn toml(functions: Vec<Function>) -> String {
        router_toml(&Template {
            functions,
            rules: Vec::new(),
        })
    }

    #[test]
    fn another_method_and_another_path_go_to_the_default_route() {
        let toml = toml(vec![
            function("sync-one", Some("POST"), Some("/api/sync/one")),
            function("api", None, None),
        ]);
        assert!(
            toml.contains(r#"{ function = "sync-one", method = "POST" }"#),
            "{toml}"
        );
        assert!(
            toml.contains(r#"{ function = "api", method = "GET" }"#),
            "{toml}"
        );
        assert!(
            toml.ends_with("\"/\" = \"api\"\n\"/{*rest}\" = \"api\"\n"),
            "{toml}"
        );
    }

    #[test]
    fn without_a_default_route_a_path_has_its_own_methods_only() {
        let toml = toml(vec![function(
            "sync-one",
            Some("POST"),
            Some("/api/sync/one"),
        )]);
        assert_eq!(
            toml,
            "[watch.router]\n\"/api/sync/one\" = [{ function = \"sync-one\", method = \"POST\" }]\n"
        );
    }

    #[test]
    fn a_greedy_parameter_is_written_as_the_router_writes_it() {
        assert_eq!(greedy("/api/{proxy+}"), "/api/{*proxy}");
        assert_eq!(greedy("/api/{dataType}"), "/api/{dataType}");
    }
}
