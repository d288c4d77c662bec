//! `categories`: the tree of product categories.

use super::rule::refers_to;
use super::{DataType, Stream, column};

/// Product categories. A renamed parent moves its children's own change time
/// (`complete_name` is stored), so no related record is named.
pub const CATEGORIES: DataType = DataType {
    name: "categories",
    title: "Categories",
    streams: &[Stream {
        name: "categories",
        model: "product.category",
        columns: &[
            column!("name", Text),
            column!("complete_name", Text),
            column!("parent_id", Id),
        ],
        related: &[],
        rules: &[refers_to("parent_id", "categories")],
    }],
};
