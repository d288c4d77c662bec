//! Real answers of every route, one for each status that the document has, from the function
//! that gives it where `template.yaml` is deployed.

use std::collections::BTreeSet;

use odoo_sim::{Fault, Version, When};
use serde_json::json;

use super::document::DOCUMENT;
use crate::events::bus::{Bus, Mood};
use crate::http::event::{KEY, ask, request_to};
use crate::manual::queue::DeadLetters;
use crate::support::function::{Environment, Function};
use crate::support::hold::Hold;
use crate::support::shop::Shop;
use crate::support::wait_until;

/// A route's status, such as `GET /api/sync/runs 200`.
type Seen = BTreeSet<String>;

/// A bug is what no request provokes. What stands for one is a run that is given up, and a data
/// type in a batch that failed so.
fn is_out_of_reach(seen: &str) -> bool {
    const PLAYED: [&str; 2] = ["POST /api/sync/all", "POST /api/sync/{dataType}"];
    let route = seen.strip_suffix(" 500");
    route.is_some_and(|route| !PLAYED.contains(&route))
}

/// So the answer that [`a_run_is_given_up`] holds against the document speaks for all of them.
#[test]
fn a_bug_is_described_alike_wherever_none_can_be_provoked() {
    let described = |route: &str| {
        let found = DOCUMENT.responses().into_iter();
        let mut found = found.filter(|(name, _)| *name == format!("{route} 500"));
        found.next().expect("a 500").1
    };
    for route in DOCUMENT.routes() {
        if is_out_of_reach(&format!("{route} 500")) {
            let expected = described("POST /api/sync/{dataType}");
            assert_eq!(described(&route), expected, "{route}");
        }
    }
}

/// The functions behind the routes.
struct Functions {
    api: Function,
    sync: Function,
    all: Function,
    bearer: Option<String>,
}

impl Functions {
    async fn start(environment: &Environment) -> Self {
        Self {
            api: Function::start("api", environment).await,
            sync: Function::start("sync-products", environment).await,
            all: Function::start("sync-all", environment).await,
            bearer: Some(format!("Bearer {KEY}")),
        }
    }

    /// Whom API Gateway calls.
    fn of(&mut self, method: &str, path: &str) -> &mut Function {
        match (method, path) {
            ("POST", "/api/sync/products") => &mut self.sync,
            ("POST", "/api/sync/all") => &mut self.all,
            _ => &mut self.api,
        }
    }

    /// Asks; [`ask`] holds the answer against the document.
    async fn ask(&mut self, seen: &mut Seen, method: &str, target: &str, body: &str) -> u64 {
        let event = request_to(method, target, self.bearer.as_deref(), Some(body));
        let path = event["rawPath"].as_str().expect("a path");
        let (status, _) = ask(self.of(method, path), &event).await;
        if let Some(route) = DOCUMENT.route_of(method, path) {
            seen.insert(format!("{route} {status}"));
        }
        status
    }
}

/// A target of every route.
const TARGETS: [(&str, &str); 14] = [
    ("GET", "/api/sync/status"),
    ("GET", "/api/sync/status/products"),
    ("GET", "/api/sync/runs"),
    ("GET", "/api/sync/findings"),
    ("GET", "/api/sync/health?deep=true"),
    ("POST", "/api/sync/reset/products"),
    ("POST", "/api/sync/cancel/products"),
    ("POST", "/api/sync/pause/products"),
    ("POST", "/api/sync/resume/products"),
    ("POST", "/api/sync/replay/products"),
    ("POST", "/api/sync/findings/4711/retry"),
    ("POST", "/api/sync/findings/4711/dismiss"),
    ("POST", "/api/sync/all"),
    ("POST", "/api/sync/products"),
];

