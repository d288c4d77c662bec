//! Variables from a secret of Secrets Manager.

use odoo_sim::Version;
use serde_json::{Value, json};

use super::surface::{KEY, aws, fresh_name};
use crate::support::function::Function;
use crate::support::shop::{Shop, assert_failed};

/// A function that is to find in the secret `id` what its environment has wrong or lacks.
async fn function(shop: &Shop, id: &str) -> Function {
    started("sync-products", shop, id).await
}

async fn started(binary: &str, shop: &Shop, id: &str) -> Function {
    let mut environment = shop.environment.clone();
    environment.extend(aws().variables());
    environment.insert("ODOO_PASSWORD", "not-the-one".to_owned());
    environment.remove("SUPABASE_DB_URL");
    environment.insert("SYNC_SECRET_ID", id.to_owned());
    Function::start(binary, &environment).await
}

fn secret(shop: &Shop) -> String {
    let of = |name: &str| shop.environment[name].clone();
    json!({
        "ODOO_PASSWORD": of("ODOO_PASSWORD"),
        "SUPABASE_DB_URL": of("SUPABASE_DB_URL"),
        "SYNC_API_KEY": KEY,
        "SYNC_BATCH_SIZE": 40,
    })
    .to_string()
}

/// A request of API Gateway with this key.
fn http(key: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /api/sync/products",
        "rawPath": "/api/sync/products", "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {key}")},
        "requestContext": {"http": {"method": "POST", "path": "/api/sync/products"}},
        "isBase64Encoded": false
    })
}

#[tokio::test]
async fn a_secret_overrides_the_environment_and_is_told_nowhere() {
    let mut shop = Shop::open(Version::V19).await;
    let name = fresh_name();
    let arn = aws()
        .create_secret(&name, &secret(&shop))
        .await
        .expect("a secret");
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    for id in [&name, &arn] {
        let mut function = function(&shop, id).await;
        let stranger = function.call(&http("not-the-key")).await;
        assert_eq!(stranger["statusCode"], 401);
        let caller = function.call(&http(KEY)).await;
        assert_eq!(caller["statusCode"], 200, "{caller}");
        let report = shop.sync(&mut function).await;
        shop.assert_mirrored().await;
        shop.assert_discreet(&mut function, &[stranger, caller, report])
            .await;
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_and_read_with_the_next_event() {
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    let name = fresh_name();
    let mut function = function(&shop, &name).await;
    let direct = function.call(&json!({})).await;
    let message = assert_failed(&direct, "config");
    assert!(message.starts_with("SYNC_SECRET_ID"), "{message}");
    assert!(message.contains("ResourceNotFoundException"), "{message}");
    let caller = function.call(&http(KEY)).await;
    assert_eq!(caller["statusCode"], 503);

    aws()
        .create_secret(&name, &secret(&shop))
        .await
        .expect("a secret");
    let report = shop.sync(&mut function).await;
    shop.assert_discreet(&mut function, &[direct, caller, report])
        .await;
}

#[tokio::test]
async fn the_functions_of_no_data_type_read_it_too() {
    let mut shop = Shop::open(Version::V19).await;
    let bus = ("SYNC_EVENT_BUS", "default".to_owned());
    shop.environment.extend([bus]);
    let name = fresh_name();
    aws()
        .create_secret(&name, &secret(&shop))
        .await
        .expect("a secret");
    for (binary, method, path, done) in [
        ("api", "GET", "/api/sync/status", 200),
        ("sync-all", "POST", "/api/sync/all", 202),
    ] {
        // Neither key nor database is in the environment.
        let mut function = started(binary, &shop, &name).await;
        for (key, status) in [("not-the-key", 401), (KEY, done)] {
            let mut request = http(key);
            request["rawPath"] = json!(path);
            request["requestContext"]["http"] = json!({"method": method, "path": path});
            let answer = function.call(&request).await;
            assert_eq!(answer["statusCode"], status, "{binary}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_malformed_secret_is_not_repeated() {
    let mut shop = Shop::open(Version::V14).await;
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    let name = fresh_name();
    let cut = secret(&shop).replace('}', "");
    aws().create_secret(&name, &cut).await.expect("a secret");
    let mut function = function(&shop, &name).await;
    let answer = function.call(&json!({})).await;
    let message = assert_failed(&answer, "config");
    assert!(message.contains("JSON object"), "{message}");
    shop.assert_discreet(&mut function, &[answer]).await;
}

#[tokio::test]
async fn without_secrets_manager_the_reason_is_said() {
    let mut shop = Shop::open(Version::V19).await;
    // Nobody listens there.
    let nowhere = (
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "http://127.0.0.1:9".to_owned(),
    );
    shop.environment.extend([nowhere]);
    let mut function = function(&shop, "any").await;
    let answer = function.call(&json!({})).await;
    let message = assert_failed(&answer, "config");
    assert!(message.starts_with("SYNC_SECRET_ID"), "{message}");
    assert!(message.contains("not reached"), "{message}");
}
