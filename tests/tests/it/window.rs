//! What a window must not lose: thousands of rows of one second, rows committed late,
//! rows that change or vanish while they are read; and what it must not read again.

use std::time::Duration;

use odoo_sim::{Fault, Version, When};
use serde_json::json;
use shared::specs::{CATEGORIES, PRODUCTS};

use crate::reconcile::shop::{Shop, VERSIONS};
use crate::support::function::Function;
use crate::support::postgres::open as connect;
use crate::support::snapshot::assert_mirror_equals;
use crate::support::wait_until;

/// A simulated shop whose products are in the mirror.
async fn open(version: Version) -> Shop {
    Shop::open(version, &PRODUCTS).await
}

#[tokio::test]
async fn five_thousand_rows_of_one_second_all_arrive() {
    for version in VERSIONS {
        let shop = open(version).await;
        shop.sim.tie("product.product", 5_000);
        let report = shop.sync(&json!({})).await;
        assert_eq!(report["recordsInserted"], 5_000);
        shop.assert_equal().await;
        let again = shop.sync(&json!({})).await;
        assert_eq!(again["recordsInserted"], 0);
        assert_eq!(again["recordsUpdated"], 0);
    }
}

#[tokio::test]
async fn a_row_committed_late_within_the_overlap_arrives() {
    for version in VERSIONS {
        let shop = open(version).await;
        let ids = shop.sim.ids("product.product");
        let mut late = shop.sim.begin();
        late.write("product.product", &ids[..1], json!({"weight": 4.25}));
        shop.sim.clock().advance(Duration::from_secs(60));
        shop.sim
            .write("product.product", &ids[1..2], json!({"weight": 5.25}));
        shop.sync(&json!({})).await;
        late.commit();
        let report = shop.sync(&json!({})).await;
        assert_eq!(report["recordsUpdated"], 1, "{version:?}");
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_template_s_price_reaches_its_variants() {
    for version in VERSIONS {
        let shop = open(version).await;
        let template = shop.sim.ids("product.template")[3];
        shop.sim.clock().advance(Duration::from_secs(3600));
        shop.sim.write(
            "product.template",
            &[template],
            json!({"list_price": 99.99}),
        );
        let report = shop.sync(&json!({})).await;
        assert!(report["recordsUpdated"].as_u64() > Some(0), "{version:?}");
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_row_that_changes_or_vanishes_between_listing_and_reading_comes_out_right() {
    for version in VERSIONS {
        let shop = open(version).await;
        let ids = shop.sim.ids("product.product");
        let (changed, deleted) = (ids[10], ids[11]);
        shop.sim
            .write("product.product", &ids[5..15], json!({"volume": 1.5}));
        let products = When::method("read").model("product.product");
        shop.sim.on_request(products, move |sim| {
            sim.write("product.product", &[changed], json!({"volume": 2.5}));
            sim.unlink("product.product", &[deleted]);
        });
        shop.sync(&json!({})).await;
        let volume = "select volume::float8 from odoo.products where odoo_id = $1";
        let row = shop.database.client.query_one(volume, &[&changed]).await;
        assert_eq!(row.expect("the row").get::<_, f64>(0), 2.5);
        // The count is asked beside the last page, so that it may have come before the
        // deletion. Then it differs once, then twice: the ids are compared and it is seen.
        shop.sync(&json!({})).await;
        shop.sync(&json!({})).await;
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_deletion_is_seen_once_the_counts_have_differed_twice() {
    let shop = open(Version::V19).await;
    let ids = shop.sim.ids("product.product");
    shop.sim.unlink("product.product", &ids[20..23]);
    assert_eq!(shop.sync(&json!({})).await["recordsDeleted"], 0);
    assert_eq!(shop.sync(&json!({})).await["recordsDeleted"], 3);
    shop.assert_equal().await;
    assert_eq!(shop.sync(&json!({})).await["recordsDeleted"], 0);
    let kept = shop
        .database
        .client
        .query_one(
            "select count(*) from odoo.products where deleted_at is not null",
            &[],
        )
        .await
        .expect("the products");
    assert_eq!(kept.get::<_, i64>(0), 3, "soft deletion keeps the rows");
}

#[tokio::test]
async fn rows_that_vanish_in_large_numbers_are_not_deleted() {
    let shop = open(Version::V19).await;
    let ids = shop.sim.ids("product.product");
    shop.sim.hide("product.product", &ids[..60]);
    shop.sync(&json!({})).await;
    let answer = shop.ask(&json!({})).await;
    assert_eq!(answer["error"]["code"], "delete_guard", "{answer}");
    let message = answer["error"]["message"].as_str().expect("a message");
    assert!(message.contains("60 of "), "{message}");
    shop.sim.show_all("product.product");
    shop.sync(&json!({})).await;
    shop.assert_equal().await;

    shop.sim.hide("product.product", &ids[..60]);
    let confirmed = json!({"mode": "reconcile", "confirmDeletes": true});
    assert_eq!(shop.sync(&confirmed).await["recordsDeleted"], 60);
    shop.assert_equal().await;

    shop.sim.show_all("product.product");
    let revived = shop.sync(&json!({"mode": "reconcile"})).await;
    assert_eq!(revived["recordsUpdated"], 60);
    shop.assert_equal().await;
}

#[tokio::test]
async fn a_quiet_stream_lists_nothing_and_makes_at_most_three_requests() {
    for version in VERSIONS {
        let shop = open(version).await;
        shop.rest().await;
        let report = shop.sync(&json!({})).await;
        assert_eq!(report["recordsProcessed"], 0, "{version:?}");
        let count = |model: &str| {
            shop.sim
                .requests()
                .iter()
                .filter(|request| request.model == model)
                .count()
        };
        assert!(count("uom.uom") <= 3, "{:?}", shop.sim.requests());
        assert!(count("product.product") <= 3);
        assert!(count("product.template") <= 1);
    }
}

#[tokio::test]
async fn no_row_is_read_before_its_window_is_on_record() {
    let shop = open(Version::V19).await;
    shop.sim.reset_requests();
    let count = |method: &str| {
        let requests = shop.sim.requests();
        requests.iter().filter(|it| it.method == method).count()
    };
    // It can be read, but no window can be stored.
    let other = connect(&shop.database.url).await;
    let held = "begin; lock table odoo.sync_streams in share mode";
    other.batch_execute(held).await.expect("the lock");
    let name = PRODUCTS.function_name();
    let mut function = Function::start(&name, &shop.environment).await;
    function.send(&json!({"mode": "full"}));
    // Of both streams the first ids are asked for meanwhile.
    wait_until("ids are listed", async || count("search") == 2).await;
    shop.database.held_up(1).await;
    assert_eq!(count("read"), 0, "{:?}", shop.sim.requests());
    other.batch_execute("rollback").await.expect("its end");
    assert_eq!(function.answered().await["success"], true);
    assert!(count("read") > 0);
}

#[tokio::test]
async fn a_row_dated_next_year_hides_nothing() {
    let shop = open(Version::V19).await;
    let ids = shop.sim.ids("product.product");
    shop.sim.set_raw(
        "product.product",
        ids[0],
        "write_date",
        json!("2030-01-01 00:00:00"),
    );
    for (index, id) in ids[1..4].iter().enumerate() {
        shop.sim.clock().advance(Duration::from_secs(1000));
        shop.sim
            .write("product.product", &[*id], json!({"weight": index + 7}));
        shop.sync(&json!({})).await;
        shop.assert_equal().await;
    }
}

/// Odoo's host ran two hours ahead when the last run looked.
#[tokio::test]
async fn what_changes_after_odoo_s_clock_was_set_back_is_read_by_the_next_run() {
    for version in VERSIONS {
        let shop = open(version).await;
        let ids = shop.sim.ids("product.product");
        let clock = shop.sim.clock();
        let right = clock.now();
        clock.advance(Duration::from_secs(7_200));
        shop.sim
            .write("product.product", &ids[..1], json!({"weight": 4.25}));
        shop.sync(&json!({})).await;
        let ahead = shop.stream("products").await["watermark"].clone();
        clock.set(right + Duration::from_secs(1));
        clock.resume();
        for (id, weight) in ids[1..4].iter().zip([5.25, 6.25, 7.25]) {
            clock.advance(Duration::from_secs(60));
            shop.sim
                .write("product.product", &[*id], json!({"weight": weight}));
            assert_eq!(shop.sync(&json!({})).await["recordsUpdated"], 1);
            assert_eq!(shop.stream("products").await["watermark"], ahead);
        }
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_renamed_parent_category_reaches_its_children_s_full_names() {
    for version in VERSIONS {
        let shop = open(version).await;
        let mut function = Function::start("sync-categories", &shop.environment).await;
        function.call(&json!({})).await;
        let parent = shop
            .sim
            .records("product.category")
            .iter()
            .find_map(|category| category["parent_id"].as_i64())
            .expect("a category with children");
        shop.sim
            .write("product.category", &[parent], json!({"name": "Neu"}));
        let answer = function.call(&json!({})).await;
        assert!(
            answer["data"]["recordsUpdated"].as_u64() > Some(1),
            "{answer}"
        );
        assert_mirror_equals(&shop.odoo, &shop.database.client, &CATEGORIES).await;
    }
}

#[tokio::test]
async fn another_language_makes_the_next_run_a_full_one() {
    let mut shop = open(Version::V19).await;
    shop.rest().await;
    shop.environment.insert("ODOO_LANG", "fr_FR".to_owned());
    // A first try that fails must not make the second believe that all is read already.
    shop.sim.inject(
        When::method("read").model("product.product"),
        Fault::AccessDenied,
    );
    let answer = shop.ask(&json!({})).await;
    assert_eq!(answer["success"], false, "{answer}");
    let report = shop.sync(&json!({})).await;
    let rows = shop.odoo.count("product.product").await + shop.odoo.count("uom.uom").await;
    assert_eq!(report["recordsProcessed"], rows);
}

/// Some values are another user's own, such as a price that each company has for itself. Of an API key
/// only Odoo knows whose it is.
#[tokio::test]
async fn another_user_makes_the_next_run_a_full_one_also_where_only_the_key_is_another() {
    let mut shop = open(Version::V19).await;
    shop.rest().await;
    let (login, password, key) = shop.sim.read_only_user();
    let of_another = [("ODOO_USER", login), ("ODOO_PASSWORD", password)];
    let key_of_another = [("ODOO_USER", shop.sim.user()), ("ODOO_PASSWORD", key)];
    let own = [
        ("ODOO_USER", shop.sim.user()),
        ("ODOO_PASSWORD", shop.sim.api_key()),
    ];
    // With JSON-2 nobody asks for the user.
    let own_key = [
        ("ODOO_USER", "anybody"),
        ("ODOO_PASSWORD", shop.sim.api_key()),
    ];
    // The other user does not see all of them.
    let most = shop.sim.count("product.product") / 2;
    let mut is_full = Vec::new();
    for variables in [own, key_of_another, of_another, own_key, own] {
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        shop.environment.extend(variables);
        let report = shop.sync(&json!({})).await;
        let rows = report["recordsProcessed"].as_u64().expect("a number");
        is_full.push(rows > most as u64);
    }
    assert_eq!(is_full, [false, true, false, true, false]);
}