#[tokio::test]
async fn every_status_that_can_be_provoked_is_answered_as_described() {
    let mut shop = Shop::open(Version::V19).await;
    let bus = Bus::start(Mood::Takes).await;
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    shop.environment.extend(bus.variables());
    let queue = DeadLetters::create().await;
    shop.environment.extend(queue.variables());
    let tokens = json!({"products": TOKEN}).to_string();
    shop.environment.insert("SYNC_HOOK_TOKENS", tokens);
    let mut functions = Functions::start(&shop.environment).await;
    let mut seen = Seen::new();

    let synced = functions.ask(&mut seen, "POST", "/api/sync/products", "{}");
    assert_eq!(synced.await, 200);
    what_is_asked_alone(&mut functions, &mut seen).await;
    what_odoo_asks(&mut functions, &mut seen).await;
    while_a_run_is_on(&shop, &mut functions, &mut seen).await;
    what_becomes_of_a_batch(&shop, &bus, &mut functions, &mut seen).await;
    what_an_operator_does(&shop, &mut functions, &mut seen).await;
    a_run_is_given_up(&shop, &mut functions, &mut seen).await;

    shop.sim.inject(When::any().forever(), Fault::AccessDenied);
    for (method, target) in [
        ("POST", "/api/sync/products"),
        ("GET", "/api/sync/health?deep=true"),
    ] {
        assert_eq!(functions.ask(&mut seen, method, target, "").await, 502);
    }
    the_dashboard_is_opened(&mut functions, &mut seen).await;
    functions.bearer = None;
    let mut closed = Functions::start(&Environment::new()).await;
    for (method, target) in TARGETS {
        assert_eq!(functions.ask(&mut seen, method, target, "").await, 401);
        assert_eq!(closed.ask(&mut seen, method, target, "").await, 503);
    }

    let described = DOCUMENT.routes().into_iter().flat_map(|route| {
        let statuses = DOCUMENT.statuses(&route);
        statuses
            .into_iter()
            .map(move |status| format!("{route} {status}"))
    });
    let expected: Seen = described.filter(|it| !is_out_of_reach(it)).collect();
    assert_eq!(seen, expected);
}

/// The token of the one hook that is open.
const TOKEN: &str = "kennwort-des-hakens";

/// A webhook has a token and no key.
async fn what_odoo_asks(functions: &mut Functions, seen: &mut Seen) {
    const HOOK: &str = "/api/sync/hooks/odoo/products";
    let right = json!({"_id": 7, "_model": "product.template"}).to_string();
    let large = " ".repeat(64 * 1024 + 1);
    let opened = format!("{HOOK}?token={TOKEN}");
    for (target, body, status) in [
        (opened.as_str(), right.as_str(), 202),
        (&opened, "{}", 400),
        (&opened, &large, 413),
        (HOOK, &right, 401),
        ("/api/sync/hooks/odoo/%ff", &right, 404),
        ("/api/sync/hooks/odoo/sales", &right, 401),
    ] {
        let found = functions.ask(seen, "POST", target, body).await;
        assert_eq!(found, status, "{target}");
    }
    // Who has the token is told what is not configured; a stranger is not.
    let tokens = json!({"products": TOKEN}).to_string();
    let without_a_bus = Environment::from([
        ("SYNC_HOOK_TOKENS", tokens),
        ("SYNC_EVENT_BUS", String::new()),
    ]);
    let mut without_a_bus = Functions::start(&without_a_bus).await;
    assert_eq!(without_a_bus.ask(seen, "POST", &opened, &right).await, 503);
}

/// What nothing has to be prepared for: successes, and requests that are none.
async fn what_is_asked_alone(functions: &mut Functions, seen: &mut Seen) {
    for (method, target) in TARGETS {
        if target != "/api/sync/all" {
            functions.ask(seen, method, target, "").await;
        }
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let misspelt = format!("{path}?x=y");
        let status = functions.ask(seen, method, &misspelt, "").await;
        assert_eq!(status, 400, "{misspelt}");
    }
    for (method, path) in [
        ("GET", "/api/sync/status/%ff"),
        ("POST", "/api/sync/reset/%ff"),
        ("POST", "/api/sync/cancel/%ff"),
        ("POST", "/api/sync/pause/%ff"),
        ("POST", "/api/sync/resume/%ff"),
        ("POST", "/api/sync/replay/%ff"),
        ("POST", "/api/sync/%ff"),
    ] {
        assert_eq!(functions.ask(seen, method, path, "").await, 404, "{path}");
    }
    let large = " ".repeat(64 * 1024 + 1);
    for (method, target) in TARGETS.into_iter().filter(|(method, _)| *method == "POST") {
        let status = functions.ask(seen, method, target, &large).await;
        assert_eq!(status, 413, "{target}");
    }
}

/// Its answer is no JSON; tests/tests/it/serverless/dashboard.rs looks at it.
async fn the_dashboard_is_opened(functions: &mut Functions, seen: &mut Seen) {
    let target = "/api/sync/dashboard";
    let page = request_to("GET", target, None, None);
    let answer = functions.api.call(&page).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    seen.insert(format!("GET {target} 200"));
    let misspelt = functions.ask(seen, "GET", "/api/sync/dashboard?x=y", "");
    assert_eq!(misspelt.await, 400);
}

