//! The Lambda function that puts a backup of the mirror into S3.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run_backup().await
}
