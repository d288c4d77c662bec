//! Tries again what may pass: after 1, 2 and 4 seconds by default, each lengthened by chance so
//! that functions that failed together do not come back together.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;

use super::value::parse_http_date;
use crate::config::RetryConfig;
use crate::error::{Error, Result, Retry};

/// No single delay grows beyond this.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Makes `attempt` until it succeeds, fails for good, or `config.max_retries` are used up; the last
/// error is the one returned. `on_retry` is told of each retry before its delay.
pub(crate) async fn with_retries<T, Attempt, Outcome>(
    config: &RetryConfig,
    attempt: Attempt,
    mut on_retry: impl FnMut(&Error, Duration),
) -> Result<T>
where
    Attempt: FnMut() -> Outcome,
    Outcome: Future<Output = Result<T>>,
{
    attempt
        .retry(delays(config))
        .when(|error: &Error| error.retry() != Retry::Never)
        .adjust(|error, delay| match (error.retry(), delay) {
            (Retry::After(named), Some(_)) => Some(named),
            (_, delay) => delay,
        })
        .notify(|error, delay| on_retry(error, delay))
        .await
}

fn delays(config: &RetryConfig) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(config.delay)
        .with_factor(2.0)
        .with_max_delay(LONGEST_DELAY.max(config.delay))
        .with_max_times(usize::try_from(config.max_retries).unwrap_or(usize::MAX))
        .with_jitter()
}

/// Reads `Retry-After`: whole seconds or a date (RFC 9110), which is in the past for "now".
pub(crate) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let wait = parse_http_date(text)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}
