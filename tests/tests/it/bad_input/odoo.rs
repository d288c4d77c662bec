//! An Odoo that refuses, or that is none.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use crate::support::function::Function;
use crate::support::shop::{Shop, VERSIONS};

const PRODUCT: &str = "product.product";

/// A function that has synced once and lives through one failure after the other.
struct Patient {
    shop: Shop,
    function: Function,
    answers: Vec<Value>,
}

impl Patient {
    async fn of(version: Version) -> Self {
        let shop = Shop::open(version).await;
        // A retry would outlast the test.
        let mut function = shop
            .function_with(&[("SYNC_RETRY_DELAY_MS", "60000")])
            .await;
        shop.sync(&mut function).await;
        Self {
            shop,
            function,
            answers: Vec::new(),
        }
    }

    /// Breaks something for the next run, which must fail with this code at once. Once it
    /// is mended, the run after that brings what the failed one did not. Returns the message.
    async fn fails_and_recovers(&mut self, code: &str, fault: Fault, when: When) -> String {
        let shop = &self.shop;
        let watermarks = shop.watermarks().await;
        shop.change_something();
        shop.sim.inject(when, fault);
        let answer = self.function.call(&json!({})).await;
        let message = shop.assert_recorded(&answer, code).await;
        assert_eq!(answer["data"]["retries"], 0, "{message}");
        assert_eq!(shop.watermarks().await, watermarks, "{message}");

        shop.sim.clear_faults();
        let report = shop.sync(&mut self.function).await;
        assert_eq!(report["recordsUpdated"], 1, "{message}");
        shop.assert_mirrored().await;
        self.answers.push(answer);
        message
    }

    async fn end(mut self) {
        self.shop
            .assert_discreet(&mut self.function, &self.answers)
            .await;
    }
}

fn reading_products() -> When {
    When::method("read").model(PRODUCT).forever()
}

#[tokio::test]
async fn a_login_page_is_odoo_unreachable_and_not_tried_again() {
    for version in VERSIONS {
        let mut patient = Patient::of(version).await;
        for when in [reading_products(), When::method("fields_get").forever()] {
            patient
                .fails_and_recovers("odoo_unreachable", Fault::LoginPage, when)
                .await;
        }
        patient.end().await;
    }
}

#[tokio::test]
async fn json_that_is_not_odoo_s_is_odoo_fault_and_not_tried_again() {
    for version in VERSIONS {
        let mut patient = Patient::of(version).await;
        for body in [
            "{\"hello\": \"world\"}",
            "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": [1, 2]}",
            "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {\"id\": 7}}",
            "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": [{\"id\": 99999999999999999999}]}",
            "[{\"name\": \"without an id\"}]",
            "[[]]",
            "7",
            "\"Internal Server Error\"",
            "this is not JSON",
        ] {
            let fault = Fault::Body(body.to_owned());
            patient
                .fails_and_recovers("odoo_fault", fault, reading_products())
                .await;
        }
        patient.end().await;
    }
}

#[tokio::test]
async fn what_odoo_refuses_has_its_own_code_and_is_not_tried_again() {
    for version in VERSIONS {
        let mut patient = Patient::of(version).await;
        for (fault, code, told) in [
            // As after the password was changed or the key revoked.
            (Fault::AccessDenied, "odoo_auth", ""),
            (Fault::AccessError, "odoo_access", PRODUCT),
            (Fault::UnknownField, "odoo_schema", "no_such_field"),
            (Fault::NoDatabase, "odoo_auth", "ODOO_DB"),
        ] {
            let message = patient
                .fails_and_recovers(code, fault, reading_products())
                .await;
            assert!(message.contains(told), "{message}");
        }
        patient.end().await;
    }
}

/// Odoo locks out whoever fails too often.
#[tokio::test]
async fn a_login_that_odoo_refuses_is_tried_once_a_run() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let wrong = ("ODOO_PASSWORD", "no password of anybody");
        let mut function = shop.function_with(&[wrong]).await;
        let answer = function.call(&json!({})).await;
        shop.assert_recorded(&answer, "odoo_auth").await;
        let logins = ["authenticate", "context_get"].map(|method| shop.sim.count_requests(method));
        // JSON-2 and JSON-RPC refuse it one after the other where there are both.
        assert_eq!(logins.iter().max(), Some(&1), "{:?}", shop.sim.requests());
    }
}

/// As Odoo 14 was seen to say it.
#[tokio::test]
async fn a_model_that_odoo_does_not_know_is_odoo_schema() {
    let body = json!({"jsonrpc": "2.0", "id": 1, "error": {
        "code": 200, "message": "Odoo Server Error", "data": {
            "name": "odoo.exceptions.UserError",
            "message": "Object uom.uom doesn't exist",
            "arguments": ["Object uom.uom doesn't exist"],
            "debug": "Traceback (most recent call last): secret row value",
            "context": {}
        }
    }});
    let fault = Fault::Body(body.to_string());
    let when = When::method("fields_get").model("uom.uom").forever();
    let mut patient = Patient::of(Version::V14).await;
    let message = patient.fails_and_recovers("odoo_schema", fault, when).await;
    assert!(message.contains("uom.uom"), "{message}");
    patient.end().await;
}

