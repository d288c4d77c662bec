//! The dead-letter queue of a data type: events that Lambda gave up, or that EventBridge could
//! not deliver. A message is received and hidden for a while, and deleted only by who has put its
//! request back on the bus; any other one comes into sight again.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, QueueAttributeName};

use crate::config::DeadLettersConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sdk;
use crate::specs::DataType;

/// Messages that one call hands out at most.
const PAGE: i32 = 10;

/// How long a message that was received stays out of sight. As long as whoever asked for its replay
/// waits for the answer.
const HIDDEN_SECONDS: i32 = 30;

/// How long an empty queue is waited for: without that SQS asks only some of its servers.
const WAIT_SECONDS: i32 = 1;

/// A queue.
pub(crate) struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    /// The queue of a data type.
    ///
    /// # Errors
    /// `config` where `SYNC_DEAD_LETTERS_URL` or what Lambda sets is missing.
    pub(crate) fn of(spec: &DataType) -> Result<Self> {
        let url = DeadLettersConfig::from_env()?.url(spec.name);
        Ok(Self {
            client: Client::new(&sdk::config()?),
            url,
        })
    }

    /// The next messages, ten at most; none where the queue shows none.
    ///
    /// # Errors
    /// `config` where the queue cannot be asked.
    pub(crate) async fn receive(&self) -> Result<Vec<Message>> {
        let call = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(PAGE)
            .visibility_timeout(HIDDEN_SECONDS)
            .wait_time_seconds(WAIT_SECONDS);
        // Boxed: the SDK's futures nest deeper than a compiler wants to look.
        let answer = Box::pin(call.send()).await.map_err(failed)?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Deletes a message whose request has been taken.
    ///
    /// # Errors
    /// `config` where the queue cannot be asked.
    pub(crate) async fn delete(&self, message: &Message) -> Result<()> {
        let call = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .set_receipt_handle(message.receipt_handle.clone());
        Box::pin(call.send()).await.map_err(failed)?;
        Ok(())
    }

    /// How many messages lie there, in sight or not. SQS counts them with up to a minute's delay.
    ///
    /// # Errors
    /// `config` where the queue cannot be asked.
    pub(crate) async fn count(&self) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(names.to_vec()));
        let answer = Box::pin(call.send()).await.map_err(failed)?;
        let number = |name| answer.attributes()?.get(name)?.parse::<u64>().ok();
        Ok(names.iter().filter_map(number).sum())
    }
}

/// Of an answer of SQS only an error's code is told; the rest is for the log.
fn failed<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or("no answer").to_owned();
    let message = format!(
        "the dead-letter queue that SYNC_DEAD_LETTERS_URL leads to cannot be worked on ({code}): it is the URL of an SQS queue from which this function may receive and delete"
    );
    Error::new(ErrorKind::Config, message).with_source(DisplayErrorContext(error).to_string())
}
