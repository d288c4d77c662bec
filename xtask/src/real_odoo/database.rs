//! The databases of a real Odoo: a template with demo data that is made once, larger
//! templates of multiplied demo data, and the working copy that a server serves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::odoo_program;
use super::release::Release;
use super::root_folder::RootFolder;
use super::volume::{Multiplied, Volume, populate_factor};
use crate::cache;
use crate::postgres::{Cluster, literal};
use crate::progress::{Step, run_logged, run_quietly};

/// The role that Odoo connects as; it refuses to be `postgres`.
pub(super) const ROLE: &str = "odoo";
const MODULES: &str = "sale_stock,purchase_stock";
const SETTINGS: [(&str, &str); 3] = [
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
];
/// Where Odoo keeps its attachments, inside its root folder.
const FILESTORE: &str = "/var/lib/odoo/filestore";

/// The databases of one version, their PostgreSQL running.
pub(super) struct Databases<'a> {
    release: Release,
    root: &'a RootFolder,
    cluster: Cluster,
}

impl<'a> Databases<'a> {
    /// Starts the PostgreSQL that they live in, and tells Odoo where it is.
    pub(super) fn start(release: Release, root: &'a RootFolder, port: u16) -> Result<Self> {
        let cluster = Cluster::prepare(&super::postgres_folder()?, port)?;
        cluster.start(&SETTINGS)?;
        make_role(&cluster)?;
        let databases = Self {
            release,
            root,
            cluster,
        };
        odoo_program::write_settings(release, root, &databases.cluster)?;
        Ok(databases)
    }

    pub(super) fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// Makes the template with demo data, unless it exists. Returns the API key of
    /// its administrator, which every copy has too.
    pub(super) fn ensure_template(&self) -> Result<String> {
        let template = self.release.template_database();
        let key_file = super::folder(self.release)?.join("api-key");
        if self.cluster.has_database(&template)?
            && let Ok(key) = fs::read_to_string(&key_file)
        {
            return Ok(key);
        }
        self.make_template(&template, &key_file)
    }

    /// Makes the template of that volume, unless it exists.
    pub(super) fn ensure_volume(&self, volume: Volume) -> Result<()> {
        let name = volume.template(self.release);
        if self.cluster.has_database(&name)? {
            return Ok(());
        }
        let unfinished = format!("{name}_new");
        self.copy(&self.release.template_database(), &unfinished)?;
        self.multiply(&unfinished, &volume.multiplied())?;
        self.rename(&unfinished, &name)
    }

    pub(super) fn has_working(&self) -> Result<bool> {
        self.cluster.has_database(&self.release.working_database())
    }

    /// Makes the working database a fresh copy of a template.
    pub(super) fn reset_working(&self, volume: Volume) -> Result<()> {
        let template = volume.template(self.release);
        let step = Step::start(format!("Copying database {template}"));
        self.copy(&template, &self.release.working_database())?;
        step.done();
        Ok(())
    }

    fn make_template(&self, template: &str, key_file: &PathBuf) -> Result<String> {
        let release = self.release;
        // Made under another name: one that was interrupted is not mistaken for a template.
        let unfinished = format!("{template}_new");
        self.cluster.drop_database(&unfinished)?;
        self.cluster.drop_database(template)?;
        self.remove_attachments(&unfinished)?;
        run_logged(
            &format!("Making a database with demo data for Odoo {release} (about two minutes)"),
            &cache::log_file(&format!("odoo-{release}-demo-data"))?,
            odoo_program::command(self.root, &[])
                .args(["--database", &unfinished, "--init", MODULES])
                .args(release.demo_options())
                .args(["--stop-after-init", "--no-http"]),
        )?;
        let key = odoo_program::make_api_key(release, self.root, &unfinished)?;
        fs::write(key_file, &key)
            .with_context(|| format!("cannot write {}", key_file.display()))?;
        self.rename(&unfinished, template)?;
        self.remove_attachments(template)?;
        fs::rename(self.attachments(&unfinished), self.attachments(template))
            .context("cannot keep the attachments")?;
        Ok(key)
    }

    fn multiply(&self, database: &str, multiplied: &[Multiplied]) -> Result<()> {
        let mut models = Vec::new();
        let mut factors = Vec::new();
        for one in multiplied {
            let present = self.count(database, one.table)?;
            models.push(one.model);
            factors.push(populate_factor(present, one.rows).to_string());
        }
        run_logged(
            &format!("Multiplying {}", models.join(", ")),
            &cache::log_file(&format!("odoo-{}-populate", self.release))?,
            odoo_program::command(self.root, &["populate"])
                .args(["--database", database])
                .args(["--models", &models.join(",")])
                .args(["--factors", &factors.join(",")]),
        )?;
        for Multiplied { table, rows, .. } in multiplied {
            let made = self.count(database, table)?;
            ensure!(
                made >= *rows,
                "`odoo populate` made only {made} rows of {table}"
            );
        }
        self.cluster.sql(database, &["vacuum analyze"]).map(drop)
    }

    fn count(&self, database: &str, table: &str) -> Result<u32> {
        self.cluster
            .sql(database, &[&format!("select count(*) from {table}")])?
            .parse()
            .with_context(|| format!("the number of rows of {table} is no number"))
    }

    /// A copy shares its template's attachments: they are files named by their
    /// content, which Odoo adds and removes and never writes to.
    fn copy(&self, template: &str, name: &str) -> Result<()> {
        self.cluster.copy_database(template, name, ROLE)?;
        self.remove_attachments(name)?;
        let source = self.attachments(&self.release.template_database());
        if !source.exists() {
            return Ok(());
        }
        run_quietly(
            &cache::log_file("odoo-attachments")?,
            Command::new("cp")
                .args(["--archive", "--link", "--"])
                .arg(source)
                .arg(self.attachments(name)),
        )
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let rename = format!("alter database {from} rename to {to}");
        self.cluster.sql("postgres", &[&rename]).map(drop)
    }

    fn attachments(&self, database: &str) -> PathBuf {
        self.root.path(FILESTORE).join(database)
    }

    fn remove_attachments(&self, database: &str) -> Result<()> {
        let folder = self.attachments(database);
        if !folder.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }
}

/// The role may switch foreign keys off, without which multiplying takes many times as long.
fn make_role(cluster: &Cluster) -> Result<()> {
    let exists = format!("select 1 from pg_roles where rolname = {}", literal(ROLE));
    if cluster.sql("postgres", &[&exists])? == "1" {
        return Ok(());
    }
    let create = format!(
        "create role {ROLE} login createdb password {}",
        literal(cluster.password())
    );
    let grant = format!("grant set on parameter session_replication_role to {ROLE}");
    cluster.sql("postgres", &[&create, &grant]).map(drop)
}
