//! Opens tables and views of the mirror to Supabase's role `authenticated`, one by one, and closes
//! them again.
//!
//! A table is exposed by three things: the right to select, a policy that shows its rows, and, where
//! that is there, membership in the publication that Realtime listens to. A view asks with the rights
//! of who reads it, so it needs no policy, but what it reads from has to be exposed as well. Above
//! all of them is the right to use the schema, which goes with the last of them.
//!
//! Nobody but the sync writes here. Rights that a project hands out by default reach nowhere while the
//! schema is closed; when it is opened, what they give beyond the rows that were asked for is
//! taken back: row level security does not stop a `truncate`. Migrations do the same for the tables
//! that they add ([`Kept`]).

mod catalogue;
mod rights;

use tokio_postgres::Transaction;

use super::connect::connect;
use super::database::Doing;
use super::migrate;
use crate::config::PostgresConfig;
use crate::error::{Error, ErrorKind, Result};
pub use catalogue::{Relation, State};
use rights::TakenBack;

/// Who comes through Supabase's API with a user's token.
const ROLE: &str = "authenticated";
/// The policy by which a table is exposed here. One of another name is somebody else's.
const POLICY: &str = "exposed_to_authenticated";
/// What Supabase's Realtime listens to.
const PUBLICATION: &str = "supabase_realtime";

const EXPOSING: &str = "exposing tables";
const HIDING: &str = "hiding tables";

/// PostgREST keeps what it knows of the schema until it hears this. A database without it has nobody
/// who listens.
const RELOAD: &str = "notify pgrst, 'reload schema'";

/// What was asked for and what came of it.
#[derive(Debug)]
pub struct Changed {
    /// As it was.
    pub before: State,
    /// As it is.
    pub after: State,
    /// The tables and views that were asked for, those that were added for a view's sake among them.
    pub names: Vec<String>,
    /// Rights beyond reading that were taken back, a sentence each.
    pub taken_back: Vec<String>,
    /// Those that are still there, and who gave them: nobody else can take them back.
    pub left: Vec<String>,
}

/// What is exposed, and what may be.
///
/// # Errors
/// Every `db_*`; `db_schema` where there is no mirror.
pub async fn list(config: &PostgresConfig) -> Result<State> {
    let mut connection = connect(config).await?;
    let transaction = connection.client().transaction().await;
    read(&transaction.doing("listing tables")?).await
}

/// Exposes these tables and views, all or none; what is exposed already stays. Where the role
/// `authenticated` is missing, nothing is done.
///
/// # Errors
/// `bad_request` for a name that is no mirror table or view, with those that are, and for a view
/// whose tables are neither exposed nor named, unless they are to come with it; every `db_*`.
pub async fn expose(
    config: &PostgresConfig,
    names: &[String],
    with_what_views_need: bool,
) -> Result<Changed> {
    let mut connection = connect(config).await?;
    let transaction = begin(connection.client()).await.doing(EXPOSING)?;
    let before = read(&transaction).await?;
    let mut names = known(&before, names)?;
    let lacking = lacking(&before, &names);
    if with_what_views_need {
        names.extend(lacking);
    } else if !lacking.is_empty() {
        return Err(needs_more(&names, &lacking));
    }
    let mut taken_back = TakenBack::default();
    if before.has_role {
        let mut open = before.opened();
        open.extend(names.iter().cloned());
        taken_back = rights::take_back(&transaction, &open).await?;
        rights::open_schema(&transaction).await?;
        for name in &names {
            if let Some(relation) = before.find(name) {
                rights::open(&transaction, relation, before.has_publication).await?;
            }
        }
        transaction.batch_execute(RELOAD).await.doing(EXPOSING)?;
    }
    let after = State::read(&transaction).await?;
    transaction.commit().await.doing(EXPOSING)?;
    Ok(Changed {
        before,
        after,
        names,
        taken_back: taken_back.gone,
        left: taken_back.left,
    })
}

