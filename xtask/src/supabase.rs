//! `cargo xtask supabase`: opens tables and views of the mirror to Supabase's signed-in users, and
//! closes them again. What there is to know about it is in `shared`; these are the commands around it.

use anyhow::{Result, anyhow};
use clap::Subcommand;
use comfy_table::{Table, presets};
use shared::config::PostgresConfig;
use shared::error::{Error, ErrorKind};
use shared::mirror::exposure::{self, Changed, Relation, State};

use crate::runtime;

/// Said where nothing can be exposed.
const NO_ROLE: &str =
    "this Postgres has no role `authenticated`, so it is no Supabase project: nothing to do";

/// Choose what Supabase's signed-in users may read
///
/// Nothing of schema `odoo` is open to `anon` and `authenticated` by default. Reads SUPABASE_DB_URL and,
/// for sslmode=verify-ca and verify-full, SUPABASE_CA_CERT. PostgREST shows the schema only where it is among the
/// project's exposed schemas (docs/DEPLOY.md).
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Let `authenticated` read these tables and views, every row and column
    ///
    /// Gives the right to select and a policy for it, and adds tables to the publication `supabase_realtime`
    /// where there is one. A table that has a policy of yours for `authenticated` keeps that one alone. Doing it
    /// again is harmless; what is exposed already stays so, through migrations too.
    #[command(verbatim_doc_comment)]
    Expose {
        /// A table or view, such as products
        #[arg(required = true, value_name = "TABLE")]
        names: Vec<String>,
        /// Expose also the tables that a view needs
        #[arg(long)]
        with_tables: bool,
    },
    /// Undo that for these tables and views
    Hide {
        /// A table or view, such as products
        #[arg(required = true, value_name = "TABLE")]
        names: Vec<String>,
    },
    /// Show what is exposed
    List,
}

/// Does it and says what came of it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = PostgresConfig::from_env()?;
    match &args.task {
        Task::Expose { names, with_tables } => {
            let exposing = exposure::expose(&config, names, *with_tables);
            told(&runtime::block_on(exposing)?.map_err(for_a_person)?);
        }
        Task::Hide { names } => {
            let hiding = exposure::hide(&config, names);
            told(&runtime::block_on(hiding)?.map_err(for_a_person)?);
        }
        Task::List => {
            let state = runtime::block_on(exposure::list(&config))?.map_err(for_a_person)?;
            listed(&state);
        }
    }
    Ok(())
}

fn told(changed: &Changed) {
    if !changed.after.has_role {
        println!("{NO_ROLE}");
        return;
    }
    for name in &changed.names {
        let find = |state: &State| state.mirror().find(|it| it.name == *name).cloned();
        if let (Some(before), Some(after)) = (find(&changed.before), find(&changed.after)) {
            println!("✓ {}", difference(&before, &after));
        }
    }
    for rights in &changed.taken_back {
        println!("! taken back, only the sync writes here: {rights}");
    }
    for right in &changed.left {
        println!(
            "! NOT taken back, only the sync should write here: {right}, who alone can revoke it"
        );
    }
    notes(&changed.after);
}

fn listed(state: &State) {
    if !state.has_role {
        println!("{NO_ROLE}");
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["table or view", "exposed", "realtime"]);
    for relation in state.mirror() {
        let is_exposed = state.exposed().any(|it| it.name == relation.name);
        table.add_row([
            relation.name.as_str(),
            exposed(relation, is_exposed),
            if relation.is_published { "yes" } else { "" },
        ]);
    }
    println!("{table}");
    notes(state);
}

fn exposed(relation: &Relation, is_exposed: bool) -> &'static str {
    match (is_exposed, relation.has_policy || relation.is_view) {
        (false, _) => "",
        (true, true) => "yes",
        (true, false) => "by a policy of yours",
    }
}

/// What a person should know beyond what was asked.
fn notes(state: &State) {
    for (view, hidden) in state.broken_views() {
        println!(
            "! {} cannot be read: it needs {}",
            view.name,
            hidden.join(", ")
        );
    }
    if !state.has_publication && state.exposed().next().is_some() {
        println!("there is no publication supabase_realtime here: Realtime tells nobody");
    }
}

/// What has changed about a table or view.
fn difference(before: &Relation, after: &Relation) -> String {
    let changes: Vec<&str> = [
        (
            before.is_granted,
            after.is_granted,
            "select granted",
            "select revoked",
        ),
        (
            before.has_policy,
            after.has_policy,
            "read policy made",
            "read policy dropped",
        ),
        (
            before.is_published,
            after.is_published,
            "in supabase_realtime",
            "out of supabase_realtime",
        ),
    ]
    .into_iter()
    .filter_map(|(was, is, gained, lost)| match (was, is) {
        (false, true) => Some(gained),
        (true, false) => Some(lost),
        _ => None,
    })
    .collect();
    let name = &after.name;
    let by_yours = if after.is_exposed() && after.has_other_policy {
        "; a policy of yours decides which rows are seen"
    } else {
        ""
    };
    match changes.as_slice() {
        [] => format!("{name}: as it was{by_yours}"),
        changes => format!("{name}: {}{by_yours}", changes.join(", ")),
    }
}

/// What is wrong with a request stands in its message.
fn for_a_person(error: Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BadRequest => anyhow!("{}", error.chain()),
        kind => anyhow!("{}: {} → {}", kind.code(), error.chain(), kind.remedy()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Relation, difference};

    fn table(is_exposed: bool, has_other_policy: bool) -> Relation {
        Relation {
            name: "products".to_owned(),
            is_view: false,
            is_mirror: true,
            is_granted: is_exposed,
            has_policy: is_exposed && !has_other_policy,
            has_other_policy,
            is_published: is_exposed,
            needs: Vec::new(),
        }
    }

    #[test]
    fn says_what_has_changed_and_nothing_else() {
        let (hidden, exposed) = (table(false, false), table(true, false));
        assert_eq!(
            difference(&hidden, &exposed),
            "products: select granted, read policy made, in supabase_realtime"
        );
        assert_eq!(
            difference(&exposed, &hidden),
            "products: select revoked, read policy dropped, out of supabase_realtime"
        );
        assert_eq!(difference(&exposed, &exposed), "products: as it was");
        assert_eq!(
            difference(&table(false, true), &table(true, true)),
            "products: select granted, in supabase_realtime; a policy of yours decides which rows are seen"
        );
    }
}
