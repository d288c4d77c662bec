//! How soon a hook is answered: Odoo waits for a second, with whoever has changed something.

use std::time::{Duration, Instant};

use odoo_sim::proxy::Ending;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::caller::{Hooked, TOKEN, call, hook};
use crate::events::bus::{Bus, Mood};
use crate::support::function::{Environment, Function};
use crate::support::postgres::open;
use crate::support::shop::assert_failed;

const SOON: Duration = Duration::from_millis(200);
/// Hooks that are asked for, one after the other.
const HOOKS: usize = 150;
/// As many may be later, because the machine does other things meanwhile. More would be late for a reason of their own.
const LATE: usize = 5;

/// Beyond what a hook may be worked on, and well below the 25 s that others have.
const GIVEN_UP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn hooks_are_answered_within_200_milliseconds_whatever_a_run_has_locked() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let mut products = hooked.shop.function().await;
    hooked.shop.sync(&mut products).await;
    // The first one connects.
    call(&mut api).await;
    let page = open(&hooked.shop.database.url).await;
    page.batch_execute("begin; select from odoo.sync_metadata for update")
        .await
        .expect("a lock");
    let times = ask_for_all(&hooked, &mut api).await;
    let late = times.iter().filter(|took| **took >= SOON).count();
    assert!(late <= LATE, "{late} of {HOOKS} are late: {times:?}");
    assert_eq!(hooked.requests(), 1 + HOOKS / 2);
}

/// How long each took. Every other one finds no mark, and asks the bus.
async fn ask_for_all(hooked: &Hooked, api: &mut Function) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..HOOKS {
        if number % 2 == 0 {
            hooked.shop.execute("delete from odoo.sync_hooks").await;
        }
        times.push(call(api).await);
    }
    times
}

/// Status, body and how long it took.
async fn ask(api: &mut Function) -> (Value, Value, Duration) {
    let asked = Instant::now();
    api.send(&hook());
    let mut answer = api.answered().await;
    let body = answer["body"].as_str().expect("a text");
    let body = serde_json::from_str(body).expect("JSON");
    (answer["statusCode"].take(), body, asked.elapsed())
}

#[tokio::test]
async fn a_postgres_that_says_nothing_does_not_hold_odoo_s_worker() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let url = format!("postgres://reader:none@127.0.0.1:{port}/mirror?sslmode=disable");
    let bus = Bus::start(Mood::Takes).await;
    let tokens = json!({"products": TOKEN}).to_string();
    let mut environment =
        Environment::from([("SUPABASE_DB_URL", url), ("SYNC_HOOK_TOKENS", tokens)]);
    environment.extend(bus.variables());
    let mut api = Function::start("api", &environment).await;
    let (status, body, took) = ask(&mut api).await;
    assert_eq!(status, 503, "{body}");
    assert_failed(&body, "db_unreachable");
    assert!(took < GIVEN_UP, "{took:?}");
}

/// The network forgot the connection while the function was frozen, and tells nobody.
#[tokio::test]
async fn a_connection_that_died_without_a_word_costs_no_hook() {
    let (hooked, postgres) = Hooked::through_proxy().await;
    let mut api = hooked.api().await;
    call(&mut api).await;
    for ending in Ending::ALL {
        hooked.shop.execute("delete from odoo.sync_hooks").await;
        let before = hooked.requests();
        postgres.strike(ending);
        let (status, body, took) = ask(&mut api).await;
        assert_eq!(status, 202, "{ending:?}: {body}");
        assert!(took < GIVEN_UP, "{ending:?}: {took:?}");
        assert_eq!(hooked.requests(), before + 1, "{ending:?}");
    }
}

/// The claim is taken back, so that the next hook asks again.
#[tokio::test]
async fn a_bus_that_says_nothing_does_not_hold_odoo_s_worker_either() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    call(&mut api).await;
    hooked.shop.execute("delete from odoo.sync_hooks").await;
    hooked.bus.answer_after(Duration::from_secs(3600));
    let (status, body, took) = ask(&mut api).await;
    assert_eq!(status, 503, "{body}");
    assert_failed(&body, "config");
    assert!(took < GIVEN_UP, "{took:?}");
    hooked.bus.answer_after(Duration::ZERO);
    assert_eq!(ask(&mut api).await.0, 202);
    assert_eq!(hooked.requests(), 2);
}
