//! The Lambda function of the data type `purchases`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run(&shared::specs::PURCHASES).await
}
