//! A stream's spec, resolved against the server at hand: which fields are read and what
//! becomes of each. Made once a run from `fields_get`.

use std::collections::BTreeMap;

use super::cell;
use super::record::Record;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::batch::ColumnType;
use crate::mirror::rules::RowRules;
use crate::mirror::upsert::Upsert;
use crate::odoo::{FieldType, OdooClient};
use crate::specs::{Column, Kind, Source, Stream};

/// The fields that every Odoo model has and every mirror table keeps.
const CREATED: &str = "create_date";
pub(crate) const CHANGED: &str = "write_date";

/// How one column of the mirror is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedColumn {
    pub(crate) name: &'static str,
    pub(crate) from: From,
}

/// Where a column's value comes from. Slots are positions in [`Plan::fields`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// A field's value, in the column's kind.
    Slot(usize, Kind),
    /// Whether a field has this value.
    Equals(usize, &'static str),
    /// Whether a field has a value.
    IsSet(usize),
    /// The server has no such field.
    Missing(Kind),
    /// The newest change time of the related records.
    RelatedTime,
    /// All custom fields in one JSON object.
    Extra,
}

impl PlannedColumn {
    pub(crate) fn column_type(&self) -> ColumnType {
        match self.from {
            From::Slot(_, kind) | From::Missing(kind) => ColumnType::Spec(kind),
            From::Equals(..) | From::IsSet(_) => ColumnType::Spec(Kind::Boolean),
            From::RelatedTime => ColumnType::Spec(Kind::Timestamp),
            From::Extra => ColumnType::Json,
        }
    }
}

/// A custom field kept in `extra`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExtraField {
    pub(crate) name: String,
    pub(crate) slot: usize,
    pub(crate) field_type: FieldType,
}

/// A relation whose records' change times are read with each page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedRelation {
    pub(crate) field: &'static str,
    pub(crate) slot: usize,
    pub(crate) model: &'static str,
    /// The field of that model that leads back.
    pub(crate) inverse: &'static str,
    /// Whether the field leads to several records. A list of two ids and an id with its
    /// name look alike, so this comes from the field's type.
    pub(crate) is_many: bool,
    /// The mirror's column that holds where the field leads, if there is one: only where it leads to
    /// one record.
    pub(crate) column: Option<&'static str>,
}

impl PlannedRelation {
    /// Ids of the records that a record's field leads to.
    pub(crate) fn ids(&self, record: &Record<'_>) -> impl Iterator<Item = i64> + use<> {
        let json = record.fields[self.slot];
        let ids = json.map(|json| cell::related_ids(json, self.is_many));
        ids.into_iter().flatten()
    }
}

/// How a stream is read from this server and written to its table.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) stream: &'static Stream,
    /// Fields to read, each once.
    pub(crate) fields: Vec<String>,
    pub(crate) columns: Vec<PlannedColumn>,
    pub(crate) extra: Vec<ExtraField>,
    pub(crate) relations: Vec<PlannedRelation>,
    pub(crate) upsert: Upsert,
    pub(crate) rules: RowRules,
}

impl Plan {
    /// Asks the server for the stream's fields and resolves the spec against them.
    ///
    /// # Errors
    /// As [`Plan::new`], and every `odoo_*` of the question.
    pub(crate) async fn resolve(
        config: &Config,
        odoo: &OdooClient,
        stream: &'static Stream,
    ) -> Result<Self> {
        let fields = odoo.fields_get(stream.model).await?;
        let extra = config.sync.extra_fields.get(stream.name);
        Self::new(stream, extra.map_or(&[][..], Vec::as_slice), &fields)
    }

    /// Resolves `stream` against the fields that the server has and the user may read.
    ///
    /// # Errors
    /// [`ErrorKind::OdooSchema`] with the list of what is missing.
    pub(crate) fn new(
        stream: &'static Stream,
        extra_fields: &[String],
        server: &BTreeMap<String, FieldType>,
    ) -> Result<Self> {
        let mut builder = Builder {
            server,
            fields: Vec::new(),
            missing: Vec::new(),
        };
        let mut columns: Vec<PlannedColumn> = stream
            .columns
            .iter()
            .map(|column| builder.column(column))
            .collect();
        for (name, field) in [("odoo_created_at", CREATED), ("odoo_updated_at", CHANGED)] {
            let slot = builder.slot(field);
            columns.push(PlannedColumn {
                name,
                from: From::Slot(slot, Kind::Timestamp),
            });
        }
        columns.push(PlannedColumn {
            name: "odoo_related_at",
            from: From::RelatedTime,
        });
        columns.push(PlannedColumn {
            name: "extra",
            from: From::Extra,
        });
        let relations = stream
            .related
            .iter()
            .filter(|related| {
                related
                    .where_field
                    .is_none_or(|field| server.contains_key(field))
            })
            .map(|related| PlannedRelation {
                field: related.field,
                slot: builder.slot(related.field),
                model: related.model,
                inverse: related.inverse,
                is_many: server.get(related.field).is_some_and(|it| it.is_many()),
                column: column_of(stream, related.field),
            })
            .collect();
        let extra = extra_fields
            .iter()
            .map(|name| ExtraField {
                name: name.clone(),
                slot: builder.slot(name),
                field_type: server.get(name).copied().unwrap_or(FieldType::Other),
            })
            .collect();
        let fields = builder.finish(stream)?;
        let types: Vec<_> = columns
            .iter()
            .map(|column| (column.name, column.column_type()))
            .collect();
        Ok(Self {
            stream,
            fields,
            upsert: Upsert::new(stream.name, &types),
            rules: RowRules::new(stream),
            columns,
            extra,
            relations,
        })
    }

