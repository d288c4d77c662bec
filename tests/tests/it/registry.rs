//! What must exist for every data type of the registry: its function, its tables with the
//! spec's columns in the spec's types, and the columns that every mirror table has.

use std::collections::BTreeMap;

use shared::specs::{Kind, REGISTRY, Stream};

use crate::support::postgres::TestDatabase;

#[test]
fn every_data_type_has_its_function() {
    for spec in REGISTRY {
        let folder = format!("../functions/{}", spec.function_name());
        let main = std::fs::read_to_string(format!("{folder}/src/main.rs"))
            .unwrap_or_else(|error| panic!("{folder} is not there: {error}"));
        let constant = format!("specs::{}", spec.name.to_uppercase());
        assert!(main.contains(&constant), "{folder} does not run {constant}");
    }
}

#[test]
fn no_two_streams_share_a_table_and_no_two_data_types_a_name() {
    let mut tables: Vec<&str> = streams().map(|stream| stream.name).collect();
    let mut names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    for list in [&mut tables, &mut names] {
        let all = list.len();
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), all, "{list:?}");
    }
}

#[tokio::test]
async fn every_stream_has_its_table_with_its_columns() {
    let database = TestDatabase::create().await;
    for stream in streams() {
        let rows = database
            .client
            .query(
                "select column_name::text, data_type::text, is_nullable = 'YES'
                 from information_schema.columns
                 where table_schema = 'odoo' and table_name = $1",
                &[&stream.name],
            )
            .await
            .expect("the catalogue");
        let found: BTreeMap<String, (String, bool)> = rows
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2))))
            .collect();
        assert_eq!(found, expected(stream), "columns of odoo.{}", stream.name);
    }
}

fn streams() -> impl Iterator<Item = &'static Stream> {
    REGISTRY.iter().flat_map(|spec| spec.streams)
}

/// Type and nullability of each column.
fn expected(stream: &Stream) -> BTreeMap<String, (String, bool)> {
    let standard = [
        ("odoo_id", "bigint", false),
        ("extra", "jsonb", false),
        ("odoo_created_at", "timestamp with time zone", true),
        ("odoo_updated_at", "timestamp with time zone", true),
        ("odoo_related_at", "timestamp with time zone", true),
        ("synced_at", "timestamp with time zone", false),
        ("deleted_at", "timestamp with time zone", true),
    ];
    let own = stream.columns.iter().map(|column| {
        let kind = match column.kind {
            Kind::Text => "text",
            Kind::Boolean => "boolean",
            Kind::Id => "bigint",
            Kind::Numeric => "numeric",
            Kind::Timestamp => "timestamp with time zone",
        };
        (column.name, kind, true)
    });
    own.chain(standard)
        .map(|(name, kind, nullable)| (name.to_owned(), (kind.to_owned(), nullable)))
        .collect()
}
