//! A bus that does not take what is sent.

use std::time::{Duration, Instant};

use serde_json::json;

use super::yard::{ALL, Yard, completed, post, start};
use crate::events::bus::Mood;
use crate::http::event::ask;
use crate::support::function::Answer;
use crate::support::shop::assert_failed;

#[tokio::test]
async fn entries_that_are_refused_are_sent_again_and_only_those() {
    let yard = Yard::open().await;
    let mut function = yard.function_with("SYNC_PARALLEL", "6").await;
    yard.bus.set_mood(Mood::RefusesOthersOnce);
    start(&mut function).await;
    assert_eq!(yard.requested(), ALL);
    assert_eq!(yard.bus.heard().len(), 6 + 5);
    assert_eq!(yard.in_state("requested").await, ALL);
}

#[tokio::test]
async fn a_batch_of_which_nothing_can_be_sent_fails_and_says_what_to_set() {
    for mood in [Mood::RefusesEntries, Mood::RefusesRequests] {
        let yard = Yard::open().await;
        let mut function = yard.function().await;
        yard.bus.set_mood(mood);
        let (status, body) = ask(&mut function, &post("", Some("true"))).await;
        assert_eq!(status, 503, "{body}");
        let message = assert_failed(&body, "config");
        assert!(message.contains("SYNC_EVENT_BUS"), "{message}");
        assert_eq!(body["data"]["status"], "failed");
        assert_eq!(yard.in_state("failed").await, ALL);
        assert_eq!(yard.requested(), Vec::<String>::new());
        let log = function.log().await;
        let reason = match mood {
            Mood::RefusesEntries => "NotAuthorizedForSource",
            _ => "ResourceNotFoundException",
        };
        assert!(log.contains(reason), "{log}");

        yard.bus.set_mood(Mood::Takes);
        start(&mut function).await;
        assert_eq!(yard.requested(), ALL[..3]);
    }
}

#[tokio::test]
async fn what_could_not_be_sent_in_the_middle_of_a_batch_waits_for_the_next_occasion() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    yard.bus.set_mood(Mood::RefusesEntries);
    // Nobody else would start the next one, so Lambda is to deliver the event again.
    let answer = function.invoke(&completed("categories", &batch)).await;
    assert!(matches!(answer, Answer::Error(_)), "{answer:?}");
    // The end itself is on record.
    assert_eq!(yard.in_state("success").await, ["categories"]);
    assert_eq!(yard.in_state("pending").await, ALL[3..]);

    yard.bus.set_mood(Mood::Takes);
    function.call(&completed("warehouses", &batch)).await;
    assert_eq!(yard.requested(), ALL[..5]);
    assert_eq!(yard.in_state("requested").await, ALL[2..5]);
}

/// Lambda would end it while it tries again, or waits for an answer: then nobody would put back.
#[tokio::test]
async fn what_cannot_be_sent_in_time_is_put_back_before_lambda_ends_the_function() {
    for (mood, delay) in [
        (Mood::RefusesEntries, Duration::ZERO),
        (Mood::Takes, Duration::from_secs(600)),
    ] {
        let mut yard = Yard::open().await;
        yard.environment.insert("SYNC_MAX_RETRIES", "10".to_owned());
        yard.environment
            .insert("SYNC_RETRY_DELAY_MS", "60000".to_owned());
        let mut function = yard.function().await;
        let batch = start(&mut function).await;
        yard.bus.set_mood(mood);
        yard.bus.answer_after(delay);
        let asked = Instant::now();
        function.send_with_deadline(&completed("categories", &batch), Duration::from_secs(5));
        let answer = function.answer().await;
        assert!(matches!(answer, Answer::Error(_)), "{answer:?}");
        assert!(
            asked.elapsed() < Duration::from_secs(9),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!(yard.in_state("pending").await, ALL[3..]);

        yard.bus.set_mood(Mood::Takes);
        yard.bus.answer_after(Duration::ZERO);
        function.call(&completed("warehouses", &batch)).await;
        assert_eq!(yard.in_state("requested").await, ALL[2..5]);
    }
}

#[tokio::test]
async fn without_a_bus_or_a_database_it_says_what_to_set() {
    let yard = Yard::open().await;
    for (name, value) in [
        ("SYNC_EVENT_BUS", ""),
        ("SUPABASE_DB_URL", ""),
        ("SUPABASE_DB_URL", "nonsense"),
        ("SYNC_PARALLEL", "0"),
        ("SYNC_API_BUDGET_MS", "999"),
    ] {
        let mut function = yard.function_with(name, value).await;
        let (status, body) = ask(&mut function, &post("", None)).await;
        assert_eq!(status, 503);
        let message = assert_failed(&body, "config");
        assert!(message.contains(name), "{message}");
        let answer = function.invoke(&completed("sales", "")).await;
        assert!(matches!(answer, Answer::Error(_)), "{answer:?}");
        let log = function.end().await;
        let lines = log.matches("sync of all data types failed").count();
        assert_eq!(lines, 2, "{log}");
    }
    assert_eq!(yard.batches().await, Vec::<serde_json::Value>::new());
    assert_eq!(yard.bus.heard(), Vec::<serde_json::Value>::new());
    let mut function = yard.function().await;
    assert_eq!(function.call(&json!({})).await["success"], true);
}
