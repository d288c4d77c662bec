//! docs/PRACTICE.md is true: its lines are typed into bash as they stand there, over everything that is deployed, and
//! what stands behind an arrow shows.
//!
//! What differs from the demo: `cargo xtask` is the program that is built already, and the functions whose processes
//! are to end are known by their bus, since those of other tests have the same parent.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::surface::{KEY, Settings, Surface};
use crate::support::function::binary;

/// A lease of a minute is waited for, and a lock for which a run waits four times ten seconds.
const LIMIT: Duration = Duration::from_secs(240);
/// What stands between a line and what it shows.
const ARROW: &str = " # → ";

/// What is not as on the demo.
const HERE: &str = r#"
cargo() { shift; "$XTASK" "$@"; }
pkill() {
  local ids
  while ids=$(grep -lzsFx "SYNC_EVENT_BUS=$STACK" /proc/[0-9]*/environ | cut -d/ -f3) && [ -n "$ids" ]; do kill $ids || :; command sleep 0.05; done
}
shows() { [[ "$2" == *"$1"* ]] || { printf '%s\n' "NOT SHOWN: $1" "$2"; exit 1; }; }
"#;

/// A line, or several that are one command.
#[derive(Default)]
struct Typed {
    command: String,
    shows: Option<String>,
}

impl Typed {
    /// As bash is given it.
    fn script(&self) -> String {
        match &self.shows {
            None => format!("{}\n", self.command),
            Some(text) => {
                let quoted = text.replace('\'', r"'\''");
                format!("shows '{quoted}' \"$({} 2>&1)\"\n", self.command)
            }
        }
    }
}

/// The page: what is defined first, and each section's lines by its heading.
struct Page {
    definitions: String,
    sections: Vec<(String, Vec<Typed>)>,
}

impl Page {
    fn read() -> Self {
        let page = fs::read_to_string("../docs/PRACTICE.md").expect("docs/PRACTICE.md");
        let mut parts = page.split("\n## ");
        let head = parts.next().expect("a head");
        let sections = parts.filter_map(|part| {
            let (heading, text) = part.split_once('\n')?;
            assert!(
                text.matches("```sh\n").count() < 2,
                "{heading}: one block is typed"
            );
            Some((heading.to_owned(), typed(block(text)?)))
        });
        Self {
            definitions: block(head).expect("definitions").to_owned(),
            sections: sections.collect(),
        }
    }
}

fn block(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("```sh\n")?;
    Some(rest.split_once("```").expect("its end").0)
}

/// A loop is the only thing that has several lines; its `done` is the last.
fn typed(block: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    let mut is_in_loop = false;
    for line in block.lines() {
        let (command, shows) = match line.split_once(ARROW) {
            Some((command, shows)) => (command, Some(shows.trim().to_owned())),
            None => (line, None),
        };
        if is_in_loop {
            let open = all.last_mut().expect("the loop's first line");
            open.command = format!("{}\n{command}", open.command);
        } else {
            all.push(Typed {
                command: command.trim_end().to_owned(),
                shows,
            });
        }
        let ends = line.starts_with("done");
        is_in_loop = !ends && (is_in_loop || line.ends_with("; do"));
    }
    all
}

fn script(page: &Page, lines: &[Typed]) -> String {
    let lines: String = lines.iter().map(Typed::script).collect();
    format!("set -u\n{}\n{HERE}\n{lines}", page.definitions)
}

/// Types a section's lines; fails with what bash printed.
async fn practise(surface: &Surface, page: &Page, heading: &str, lines: &[Typed]) {
    let odoo = &surface.odoo;
    let queue = surface.dead_letters_url();
    let (queues, _) = queue.rsplit_once('/').expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let mut bash = Command::new("bash");
    bash.arg("-c")
        .arg(script(page, lines))
        .current_dir(folder.path())
        .envs(surface.aws_variables())
        .env("API", surface.url())
        .env("SYNC_API_KEY", KEY)
        .env("ODOO_URL", &odoo.url)
        .env("ODOO_DB", &odoo.database)
        .env("ODOO_USER", &odoo.user)
        .env("ODOO_PASSWORD", &odoo.password)
        .env("SUPABASE_DB_URL", &surface.database.url)
        .env("STACK", surface.stack())
        .env("QUEUES", queues)
        .env("BUCKET", surface.stack())
        .env("LOG", surface.log_file())
        .env("DEMO_PID", "0")
        .env("XTASK", binary("xtask"))
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, bash.output()).await;
    let output = ended.unwrap_or_else(|_| panic!("{heading} does not end; {}", surface.log()));
    let output = output.expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{heading}:\n{text}\n{error}");
}

/// Practises the sections of one kind, after a first sync as the demo makes one.
async fn practise_all(kind: &str) {
    let surface = Surface::open(Settings {
        is_demo: true,
        ..Settings::default()
    })
    .await;
    let page = Page::read();
    let first = typed(
        "for it in categories warehouses products purchases sales transfers; do call POST $it; done # → \"success\":true",
    );
    practise(&surface, &page, "the first sync", &first).await;
    let of_kind = page.sections.iter();
    let of_kind = of_kind.filter(|(heading, _)| heading.starts_with(kind));
    let mut count = 0;
    for (heading, lines) in of_kind {
        practise(&surface, &page, heading, lines).await;
        count += 1;
    }
    assert!(count > 3, "{count} sections of {kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_can_be_brought_about_and_ended() {
    practise_all("Code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alarms_look_at_can_be_brought_about_and_ended() {
    practise_all("Alarm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_can_be_brought_about_and_ended() {
    practise_all("Case").await;
}
