//! PgBouncer in front of a cluster: Supabase's pooler stands between a function and its
//! database, so the tests go through one too.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Cluster, SUPERUSER, folder, free_port};
use crate::child::Server;
use crate::{apt, cache};

const PROGRAM: &str = "/usr/sbin/pgbouncer";
const START_LIMIT: Duration = Duration::from_secs(20);
/// The first version that can carry named prepared statements in transaction mode, and
/// does so unasked. Supabase's pooler does not, and a test must see what happens there.
const PREPARES_SINCE: (u32, u32) = (1, 21);

/// When PgBouncer gives a client's server connection to somebody else.
#[derive(Clone, Copy)]
pub(crate) enum PoolMode {
    Transaction,
    Session,
}

impl PoolMode {
    fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
        }
    }
}

/// A running PgBouncer; it ends when this is dropped.
pub(crate) struct Pooler {
    port: u16,
    _server: Server,
}

impl Pooler {
    /// Starts one, PgBouncer installed where it is missing.
    pub(crate) fn start(cluster: &Cluster, mode: PoolMode) -> Result<Self> {
        apt::ensure("pgbouncer", "pgbouncer")?;
        let port = free_port()?;
        let users = format!("\"{SUPERUSER}\" \"{}\"\n", cluster.password());
        let users = cluster.place("pgbouncer-users.txt", &users)?;
        let name = format!("pgbouncer-{}", mode.name());
        let settings = cluster.place(
            &format!("{name}.ini"),
            &settings(mode, port, cluster.port(), &users.to_string_lossy())?,
        )?;
        // It refuses to run as root, and the folder is open to that user alone.
        let mut command = folder::as_os_user(PROGRAM);
        command.arg(settings).current_dir("/");
        let mut server = Server::start("PgBouncer", &command, &cache::log_file(&name)?)?;
        server.wait_until(START_LIMIT, |_| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })?;
        Ok(Self {
            port,
            _server: server,
        })
    }

    /// Where a client finds `database` behind it, as superuser.
    pub(crate) fn url(&self, cluster: &Cluster, database: &str) -> String {
        super::url(cluster.password(), self.port, database)
    }
}

fn settings(mode: PoolMode, port: u16, server_port: u16, users: &str) -> Result<String> {
    let mode = mode.name();
    let prepared = match version()? >= PREPARES_SINCE {
        true => "max_prepared_statements = 0\n",
        false => "",
    };
    Ok(format!(
        "[databases]\n\
         * = host=127.0.0.1 port={server_port}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = {users}\n\
         pool_mode = {mode}\n\
         max_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\n\
         {prepared}"
    ))
}

fn version() -> Result<(u32, u32)> {
    let output = Command::new(PROGRAM)
        .arg("--version")
        .output()
        .context("cannot start PgBouncer")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    parse_version(&printed).context("PgBouncer does not tell its version")
}

/// Reads `PgBouncer 1.18.0` and what follows on further lines.
fn parse_version(printed: &str) -> Option<(u32, u32)> {
    let version = printed.lines().next()?.split_whitespace().nth(1)?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{PREPARES_SINCE, parse_version};

    #[test]
    fn knows_which_versions_carry_prepared_statements() {
        let version = |printed| parse_version(printed).expect("a version");
        assert!(version("PgBouncer 1.18.0\nlibevent 2.1.12-stable\n") < PREPARES_SINCE);
        assert!(version("PgBouncer 1.24.1\n") >= PREPARES_SINCE);
        assert_eq!(parse_version(""), None);
        assert_eq!(parse_version("PgBouncer x.y"), None);
    }
}
