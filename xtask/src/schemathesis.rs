//! schemathesis, which sends an API what its OpenAPI document allows and what it does not.

use std::path::PathBuf;

use anyhow::Result;

use crate::python::Tool;

const SCHEMATHESIS: Tool = Tool {
    package: "schemathesis",
    version: "4.32.5",
    with_dependencies: true,
};

/// The program, installed if it is not.
pub(crate) fn program() -> Result<PathBuf> {
    Ok(SCHEMATHESIS.ensure()?.join("schemathesis"))
}
