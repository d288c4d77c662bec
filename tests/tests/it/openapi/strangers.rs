//! schemathesis reads docs/openapi.yaml and sends what it allows and what it does not, with
//! and without the key. No answer is a bug of ours, and none is other than described.

use std::path::Path;
use std::process::Stdio;

use odoo_sim::Version;
use tokio::process::Command;

use super::gateway::Gateway;
use crate::events::bus::{Bus, Mood};
use crate::http::event::KEY;
use crate::support::postgres::variable;
use crate::support::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_the_answer_is_as_described() {
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    shop.environment.remove("RUST_LOG");
    let bus = Bus::start(Mood::Takes).await;
    shop.environment.extend(bus.variables());
    let gateway = Gateway::start(&shop.environment).await;
    // It keeps what it has found in the folder that it runs in.
    let folder = tempfile::tempdir().expect("a folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    for bearer in [Some(format!("Bearer {KEY}")), None] {
        let mut command = Command::new(variable("TEST_SCHEMATHESIS"));
        command
            .arg("--config-file")
            .arg(tests.join("tests/it/openapi/schemathesis.toml"))
            .arg("run")
            .arg(tests.join("../docs/openapi.yaml"))
            .args(["--url", &gateway.url])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(bearer) = &bearer {
            command.args(["--header", &format!("Authorization: {bearer}")]);
        }
        let output = command.output().await.expect("schemathesis runs");
        assert!(
            output.status.success(),
            "with a key: {}\n{}\n{}",
            bearer.is_some(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
