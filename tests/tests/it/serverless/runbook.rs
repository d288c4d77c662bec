//! The runbook's commands do what a person pastes them for: each `call …` of docs/RUNBOOK.md is given to bash as it
//! stands there, over everything that is deployed, in the situation that its section is about, and each answer is a
//! success as docs/openapi.yaml describes it; what was paused, resumed, cancelled or dismissed is so. A wrong path, name
//! or body in the runbook fails here. How its cases come about is in `practice.rs`.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::surface::{KEY, Settings, Surface};
use crate::openapi::document::DOCUMENT;
use crate::support::wait_until;

/// Nothing is on, nothing is paused, and one finding is open, whose id is the runbook's.
const QUIET: &str = "
    delete from odoo.sync_findings;
    insert into odoo.sync_findings (id, data_type, stream, odoo_id, severity, rule, reason)
    values (12, 'products', 'products', 7, 'reject', 'value', 'column weight: a number was expected');
    delete from odoo.sync_runs where status = 'in_progress' or error_code = 'cancelled';
    update odoo.sync_metadata
    set (sync_status, run_id, run_mode, slice, lease_token, lease_expires_at, paused_at)
        = ('success', null, null, 0, null, null, null)";

/// A run of each data type, which nobody works on any more.
const LEFT: &str = "
    insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status)
    select gen_random_uuid(), data_type, 'incremental', 'schedule', 'in_progress' from odoo.sync_metadata;
    update odoo.sync_metadata metadata
    set (sync_status, run_id, run_mode, slice, lease_token, lease_expires_at)
        = ('in_progress', run.run_id, run.mode, 1, gen_random_uuid(), now() - interval '1 minute')
    from odoo.sync_runs run
    where run.data_type = metadata.data_type and run.status = 'in_progress'";

/// What there is to resume.
const PAUSED: &str = "update odoo.sync_metadata set paused_at = now()";

const IS_PAUSED: &str = "select paused_at is not null from odoo.sync_metadata where data_type = $1";
const IS_RESUMED: &str = "select paused_at is null from odoo.sync_metadata where data_type = $1";
const IS_CANCELLED: &str = "
    select exists (select from odoo.sync_runs where data_type = $1 and error_code = 'cancelled')
        and not exists (select from odoo.sync_runs where data_type = $1 and status = 'in_progress')";
const IS_DISMISSED: &str =
    "select resolution = 'dismissed' from odoo.sync_findings where id::text = $1";

/// Whether somebody works on something, or is about to.
const BUSY: &str = "
    select exists (select from odoo.sync_batches where state in ('pending', 'requested'))
        or exists (select from odoo.sync_metadata where lease_expires_at > now() and run_id is not null)";

/// `docs/RUNBOOK.md`, in what is text and what is to be typed.
struct Runbook {
    /// The block that is to be typed once, line by line.
    block: Vec<String>,
    /// What stands between backquotes.
    spans: Vec<String>,
}

impl Runbook {
    fn read() -> Self {
        let page = fs::read_to_string("../docs/RUNBOOK.md").expect("docs/RUNBOOK.md");
        let every_other = |text: &str, fence: &str, first: usize| -> Vec<String> {
            let parts = text.split(fence).skip(first).step_by(2);
            parts.map(str::to_owned).collect()
        };
        let prose = every_other(&page, "```", 0).concat();
        let block = every_other(&page, "```", 1).concat();
        let lines = block.strip_prefix("sh\n").expect("a block of sh").lines();
        Self {
            block: lines.map(str::to_owned).collect(),
            spans: every_other(&prose, "`", 1),
        }
    }

    /// The definition of `call`, the one way to the routes.
    fn definition(&self) -> &str {
        let mut lines = self.block.iter().filter(|line| line.starts_with("call()"));
        lines.next().expect("the definition of call")
    }

    /// Everything that asks the routes.
    fn calls(&self) -> Vec<&str> {
        let is_call = |text: &&str| text.starts_with("call ") || text.contains("do call ");
        let all = self.block.iter().chain(&self.spans);
        all.map(String::as_str).filter(is_call).collect()
    }
}

/// What one `curl` brought.
#[derive(Debug)]
struct Answer {
    method: String,
    path: String,
    status: u64,
    body: Value,
}

impl Answer {
    fn is_busy(&self) -> bool {
        self.body["error"]["code"] == "busy"
    }

    fn assert_as_described(&self, command: &str) {
        assert!((200..300).contains(&self.status), "{command}: {self:?}");
        let http = json!({"method": self.method});
        let event = json!({"requestContext": {"http": http}, "rawPath": self.path});
        DOCUMENT.assert_describes(&event, self.status, &self.body);
    }

