//! Odoo's own command line, inside its root folder.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::database::ROLE;
use super::release::Release;
use super::root_folder::RootFolder;
use crate::cache;
use crate::postgres::Cluster;
use crate::progress::{Step, last_lines};

/// Inside the root folder; it also marks our processes among all others.
const SETTINGS_FILE: &str = "/etc/odoo/odoo-supabase-sync.conf";
const KEY_MARK: &str = "API_KEY=";

/// Odoo with our settings; `subcommand` goes before all options.
pub(super) fn command(root: &RootFolder, subcommand: &[&str]) -> Command {
    let mut command = root.command("odoo");
    command.args(subcommand).args(["--config", SETTINGS_FILE]);
    command
}

/// What holds for every command: where the databases are, loopback only, and no
/// scheduled jobs, which would change records behind a test's back.
pub(super) fn write_settings(release: Release, root: &RootFolder, cluster: &Cluster) -> Result<()> {
    let file = root.path(SETTINGS_FILE);
    let settings = format!(
        "[options]\n\
         db_host = 127.0.0.1\n\
         db_port = {}\n\
         db_user = {ROLE}\n\
         db_password = {}\n\
         data_dir = /var/lib/odoo\n\
         http_interface = 127.0.0.1\n\
         {} = {}\n\
         max_cron_threads = 0\n\
         limit_time_cpu = 3600\n\
         limit_time_real = 3600\n",
        cluster.port(),
        cluster.password(),
        release.push_port_setting(),
        release.default_port() + 100,
    );
    fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))
}

/// Makes an API key for the administrator, whose id is 2.
pub(super) fn make_api_key(release: Release, root: &RootFolder, database: &str) -> Result<String> {
    let step = Step::start(format!("Making an API key for Odoo {release}"));
    let script = format!(
        "key = env['res.users.apikeys'].with_user(2).{}\n\
         env.cr.commit()\n\
         print('{KEY_MARK}' + key)\n",
        release.api_key_call()
    );
    let mut command = command(root, &["shell"]);
    command.args(["--database", database, "--no-http"]);
    let answer = run_shell(release, &mut command, &script)?;
    let key = find_key(&answer).context("Odoo's shell printed no API key")?;
    step.done();
    Ok(key.to_owned())
}

/// Odoo's shell runs what it reads from a standard input that is no terminal.
fn run_shell(release: Release, command: &mut Command, script: &str) -> Result<String> {
    let log = cache::log_file(&format!("odoo-{release}-shell"))?;
    let errors = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut shell = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .context("cannot start Odoo's shell")?;
    let Some(mut input) = shell.stdin.take() else {
        bail!("Odoo's shell has no standard input");
    };
    input
        .write_all(script.as_bytes())
        .context("Odoo's shell does not read")?;
    drop(input);
    let output = shell.wait_with_output().context("Odoo's shell is gone")?;
    ensure!(
        output.status.success(),
        "Odoo's shell ended with {}\n{}\n(all of it: {})",
        output.status,
        last_lines(&fs::read_to_string(&log).unwrap_or_default()),
        log.display()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The key in what the shell printed, prompts included.
fn find_key(printed: &str) -> Option<&str> {
    let (_, rest) = printed.split_once(KEY_MARK)?;
    rest.lines()
        .next()
        .map(str::trim)
        .filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::find_key;

    #[test]
    fn finds_the_key_between_prompts() {
        assert_eq!(find_key(">>> >>> API_KEY=abc123\n>>> "), Some("abc123"));
    }

    #[test]
    fn finds_no_key_where_there_is_none() {
        assert_eq!(find_key(""), None);
        assert_eq!(find_key("API_KEY=\n"), None);
    }
}
