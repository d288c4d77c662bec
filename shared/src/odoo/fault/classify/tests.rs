//! The table of faults: what was seen, and what it means.

use super::*;

const READ: Asked<'static> = Asked::call("product.product", "read");

fn fault(status: u16, name: &'static str, message: &'static str) -> Symptom<'static> {
    answer(status, Content::Fault { name, message })
}

fn answer(status: u16, content: Content<'static>) -> Symptom<'static> {
    Symptom::Answer {
        status,
        content,
        retry_after: None,
    }
}

/// Asserts that every symptom means this, and reports all that do not at once.
fn check(kind: ErrorKind, retry: Retry, symptoms: impl IntoIterator<Item = Symptom<'static>>) {
    let wrong: Vec<String> = symptoms
        .into_iter()
        .map(|symptom| (classify(&symptom, &READ), symptom))
        .filter(|(verdict, _)| (verdict.kind, verdict.retry) != (kind, retry))
        .map(|(verdict, symptom)| format!("{symptom:?} is {verdict:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_befalls_the_connection_may_pass() {
    check(
        OdooUnreachable,
        Retry::Backoff,
        [
            Symptom::Timeout(Duration::from_secs(60)),
            Symptom::Disconnected(Disconnection::NoAddress),
            Symptom::Disconnected(Disconnection::Refused),
            Symptom::Disconnected(Disconnection::Broken),
            answer(200, Content::Cut),
            answer(500, Content::Cut),
        ],
    );
}

#[test]
fn what_is_at_the_wrong_address_stays() {
    let redirect = Symptom::Redirect {
        status: 303,
        to: None,
    };
    let pages = [200, 400, 401, 403, 404, 405, 500].map(|status| answer(status, Content::Page));
    check(OdooUnreachable, Retry::Never, pages);
    check(
        OdooUnreachable,
        Retry::Never,
        [
            Symptom::Tls("certificate verify failed".to_owned()),
            Symptom::NotHttp,
            redirect,
            answer(404, Content::Unreadable),
            answer(404, Content::Cut),
        ],
    );
}

#[test]
fn a_proxy_without_its_odoo_may_get_it_back() {
    for status in [429, 502, 503, 504] {
        let contents = [Content::Page, Content::Cut, Content::Unreadable];
        let answers = contents.map(|content| answer(status, content));
        check(OdooUnreachable, Retry::Backoff, answers);
    }
}

#[test]
fn an_answer_that_nobody_understands_is_odoo_s_fault() {
    let unreadable = |status| answer(status, Content::Unreadable);
    check(
        OdooFault,
        Retry::Never,
        [
            Symptom::WrongShape,
            Symptom::TooLarge { limit: 1 },
            unreadable(200),
            unreadable(400),
            unreadable(500),
        ],
    );
    check(
        OdooAuth,
        Retry::Never,
        [unreadable(401), answer(401, Content::Cut)],
    );
    check(OdooAccess, Retry::Never, [unreadable(403)]);
}

#[test]
fn wrong_credentials_stay() {
    check(
        OdooAuth,
        Retry::Never,
        [
            fault(200, "odoo.exceptions.AccessDenied", "Access Denied"),
            fault(403, "odoo.exceptions.AccessDenied", "Access Denied"),
            fault(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey"),
        ],
    );
}

#[test]
fn missing_rights_stay() {
    check(
        OdooAccess,
        Retry::Never,
        [
            fault(200, "odoo.exceptions.AccessError", "You are not allowed"),
            fault(403, "odoo.exceptions.AccessError", "You are not allowed"),
            fault(
                503,
                "odoo.exceptions.AccessError",
                "the name outweighs the status",
            ),
            fault(200, "odoo.exceptions.MissingError", "Record does not exist"),
            fault(404, "odoo.exceptions.MissingError", "Record does not exist"),
            fault(403, "werkzeug.exceptions.Forbidden", ""),
        ],
    );
}

#[test]
fn a_variable_that_odoo_refuses_is_named() {
    let company = "Access to unauthorized or invalid companies.";
    let language = "Invalid language code: xx_XX";
    for (name, message, variable) in [
        ("odoo.exceptions.AccessError", company, "ODOO_COMPANY_ID"),
        ("odoo.exceptions.UserError", language, "ODOO_LANG"),
    ] {
        let refused = fault(200, name, message);
        assert!(refused.error(&READ).to_string().contains(variable));
        check(Config, Retry::Never, [refused]);
    }
}

#[test]
fn unknown_models_and_fields_stay() {
    let no_field = "Invalid field 'x_brand' on model 'product.product'";
    check(
        OdooSchema,
        Retry::Never,
        [
            fault(
                200,
                "odoo.exceptions.UserError",
                "Object product.product doesn't exist",
            ),
            fault(200, "builtins.KeyError", "'product.product'"),
            fault(
                404,
                "werkzeug.exceptions.NotFound",
                "the model 'product.product' does not exist",
            ),
            fault(200, "builtins.ValueError", no_field),
            fault(500, "builtins.ValueError", no_field),
        ],
    );
}

#[test]
fn other_exceptions_are_odoo_s_fault_and_stay() {
    check(
        OdooFault,
        Retry::Never,
        [
            fault(200, "odoo.exceptions.UserError", "Not on a Sunday"),
            fault(200, "builtins.ValueError", "too many values to unpack"),
            fault(500, "builtins.TypeError", ""),
            fault(200, "builtins.MemoryError", ""),
            fault(422, "werkzeug.exceptions.UnprocessableEntity", ""),
            fault(200, "", ""),
        ],
    );
}

#[test]
fn a_name_that_says_nothing_leaves_it_to_the_status() {
    check(
        OdooUnreachable,
        Retry::Backoff,
        [
            fault(503, "werkzeug.exceptions.ServiceUnavailable", ""),
            fault(429, "werkzeug.exceptions.TooManyRequests", ""),
        ],
    );
}

#[test]
fn a_lost_race_may_be_won_the_next_time() {
    let lost = "could not serialize access due to concurrent update";
    check(
        OdooFault,
        Retry::Backoff,
        [
            fault(200, "psycopg2.errors.SerializationFailure", lost),
            fault(500, "psycopg2.errors.SerializationFailure", ""),
            fault(200, "psycopg2.errors.DeadlockDetected", "deadlock detected"),
            fault(200, "psycopg2.extensions.TransactionRollbackError", ""),
            fault(409, "odoo.exceptions.ConcurrencyError", ""),
            fault(200, "psycopg2.OperationalError", lost),
        ],
    );
}

#[test]
fn odoo_s_own_database_is_known_by_what_it_says() {
    let operational = |message| fault(200, "psycopg2.OperationalError", message);
    check(
        OdooFault,
        Retry::Backoff,
        [
            operational("could not connect to server: Connection refused\n\tIs it running?"),
            operational("FATAL:  the database system is starting up"),
            operational("server closed the connection unexpectedly"),
            operational("FATAL:  sorry, too many clients already"),
            fault(200, "psycopg2.errors.AdminShutdown", ""),
            fault(
                200,
                "psycopg2.pool.PoolError",
                "The Connection Pool Is Full",
            ),
            fault(200, "psycopg2.InterfaceError", "connection already closed"),
        ],
    );
    let unknown = operational("FATAL:  database \"shop\" does not exist\n");
    check(OdooAuth, Retry::Never, [unknown]);
    let refused = operational("FATAL:  password authentication failed for user \"odoo\"");
    check(OdooFault, Retry::Never, [refused]);
}

#[test]
fn an_odoo_19_without_its_database_shows_a_page() {
    let gone = answer(404, Content::Page);
    let lost = classify(&gone, &READ.proven());
    assert_eq!((lost.kind, lost.retry), (OdooFault, Retry::Backoff));
    let unknown = classify(&gone, &READ.to_an_odoo());
    assert_eq!((unknown.kind, unknown.retry), (OdooAuth, Retry::Never));
    assert!(unknown.reason.contains("ODOO_DB"), "{unknown:?}");
}

#[test]
fn retry_after_sets_the_delay_of_what_may_pass() {
    let wait = |status, seconds| {
        let symptom = Symptom::Answer {
            status,
            content: Content::Page,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        classify(&symptom, &READ).retry
    };
    assert_eq!(wait(429, 7), Retry::After(Duration::from_secs(7)));
    assert_eq!(wait(503, 0), Retry::After(Duration::ZERO));
    assert_eq!(wait(503, 120), Retry::After(LONGEST_WAIT));
    assert_eq!(wait(429, 121), Retry::Never);
    assert_eq!(wait(404, 7), Retry::Never);
}

#[test]
fn the_message_names_what_was_asked_and_the_field() {
    let cases = [
        (
            "Invalid field 'x_brand' on model 'product.product'",
            "read of product.product: Odoo has no field x_brand",
        ),
        (
            "Invalid field product.product.x_brand in condition ('x_brand', '=', 'secret')",
            "read of product.product: Odoo has no field product.product.x_brand",
        ),
        (
            "Invalid field 'Bänk secret'",
            "read of product.product: Odoo has no such field",
        ),
        (
            "Invalid field",
            "read of product.product: Odoo has no such field",
        ),
    ];
    for (message, expected) in cases {
        let error = fault(500, "builtins.ValueError", message).error(&READ);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn odoo_s_own_words_are_never_repeated() {
    for name in [
        "odoo.exceptions.AccessDenied",
        "odoo.exceptions.AccessError",
        "odoo.exceptions.UserError",
        "builtins.KeyError",
        "builtins.ValueError",
        "psycopg2.OperationalError",
        "hunter2 is the password",
        "Hunter2\u{e9}",
    ] {
        for message in [
            "hunter2",
            "hunter2 product.product",
            "Invalid field 'HUNTER2'",
        ] {
            for status in [200, 401, 403, 404, 500, 503] {
                let error = fault(status, name, message).error(&READ);
                let told = error.chain().to_lowercase();
                assert!(!told.contains("hunter2"), "{name} {message}: {told}");
            }
        }
    }
}
