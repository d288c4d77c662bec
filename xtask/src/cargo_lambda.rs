//! cargo-lambda, whose `watch` has API Gateway's routes and the endpoint that invokes a
//! function.

use std::path::PathBuf;

use anyhow::Result;

use crate::python::Tool;

/// Always this one, even where the machine has another: the routes need a recent version.
/// It depends on a C compiler for other machines, which only a deployment needs.
const CARGO_LAMBDA: Tool = Tool {
    package: "cargo-lambda",
    version: "1.9.2",
    with_dependencies: false,
};

/// The folder with the program `cargo-lambda`, installed if it is not.
pub(crate) fn programs() -> Result<PathBuf> {
    CARGO_LAMBDA.ensure()
}
