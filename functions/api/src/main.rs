//! The Lambda function that answers for all data types: status, runs, findings, reset,
//! health, and every route that does not exist.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run_api().await
}
