//! Who is let in.

use serde_json::{Value, json};

use super::keys::Key;
use super::project::{Project, knock, now};
use crate::http::event::{KEY, ask, request_to};
use crate::support::function::Function;

/// An invalid body is looked at by those alone who are let in.
const IN: u64 = 400;

async fn knock_at_all(name: &str, function: &mut Function, bearer: &str) -> (u64, Value) {
    match name {
        "sync-products" => knock(function, bearer).await,
        name => {
            let target = match name {
                "api" => "/api/sync/runs?nonsense=1",
                _ => "/api/sync/all",
            };
            let method = if name == "api" { "GET" } else { "POST" };
            let bearer = format!("Bearer {bearer}");
            let event = request_to(method, target, Some(&bearer), Some("{"));
            ask(function, &event).await
        }
    }
}

#[tokio::test]
async fn a_user_with_the_claim_is_let_in_by_every_function_whatever_key_the_project_signs_with() {
    let keys = [Key::es256("es"), Key::rs256("rs"), Key::ed_dsa("ed")];
    let [es, rs, ed] = &keys;
    let project = Project::with(&[es, rs, ed]).await;
    for name in ["api", "sync-products", "sync-all"] {
        let mut function = project.function(name).await;
        for key in &keys {
            let token = key.token(&project.claims());
            let (status, body) = knock_at_all(name, &mut function, &token).await;
            assert_eq!(status, IN, "{name}: {body}");
        }
        let (status, _) = knock_at_all(name, &mut function, "a.b.c").await;
        assert_eq!(status, 401, "{name}");
        // The key goes on to open.
        assert_eq!(knock_at_all(name, &mut function, KEY).await.0, IN);
    }
    // Once a process, not once a token.
    assert_eq!(project.fetches(), 3);
}

#[tokio::test]
async fn a_claim_may_be_a_list_and_clocks_may_differ_by_half_a_minute() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let mut function = project.function("sync-products").await;
    let mut list = project.claims();
    list["app_metadata"] = json!({"role": ["clerk", "sync_admin"]});
    let mut late = project.claims();
    late["exp"] = json!(now() - 10);
    let mut early = project.claims();
    early["nbf"] = json!(now() + 10);
    let mut audiences = project.claims();
    audiences["aud"] = json!(["authenticated", "another"]);
    for claims in [list, late, early, audiences] {
        let (status, body) = knock(&mut function, &key.token(&claims)).await;
        assert_eq!(status, IN, "{body}");
    }
}

#[tokio::test]
async fn users_are_let_in_where_there_is_no_key() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let mut environment = project.environment();
    environment.remove("SYNC_API_KEY");
    let mut function = Function::start("sync-products", &environment).await;
    let token = key.token(&project.claims());
    assert_eq!(knock(&mut function, &token).await.0, IN);
    for stranger in ["", KEY] {
        assert_eq!(knock(&mut function, stranger).await.0, 401);
    }
}

/// An address says little of who it was. What a token tells beside the user's id is for no log.
#[tokio::test]
async fn the_log_names_the_user_who_pauses_cancels_resets_or_dismisses_by_id_alone() {
    const ADDRESS: &str = "clerk-4711@example.com";
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let mut claims = project.claims();
    claims["email"] = json!(ADDRESS);
    claims["user_metadata"] = json!({"name": ADDRESS});
    let by_id = key.token(&claims);
    claims["sub"] = json!(ADDRESS);
    let by_address = key.token(&claims);
    for (bearer, user) in [
        (by_id.as_str(), "6a7e8feb-b491-4cf7-a9f1-bf3703467718"),
        (&by_address, "without an id"),
        (KEY, "the key"),
    ] {
        let mut api = project.function("api").await;
        let asked = [
            ("pause/nonsense", r#"Pause("nonsense")"#),
            ("cancel/nonsense", r#"Cancel("nonsense")"#),
            ("reset/nonsense", r#"Reset("nonsense")"#),
            ("findings/nonsense/dismiss", r#"Dismiss("nonsense")"#),
        ];
        for (path, _) in asked {
            let (target, bearer) = (format!("/api/sync/{path}"), format!("Bearer {bearer}"));
            let event = request_to("POST", &target, Some(&bearer), None);
            let (status, body) = ask(&mut api, &event).await;
            assert_eq!(status, IN, "{body}");
        }
        let log = api.end().await;
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let told: Vec<Value> = lines
            .filter(|line: &Value| line["message"] == "an operator asks")
            .collect();
        assert_eq!(told.len(), asked.len(), "{log}");
        for (line, (_, operation)) in told.iter().zip(asked) {
            assert_eq!(line["operation"], operation);
            assert_eq!(line["by"], "203.0.113.7");
            assert_eq!(line["user"], user);
        }
        assert!(!log.contains(ADDRESS) && !log.contains(bearer), "{log}");
    }
}

/// Also a sync: it may confirm that rows are deleted.
#[tokio::test]
async fn the_log_names_who_asked_for_a_sync_and_for_which() {
    let key = Key::es256("only");
    let project = Project::with(&[&key]).await;
    let mut claims = project.claims();
    claims["sub"] = json!("6a7e8feb-b491-4cf7-a9f1-bf3703467718");
    let bearer = format!("Bearer {}", key.token(&claims));
    let mut function = project.function("sync-products").await;
    let body = r#"{"mode": "reconcile", "confirmDeletes": true}"#;
    let event = request_to("POST", "/api/sync/products", Some(&bearer), Some(body));
    let _ = ask(&mut function, &event).await;
    let log = function.end().await;
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = lines
        .filter(|line| line["message"] == "an operator asks")
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    let expected = "Sync { mode: Reconcile, confirm_deletes: true }";
    assert_eq!(told[0]["operation"], expected);
    assert_eq!(told[0]["user"], "6a7e8feb-b491-4cf7-a9f1-bf3703467718");
}

/// A project that changes its key publishes the new one beside the old one, and takes that back later.
#[tokio::test]
async fn a_new_key_opens_and_one_that_was_taken_back_does_not() {
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    let project = Project::with(&[&old]).await;
    let mut before = project.function("sync-products").await;
    let [of_old, of_new] = [&old, &new].map(|key| key.token(&project.claims()));
    assert_eq!(knock(&mut before, &of_old).await.0, IN);
    project.publish(&[&new]);
    let mut after = project.function("sync-products").await;
    assert_eq!(knock(&mut after, &of_new).await.0, IN);
    assert_eq!(knock(&mut after, &of_old).await.0, 401);
    // Who has just asked does not ask again for the sake of whoever knocks.
    for _ in 0..20 {
        assert_eq!(knock(&mut before, &of_new).await.0, 401);
    }
    assert_eq!(project.fetches(), 2);
}