#[tokio::test]
async fn a_missing_right_on_a_model_or_a_related_one_is_odoo_access_and_names_it() {
    for version in VERSIONS {
        let Patient {
            shop, mut function, ..
        } = Patient::of(version).await;
        let mut answers = Vec::new();
        for model in [PRODUCT, "product.template", "uom.uom"] {
            let watermarks = shop.watermarks().await;
            shop.change_something();
            shop.sim.deny(model);
            let answer = function.call(&json!({})).await;
            let message = shop.assert_recorded(&answer, "odoo_access").await;
            assert!(message.contains(model), "{message}");
            assert_eq!(answer["data"]["retries"], 0);
            assert_eq!(shop.watermarks().await, watermarks);
            answers.push(answer);

            shop.sim.allow(model);
            let report = shop.sync(&mut function).await;
            assert_eq!(report["recordsUpdated"], 1, "{model}");
            shop.assert_mirrored().await;
        }
        shop.assert_discreet(&mut function, &answers).await;
    }
}

#[tokio::test]
async fn a_wrong_password_user_or_database_is_odoo_auth_and_not_tried_again() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        for (name, value) in [
            ("ODOO_PASSWORD", "falsches-kennwort"),
            ("ODOO_PASSWORD", "kennwort mit \u{e4} und\nzeile"),
            ("ODOO_USER", "nobody"),
            ("ODOO_DB", "no_such_database"),
        ] {
            // The right key opens JSON-2 whatever the login's name is.
            let protocol = if name == "ODOO_USER" {
                "jsonrpc"
            } else {
                "auto"
            };
            let mut function = shop
                .function_with(&[
                    (name, value),
                    ("ODOO_PROTOCOL", protocol),
                    ("SYNC_RETRY_DELAY_MS", "60000"),
                ])
                .await;
            shop.sim.reset_requests();
            let answer = function.call(&json!({})).await;
            let message = shop.assert_recorded(&answer, "odoo_auth").await;
            assert!(!message.contains(value), "{message}");
            assert_eq!(answer["data"]["retries"], 0);
            assert_each_question_was_asked_once(&shop);
            assert!(!function.end().await.contains("kennwort"));
            shop.assert_discreet(&mut function, &[answer]).await;
        }
        assert_eq!(shop.watermarks().await, Vec::<Value>::new());
        let mut function = shop.function().await;
        shop.sync(&mut function).await;
        shop.assert_mirrored().await;
    }
}

fn assert_each_question_was_asked_once(shop: &Shop) {
    let requests = shop.sim.requests();
    let mut questions: Vec<&str> = requests.iter().map(|it| it.method.as_str()).collect();
    let asked = questions.len();
    questions.sort_unstable();
    questions.dedup();
    assert_eq!(questions.len(), asked, "asked again: {questions:?}");
}

#[tokio::test]
async fn fields_that_the_server_lacks_are_listed() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let mut function = shop.function().await;
        shop.sync(&mut function).await;
        let watermarks = shop.watermarks().await;

        let mut fields = shop.odoo.call(PRODUCT, "fields_get", json!([])).await;
        let known = fields.as_object_mut().expect("an object");
        for field in ["barcode", "weight"] {
            known.remove(field).expect("a field of products");
        }
        let body = match version {
            Version::V14 => json!({"jsonrpc": "2.0", "id": 1, "result": fields}),
            _ => fields,
        };
        let when = When::method("fields_get").model(PRODUCT);
        shop.sim.inject(when, Fault::Body(body.to_string()));
        let answer = function.call(&json!({})).await;
        let message = shop.assert_recorded(&answer, "odoo_schema").await;
        for name in [PRODUCT, "barcode", "weight"] {
            assert!(message.contains(name), "{message}");
        }
        assert_eq!(shop.watermarks().await, watermarks);
        shop.sync(&mut function).await;
        shop.assert_mirrored().await;
        shop.assert_discreet(&mut function, &[answer]).await;
    }
}

#[tokio::test]
async fn an_extra_field_that_the_server_lacks_is_named() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let wanted = r#"{"products": ["description_sale", "x_brand"]}"#;
        let mut function = shop.function_with(&[("SYNC_EXTRA_FIELDS", wanted)]).await;
        let answer = function.call(&json!({})).await;
        let message = shop.assert_recorded(&answer, "odoo_schema").await;
        assert!(message.contains("x_brand"), "{message}");
        assert!(!message.contains("description_sale"), "{message}");
        let remedy = answer["error"]["remedy"].as_str().expect("text");
        assert!(remedy.contains("SYNC_EXTRA_FIELDS"), "{remedy}");
        shop.assert_discreet(&mut function, &[answer]).await;

        let mended = r#"{"products": ["description_sale"]}"#;
        let mut function = shop.function_with(&[("SYNC_EXTRA_FIELDS", mended)]).await;
        shop.sync(&mut function).await;
        shop.assert_mirrored().await;
    }
}
