//! `cargo xtask package`: whether what would be deployed is sound. Checks the template, builds
//! every function of it as a deployment does, and starts each as Lambda would.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::cold_start::{self, LARGEST, LONGEST, STARTS};
use crate::workspace::Workspace;
use crate::{child, sam};

/// Minor version of the C library in Amazon Linux 2023, glibc 2.34. A program that needs a later
/// one starts here and not on Lambda.
const GLIBC_BAR: u32 = 34;

/// Build what would be deployed and check that it starts
///
/// Runs cfn-lint, `sam validate --lint` and `sam build` for this machine's architecture, then
/// starts each function of template.yaml under a Lambda Runtime API of our own and tells its
/// size and how long it took from exec to its first poll, the median of fifteen starts. Ends with 1
/// if a function is missing, too large (9 MB), too slow (15 ms) or does not start. Needs no AWS
/// account; what it needs is installed outside the checkout. The first build takes
/// about ten minutes on two cores.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Look at what the last time built, without building again
    #[arg(long)]
    no_build: bool,
}

/// Builds, measures, prints, and fails if a function is not fit to be deployed.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let functions = functions(&sam::template(&workspace)?)?;
    sam::lint(&workspace)?;
    sam::validate(&workspace)?;
    let built = workspace.scratch("package")?;
    if !args.no_build {
        sam::build(&workspace, &built)?;
    }
    let mut outcomes = Vec::new();
    for Function { id, binary } in functions {
        child::check_interrupt()?;
        let program = built.join(&id).join("bootstrap");
        let artifact = measure(&program, &binary);
        outcomes.push((binary, artifact));
    }
    child::check_interrupt()?;
    println!("{}", table(&outcomes));
    let unfit = outcomes
        .iter()
        .filter(|(_, artifact)| problem(artifact).is_some())
        .count();
    ensure!(
        unfit == 0,
        "{unfit} of {} functions are not fit to be deployed",
        outcomes.len()
    );
    Ok(())
}

/// A function of the template.
#[derive(Debug, PartialEq)]
struct Function {
    /// Its logical id, which is also the folder that it is built into.
    id: String,
    binary: String,
}

fn functions(template: &Value) -> Result<Vec<Function>> {
    let resources = template["Resources"]
        .as_object()
        .context("template.yaml has no resources")?;
    let functions = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|(id, resource)| {
            let binary = &resource["Metadata"]["BuildProperties"]["Binary"];
            let binary = binary
                .as_str()
                .with_context(|| format!("template.yaml names no binary of {id}"))?;
            Ok(Function {
                id: id.clone(),
                binary: binary.to_owned(),
            })
        })
        .collect()
}

/// What was built of one function.
struct Artifact {
    /// In bytes.
    size: u64,
    /// From exec to the first poll, median.
    start: Duration,
    /// Minor version of the C library that it needs.
    glibc: u32,
}

fn measure(program: &Path, binary: &str) -> Result<Artifact> {
    let bytes =
        fs::read(program).with_context(|| format!("{} was not built", program.display()))?;
    Ok(Artifact {
        size: bytes.len() as u64,
        start: cold_start::measure(program, binary, "package", STARTS)?.took,
        glibc: needed_glibc(&bytes),
    })
}

/// The highest minor version of glibc that a program names; 0 where it names none.
fn needed_glibc(program: &[u8]) -> u32 {
    const NAME: &[u8] = b"GLIBC_2.";
    let minor = |digits: &[u8]| {
        digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .take(3)
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let names = program.windows(NAME.len()).enumerate();
    names
        .filter(|(_, window)| *window == NAME)
        .map(|(at, _)| minor(&program[at + NAME.len()..]))
        .max()
        .unwrap_or(0)
}

/// Why a function cannot be deployed.
fn problem(artifact: &Result<Artifact>) -> Option<String> {
    match artifact {
        Err(error) => Some(format!("{error:#}")),
        Ok(artifact) if artifact.size > LARGEST => Some("too large".to_owned()),
        Ok(artifact) if artifact.start > LONGEST => Some("too slow".to_owned()),
        Ok(artifact) if artifact.glibc > GLIBC_BAR => Some(format!(
            "needs glibc 2.{}, Lambda has 2.{GLIBC_BAR}",
            artifact.glibc
        )),
        Ok(_) => None,
    }
}

fn table(outcomes: &[(String, Result<Artifact>)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["function", "MB", "ms to first poll", ""]);
    for (binary, artifact) in outcomes {
        let (size, start) = match artifact {
            Ok(Artifact { size, start, .. }) => (
                format!("{:.1}", *size as f64 / 1e6),
                format!("{:.1}", start.as_secs_f64() * 1e3),
            ),
            Err(_) => Default::default(),
        };
        let verdict = problem(artifact).map_or("ok".to_owned(), |why| format!("NOT OK: {why}"));
        table.add_row([binary, &size, &start, &verdict]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{
        Args, Artifact, Function, LARGEST, LONGEST, functions, measure, needed_glibc, problem,
        table,
    };
    use anyhow::anyhow;
    use clap::Args as _;
    use serde_json::json;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn finds_the_functions_of_a_template() {
        let template = json!({"Resources": {
            "Log": {"Type": "AWS::Logs::LogGroup"},
            "SyncSales": {
                "Type": "AWS::Serverless::Function",
                "Metadata": {"BuildProperties": {"Binary": "sync-sales"}},
            },
        }});
        let expected = Function {
            id: "SyncSales".to_owned(),
            binary: "sync-sales".to_owned(),
        };
        assert_eq!(functions(&template).expect("one"), [expected]);
        assert!(functions(&json!({})).is_err());
    }

    #[test]
    fn reads_which_c_library_a_program_needs() {
        assert_eq!(needed_glibc(b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.17"), 34);
        assert_eq!(needed_glibc(b"GLIBC_2."), 0);
        assert_eq!(needed_glibc(b""), 0);
    }

    #[test]
    fn what_is_missing_or_does_not_start_is_no_artifact() {
        let why = |program| problem(&measure(Path::new(program), "test")).expect("not fit");
        assert!(why("/no/such/bootstrap").contains("was not built"));
        assert!(why("/bin/false").contains("ended with"));
    }

    #[test]
    fn the_help_tells_the_bars() {
        let help = Args::augment_args(clap::Command::new("package"))
            .render_long_help()
            .to_string();
        let size = format!("({} MB)", LARGEST / 1_000_000);
        let start = format!("({} ms)", LONGEST.as_millis());
        assert!(help.contains(&size) && help.contains(&start), "{help}");
    }

    #[test]
    fn the_bars_are_for_size_start_and_c_library() {
        let artifact = |size, start, glibc| Ok(Artifact { size, start, glibc });
        let fit = artifact(LARGEST, LONGEST, 34);
        assert_eq!(problem(&fit), None);
        let slow = LONGEST + Duration::from_micros(1);
        let outcomes = [
            artifact(LARGEST + 1, LONGEST, 34),
            artifact(LARGEST, slow, 34),
            artifact(LARGEST, LONGEST, 35),
            Err(anyhow!("was not built")),
        ]
        .map(|artifact| ("sync-sales".to_owned(), artifact));
        let table = table(&outcomes).to_string();
        for why in ["too large", "too slow", "needs glibc 2.35", "was not built"] {
            assert!(table.contains(&format!("NOT OK: {why}")), "{table}");
        }
    }
}
