//! A model of one version: the definitions of [`crate::schema`] with every name resolved to an
//! index, so that reading a million rows looks no name up.

use std::collections::HashMap;

use crate::schema::{self, Compute, FieldDef, Kind, ModelDef, Source};
use crate::version::Version;

/// Where a value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Id,
    /// A column of the model's own rows.
    Column(usize),
    /// Field `field` of `model`, in the record that this model's column `via` points to.
    Through {
        via: usize,
        model: usize,
        field: usize,
    },
    /// Field `field` of `model`, in the only record of the ids in column `of`.
    OnlyOf {
        of: usize,
        model: usize,
        field: usize,
    },
    DisplayName,
    /// One over the column.
    Inverse(usize),
    /// The first column's product up the second, a many2one to the same model.
    ProductUp(usize, usize),
    CountOf(usize),
    FirstOf(usize),
    /// The one2many and the field of its records.
    SumInUnit(&'static str, &'static str),
}

/// A field of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) def: &'static FieldDef,
    pub(crate) access: Access,
    /// The related model's index; none where that model is not simulated.
    pub(crate) relation: Option<usize>,
    /// Not shown to clients.
    pub(crate) hidden: bool,
}

impl Field {
    pub(crate) fn kind(&self) -> Kind {
        self.def.kind
    }

    /// Whether the value lies in a database column, own or inherited, so that it can be searched
    /// and sorted by.
    pub(crate) fn stored(&self) -> bool {
        !matches!(self.def.source, Source::Computed(_))
    }
}

/// A many2one of another model that points here, as seen from here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Referrer {
    pub(crate) model: usize,
    pub(crate) field: usize,
    /// This model's one2many over it, if it has one.
    pub(crate) one2many: Option<usize>,
}

/// A model of one version.
pub(crate) struct Model {
    pub(crate) index: usize,
    pub(crate) def: &'static ModelDef,
    pub(crate) fields: Vec<Field>,
    by_name: HashMap<&'static str, usize>,
    pub(crate) columns: usize,
    pub(crate) referrers: Vec<Referrer>,
    /// Where the company of the multi-company rule is found; none where the model has no rule, its
    /// own or that of the model it inherits from.
    pub(crate) company: Option<Access>,
    pub(crate) write_date: usize,
    pub(crate) create_date: usize,
    pub(crate) write_uid: usize,
    pub(crate) create_uid: usize,
}

impl Model {
    pub(crate) fn name(&self) -> &'static str {
        self.def.name
    }

    /// The index of a field, hidden ones included.
    pub(crate) fn field_index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.field_index(name).map(|index| &self.fields[index])
    }

    /// A field that clients may name.
    pub(crate) fn shown_field(&self, name: &str) -> Option<usize> {
        self.field_index(name)
            .filter(|&index| !self.fields[index].hidden)
    }

    /// The column of a stored field of this model's own.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        match self.field(name)?.access {
            Access::Column(column) => Some(column),
            _ => None,
        }
    }

    /// Whether a field is a stored copy of one behind this many2one.
    pub(crate) fn copies_over(&self, many2one: &str) -> bool {
        self.fields
            .iter()
            .any(|field| field.def.copies.is_some_and(|(via, _)| via == many2one))
    }

    /// The field that is kept in this column.
    pub(crate) fn field_of_column(&self, column: usize) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.access == Access::Column(column))
    }
}

/// Resolves all models of a version. A definition that names something absent is a mistake in
/// [`crate::schema`], so it panics.
pub(crate) fn resolve(version: Version) -> Vec<Model> {
    let defs: Vec<&'static ModelDef> = schema::ALL
        .iter()
        .flat_map(|models| models.iter())
        .filter(|def| !fields_in(def, version).is_empty())
        .collect();
    let names: HashMap<&str, usize> = defs
        .iter()
        .enumerate()
        .map(|(index, def)| (def.name, index))
        .collect();
    let layouts: Vec<Layout> = defs
        .iter()
        .map(|def| Layout::of(def, &defs, version))
        .collect();
    let mut models: Vec<Model> = (0..defs.len())
        .map(|index| resolve_one(index, &defs, &names, &layouts))
        .collect();
    for (target, referrer) in referrers(&models) {
        models[target].referrers.push(referrer);
    }
    models
}

