//! What must exist for every data type of the registry: its function, its tables with the
//! spec's columns in the spec's types, and the columns that every mirror table has.

use std::collections::BTreeMap;

use shared::specs::{Check, Column, Kind, REGISTRY, Rule, Source, Stream};

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

/// Each table with its data type, its model and its columns, written down apart from the
/// specs: `column`, `column=field|other field`, `field:value` (has that value), `field!`
/// (has any), and `?` behind a column that a server may lack.
const CONTRACT: &str = include_str!("registry/contract.txt");

#[test]
fn every_known_column_comes_from_the_field_that_it_should() {
    let mut found = Vec::new();
    for spec in REGISTRY {
        for stream in spec.streams {
            found.push(format!("{} {} {}", stream.name, spec.name, stream.model));
            found.extend(stream.columns.iter().map(written));
        }
    }
    for entry in CONTRACT.split("\n").filter(|line| !line.starts_with(' ')) {
        assert!(
            entry.is_empty() || found.iter().any(|it| it == entry),
            "{entry}"
        );
    }
    let is_known = |table: &str| {
        CONTRACT
            .lines()
            .any(|it| it.starts_with(&format!("{table} ")))
    };
    for stream in streams().filter(|stream| is_known(stream.name)) {
        let of_stream: Vec<String> = stream.columns.iter().map(written).collect();
        assert_eq!(
            of_stream,
            contract(stream.name),
            "columns of {}",
            stream.name
        );
    }
}

/// The columns that a table should have.
fn contract(table: &str) -> Vec<String> {
    let start = format!("{table} ");
    let lines = CONTRACT
        .lines()
        .skip_while(|line| !line.starts_with(&start));
    let columns = lines.skip(1).take_while(|line| line.starts_with(' '));
    columns
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

fn written(column: &Column) -> String {
    let sources: Vec<String> = column
        .sources
        .iter()
        .map(|source| match source {
            Source::Field(name) => (*name).to_owned(),
            Source::Equals(name, value) => format!("{name}:{value}"),
            Source::IsSet(name) => format!("{name}!"),
        })
        .collect();
    let from = match sources.join("|") {
        same if same == column.name => String::new(),
        other => format!("={other}"),
    };
    let may_lack = if column.required { "" } else { "?" };
    format!("{}{from}{may_lack}", column.name)
}

#[test]
fn the_readme_lists_every_data_type() {
    let readme = std::fs::read_to_string("../README.md").expect("README.md");
    let list = |names: Vec<String>| names.join(", ");
    let expected: Vec<String> = REGISTRY
        .iter()
        .map(|spec| {
            let tables = spec.streams.iter().map(|it| format!("`{}`", it.name));
            let models = spec.streams.iter().map(|it| it.model.to_owned());
            format!(
                "| `{}` | `{}` | {} | {} |",
                spec.name,
                spec.function_name(),
                list(tables.collect()),
                list(models.collect())
            )
        })
        .collect();
    let found: Vec<&str> = readme
        .lines()
        .filter(|it| it.contains("| `sync-"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn rules_name_columns_and_streams_that_exist() {
    for stream in streams() {
        let mut names = Vec::new();
        for rule in stream.rules {
            names.push(rule.name());
            for column in columns(rule) {
                let exists = stream.columns.iter().any(|it| it.name == column);
                assert!(exists, "{} has no column {column}", stream.name);
            }
            if let Check::RefersTo { stream: to, .. } = rule.check {
                assert!(streams().any(|it| it.name == to), "there is no stream {to}");
            }
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names.len(),
            all,
            "two rules of {} share a name",
            stream.name
        );
    }
}

fn columns(rule: &Rule) -> Vec<&'static str> {
    let mut columns = match rule.check {
        Check::Required(column)
        | Check::NotBlank(column)
        | Check::NonNegative(column)
        | Check::OneOf(column, _)
        | Check::RefersTo { column, .. } => vec![column],
        Check::Unique { column, within } => vec![column, within],
        Check::SumsUpTo { parts, total } => [parts, &[total]].concat(),
    };
    columns.extend(rule.only_where.iter().map(|only| only.column));
    columns
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