    /// What is so once it is done, as a query about a data type or a finding.
    fn effect(&self) -> Option<(&'static str, &str)> {
        let route = self.path.strip_prefix("/api/sync/")?;
        let parts: Vec<&str> = route.split('/').collect();
        match parts[..] {
            ["pause", it] => Some((IS_PAUSED, it)),
            ["resume", it] => Some((IS_RESUMED, it)),
            ["cancel", it] => Some((IS_CANCELLED, it)),
            ["findings", it, "dismiss"] => Some((IS_DISMISSED, it)),
            _ => None,
        }
    }
}

/// Types a command into bash, behind the runbook's own definition of `call`.
async fn typed(surface: &Surface, definition: &str, command: &str) -> String {
    // Told apart from the answers by a word that none of them has.
    let told = r#"curl() { command curl -w '\nANSWERED %{http_code} %{method} %{url_effective}\n' "$@"; }"#;
    let mut bash = Command::new("bash");
    bash.arg("-euc")
        .arg(format!("{told}\n{definition}\n{command}"))
        .env("API", surface.url())
        .env("SYNC_API_KEY", KEY)
        .env("SUPABASE_DB_URL", &surface.database.url)
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = bash.output().await.expect("bash runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {text}\n{error}");
    text
}

async fn called(surface: &Surface, runbook: &Runbook, command: &str) -> Vec<Answer> {
    let text = typed(surface, runbook.definition(), command).await;
    let mut body = "";
    let mut answers = Vec::new();
    for line in text.lines() {
        let Some(told) = line.strip_prefix("ANSWERED ") else {
            body = line;
            continue;
        };
        let parts: Vec<&str> = told.split(' ').collect();
        let [status, method, url] = parts[..] else {
            panic!("{told}");
        };
        let target = url
            .strip_prefix(surface.url())
            .expect("the routes' address");
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        answers.push(Answer {
            method: method.to_owned(),
            path: path.to_owned(),
            status: status.parse().expect("a number"),
            body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{command}: {text}")),
        });
    }
    answers
}

/// Waits until nothing is on; then makes the situation for a command.
async fn prepare(surface: &Surface, command: &str) {
    let client = &surface.database.client;
    wait_until("nothing is on", async || {
        let row = client.query_one(BUSY, &[]).await.expect("a row");
        !row.get::<_, bool>(0)
    })
    .await;
    client.batch_execute(QUIET).await.expect("it is quiet");
    if command.contains("cancel/") {
        client.batch_execute(LEFT).await.expect("runs");
    }
    if command.contains("resume/") {
        client.batch_execute(PAUSED).await.expect("pauses");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_runbook_does_what_it_says() {
    let surface = Surface::open(Settings::default()).await;
    let runbook = Runbook::read();
    let commands = runbook.calls();
    assert!(commands.len() > 30, "{commands:?}");
    // A data type has a row once something was asked of it.
    let fill = "for it in categories warehouses products purchases sales transfers; do call POST $it; done";
    let filled = called(&surface, &runbook, fill).await;
    assert_eq!(filled.len(), 6, "{filled:?}");
    let mut paths = Vec::new();
    let mut effects = 0;
    for command in commands {
        let mut answers = Vec::new();
        // A sync that an earlier command has asked the bus for may come now.
        wait_until(&format!("{command} finds nothing on"), async || {
            prepare(&surface, command).await;
            answers = called(&surface, &runbook, command).await;
            !answers.iter().any(Answer::is_busy)
        })
        .await;
        assert!(!answers.is_empty(), "{command}");
        for answer in answers {
            answer.assert_as_described(command);
            if let Some((query, subject)) = answer.effect() {
                let client = &surface.database.client;
                let row = client.query_one(query, &[&subject]).await;
                let is_so: bool = row.expect("a row").get(0);
                assert!(is_so, "{command}: {subject} is not so: {query}");
                effects += 1;
            }
            paths.push(answer.path);
        }
    }
    assert!(effects > 10, "{effects} effects");
    // What an operator may do by hand is all in there.
    for part in [
        "status", "runs", "findings", "health", "all", "cancel/", "pause/", "resume/", "replay/",
        "reset/", "/retry", "/dismiss",
    ] {
        assert!(
            paths.iter().any(|path| path.contains(part)),
            "{part}: {paths:?}"
        );
    }
}

#[tokio::test]
async fn every_look_into_the_database_is_a_query() {
    let surface = Surface::open(Settings::default()).await;
    let runbook = Runbook::read();
    let looks = runbook.spans.iter().filter(|it| it.starts_with("psql "));
    let looks: Vec<&String> = looks.collect();
    assert!(!looks.is_empty());
    for look in looks {
        typed(&surface, runbook.definition(), look).await;
    }
}
