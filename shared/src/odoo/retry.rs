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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::ErrorKind;

    const CONFIG: RetryConfig = RetryConfig {
        max_retries: 3,
        delay: Duration::from_secs(1),
    };

    fn failure(retry: Retry) -> Error {
        Error::new(ErrorKind::OdooUnreachable, "no").with_retry(retry)
    }

    /// The delays between attempts that all fail alike, and how many attempts there were.
    async fn delays_of(config: RetryConfig, retry: Retry) -> (Vec<Duration>, u32) {
        let attempts = RefCell::new(0);
        let mut delays = Vec::new();
        let attempt = || async {
            *attempts.borrow_mut() += 1;
            Err::<(), _>(failure(retry))
        };
        let error = with_retries(&config, attempt, |_, delay| delays.push(delay)).await;
        assert_eq!(error.expect_err("always fails").to_string(), "no");
        (delays, attempts.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn delays_double_and_chance_only_lengthens_them() {
        let (delays, attempts) = delays_of(CONFIG, Retry::Backoff).await;
        assert_eq!(attempts, 4);
        let seconds: Vec<f64> = delays.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds.len(), 3);
        for (delay, least) in seconds.iter().zip([1.0, 2.0, 4.0]) {
            assert!((least..least * 2.0).contains(delay), "{seconds:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_delay_is_endless() {
        let config = RetryConfig {
            max_retries: 10,
            ..CONFIG
        };
        let (delays, _) = delays_of(config, Retry::Backoff).await;
        assert_eq!(delays.len(), 10);
        assert!(delays.iter().all(|delay| *delay < 2 * LONGEST_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_that_was_named_is_kept_but_ends_too() {
        let named = Duration::from_secs(30);
        let (delays, attempts) = delays_of(CONFIG, Retry::After(named)).await;
        assert_eq!((delays, attempts), (vec![named; 3], 4));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_is_not_tried_again_and_zero_retries_are_none() {
        assert_eq!(delays_of(CONFIG, Retry::Never).await, (vec![], 1));
        let none = RetryConfig {
            max_retries: 0,
            ..CONFIG
        };
        assert_eq!(delays_of(none, Retry::Backoff).await, (vec![], 1));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("a timestamp");
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ("0", seconds(0)),
            (" 120 ", seconds(120)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", seconds(0)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_retry_after(text, now), expected, "{text:?}");
        }
    }
}
