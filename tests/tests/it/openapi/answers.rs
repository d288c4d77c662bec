//! Real answers of every route, one for each status that the document has and that can be
//! provoked.

use std::collections::BTreeSet;

use odoo_sim::{Fault, Version, When};

use super::document::DOCUMENT;
use crate::http::event::{KEY, ask, request_to};
use crate::support::function::{Environment, Function};
use crate::support::hold::Hold;
use crate::support::shop::Shop;

/// A route's status, such as `GET /api/sync/runs 200`.
type Seen = BTreeSet<String>;

/// What no request provokes: a bug; and what takes a bus to come about, which the tests of
/// slices and of the fan-out have.
fn is_out_of_reach(seen: &str) -> bool {
    seen.ends_with(" 500")
        || seen == "POST /api/sync/{dataType} 202"
        || seen.starts_with("POST /api/sync/all ")
            && !["401", "404", "503"]
                .iter()
                .any(|status| seen.ends_with(status))
}

struct Asker {
    function: Function,
    bearer: Option<String>,
}

impl Asker {
    async fn start(name: &str, environment: &Environment) -> Self {
        let mut environment = environment.clone();
        environment.insert("SYNC_API_KEY", KEY.to_owned());
        Self {
            function: Function::start(name, &environment).await,
            bearer: Some(format!("Bearer {KEY}")),
        }
    }

    /// Asks; [`ask`] holds the answer against the document.
    async fn ask(&mut self, seen: &mut Seen, method: &str, target: &str, body: &str) -> u64 {
        let event = request_to(method, target, self.bearer.as_deref(), Some(body));
        let (status, _) = ask(&mut self.function, &event).await;
        let path = event["rawPath"].as_str().expect("a path");
        if let Some(route) = DOCUMENT.route_of(method, path) {
            seen.insert(format!("{route} {status}"));
        }
        status
    }
}

/// A target of every route.
const TARGETS: [(&str, &str); 8] = [
    ("GET", "/api/sync/status"),
    ("GET", "/api/sync/status/products"),
    ("GET", "/api/sync/runs"),
    ("GET", "/api/sync/findings"),
    ("GET", "/api/sync/health?deep=true"),
    ("POST", "/api/sync/reset/products"),
    ("POST", "/api/sync/all"),
    ("POST", "/api/sync/products"),
];

#[tokio::test]
async fn every_status_that_can_be_provoked_is_answered_as_described() {
    let shop = Shop::open(Version::V19).await;
    let mut seen = Seen::new();
    let mut api = Asker::start("api", &shop.environment).await;
    let mut sync = Asker::start("sync-products", &shop.environment).await;

    sync.ask(&mut seen, "POST", "/api/sync/products", "{}")
        .await;
    for (method, target) in TARGETS {
        api.ask(&mut seen, method, target, "").await;
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let misspelt = format!("{path}?x=y");
        let asked = if target.ends_with("/products") && method == "POST" {
            &mut sync
        } else {
            &mut api
        };
        asked.ask(&mut seen, method, &misspelt, "").await;
    }
    for (method, path) in [
        ("GET", "/api/sync/status/%ff"),
        ("POST", "/api/sync/reset/%ff"),
        ("POST", "/api/sync/%ff"),
    ] {
        api.ask(&mut seen, method, path, "").await;
    }
    let large = " ".repeat(64 * 1024 + 1);
    for target in ["/api/sync/products", "/api/sync/reset/products"] {
        api.ask(&mut seen, "POST", target, &large).await;
    }
    api.ask(&mut seen, "POST", "/api/sync/reset/products?x=y", "")
        .await;

    while_a_run_is_on(&shop, &mut api, &mut sync, &mut seen).await;
    shop.sim.inject(When::any().forever(), Fault::AccessDenied);
    sync.ask(&mut seen, "POST", "/api/sync/products", "").await;
    api.ask(&mut seen, "GET", "/api/sync/health?deep=true", "")
        .await;

    api.bearer = None;
    for (method, target) in TARGETS {
        api.ask(&mut seen, method, target, "").await;
    }
    let mut closed = Asker {
        function: Function::start("api", &Environment::new()).await,
        bearer: None,
    };
    for (method, target) in TARGETS {
        closed.ask(&mut seen, method, target, "").await;
    }

    let described = DOCUMENT.routes().into_iter().flat_map(|route| {
        let statuses = DOCUMENT.statuses(&route);
        statuses
            .into_iter()
            .map(move |status| format!("{route} {status}"))
    });
    let expected: Seen = described.filter(|it| !is_out_of_reach(it)).collect();
    let missing: Vec<&String> = expected.difference(&seen).collect();
    assert_eq!(missing, [""; 0]);
}

async fn while_a_run_is_on(shop: &Shop, api: &mut Asker, sync: &mut Asker, seen: &mut Seen) {
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    let mut running = Asker::start("sync-products", &shop.environment).await;
    let event = request_to(
        "POST",
        "/api/sync/products",
        running.bearer.as_deref(),
        None,
    );
    running.function.send(&event);
    hold.reached().await;
    assert_eq!(sync.ask(seen, "POST", "/api/sync/products", "").await, 409);
    assert_eq!(
        api.ask(seen, "POST", "/api/sync/reset/products", "").await,
        409
    );
    hold.release();
    running.function.answer().await;
}
