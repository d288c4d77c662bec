//! The types of Odoo's fields, as `fields_get` names them.

use serde::Deserialize;

/// What a field holds, and so how its value reads: `false` means *no* in a `Boolean` and
/// *nothing* in every other type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number in Python's shortest text.
    Float,
    /// An amount of money; on the wire a `Float`.
    Monetary,
    /// One line of text.
    Char,
    /// Text of several lines.
    Text,
    /// Text with markup.
    Html,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    Datetime,
    /// One of a list of words.
    Selection,
    /// The id of another record (with `load: null`).
    Many2one,
    /// The id of a record whose model stands in another field.
    Many2oneReference,
    /// The ids of the records that point here.
    One2many,
    /// The ids of related records.
    Many2many,
    /// Base64, or its size.
    Binary,
    /// `model,id`.
    Reference,
    /// Any JSON.
    Json,
    /// Values whose types a parent record defines.
    Properties,
    /// The definition of such types.
    PropertiesDefinition,
    /// A type that this program does not know.
    #[serde(other)]
    Other,
}

impl FieldType {
    /// Whether a value is a list of ids.
    pub(crate) fn is_many(self) -> bool {
        matches!(self, Self::One2many | Self::Many2many)
    }
}

/// What `fields_get` says of one field when asked for its type only.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldDescription {
    #[serde(rename = "type")]
    pub(crate) field_type: FieldType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_as_odoo_writes_them() {
        let cases = [
            ("many2one", FieldType::Many2one),
            ("many2one_reference", FieldType::Many2oneReference),
            ("one2many", FieldType::One2many),
            ("properties_definition", FieldType::PropertiesDefinition),
            ("monetary", FieldType::Monetary),
            ("hologram", FieldType::Other),
        ];
        for (text, expected) in cases {
            let json = format!(r#"{{"type": "{text}", "name": "x"}}"#);
            let field: FieldDescription = serde_json::from_str(&json).expect("a description");
            assert_eq!(field.field_type, expected, "{text}");
        }
    }
}