/// Another caller is refused, and who asked first is answered before the run is done.
async fn while_a_run_is_on(shop: &Shop, functions: &mut Functions, seen: &mut Seen) {
    let mut environment = shop.environment.clone();
    environment.insert("SYNC_API_BUDGET_MS", "6000".to_owned());
    let mut impatient = Functions::start(&environment).await;
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    let mut of_the_first = Seen::new();
    let first = impatient.ask(&mut of_the_first, "POST", "/api/sync/products", "");
    let others = async {
        hold.reached().await;
        for target in ["/api/sync/products", "/api/sync/reset/products"] {
            assert_eq!(functions.ask(seen, "POST", target, "").await, 409);
        }
    };
    let (status, ()) = tokio::join!(first, others);
    assert_eq!(status, 202);
    hold.release();
    seen.extend(of_the_first);
}

/// The functions of the data types are played by the rows that they would leave behind.
async fn what_becomes_of_a_batch(
    shop: &Shop,
    bus: &Bus,
    functions: &mut Functions,
    seen: &mut Seen,
) {
    for status in [202, 409] {
        let found = functions.ask(seen, "POST", "/api/sync/all", "").await;
        assert_eq!(found, status);
    }
    end_batch(shop, "'success', null").await;
    for (end, status) in [
        ("'success', null", 200),
        ("'failed', 'odoo_auth'", 502),
        ("'failed', 'internal'", 500),
    ] {
        let asked = bus.taken().len();
        let answer = functions.ask(seen, "POST", "/api/sync/all?wait=true", "");
        let ending = async {
            let is_on = async || bus.taken().len() >= asked + 3;
            wait_until("the first data types are asked", is_on).await;
            end_batch(shop, end).await;
        };
        let (found, ()) = tokio::join!(answer, ending);
        assert_eq!(found, status, "{end}");
    }
}

/// What needs a finding, a run that is on, or a pause.
async fn what_an_operator_does(shop: &Shop, functions: &mut Functions, seen: &mut Seen) {
    let run = shop.runs().await.pop().expect("a run")["run_id"].clone();
    let run = run.as_str().expect("an id");
    shop.execute(&format!(
        "insert into odoo.sync_findings (id, data_type, stream, odoo_id, severity, rule, reason)
         values (1001, 'products', 'products', 1000001, 'reject', 'representation', 'a reason'),
                (1002, 'products', 'products', 1000002, 'reject', 'representation', 'a reason');
         update odoo.sync_runs set (status, finished_at) = ('in_progress', null)
         where run_id = '{run}';
         update odoo.sync_metadata set (run_id, run_mode, slice) = ('{run}', 'incremental', 2)
         where data_type = 'products'"
    ))
    .await;
    for (path, status) in [
        ("findings/1001/retry", 200),
        ("findings/1001/dismiss", 200),
        ("findings/1001/retry", 409),
        ("findings/1001/dismiss", 409),
        ("cancel/products", 200),
        ("cancel/products", 409),
        ("pause/products", 200),
        ("replay/products", 409),
        ("resume/products", 200),
    ] {
        let target = format!("/api/sync/{path}");
        assert_eq!(
            functions.ask(seen, "POST", &target, "").await,
            status,
            "{path}"
        );
    }
}

/// The rows that invocations leave behind which died again and again; the next slice ends that.
async fn a_run_is_given_up(shop: &Shop, functions: &mut Functions, seen: &mut Seen) {
    let run = shop.runs().await.pop().expect("a run")["run_id"].clone();
    let id = run.as_str().expect("an id");
    shop.execute(&format!(
        "update odoo.sync_runs set (status, finished_at) = ('in_progress', null)
         where run_id = '{id}';
         update odoo.sync_metadata
         set (run_id, run_mode, slice, takeovers) = ('{id}', 'incremental', 2, 3),
             (lease_token, lease_expires_at) = (null, null)
         where data_type = 'products'"
    ))
    .await;
    let slice = json!({"runId": run, "slice": 2}).to_string();
    let status = functions.ask(seen, "POST", "/api/sync/products", &slice);
    assert_eq!(status.await, 500);
}

/// Ends the batch that is on with this state and code.
async fn end_batch(shop: &Shop, state_and_code: &str) {
    shop.execute(&format!(
        "update odoo.sync_batches
         set (state, error_code) = ({state_and_code}), error_message = 'what went wrong',
             finished_at = now()
         where state in ('pending', 'requested')"
    ))
    .await;
}
