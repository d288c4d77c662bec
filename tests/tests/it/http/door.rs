//! Who is let in, and what is refused at the door.

use odoo_sim::Version;
use serde_json::{Value, json};

use super::event::{KEY, ask, function, function_with_keys, post, request};
use crate::support::shop::{Shop, assert_failed};

#[tokio::test]
async fn without_the_key_nothing_opens_and_nothing_is_told() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let bearer = format!("Bearer {KEY}");
    let (longer, shorter) = (format!("{bearer}x"), &bearer[..bearer.len() - 1]);
    let basic = format!("Basic {KEY}");
    let mut answers = Vec::new();
    for authorization in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer wrong"),
        Some(KEY),
        Some(&basic),
        Some(&longer),
        Some(shorter),
        Some("Bearer schl\u{fc}ssel"),
    ] {
        // Neither a bad method nor a bad body is mentioned to a stranger.
        for (method, body) in [("POST", "{}"), ("GET", ""), ("POST", "{")] {
            let event = request(method, authorization, Some(body));
            let answer = function.call(&event).await;
            assert_eq!(answer["statusCode"], 401, "{authorization:?}: {answer}");
            assert_eq!(answer["headers"]["www-authenticate"], "Bearer");
            let body: Value =
                serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
            assert_failed(&body, "bad_request");
            answers.push(answer);
        }
    }
    assert_eq!(shop.runs().await.len(), 0);
    assert_eq!(shop.sim.requests().len(), 0);
    shop.assert_discreet(&mut function, &answers).await;
}

#[tokio::test]
async fn without_any_key_set_every_caller_gets_503() {
    let shop = Shop::open(Version::V14).await;
    for keys in [
        &[][..],
        &[("SYNC_API_KEY", ""), ("SUPABASE_SERVICE_ROLE_KEY", " ")],
    ] {
        let mut function = function_with_keys(&shop, keys).await;
        for authorization in [None, Some("Bearer "), Some("Bearer  "), Some("Bearer x")] {
            let (status, body) = ask(&mut function, &request("POST", authorization, None)).await;
            assert_eq!(status, 503);
            let message = assert_failed(&body, "config");
            assert!(message.contains("SYNC_API_KEY"), "{message}");
        }
    }
    assert_eq!(shop.runs().await.len(), 0);
}

#[tokio::test]
async fn the_service_role_key_opens_only_where_no_key_of_ours_is_set() {
    let shop = Shop::open(Version::V19).await;
    let service_role = ("SUPABASE_SERVICE_ROLE_KEY", "dienst-4711");
    let with = |key: &str| request("POST", Some(&format!("Bearer {key}")), None);

    let mut alone = function_with_keys(&shop, &[service_role]).await;
    assert_eq!(ask(&mut alone, &with("dienst-4711")).await.0, 200);

    let mut both = function_with_keys(&shop, &[service_role, ("SYNC_API_KEY", KEY)]).await;
    assert_eq!(ask(&mut both, &with("dienst-4711")).await.0, 401);
    assert_eq!(ask(&mut both, &with(KEY)).await.0, 200);
}

#[tokio::test]
async fn only_post_starts_a_sync() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let bearer = format!("Bearer {KEY}");
    for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
        let event = request(method, Some(&bearer), None);
        let answer = function.call(&event).await;
        assert_eq!(answer["statusCode"], 405, "{method}");
        assert_eq!(answer["headers"]["allow"], "POST");
    }
    assert_eq!(shop.runs().await.len(), 0);
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read() {
    let mut shop = Shop::open(Version::V14).await;
    let mut function = function(&mut shop).await;
    let body = |size: usize| format!("{{}}{}", " ".repeat(size - 2));
    let (status, answer) = ask(&mut function, &post(&body(64 * 1024 + 1))).await;
    assert_eq!(status, 413);
    assert_failed(&answer, "bad_request");
    assert_eq!(shop.runs().await.len(), 0);
    assert_eq!(ask(&mut function, &post(&body(64 * 1024))).await.0, 200);
}

#[tokio::test]
async fn a_body_that_is_no_request_gets_400_with_what_is_allowed() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let deep = "[".repeat(60_000);
    let mut answers = Vec::new();
    for (body, told) in [
        ("{", "not JSON"),
        ("mode=full", "not JSON"),
        ("\u{0}", "not JSON"),
        (deep.as_str(), "not JSON"),
        ("[]", "incremental"),
        ("null", "incremental"),
        ("7", "incremental"),
        ("{\"mode\": \"all\"}", "incremental"),
        ("{\"mode\": \"full\", \"force\": true}", "incremental"),
        ("{\"dataType\": \"categories\"}", "\"products\""),
    ] {
        let (status, answer) = ask(&mut function, &post(body)).await;
        assert_eq!(status, 400, "{body:.40}");
        let message = assert_failed(&answer, "bad_request");
        assert!(message.contains(told), "{message}");
        answers.push(answer);
    }
    assert_eq!(shop.runs().await.len(), 0);
    shop.assert_discreet(&mut function, &answers).await;
}

#[tokio::test]
async fn a_body_in_base64_is_read_and_one_that_is_none_is_refused() {
    let mut shop = Shop::open(Version::V14).await;
    let mut function = function(&mut shop).await;
    let mut event = post("eyJtb2RlIjoiZnVsbCJ9"); // {"mode":"full"}
    event["isBase64Encoded"] = json!(true);
    let (status, body) = ask(&mut function, &event).await;
    assert_eq!((status, &body["data"]["mode"]), (200, &json!("full")));

    // The last one is, but of no text.
    for no_request in ["%%%", "eyJtb2", "{", "\u{e4}", "//79"] {
        event["body"] = json!(no_request);
        let (status, body) = ask(&mut function, &event).await;
        assert_eq!(status, 400, "{no_request}");
        assert_failed(&body, "bad_request");
    }
    shop.assert_discreet(&mut function, &[]).await;
}

/// What no client of API Gateway's can send, or only one that tries to break something.
#[tokio::test]
async fn an_http_event_of_any_form_gets_an_answer() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let mut odd_path = post("{}");
    odd_path["rawPath"] = json!("/api/sync/pro ducts<>^`\u{e4}");
    let mut odd_host = post("{}");
    odd_host["headers"]["host"] = json!("a b:c:d/[");
    let mut odd_header = post("{}");
    odd_header["headers"]["x\ny"] = json!("a\nb");
    let mut many_headers = post("{}");
    for number in 0..40_000 {
        many_headers["headers"][format!("x-{number}")] = json!("");
    }
    for event in [odd_path, odd_host, odd_header, many_headers] {
        let (status, _) = ask(&mut function, &event).await;
        assert_eq!(status, 200, "{:.2000}", event.to_string());
    }
    let mut odd_method = post("{}");
    odd_method["requestContext"]["http"]["method"] = json!("NO METHOD");
    let mut odd_query = post("{}");
    odd_query["rawQueryString"] = json!("a=<b>&c=%zz&d={\"e\": 1}\u{7f}");
    let mut odd_body = post("{}");
    odd_body["body"] = json!({"mode": "full"});
    for event in [
        json!({"requestContext": {}}),
        json!({"requestContext": null}),
        json!({"requestContext": 7}),
        json!({"requestContext": {"http": {"method": "POST"}}, "headers": []}),
        odd_method,
        odd_query,
        odd_body,
    ] {
        let answer = function.call(&event).await;
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        assert!((400..500).contains(&status), "{event}: {answer}");
    }
    shop.assert_discreet(&mut function, &[]).await;
}
