//! How large a database is to be. `odoo populate` of 19 copies records with their lines;
//! what is told here is how often, and the name that the result is kept under.

use super::release::Release;

/// At least so many rows of each kind; without a number, those of the demo data.
#[derive(clap::Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Volume {
    /// A database of at least so many products (19 only; made the first time)
    #[arg(long)]
    pub(super) products: Option<u32>,
    /// The same of sale orders, and as many purchase orders, with their lines
    #[arg(long)]
    pub(super) orders: Option<u32>,
    /// The same of stock moves, with their transfers
    #[arg(long)]
    pub(super) moves: Option<u32>,
}

/// A model to multiply until a table has as many rows as are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Multiplied {
    pub(super) model: &'static str,
    pub(super) table: &'static str,
    pub(super) rows: u32,
}

impl Volume {
    /// Whether the demo data is enough as it is.
    pub(super) fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// What is to be multiplied, in the order in which the copies refer to each other.
    /// A template's copies have no variants unless these are multiplied as well.
    pub(super) fn multiplied(self) -> Vec<Multiplied> {
        [
            (self.products, "product.template", "product_product"),
            (self.products, "product.product", "product_product"),
            (self.orders, "sale.order", "sale_order"),
            (self.orders, "purchase.order", "purchase_order"),
            (self.moves, "stock.picking", "stock_move"),
        ]
        .into_iter()
        .filter_map(|(rows, model, table)| rows.map(|rows| Multiplied { model, table, rows }))
        .collect()
    }

    /// The database that working databases of this volume are copies of.
    pub(super) fn template(self, release: Release) -> String {
        let parts = [
            (self.products, ""),
            (self.orders, "orders_"),
            (self.moves, "moves_"),
        ];
        let mut name = release.template_database();
        for (rows, kind) in parts {
            if let Some(rows) = rows {
                name.push_str(&format!("_{kind}{rows}"));
            }
        }
        name
    }

    /// The options of `real-odoo` that ask for it.
    pub(super) fn options(self) -> String {
        let parts = [
            (self.products, "products"),
            (self.orders, "orders"),
            (self.moves, "moves"),
        ];
        parts
            .into_iter()
            .filter_map(|(rows, name)| rows.map(|rows| format!(" --{name} {rows}")))
            .collect()
    }
}

/// How often each of the `present` rows is to be copied to have `wanted`. Odoo copies
/// `factor` times, which makes `factor + 1` of each.
pub(super) fn populate_factor(present: u32, wanted: u32) -> u32 {
    wanted.div_ceil(present.max(1)).saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::{Release, Volume, populate_factor};

    const ALL: Volume = Volume {
        products: Some(5),
        orders: Some(6),
        moves: Some(7),
    };

    #[test]
    fn multiplies_to_at_least_the_wanted_number() {
        for (present, wanted) in [(100, 120_000), (103, 120_000), (7, 15), (50, 100)] {
            let factor = populate_factor(present, wanted);
            assert!(present * (factor + 1) >= wanted);
            assert!(present * factor < wanted);
        }
    }

    #[test]
    fn copies_once_at_least() {
        assert_eq!(populate_factor(100, 5), 1);
        assert_eq!(populate_factor(0, 0), 1);
    }

    #[test]
    fn each_volume_has_a_name_and_options_of_its_own() {
        assert_eq!(
            ALL.template(Release::V19),
            "odoo_19_template_5_orders_6_moves_7"
        );
        assert_eq!(ALL.options(), " --products 5 --orders 6 --moves 7");
        let none = Volume::default();
        assert!(none.is_plain() && !ALL.is_plain());
        assert_eq!(none.template(Release::V19), "odoo_19_template");
    }

    #[test]
    fn multiplies_only_what_is_asked_for() {
        let orders = Volume {
            orders: Some(6),
            ..Volume::default()
        };
        let models = |volume: Volume| -> Vec<&str> {
            let multiplied = volume.multiplied();
            multiplied.iter().map(|one| one.model).collect()
        };
        assert_eq!(models(orders), ["sale.order", "purchase.order"]);
        assert_eq!(models(ALL).len(), 5);
        assert!(models(Volume::default()).is_empty());
    }
}