/// Undoes what [`expose`] does for these tables and views, all or none, and nothing else. Somebody
/// else's policies stay.
///
/// # Errors
/// `bad_request` for a name that is no mirror table or view, with those that are; every `db_*`.
pub async fn hide(config: &PostgresConfig, names: &[String]) -> Result<Changed> {
    let mut connection = connect(config).await?;
    let transaction = begin(connection.client()).await.doing(HIDING)?;
    let before = read(&transaction).await?;
    let names = known(&before, names)?;
    if before.has_role {
        for name in &names {
            if let Some(relation) = before.find(name) {
                rights::close(&transaction, relation).await?;
            }
        }
        rights::close_schema_without_readers(&transaction).await?;
        transaction.batch_execute(RELOAD).await.doing(HIDING)?;
    }
    let after = State::read(&transaction).await?;
    transaction.commit().await.doing(HIDING)?;
    Ok(Changed {
        before,
        after,
        names,
        taken_back: Vec::new(),
        left: Vec::new(),
    })
}

/// What is exposed before migrations are applied, to be so after them: one that makes a view anew
/// loses its grants, and one that adds a table may be given some by default.
pub(crate) struct Kept {
    before: State,
}

impl Kept {
    /// Remembers it; the schema exists.
    pub(crate) async fn remember(transaction: &Transaction<'_>) -> Result<Self> {
        let before = State::read(transaction).await?;
        Ok(Self { before })
    }

    /// Opens again what was open, and nothing more; tells PostgREST of what has been applied.
    pub(crate) async fn restore(self, transaction: &Transaction<'_>, applied: usize) -> Result<()> {
        let before = self.before;
        // Where nobody exposed a table from here, the schema is its operator's own business.
        if before.exposed().any(|relation| relation.has_policy) {
            let now = State::read(transaction).await?;
            for was in before.exposed() {
                let is = now.find(&was.name);
                if let Some(is) = is.filter(|is| is.is_view || was.has_policy) {
                    rights::open(transaction, is, was.is_published).await?;
                }
            }
            let taken_back = rights::take_back(transaction, &before.opened()).await?;
            if !taken_back.left.is_empty() {
                let rights = taken_back.left.join("; ");
                tracing::warn!(rights, "only who granted them can take these rights back");
            }
        }
        if applied > 0 {
            let doing = "telling PostgREST of a migration";
            transaction.batch_execute(RELOAD).await.doing(doing)?;
        }
        Ok(())
    }
}

/// Begins a transaction that waits for migrations, and for another one like it.
async fn begin(
    client: &mut tokio_postgres::Client,
) -> std::result::Result<Transaction<'_>, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let lock = migrate::LOCK;
    transaction
        .batch_execute(&format!(
            "set local lock_timeout = '30s'; select pg_advisory_xact_lock({lock})"
        ))
        .await?;
    Ok(transaction)
}

async fn read(transaction: &Transaction<'_>) -> Result<State> {
    let state = State::read(transaction).await?;
    if state.mirror().next().is_none() {
        let message = "schema odoo has no tables of the mirror";
        return Err(Error::new(ErrorKind::DbSchema, message));
    }
    Ok(state)
}

/// The names without the schema's, each once.
fn known(state: &State, names: &[String]) -> Result<Vec<String>> {
    let mut wanted: Vec<String> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let name = name.strip_prefix("odoo.").unwrap_or(name);
        match state.find(name) {
            Some(_) if wanted.iter().any(|it| it == name) => {}
            Some(_) => wanted.push(name.to_owned()),
            None => unknown.push(name),
        }
    }
    if unknown.is_empty() {
        return Ok(wanted);
    }
    let all: Vec<&str> = state.mirror().map(|it| it.name.as_str()).collect();
    Err(Error::new(
        ErrorKind::BadRequest,
        format!(
            "no table or view of the mirror: {}; there are {}",
            unknown.join(", "),
            all.join(", ")
        ),
    ))
}

/// What these views need that is neither exposed nor one of these.
fn lacking(state: &State, names: &[String]) -> Vec<String> {
    let views = names.iter().filter_map(|name| state.find(name));
    let mut lacking: Vec<String> = views
        .flat_map(|view| state.hidden(&view.needs))
        .filter(|needed| !names.iter().any(|name| name == needed))
        .map(str::to_owned)
        .collect();
    lacking.sort_unstable();
    lacking.dedup();
    lacking
}

fn needs_more(names: &[String], lacking: &[String]) -> Error {
    Error::new(
        ErrorKind::BadRequest,
        format!(
            "a view shows only what its reader may see in its tables, and these are not exposed: {}; name them too ({} {}) or add --with-tables",
            lacking.join(", "),
            names.join(" "),
            lacking.join(" ")
        ),
    )
}
