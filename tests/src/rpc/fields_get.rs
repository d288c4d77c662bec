//! `fields_get`: what a client learns of a model's fields.

use serde_json::{Map, Value as Json, json};

use super::arguments::Arguments;
use super::{User, access};
use crate::pyjson::PyJson;
use crate::schema::Kind;
use crate::store::World;
use crate::store::model::{Field, Model};

/// Appends the description. Fields that do not exist are left out of the answer, not refused.
pub(super) fn write(
    world: &World,
    model: &Model,
    arguments: &Arguments,
    user: &User,
    out: &mut PyJson,
) {
    let wanted = arguments.texts("allfields");
    let attributes = arguments.texts("attributes");
    let may_change = access::allowed(world, user, model, "write");
    let mut described = Map::new();
    for field in model.fields.iter().filter(|field| !field.hidden) {
        let name = field.def.name;
        if wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.contains(&name))
        {
            continue;
        }
        let mut description = describe(world, field, may_change);
        if let Some(attributes) = &attributes {
            description.retain(|attribute, _| attributes.contains(&attribute.as_str()));
        }
        described.insert(name.to_owned(), Json::Object(description));
    }
    out.json(&Json::Object(described));
}

fn describe(world: &World, field: &Field, may_change: bool) -> Map<String, Json> {
    let def = field.def;
    let mut description = Map::from_iter([
        ("type".to_owned(), json!(def.kind.type_name())),
        ("string".to_owned(), json!(def.label)),
        ("readonly".to_owned(), json!(def.readonly || !may_change)),
        ("required".to_owned(), json!(def.required)),
        // A field of an inherited parent is not stored here, though it can be searched.
        (
            "store".to_owned(),
            json!(def.source == crate::schema::Source::Stored && !is_through(field)),
        ),
        ("searchable".to_owned(), json!(field.stored())),
        ("sortable".to_owned(), json!(field.stored())),
        ("company_dependent".to_owned(), json!(def.company_dependent)),
    ]);
    if world.version.major() >= 16 {
        description.insert("name".to_owned(), json!(def.name));
    }
    if let Some(relation) = def.relation {
        description.insert("relation".to_owned(), json!(relation));
        description.insert("domain".to_owned(), json!([]));
        description.insert("context".to_owned(), json!({}));
    }
    if let Some(inverse) = def.inverse {
        description.insert("relation_field".to_owned(), json!(inverse));
    }
    if let Kind::Selection(choices) = def.kind {
        description.insert("selection".to_owned(), json!(choices));
    }
    if matches!(def.kind, Kind::Char | Kind::Text) {
        description.insert("translate".to_owned(), json!(def.translate));
    }
    if let Some(digits) = def.digits {
        description.insert("digits".to_owned(), json!([16, digits]));
    }
    description
}

fn is_through(field: &Field) -> bool {
    matches!(field.access, crate::store::model::Access::Through { .. })
}
