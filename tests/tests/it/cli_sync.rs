//! `cargo xtask sync` as a person types it: what it shows, how it ends, and what it leaves for a function to go
//! on with.

use std::process::Stdio;
use std::sync::Arc;

use odoo_sim::{Version, When};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::support::function::binary;
use crate::support::hold::Hold;
use crate::support::shop::Shop;
use crate::support::wait_until;

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: Option<i32> = Some(130);

/// The command under way, and what it has printed so far.
struct Typed {
    child: Child,
    printed: Arc<Mutex<String>>,
}

impl Typed {
    /// `cargo xtask sync products` with these arguments.
    fn sync(shop: &Shop, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary("xtask"));
        command.args(["sync", "products"]).args(arguments);
        Self::start(shop, command)
    }

    /// The same on a terminal. `script` opens one; nobody sits at it, so its width is told.
    fn sync_on_a_terminal(shop: &Shop) -> Self {
        let mut command = Command::new("script");
        let typed = format!(
            "stty cols 100; exec {} sync products",
            binary("xtask").display()
        );
        command.args(["--quiet", "--return", "--command", &typed, "/dev/null"]);
        command
            .env("TERM", "xterm-256color")
            .env("PATH", "/usr/bin:/bin");
        Self::start(shop, command)
    }

    fn start(shop: &Shop, mut command: Command) -> Self {
        for name in ["ODOO_PROTOCOL", "SYNC_API_KEY", "SUPABASE_CA_CERT"] {
            command.env_remove(name);
        }
        command
            .envs(&shop.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let printed = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("a pipe"), Arc::clone(&printed));
        collect(child.stderr.take().expect("a pipe"), Arc::clone(&printed));
        Self { child, printed }
    }

    async fn waits_until_printed(&self, text: &str) {
        let what = format!("it prints {text:?}");
        wait_until(&what, async || self.printed.lock().await.contains(text)).await;
    }

    /// As the terminal's Ctrl-C.
    fn interrupt(&self) {
        let id = self.child.id().expect("it runs");
        let id = Pid::from_raw(i32::try_from(id).expect("an id")).expect("an id");
        kill_process(id, Signal::INT).expect("a signal");
    }

    /// Its exit code, and all that it printed.
    async fn ends(mut self) -> (Option<i32>, String) {
        let mut code = None;
        wait_until("it ends", async || {
            code = self.child.try_wait().expect("a process");
            code.is_some()
        })
        .await;
        // Both readers hold it until their pipe is at its end.
        wait_until("all is read", async || {
            Arc::strong_count(&self.printed) == 1
        })
        .await;
        let printed = self.printed.lock().await.clone();
        (code.and_then(|code| code.code()), printed)
    }
}

fn collect(mut from: impl AsyncRead + Unpin + Send + 'static, into: Arc<Mutex<String>>) {
    tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            into.lock().await.push_str(&text);
        }
    });
}

#[tokio::test]
async fn a_sync_shows_its_steps_and_ends_with_a_summary() {
    let shop = Shop::open(Version::V19).await;
    let (code, printed) = Typed::sync(&shop, &["--mode", "full"]).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    let run = shop.runs().await.pop().expect("a run");
    assert_eq!(
        (&run["status"], &run["mode"], &run["slices"]),
        (&json!("success"), &json!("full"), &json!(1))
    );
    let run_id = run["run_id"].as_str().expect("an id");
    let uoms = shop.sim.count("uom.uom");
    let products = shop.sim.count("product.product");
    for expected in [
        format!("products: full run {run_id}\n"),
        format!("✓ uoms: {uoms} rows read\n"),
        format!("✓ products: {products} rows read\n"),
        format!("✓ products: full run {run_id} is done\n"),
        format!("  {} rows in ", uoms + products),
        format!(": {} inserted, 0 updated", uoms + products),
        "  no open findings\n".to_owned(),
    ] {
        assert!(printed.contains(&expected), "{expected:?} in {printed}");
    }
    // No terminal, no bar.
    assert!(!printed.contains(['\r', '\u{1b}']), "{printed:?}");
    shop.assert_mirrored().await;

    let (code, printed) = Typed::sync(&shop, &["--mode", "reconcile"]).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    let compared = format!("✓ products: {products} rows compared\n");
    assert!(printed.contains(&compared), "{printed}");

    let wrong = shop.sim.ids("product.product")[5];
    shop.sim
        .patch("product.product", wrong, "weight", "\"heavy\"");
    let (code, printed) = Typed::sync(&shop, &["--mode", "full"]).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    for expected in [
        format!("  skipped: products {wrong}: "),
        "  open findings: 1 reject\n".to_owned(),
    ] {
        assert!(printed.contains(&expected), "{expected:?} in {printed}");
    }
    assert!(!printed.contains("heavy"), "a row's value: {printed}");
}