fn fields_in(def: &'static ModelDef, version: Version) -> Vec<&'static FieldDef> {
    def.fields
        .iter()
        .filter(|field| field.exists_in(version.major()))
        .collect()
}

/// The fields of a model in order, with the column of each stored one.
struct Layout {
    fields: Vec<(&'static FieldDef, Source)>,
    columns: Vec<Option<usize>>,
}

impl Layout {
    fn of(def: &'static ModelDef, defs: &[&'static ModelDef], version: Version) -> Self {
        let mut fields: Vec<(&'static FieldDef, Source)> = schema::COMMON
            .iter()
            .chain(fields_in(def, version))
            .map(|field| (field, field.source))
            .collect();
        if let Some((parent, via)) = def.inherits {
            let parent = defs
                .iter()
                .find(|def| def.name == parent)
                .expect("inherited model");
            for field in fields_in(parent, version) {
                if !fields.iter().any(|(own, _)| own.name == field.name) {
                    fields.push((field, Source::Through(via, field.name)));
                }
            }
        }
        let mut next = 0..;
        let columns = fields
            .iter()
            .map(|(field, source)| {
                (*source == Source::Stored && field.name != "id")
                    .then(|| next.next())
                    .flatten()
            })
            .collect();
        Layout { fields, columns }
    }

    fn position(&self, name: &str) -> usize {
        self.fields
            .iter()
            .position(|(field, _)| field.name == name)
            .unwrap_or_else(|| panic!("schema names no field {name}"))
    }

    fn column(&self, name: &str) -> usize {
        self.columns[self.position(name)].unwrap_or_else(|| panic!("{name} is no column"))
    }
}

fn resolve_one(
    index: usize,
    defs: &[&'static ModelDef],
    names: &HashMap<&str, usize>,
    layouts: &[Layout],
) -> Model {
    let layout = &layouts[index];
    let related = |field: &str| {
        let relation = layout.fields[layout.position(field)].0.relation;
        names[relation.unwrap_or_else(|| panic!("{field} has no relation"))]
    };
    let fields: Vec<Field> = layout
        .fields
        .iter()
        .zip(&layout.columns)
        .map(|(&(def, source), column)| Field {
            def,
            access: match source {
                Source::Stored => column.map_or(Access::Id, Access::Column),
                Source::Through(via, field) => Access::Through {
                    via: layout.column(via),
                    model: related(via),
                    field: layouts[related(via)].position(field),
                },
                Source::OnlyOf(of, field) => Access::OnlyOf {
                    of: layout.column(of),
                    model: related(of),
                    field: layouts[related(of)].position(field),
                },
                Source::Computed(Compute::DisplayName) => Access::DisplayName,
                Source::Computed(Compute::Inverse(of)) => Access::Inverse(layout.column(of)),
                Source::Computed(Compute::ProductUp(factor, parent)) => {
                    Access::ProductUp(layout.column(factor), layout.column(parent))
                }
                Source::Computed(Compute::CountOf(of)) => Access::CountOf(layout.column(of)),
                Source::Computed(Compute::FirstOf(of)) => Access::FirstOf(layout.column(of)),
                Source::Computed(Compute::SumInUnit(lines, field)) => {
                    Access::SumInUnit(lines, field)
                }
            },
            relation: def.relation.and_then(|name| names.get(name).copied()),
            hidden: def.hidden,
        })
        .collect();
    let inherited = defs[index]
        .inherits
        .map(|(parent, _)| defs[names[parent]].company_rule);
    let has_rule = defs[index].company_rule || inherited == Some(true);
    let company = fields
        .iter()
        .find(|field| has_rule && field.def.name == "company_id");
    Model {
        index,
        company: company.map(|field| field.access),
        def: defs[index],
        by_name: fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.def.name, at))
            .collect(),
        columns: layout.columns.iter().flatten().count(),
        referrers: Vec::new(),
        write_date: layout.column("write_date"),
        create_date: layout.column("create_date"),
        write_uid: layout.column("write_uid"),
        create_uid: layout.column("create_uid"),
        fields,
    }
}

fn referrers(models: &[Model]) -> Vec<(usize, Referrer)> {
    let mut found = Vec::new();
    for model in models {
        for (index, field) in model.fields.iter().enumerate() {
            let own = matches!(field.access, Access::Column(_));
            let log = matches!(field.def.name, "create_uid" | "write_uid");
            let Some(target) = field.relation.filter(|_| own && !log) else {
                continue;
            };
            if field.kind() != Kind::Many2one {
                continue;
            }
            let one2many = models[target].fields.iter().position(|other| {
                other.relation == Some(model.index) && other.def.inverse == Some(field.def.name)
            });
            found.push((
                target,
                Referrer {
                    model: model.index,
                    field: index,
                    one2many,
                },
            ));
        }
    }
    found
}
