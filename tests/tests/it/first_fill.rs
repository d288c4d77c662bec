//! Many new rows are copied into their table. Whichever way a row takes, the mirror holds the
//! same, and where rows cannot be copied they are inserted.

use odoo_sim::Version;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::random::Random;
use crate::support::shop::Shop;

const PRODUCT: &str = "product.product";

/// Field and JSON text of values that have a meaning in the form in which rows are copied, or
/// digits that a number in between would lose.
const ODD_VALUES: [(&str, &str); 9] = [
    ("name", r#""a\tb\nc\rd\\e""#),
    ("name", r#""\\N""#),
    ("name", r#""\\.""#),
    ("name", r#""""#),
    ("name", r#"" \u00e9\ud83d\ude00\u0001 ""#),
    ("weight", "1e-07"),
    (
        "weight",
        "12345678901234567890123456789012345678901234567890.10",
    ),
    ("weight", "1E+30"),
    ("create_date", r#""0001-01-01 00:00:00""#),
];

/// Notes every statement that writes products.
const NOTE_STATEMENTS: &str = "create table written (statement text);
     create function note() returns trigger language plpgsql as $$ begin
         insert into public.written values (current_query());
         return null;
     end $$;
     create trigger note after insert on odoo.products
         for each statement execute function note()";

/// Lets the role `authenticated` do everything, but under row level security.
const GRANT_ALL: &str = "grant usage on schema odoo to authenticated;
     grant all on all tables in schema odoo to authenticated;
     grant all on all sequences in schema odoo to authenticated;
     do $$
     declare
         name text;
     begin
         for name in select tablename from pg_tables where schemaname = 'odoo' loop
             execute format('create policy everything on odoo.%I using (true)', name);
         end loop;
     end $$";

async fn copies(shop: &Shop) -> usize {
    let query = "select statement from written where statement like 'copy %'";
    shop.rows(query).await.len()
}

#[tokio::test]
async fn copied_rows_are_what_inserted_ones_would_be() {
    let mut shop = Shop::open(Version::V19).await;
    let pooler = shop.database.pooler_config().url;
    let pooler = pooler.expose_secret().to_owned();
    shop.environment.insert("SUPABASE_DB_URL", pooler);
    let ids = shop.sim.ids(PRODUCT);
    for (id, (field, json)) in ids.iter().zip(ODD_VALUES) {
        shop.sim.patch(PRODUCT, *id, field, json);
    }
    shop.execute(NOTE_STATEMENTS).await;
    let extra = r#"{"products": ["description_sale", "create_date"]}"#;
    let mut function = shop.function_with(&[("SYNC_EXTRA_FIELDS", extra)]).await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsSkipped"], 0, "{report}");
    // Three pages of at most 50, of which some may go in together; nothing else wrote any row.
    let copied = copies(&shop).await;
    assert!((1..=3).contains(&copied), "{copied} copies");
    let written = shop.rows("select statement from written").await;
    assert_eq!(written.len(), copied, "{written:?}");
    shop.assert_mirrored().await;
    // The upsert compares each value with what was copied.
    let answer = function.call(&json!({"mode": "full"})).await;
    let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
    assert_eq!(answer["data"]["recordsUnchanged"], rows, "{answer}");
    assert_eq!(copies(&shop).await, copied);
}

/// A JSON number of any form.
fn any_number(random: &mut Random) -> String {
    let digits = |random: &mut Random, most: u64| -> String {
        let digits = 1 + random.below(most);
        // Zeros often: they are what an encoding gets wrong.
        let digit = |_| random.pick(&['0', '0', '0', '1', '5', '9']);
        (0..digits).map(digit).collect()
    };
    let whole: String = digits(random, 12).trim_start_matches('0').to_owned();
    let whole = if whole.is_empty() { "0" } else { &whole };
    let sign = random.pick(&["", "-"]);
    let fraction = match random.percent(70) {
        true => format!(".{}", digits(random, 14)),
        false => String::new(),
    };
    let exponent = match random.percent(40) {
        true => random.pick(&["e", "E-", "e+"]).to_owned() + &random.below(40).to_string(),
        false => String::new(),
    };
    format!("{sign}{whole}{fraction}{exponent}")
}

#[tokio::test]
async fn a_copied_number_is_the_cast_of_its_text_digit_for_digit() {
    let shop = Shop::open(Version::V19).await;
    let mut random = Random::new(Random::fresh_seed());
    let ids = shop.sim.ids(PRODUCT);
    let mut numbers = Vec::new();
    for id in ids {
        let number = any_number(&mut random);
        shop.sim.patch(PRODUCT, id, "weight", &number);
        numbers.push(format!("({id}, '{number}')"));
    }
    shop.execute(NOTE_STATEMENTS).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    assert!(copies(&shop).await > 0);
    let differing = format!(
        "select odoo_id, number, weight from (values {}) sent (id, number)
         join odoo.products on odoo_id = id
         where weight::text is distinct from number::numeric::text",
        numbers.join(", ")
    );
    assert_eq!(shop.rows(&differing).await, Vec::<Value>::new());
}

#[tokio::test]
async fn rows_below_the_newest_here_are_inserted() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    shop.execute(
        "delete from odoo.products where odoo_id < (select max(odoo_id) from odoo.products)",
    )
    .await;
    shop.execute(NOTE_STATEMENTS).await;
    let answer = function.call(&json!({"mode": "full"})).await;
    let deleted = shop.sim.count(PRODUCT) - 1;
    assert_eq!(answer["data"]["recordsInserted"], deleted, "{answer}");
    assert_eq!(copies(&shop).await, 0);
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_role_that_row_level_security_keeps_from_copying_inserts() {
    let mut shop = Shop::open(Version::V19).await;
    shop.execute(GRANT_ALL).await;
    let url = &shop.database.url;
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-c%20role%3Dauthenticated");
    shop.environment.insert("SUPABASE_DB_URL", url);
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
    assert_eq!(report["recordsInserted"], rows);
    shop.assert_mirrored().await;
}

/// A trigger before the statement refuses as early as anything can, when the driver is easily put out
/// of step.
#[tokio::test]
async fn a_copy_that_is_refused_at_its_start_is_an_insert_on_the_same_connection() {
    let shop = Shop::open(Version::V19).await;
    shop.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin
             if current_query() like 'copy %' then raise check_violation; end if;
             return null;
         end $$;
         create trigger refuse before insert on odoo.products
             for each statement execute function refuse()",
    )
    .await;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
    assert_eq!(report["recordsInserted"], rows);
    assert_eq!(report["retries"], 0);
    shop.assert_mirrored().await;
}
