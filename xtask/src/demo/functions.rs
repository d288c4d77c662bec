//! The functions as Lambda would run them: in `cargo lambda watch`, with the routes that
//! API Gateway has in front of them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::specs::{DataType, REGISTRY};
use uuid::Uuid;

use crate::child::Server;
use crate::odoo_environment::OdooEnvironment;
use crate::postgres::{free_port, is_free};
use crate::progress::Step;
use crate::python::Tool;
use crate::workspace::Workspace;
use crate::{cache, function_environment};

/// Always this one, even where the machine has another: the routes need a recent version.
/// It depends on a C compiler for other machines, which only a deployment needs.
const CARGO_LAMBDA: Tool = Tool {
    package: "cargo-lambda",
    version: "1.9.2",
    with_dependencies: false,
};
/// Where `cargo lambda invoke` looks when it is not told.
const USUAL_PORT: u16 = 9000;
const START_LIMIT: Duration = Duration::from_secs(60);

/// The running functions; they end when this is dropped.
pub(super) struct Functions {
    server: Server,
    port: u16,
    key: String,
    log: PathBuf,
    programs: PathBuf,
}

impl Functions {
    /// Starts them; each comes up with its first request.
    pub(super) fn start(
        workspace: &Workspace,
        folder: &Path,
        odoo: &OdooEnvironment,
        database_url: &str,
    ) -> Result<Self> {
        let programs = CARGO_LAMBDA.ensure()?;
        let step = Step::start("Starting the functions (cargo lambda watch)");
        let port = if is_free(USUAL_PORT) {
            USUAL_PORT
        } else {
            free_port()?
        };
        let key = Uuid::new_v4().simple().to_string();
        let routes = folder.join("routes.toml");
        fs::write(&routes, routes_toml())
            .with_context(|| format!("cannot write {}", routes.display()))?;

        let mut command = workspace.cargo();
        function_environment::set(&mut command, odoo, database_url);
        command
            .args(["lambda", "watch", "--ignore-changes"])
            .args(["--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            .arg("--global")
            .arg(&routes)
            .env("PATH", search_path(&programs)?)
            .env("SYNC_API_KEY", &key);
        let log = cache::log_file("demo-functions")?;
        let mut server = Server::start("cargo lambda watch", &command, &log)?;
        server.wait_until(START_LIMIT, |_| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })?;
        step.done();
        Ok(Self {
            server,
            port,
            key,
            log,
            programs,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The route that starts a sync.
    pub(super) fn url(&self, spec: &DataType) -> String {
        format!("http://127.0.0.1:{}{}", self.port, route(spec))
    }

    /// What callers send as their bearer.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What the functions log.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The folder with the program `cargo-lambda`.
    pub(super) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Returns when somebody asks this process to end; fails if the functions end before.
    pub(super) fn serve_until_interrupt(&mut self) -> Result<()> {
        self.server.wait_for_interrupt()
    }
}

/// The routes of the contract, for cargo-lambda's own router. It hands the request over
/// as API Gateway does, in payload version 2.0.
fn routes_toml() -> String {
    let mut toml = "[watch.router]\n".to_owned();
    for spec in REGISTRY {
        toml += &format!("\"{}\" = \"{}\"\n", route(spec), spec.function_name());
    }
    toml
}

fn route(spec: &DataType) -> String {
    format!("/api/sync/{}", spec.name)
}

fn search_path(first: &Path) -> Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(folders).context("the search path cannot be extended")
}

#[cfg(test)]
mod tests {
    use super::routes_toml;

    #[test]
    fn every_data_type_has_its_route() {
        let toml: toml::Table = routes_toml().parse().expect("TOML");
        let routes = &toml["watch"]["router"];
        assert_eq!(routes["/api/sync/products"].as_str(), Some("sync-products"));
        let count = routes.as_table().map(toml::Table::len);
        assert_eq!(count, Some(shared::specs::REGISTRY.len()));
    }
}
