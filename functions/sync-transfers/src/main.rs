//! The Lambda function of the data type `transfers`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run(&shared::specs::TRANSFERS).await
}
