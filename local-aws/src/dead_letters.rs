//! Dead-letter queues: an event that a function has failed to take for the last time lies there, as
//! Lambda puts it (AWS Lambda Developer Guide, *Adding a dead-letter queue*).

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::Aws;
use crate::bus::create_queue;
use crate::template::Template;

/// Longest text of a failure that Lambda puts beside the event.
const LONGEST_MESSAGE: usize = 1024;

/// The queues of a stack's functions.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// By the function's binary.
    urls: BTreeMap<String, String>,
}

impl DeadLetters {
    /// Makes a queue for each function of the template that has one, by the template's pattern of
    /// names: `<stack>-<binary>-dead-letters`.
    ///
    /// # Errors
    /// Where there is one of this name, or nobody answers.
    pub async fn create(aws: &Aws, stack: &str, template: &Template) -> Result<Self> {
        let mut urls = BTreeMap::new();
        let functions = template.functions.iter();
        for function in functions.filter(|it| it.has_dead_letters) {
            let name = format!("{stack}-{}-dead-letters", function.binary);
            let (url, _arn) = create_queue(aws, &name).await?;
            urls.insert(function.binary.clone(), url);
        }
        Ok(Self { urls })
    }

    /// The value of `SYNC_DEAD_LETTERS_URL`: the queue of one data type with `{dataType}` in place of its
    /// name.
    ///
    /// # Errors
    /// Where that data type's function has no queue.
    pub fn pattern(&self, data_type: &str) -> Result<String> {
        let url = self.urls.get(&format!("sync-{data_type}"));
        let url = url.with_context(|| format!("sync-{data_type} has no dead-letter queue"))?;
        let end = format!("-sync-{data_type}-dead-letters");
        Ok(url.replace(&end, "-sync-{dataType}-dead-letters"))
    }

    /// Puts an event there, with what became of it last. A function without a queue loses it.
    pub(crate) async fn put(&self, aws: &Aws, binary: &str, event: &Value, failure: &Value) {
        let Some(url) = self.urls.get(binary) else {
            return;
        };
        let text = |value: String| json!({"DataType": "String", "StringValue": value});
        let message = failure["errorMessage"].as_str().unwrap_or("no message");
        let message = message.chars().take(LONGEST_MESSAGE).collect();
        let body = json!({
            "QueueUrl": url,
            "MessageBody": event.to_string(),
            "MessageAttributes": {
                "RequestID": text(Uuid::new_v4().to_string()),
                "ErrorCode": {"DataType": "Number", "StringValue": "200"},
                "ErrorMessage": text(message),
            },
        });
        // Lambda, too, only counts what it could not put there.
        let _ = aws.queues("SendMessage", body).await;
    }
}