    /// What the mirror's content and findings depend on, as text: another text means that
    /// everything is to be read again.
    pub(crate) fn description(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?}",
            self.fields, self.columns, self.extra, self.stream.rules
        )
    }
}

/// The column that is nothing but this field's id.
fn column_of(stream: &Stream, field: &'static str) -> Option<&'static str> {
    let is_it =
        |column: &&Column| column.kind == Kind::Id && column.sources == [Source::Field(field)];
    stream.columns.iter().find(is_it).map(|column| column.name)
}

struct Builder<'a> {
    server: &'a BTreeMap<String, FieldType>,
    fields: Vec<String>,
    missing: Vec<String>,
}

impl Builder<'_> {
    fn column(&mut self, column: &Column) -> PlannedColumn {
        let found = column
            .sources
            .iter()
            .find(|source| self.server.contains_key(source.field()));
        let from = match found {
            Some(Source::Field(field)) => From::Slot(self.slot(field), column.kind),
            Some(Source::Equals(field, value)) => From::Equals(self.slot(field), value),
            Some(Source::IsSet(field)) => From::IsSet(self.slot(field)),
            None => {
                if column.required {
                    self.missing.push(names(column));
                }
                From::Missing(column.kind)
            }
        };
        PlannedColumn {
            name: column.name,
            from,
        }
    }

    /// The position of a field among those that are read; adds it where it is new.
    fn slot(&mut self, field: &str) -> usize {
        if let Some(slot) = self.fields.iter().position(|name| name == field) {
            return slot;
        }
        if !self.server.contains_key(field) {
            self.missing.push(field.to_owned());
        }
        self.fields.push(field.to_owned());
        self.fields.len() - 1
    }

    fn finish(self, stream: &Stream) -> Result<Vec<String>> {
        if self.missing.is_empty() {
            return Ok(self.fields);
        }
        Err(Error::new(
            ErrorKind::OdooSchema,
            format!(
                "Odoo's model {} has no field {} that this user may read",
                stream.model,
                self.missing.join(", ")
            ),
        ))
    }
}

fn names(column: &Column) -> String {
    let names: Vec<&str> = column.sources.iter().map(|source| source.field()).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::PRODUCTS;

    fn stream() -> &'static Stream {
        &PRODUCTS.streams[1]
    }

    fn server(left_out: &[&str]) -> BTreeMap<String, FieldType> {
        let mut fields: BTreeMap<String, FieldType> = stream()
            .columns
            .iter()
            .flat_map(|column| column.sources)
            .map(|source| (source.field().to_owned(), FieldType::Char))
            .collect();
        fields.insert(CREATED.to_owned(), FieldType::Datetime);
        fields.insert(CHANGED.to_owned(), FieldType::Datetime);
        for name in left_out {
            fields.remove(*name);
        }
        fields
    }

    fn column<'a>(plan: &'a Plan, name: &str) -> &'a From {
        let found = plan.columns.iter().find(|column| column.name == name);
        &found.expect("a column of the spec").from
    }

    #[test]
    fn the_first_name_that_the_server_has_is_read() {
        let plan = Plan::new(stream(), &[], &server(&[])).expect("complete");
        assert!(matches!(
            column(&plan, "is_storable"),
            From::Slot(_, Kind::Boolean)
        ));
        let old =
            Plan::new(stream(), &[], &server(&["is_storable", "detailed_type"])).expect("complete");
        let From::Equals(slot, "product") = column(&old, "is_storable") else {
            panic!("not from the type");
        };
        assert_eq!(old.fields[*slot], "type");
    }

    #[test]
    fn every_field_is_read_once() {
        let plan = Plan::new(stream(), &["barcode".to_owned()], &server(&[])).expect("complete");
        let mut fields = plan.fields.clone();
        fields.sort();
        fields.dedup();
        assert_eq!(fields.len(), plan.fields.len());
    }

    #[test]
    fn what_is_missing_is_listed_and_an_optional_column_is_null() {
        let plan = Plan::new(stream(), &[], &server(&["tracking"])).expect("optional");
        assert_eq!(*column(&plan, "tracking"), From::Missing(Kind::Text));
        let error = Plan::new(
            stream(),
            &["x_brand".to_owned()],
            &server(&["barcode", "weight"]),
        )
        .expect_err("incomplete");
        assert_eq!(error.kind(), ErrorKind::OdooSchema);
        for name in ["product.product", "barcode", "weight", "x_brand"] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