#[tokio::test]
async fn a_terminal_shows_a_bar_with_rows_done_and_to_do() {
    let shop = Shop::open(Version::V14).await;
    let products = When::method("read").model("product.product");
    let hold = Hold::the_next(&shop.sim, products.nth(3));
    let typed = Typed::sync_on_a_terminal(&shop);
    hold.reached().await;
    let all = shop.sim.count("uom.uom") + shop.sim.count("product.product");
    typed.waits_until_printed("products: reading").await;
    typed.waits_until_printed(&format!("/{all}")).await;
    hold.release();
    let (code, printed) = typed.ends().await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains('█'), "{printed}");
    assert!(printed.contains(" is done"), "{printed}");
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn what_fails_ends_with_1_its_code_and_what_to_do() {
    let mut shop = Shop::open(Version::V19).await;
    let right = shop
        .environment
        .insert("ODOO_PASSWORD", "wrong-password".to_owned());
    let (code, printed) = Typed::sync(&shop, &[]).ends().await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("error: odoo_auth: "), "{printed}");
    assert!(
        printed.contains("→ Check ODOO_DB, ODOO_USER and ODOO_PASSWORD"),
        "{printed}"
    );
    assert!(!printed.contains("wrong-password"), "{printed}");

    shop.environment
        .extend(right.map(|it| ("ODOO_PASSWORD", it)));
    shop.environment.remove("ODOO_URL");
    let (code, printed) = Typed::sync(&shop, &[]).ends().await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("error: config: "), "{printed}");
    assert!(printed.contains("ODOO_URL"), "{printed}");
}

#[tokio::test]
async fn who_finds_it_busy_is_told_of_the_run_that_is_on() {
    let shop = Shop::open(Version::V19).await;
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    let mut function = shop.function().await;
    function.send(&json!({"mode": "full"}));
    hold.reached().await;
    let run = shop.runs().await.pop().expect("a run");
    let run_id = run["run_id"].as_str().expect("an id");

    let (code, printed) = Typed::sync(&shop, &[]).ends().await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("error: busy: "), "{printed}");
    let which = format!("run {run_id} is on: full, asked for by invoke, since ");
    assert!(printed.contains(&which), "{printed}");
    hold.release();
    assert_eq!(function.answered().await["success"], true);
}

#[tokio::test]
async fn after_ctrl_c_a_function_goes_on_with_the_same_run_at_once() {
    let mut shop = Shop::open(Version::V19).await;
    // Else the request for the third page may overtake the one for the second.
    let one_at_a_time = ("SYNC_FETCH_CONCURRENCY", "1".to_owned());
    shop.environment.extend([one_at_a_time]);
    let third_page = When::method("read").model("product.product").nth(3);
    let hold = Hold::the_next(&shop.sim, third_page);
    let typed = Typed::sync(&shop, &["--mode", "full"]);
    hold.reached().await;
    // What had been read before the request that hangs is in.
    wait_until("two pages are in", async || {
        shop.rows("select from odoo.products").await.len() >= 100
    })
    .await;
    typed.interrupt();
    let (code, printed) = typed.ends().await;
    assert_eq!(code, INTERRUPTED, "{printed}");
    assert!(printed.contains("is handed over"), "{printed}");
    let left = shop.metadata().await;
    assert!(left["lease_token"].is_null(), "the lease is free");
    assert_eq!(left["sync_status"], "in_progress");
    assert!(printed.contains(left["run_id"].as_str().expect("a run")));
    hold.release();

    shop.sim.reset_requests();
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["runId"], left["run_id"]);
    assert_eq!(
        (&report["mode"], &report["slices"]),
        (&json!("full"), &json!(2))
    );
    let requests = shop.sim.requests();
    let reads = requests.iter().filter(|it| it.method == "read");
    let reads = reads.filter(|it| it.model == "product.product").count();
    assert_eq!(reads, 1, "the two pages before are not read again");
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once_and_the_run_can_be_taken_over() {
    let shop = Shop::open(Version::V19).await;
    shop.execute("begin; lock table odoo.products in exclusive mode")
        .await;
    let typed = Typed::sync(&shop, &[]);
    typed.waits_until_printed("incremental run").await;
    typed.interrupt();
    typed.waits_until_printed("stopping after the page").await;
    typed.interrupt();
    let (code, printed) = typed.ends().await;
    assert_eq!(code, INTERRUPTED, "{printed}");
    assert!(printed.contains("ended at once"), "{printed}");
    shop.execute("rollback").await;

    // Stands for the minute after which a lease is over.
    shop.execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'")
        .await;
    let left = shop.metadata().await;
    let (code, printed) = Typed::sync(&shop, &[]).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    let run_id = left["run_id"].as_str().expect("a run");
    let goes_on = format!("going on with the unfinished incremental run {run_id}");
    assert!(printed.contains(&goes_on), "{printed}");
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn an_unknown_data_type_is_answered_with_those_there_are() {
    let output = Command::new(binary("xtask"))
        .args(["sync", "nonsense"])
        .output()
        .await
        .expect("the program");
    assert_eq!(output.status.code(), Some(2));
    let printed = String::from_utf8_lossy(&output.stderr);
    for name in ["categories", "products", "transfers"] {
        assert!(printed.contains(name), "{printed}");
    }
}

#[tokio::test]
async fn what_the_delete_guard_stops_goes_through_once_it_is_confirmed() {
    let shop = Shop::open(Version::V19).await;
    let (code, printed) = Typed::sync(&shop, &[]).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    let ids = shop.sim.ids("product.product");
    shop.sim.hide("product.product", &ids[..60]);
    let reconcile = ["--mode", "reconcile", "--confirm-deletes"];
    let (code, printed) = Typed::sync(&shop, &reconcile[..2]).ends().await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("error: delete_guard: "), "{printed}");
    assert!(printed.contains("Here: --confirm-deletes."), "{printed}");
    assert!(printed.contains("✗ products: reconcile run "), "{printed}");
    let (code, printed) = Typed::sync(&shop, &reconcile).ends().await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(" 60 deleted, "), "{printed}");
}
