//! Who is not let in, and what he is told.

use serde_json::{Value, json};

use super::keys::{Key, token_of_secret, unsigned};
use super::project::{Project, knock, now};
use crate::http::event::KEY;
use crate::support::function::Function;
use crate::support::shop::assert_failed;

/// What a token with this change to its claims is told.
async fn told(function: &mut Function, token: &str) -> String {
    let (status, body) = knock(function, token).await;
    assert_eq!(status, 401, "{body}");
    assert_failed(&body, "bad_request")
}

#[tokio::test]
async fn a_token_that_says_something_else_is_refused_with_the_reason() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let mut function = project.function("sync-products").await;
    for (pointer, value, reason) in [
        ("/exp", json!(now() - 60), "it has expired"),
        ("/exp", Value::Null, "it lacks one of exp, aud and iss"),
        ("/nbf", json!(now() + 3600), "its time has not come"),
        (
            "/iss",
            json!("https://another.supabase.co/auth/v1"),
            "its issuer",
        ),
        ("/iss", Value::Null, "it lacks one of"),
        ("/aud", json!("anon"), "its audience"),
        ("/aud", Value::Null, "it lacks one of"),
        ("/app_metadata/role", json!("clerk"), "SYNC_JWT_CLAIM"),
        ("/app_metadata/role", json!(true), "SYNC_JWT_CLAIM"),
        ("/app_metadata", json!("sync_admin"), "SYNC_JWT_CLAIM"),
        ("/app_metadata", Value::Null, "SYNC_JWT_CLAIM"),
    ] {
        let mut claims = project.claims();
        claims["nbf"] = json!(now());
        *claims.pointer_mut(pointer).expect("a claim") = value;
        if claims.pointer(pointer) == Some(&Value::Null) {
            let claims = claims.as_object_mut().expect("an object");
            claims.remove(pointer.trim_start_matches('/'));
        }
        let told = told(&mut function, &key.token(&claims)).await;
        assert!(told.contains(reason), "{pointer}: {told}");
    }
}

#[tokio::test]
async fn a_token_that_the_project_has_not_signed_is_refused() {
    let (key, other) = (Key::es256("es"), Key::es256("es"));
    let unknown = Key::es256("unknown");
    let (rsa, edwards) = (Key::rs256("rs"), Key::ed_dsa("ed"));
    let project = Project::with(&[&key, &rsa]).await;
    let mut function = project.function("sync-products").await;
    let claims = project.claims();
    let right = key.token(&claims);
    let (message, signature) = right.rsplit_once('.').expect("three parts");
    // Another letter in front, so that it is still one that can be read.
    let other_letter = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{other_letter}{}", &signature[1..]);
    let mut more = claims.clone();
    more["app_metadata"]["role"] = json!("another");
    let of_another = key.token(&more);
    let (_, signature_of_another) = of_another.rsplit_once('.').expect("three parts");
    let public = key.published();
    let secret = public["x"].as_str().expect("a text").as_bytes();
    // Another kind of key under a known id: the token does not choose what a key is for.
    let confused = rsa.token_with(&json!({"alg": "RS256", "kid": "es"}), &claims);
    let nameless = key.token_with(&json!({"alg": "ES256"}), &claims);
    for (token, reason) in [
        (other.token(&claims), "its signature is wrong"),
        (format!("{message}.{changed}"), "its signature is wrong"),
        (
            format!("{message}.{signature_of_another}"),
            "its signature is wrong",
        ),
        (format!("{message}."), "its signature is wrong"),
        (unknown.token(&claims), "no key of the project"),
        (edwards.token(&claims), "no key of the project"),
        (confused, "none that can be read"),
        (nameless, "which key"),
        (unsigned(&claims), "no header that names"),
        (
            token_of_secret("es", secret, &claims),
            "shared secret (HS256)",
        ),
        (
            key.token_with(&json!({"alg": "PS256", "kid": "es"}), &claims),
            "ES256, RS256 or EdDSA",
        ),
        ("a.b.c".to_owned(), "no header that names"),
        ("..".to_owned(), "no header that names"),
    ] {
        let told = told(&mut function, &token).await;
        assert!(told.contains(reason), "{reason}: {told}");
    }
    assert_eq!(project.fetches(), 1, "nobody makes it ask again and again");
    assert_eq!(knock(&mut function, &right).await.0, 400);
    let log = function.end().await;
    assert!(
        !log.contains(signature) && !log.contains("6a7e8feb"),
        "{log}"
    );
}

#[tokio::test]
async fn without_a_claim_to_ask_for_no_token_opens_anything() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let mut environment = project.environment();
    environment.remove("SYNC_JWT_CLAIM");
    let mut function = Function::start("sync-products", &environment).await;
    let token = key.token(&project.claims());
    told(&mut function, &token).await;
    assert_eq!(project.fetches(), 0);
}

#[tokio::test]
async fn a_malformed_variable_closes_the_door_to_tokens_and_not_to_the_key() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    for (name, value) in [
        ("SYNC_JWT_CLAIM", "sync_admin"),
        ("SYNC_JWT_CLAIM", "user_metadata.role=sync_admin"),
        ("SUPABASE_URL", ""),
        ("SUPABASE_URL", "ref.supabase.co"),
    ] {
        let mut environment = project.environment();
        environment.insert(name, value.to_owned());
        let mut function = Function::start("sync-products", &environment).await;
        let (status, body) = knock(&mut function, &key.token(&project.claims())).await;
        assert_eq!(status, 503, "{name}: {body}");
        let message = assert_failed(&body, "config");
        assert!(message.starts_with(name), "{message}");
        assert_eq!(knock(&mut function, KEY).await.0, 400);
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told_and_the_key_opens_all_the_same() {
    let key = Key::es256("es");
    let project = Project::with(&[&key]).await;
    let token = key.token(&project.claims());
    let huge = format!(r#"{{"keys": [], "x": "{}"}}"#, "x".repeat(64 * 1024));
    for (status, answer, reason) in [
        (500, "", "answers 500"),
        (302, "", "answers 302"),
        (200, "<html>", "no set of keys"),
        (200, huge.as_str(), "64 KiB"),
    ] {
        project.answer_with(status, answer);
        let mut function = project.function("sync-products").await;
        let fetches = project.fetches();
        let mut messages = Vec::new();
        for _ in 0..5 {
            let (found, body) = knock(&mut function, &token).await;
            assert_eq!(found, 503, "{body}");
            messages.push(assert_failed(&body, "config"));
        }
        assert!(messages.iter().all(|it| it.contains("SUPABASE_URL")));
        assert!(messages[0].contains(reason), "{messages:?}");
        assert_eq!(project.fetches(), fetches + 1, "a pause after a failure");
        assert_eq!(knock(&mut function, KEY).await.0, 400);
    }
}
