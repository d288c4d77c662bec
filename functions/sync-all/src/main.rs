//! The Lambda function that starts the sync of all data types.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run_all().await
}
