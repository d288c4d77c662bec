//! Events that never come.

use serde_json::json;

use super::yard::{ALL, Yard, completed, event, start};

#[tokio::test]
async fn an_end_that_nobody_told_of_is_found_at_the_next_occasion() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    start(&mut function).await;
    let run = yard
        .put_run("categories", "incremental", "success", 1)
        .await;
    // Any event of any run will do.
    let detail = json!({"dataType": "transfers"});
    function
        .call(&event("odoo.sync", "Sync Completed", &detail))
        .await;
    let part = yard.part("categories").await;
    assert_eq!(part["state"], "success");
    assert_eq!(part["run_id"], run.to_string());
    assert_eq!(yard.requested(), ALL[..4]);
}

/// The process that was to send the requests may have died between choosing and sending.
#[tokio::test]
async fn what_was_requested_and_never_heard_of_is_asked_again_after_the_others() {
    for occasion in [
        json!({}),
        event("aws.events", "Scheduled Event", &json!({})),
        event("odoo.sync", "Sync Completed", &json!({"dataType": "sales"})),
    ] {
        let yard = Yard::open().await;
        let mut function = yard.function().await;
        let batch = start(&mut function).await;
        yard.let_pass(19).await;
        function.call(&occasion).await;
        assert_eq!(yard.requested(), ALL[..3], "not yet");
        yard.let_pass(2).await;
        function.call(&occasion).await;
        assert_eq!(yard.requested(), ALL);
        assert_eq!(yard.in_state("pending").await, ALL[..3]);
        for data_type in &ALL[3..] {
            function.call(&completed(data_type, &batch)).await;
        }
        assert_eq!(yard.requested()[6..], ALL[..3]);
        for data_type in &ALL[..3] {
            function.call(&completed(data_type, &batch)).await;
        }
        assert_eq!(yard.in_state("success").await, ALL);
    }
}

#[tokio::test]
async fn what_is_never_heard_of_however_often_it_is_asked_fails() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    start(&mut function).await;
    let occasion = event("odoo.sync", "Sync Completed", &json!({"dataType": "sales"}));
    // Each of the six three times, three at a time.
    for _ in 0..6 {
        assert_eq!(yard.in_state("requested").await.len(), 3);
        yard.let_pass(21).await;
        function.call(&occasion).await;
    }
    assert_eq!(yard.requested().len(), 18);
    assert_eq!(yard.in_state("failed").await, ALL);
    assert_eq!(yard.part("categories").await["error_code"], "internal");
    // Nothing of it is in the way of the next batch.
    start(&mut function).await;
    assert_eq!(yard.batches().await.len(), 12);
}

#[tokio::test]
async fn a_run_that_goes_on_for_long_is_not_given_up() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    yard.put_running("categories", 1, 30).await;
    // Between two slices nobody holds the lease.
    yard.put_running("warehouses", -600, -500).await;
    yard.let_pass(60).await;
    function.call(&completed("products", &batch)).await;
    assert_eq!(
        yard.in_state("requested").await,
        ["categories", "warehouses", "purchases"]
    );
    assert_eq!(yard.in_state("failed").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_unfinished_run_that_nobody_comes_for_is_asked_for_again_a_few_times() {
    let yard = Yard::open().await;
    let mut function = yard.function_with("SYNC_PARALLEL", "1").await;
    start(&mut function).await;
    yard.put_running("categories", -7200, -7000).await;
    // The others, whose turn would come first, are over.
    yard.execute("update odoo.sync_batches set state = 'success', finished_at = now() where data_type <> 'categories'")
        .await;
    let occasion = event("odoo.sync", "Sync Completed", &json!({"dataType": "sales"}));
    for asked in 2..=3 {
        yard.let_pass(60).await;
        function.call(&occasion).await;
        assert_eq!(yard.requested(), vec!["categories"; asked]);
    }
    yard.let_pass(60).await;
    function.call(&occasion).await;
    assert_eq!(yard.part("categories").await["state"], "failed");
    assert_eq!(yard.requested(), vec!["categories"; 3]);
}
