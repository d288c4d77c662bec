//! `cargo xtask doctor`: shows what `shared` finds when it looks at everything that a sync
//! needs, one line each.

use anyhow::{Result, ensure};
use shared::config::Config;
use shared::doctor::{Check, examine};

use crate::runtime;

/// Look at everything that a sync needs, and say how to mend what is wrong
///
/// Reads the same variables as the functions do: configuration, Odoo, the rights on each
/// model, the database and its schema get one line each. Changes nothing. Ends with 1 if
/// anything is wrong.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {}

/// Examines and prints.
pub(crate) fn run(_: &Args) -> Result<()> {
    let checks = runtime::block_on(examine(Config::from_env()))?;
    for check in &checks {
        println!("{}", line(check));
    }
    let wrong = checks.iter().filter(|check| check.outcome.is_err()).count();
    ensure!(wrong == 0, "{wrong} of {} checks failed", checks.len());
    Ok(())
}

fn line(check: &Check) -> String {
    match &check.outcome {
        Ok(found) => format!("✓ {}: {found}", check.name),
        Err(error) => format!(
            "✗ {}: {} → {}",
            check.name,
            error.chain(),
            error.kind().remedy()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;
    use shared::doctor::Check;
    use shared::error::{Error, ErrorKind};

    #[test]
    fn a_failure_stands_on_one_line_with_its_remedy() {
        let failed = Check {
            name: "database".to_owned(),
            outcome: Err(Error::new(ErrorKind::DbAuth, "the password is refused")),
            duration: Duration::ZERO,
        };
        assert_eq!(
            line(&failed),
            "✗ database: the password is refused → \
             Check user, password and database in SUPABASE_DB_URL."
        );
        let passed = Check {
            name: "Odoo".to_owned(),
            outcome: Ok("version 19.0".to_owned()),
            duration: Duration::ZERO,
        };
        assert_eq!(line(&passed), "✓ Odoo: version 19.0");
    }
}
