//! What reads `template.yaml` and `samconfig.toml`: cfn-lint, the SAM CLI, and what neither of
//! them looks at.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo_lambda;
use crate::child;
use crate::python::Tool;
use crate::workspace::Workspace;

const CFN_LINT: Tool = Tool {
    package: "cfn-lint",
    version: "1.58.0",
    with_dependencies: true,
};
const SAM: Tool = Tool {
    package: "aws-sam-cli",
    version: "1.170.0",
    with_dependencies: true,
};
/// Links against the C library of Amazon Linux 2023, whatever the machine's own is.
const ZIG: Tool = Tool {
    package: "ziglang",
    version: "0.14.1",
    with_dependencies: false,
};
/// Any: nothing is asked of AWS, but the SAM CLI does not start without one.
const REGION: &str = "eu-central-1";
/// The deployments that `samconfig.toml` has to know.
const DEPLOYMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// Checks the template with cfn-lint.
pub(crate) fn lint(workspace: &Workspace) -> Result<()> {
    let cfn_lint = CFN_LINT.ensure()?.join("cfn-lint");
    child::run_to_success(
        Command::new(cfn_lint)
            .arg("template.yaml")
            .current_dir(&workspace.root),
    )
}

/// Checks the template as the SAM CLI reads it. Needs no AWS account.
pub(crate) fn validate(workspace: &Workspace) -> Result<()> {
    child::run_to_success(sam(workspace)?.args(["validate", "--lint"]))
}

/// Builds every function for this machine's architecture, each into a folder of its logical id
/// under `folder`: not where a deployment looks, which may be for other machines.
pub(crate) fn build(workspace: &Workspace, folder: &Path) -> Result<()> {
    let architecture = format!("Architecture={}", architecture()?);
    let mut folders = vec![ZIG.ensure()?, cargo_lambda::programs()?];
    let rest = env::var_os("PATH").unwrap_or_default();
    folders.extend(env::split_paths(&rest));
    let path = env::join_paths(folders).context("the search path cannot be extended")?;
    child::run_to_success(
        sam(workspace)?
            .args(["build", "--parameter-overrides", &architecture])
            .arg("--build-dir")
            .arg(folder)
            .env("PATH", path),
    )
}

fn sam(workspace: &Workspace) -> Result<Command> {
    let mut sam = Command::new(SAM.ensure()?.join("sam"));
    sam.current_dir(&workspace.root)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("SAM_CLI_TELEMETRY", "0");
    Ok(sam)
}

/// This machine's architecture in Lambda's words.
fn architecture() -> Result<&'static str> {
    match env::consts::ARCH {
        "x86_64" => Ok("x86_64"),
        "aarch64" => Ok("arm64"),
        other => anyhow::bail!("Lambda has no machines of the architecture {other}"),
    }
}

/// The template without CloudFormation's tags: `!Ref Api` reads `"Api"`.
pub(crate) fn template(workspace: &Workspace) -> Result<Value> {
    let text = read(workspace, "template.yaml")?;
    serde_saphyr::from_str(&text).context("template.yaml is not YAML")
}

/// Checks what a deployment would stumble over: no linter looks at `samconfig.toml`.
pub(crate) fn check_samconfig(workspace: &Workspace) -> Result<()> {
    let text = read(workspace, "samconfig.toml")?;
    check_deployments(&text, &template(workspace)?)
}

fn check_deployments(text: &str, template: &Value) -> Result<()> {
    let config: toml::Table = text.parse().context("samconfig.toml is not TOML")?;
    for name in DEPLOYMENTS {
        let parameters = config
            .get(name)
            .and_then(|deployment| deployment.get("deploy")?.get("parameters")?.as_table())
            .with_context(|| format!("samconfig.toml has no [{name}.deploy.parameters]"))?;
        let overrides = parameters.get("parameter_overrides");
        let overrides = overrides.and_then(toml::Value::as_str).unwrap_or_default();
        for given in overrides.split_whitespace() {
            let parameter = given.split('=').next().unwrap_or_default();
            ensure!(
                template["Parameters"].get(parameter).is_some(),
                "samconfig.toml gives {name} the parameter {parameter}, which template.yaml does not have"
            );
        }
    }
    Ok(())
}

fn read(workspace: &Workspace, name: &str) -> Result<String> {
    let file = workspace.root.join(name);
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{DEPLOYMENTS, check_deployments};
    use serde_json::json;

    #[test]
    fn misses_a_deployment_and_knows_the_parameters() {
        let template = json!({"Parameters": {"LogLevel": {}}});
        let complete: String = DEPLOYMENTS
            .map(|name| {
                format!("[{name}.deploy.parameters]\nparameter_overrides = \"LogLevel=INFO\"\n")
            })
            .concat();
        let problem = |text: &str| {
            check_deployments(text, &template)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(problem(&complete), "");
        assert!(problem(&complete.replace("prod", "pord")).contains("[prod.deploy.parameters]"));
        assert!(problem(&complete.replace("LogLevel", "LogLevle")).contains("LogLevle"));
        assert!(problem("[dev").contains("not TOML"));
    }
}
