//! The event bus, with the rules of the template.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::template::Template;

/// How long a message that was taken stays hidden, in seconds. It is deleted at once.
const HIDDEN: u32 = 30;

/// A bus whose rules put each event into a queue of their own.
///
/// moto hands an event whole to a queue, and to nothing that could invoke a function.
#[derive(Debug)]
pub struct Bus {
    /// Its name, for `SYNC_EVENT_BUS`.
    pub name: String,
    /// A queue for each rule.
    pub queues: Vec<Queue>,
}

/// What one rule has let through.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The binary of the function that its events are for.
    pub function: String,
    url: String,
}

impl Bus {
    /// Makes the bus, and a rule with its queue for each rule of the template.
    ///
    /// # Errors
    /// Where there is one of this name, a pattern is refused or nobody answers.
    pub async fn create(aws: &Aws, name: &str, template: &Template) -> Result<Self> {
        aws.events("CreateEventBus", json!({"Name": name})).await?;
        let mut queues = Vec::new();
        for rule in &template.rules {
            let body = json!({
                "Name": rule.name,
                "EventBusName": name,
                "EventPattern": rule.pattern.to_string(),
            });
            aws.events("PutRule", body)
                .await
                .with_context(|| format!("the rule {} is refused", rule.name))?;
            let (url, arn) = create_queue(aws, &format!("{name}-{}", rule.name)).await?;
            let target = json!({"Id": "queue", "Arn": arn});
            let body = json!({"Rule": rule.name, "EventBusName": name, "Targets": [target]});
            aws.events("PutTargets", body).await?;
            queues.push(Queue {
                function: rule.function.clone(),
                url,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            queues,
        })
    }
}

impl Queue {
    /// Takes what is there, waiting for it for so many seconds, 20 at most. What was taken is
    /// gone from the queue.
    ///
    /// # Errors
    /// Where nobody answers, or an event is no JSON.
    pub async fn take(&self, aws: &Aws, wait: u8) -> Result<Vec<Value>> {
        let body = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": wait,
            "VisibilityTimeout": HIDDEN,
        });
        let answer = aws.queues("ReceiveMessage", body).await?;
        let mut events = Vec::new();
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let body = json!({"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]});
            aws.queues("DeleteMessage", body).await?;
            let event = message["Body"].as_str().context("a message has no body")?;
            events.push(serde_json::from_str(event).context("an event is no JSON")?);
        }
        Ok(events)
    }
}

/// Address and ARN of a new queue.
pub(crate) async fn create_queue(aws: &Aws, name: &str) -> Result<(String, String)> {
    let answer = aws
        .queues("CreateQueue", json!({"QueueName": name}))
        .await?;
    let url = answer["QueueUrl"]
        .as_str()
        .context("the queue has no address")?;
    let body = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let answer = aws.queues("GetQueueAttributes", body).await?;
    let arn = answer["Attributes"]["QueueArn"]
        .as_str()
        .context("the queue has no ARN")?;
    Ok((url.to_owned(), arn.to_owned()))
}
