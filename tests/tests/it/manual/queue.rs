//! Dead-letter queues in moto.

use local_aws::Aws;
use serde_json::json;
use shared::specs::{PRODUCTS, REGISTRY};
use uuid::Uuid;

use crate::support::postgres::variable;

pub(crate) struct DeadLetters {
    aws: Aws,
    url: String,
}

impl DeadLetters {
    /// That of `products`, in a stack of the test's own, whose other data types have theirs too.
    pub(crate) async fn create() -> Self {
        let aws = Aws::at(variable("TEST_AWS_URL")).expect("a client");
        let stack = Uuid::new_v4().simple();
        let mut url = String::new();
        for spec in REGISTRY {
            let name = format!("{stack}-sync-{}-dead-letters", spec.name);
            let made = aws.queues("CreateQueue", json!({"QueueName": name})).await;
            let made = made.expect("a queue");
            if spec.name == PRODUCTS.name {
                url = made["QueueUrl"].as_str().expect("a URL").to_owned();
            }
        }
        Self { aws, url }
    }

    /// The variables that lead `api` to the queues of this stack.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let pattern = self.url.replace("-products-", "-{dataType}-");
        [
            ("AWS_ENDPOINT_URL_SQS", variable("TEST_AWS_URL")),
            ("SYNC_DEAD_LETTERS_URL", pattern),
        ]
    }

    pub(crate) async fn put(&self, event: &str) {
        let body = json!({"QueueUrl": self.url, "MessageBody": event});
        self.aws
            .queues("SendMessage", body)
            .await
            .expect("it is taken");
    }

    /// Messages that lie here, in sight or not.
    pub(crate) async fn count(&self) -> u64 {
        let body = json!({"QueueUrl": self.url, "AttributeNames": ["All"]});
        let answer = self.aws.queues("GetQueueAttributes", body).await;
        let answer = answer.expect("its attributes");
        let number = |name: &str| -> u64 {
            let value = answer["Attributes"][name].as_str().expect("a text");
            value.parse().expect("a number")
        };
        number("ApproximateNumberOfMessages") + number("ApproximateNumberOfMessagesNotVisible")
    }
}
