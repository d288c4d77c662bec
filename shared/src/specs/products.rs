//! `products`: units of measure, and product variants with what their template gives them.

use super::rule::{not_blank, refers_to, required, unique};
use super::{Column, DataType, Kind, Related, Source, Stream, column};

/// Units of measure and product variants.
pub const PRODUCTS: DataType = DataType {
    name: "products",
    title: "Products",
    streams: &[UOMS, PRODUCT_VARIANTS],
};

const UOMS: Stream = Stream {
    name: "uoms",
    model: "uom.uom",
    columns: &[
        column!("name", Text),
        // Before 19 `factor` is the inverse of what it is from 19 on, and `factor_inv`
        // is what 19 calls `factor`. 19 has no `factor_inv`.
        column!("factor", Numeric, "factor_inv", "factor"),
        column!("active", Boolean),
    ],
    related: &[],
    rules: &[],
};

const PRODUCT_VARIANTS: Stream = Stream {
    name: "products",
    model: "product.product",
    columns: &[
        column!("template_id", Id, "product_tmpl_id"),
        column!("name", Text),
        column!("default_code", Text),
        column!("barcode", Text),
        column!("type", Text),
        // A boolean from 18 on; before, one value of the product's type, which 15 to 17
        // also know as `detailed_type`.
        Column::required(
            "is_storable",
            Kind::Boolean,
            &[
                Source::Field("is_storable"),
                Source::Equals("detailed_type", "product"),
                Source::Equals("type", "product"),
            ],
        ),
        column!("category_id", Id, "categ_id"),
        column!("uom_id", Id),
        column!("list_price", Numeric),
        column!("standard_price", Numeric),
        column!("weight", Numeric),
        column!("volume", Numeric),
        // Comes with the stock app; a shop without it has no tracking.
        column!("tracking", Text).optional(),
        column!("sale_ok", Boolean),
        column!("purchase_ok", Boolean),
        column!("company_id", Id),
        column!("active", Boolean),
    ],
    // On Odoo 14 a template's new name or price leaves its variants' own time unmoved.
    related: &[Related {
        field: "product_tmpl_id",
        model: "product.template",
        inverse: "product_variant_ids",
        where_field: None,
    }],
    rules: &[
        required("name"),
        not_blank("name"),
        // Odoo lets a successor take over the barcode of an archived product, and (19) two
        // companies have one each.
        unique("barcode", "company_id").only_where("active", "true"),
        refers_to("category_id", "categories"),
        refers_to("uom_id", "uoms"),
    ],
};
