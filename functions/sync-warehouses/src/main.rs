//! The Lambda function of the data type `warehouses`.

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::run(&shared::specs::WAREHOUSES).await
}
