//! The Lambda function of the data type `sales`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run(&shared::specs::SALES).await
}
