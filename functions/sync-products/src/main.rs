//! The Lambda function of the data type `products`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run(&shared::specs::PRODUCTS).await
}
