//! How much a movement is, in the product's own unit.

use super::{DOZEN, GRAM, KILOGRAM, Move, UNIT, assert_movements};

#[tokio::test]
async fn the_quantity_is_in_the_unit_of_the_product() {
    assert_movements(
        "",
        &[
            // As much as was asked for: Odoo's own conversion.
            (
                Move::of(1, DOZEN, ["2.0", "24.0", "2.0"]),
                &["purchase 1 +24"],
            ),
            (
                Move::of(2, UNIT, ["7.0", "0.58", "7.0"]),
                &["purchase 1 +0.58"],
            ),
            (
                Move::of(1, DOZEN, ["0.83", "10.0", "0.8300000000000001"]),
                &["purchase 1 +10"],
            ),
            // Less or more than was asked for, in the product's own unit.
            (Move::of(1, UNIT, ["5.0", "5.0", "3.0"]), &["purchase 1 +3"]),
            (
                Move::of(1, UNIT, ["0.0", "0.0", "1.5"]),
                &["purchase 1 +1.5"],
            ),
            // And in another one, where 14's dozen is not quite twelve.
            (
                Move::of(1, DOZEN, ["2.0", "24.0", "1.0"]),
                &["purchase 1 +12"],
            ),
            (
                Move::of(1, DOZEN, ["0.0", "0.0", "1.5"]),
                &["purchase 1 +18"],
            ),
            (
                Move::of(2, UNIT, ["12.0", "1.0", "24.0"]),
                &["purchase 1 +2"],
            ),
            (
                Move::of(3, KILOGRAM, ["2.0", "2000.0", "0.25"]),
                &["purchase 1 +250"],
            ),
            // Rounded as Odoo does: to two digits, half away from zero, …
            (
                Move::of(2, UNIT, ["12.0", "1.0", "7.0"]),
                &["purchase 1 +0.58"],
            ),
            (
                Move::of(4, GRAM, ["10.0", "0.01", "5.0"]),
                &["purchase 1 +0.01"],
            ),
            (
                Move::of(4, GRAM, ["10.0", "0.01", "4.9"]),
                &["purchase 1 0"],
            ),
            // … or to as many as the shop has.
            (
                Move::of(2, UNIT, ["7.0", "0.583", "8.0"]),
                &["purchase 1 +0.667"],
            ),
            // What Odoo's floats bring along.
            (
                Move::of(1, UNIT, ["0.35", "0.35000000000000003", "0.35"]),
                &["purchase 1 +0.35"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_quantity_needs_neither_product_nor_unit_where_the_move_tells_it() {
    assert_movements(
        "delete from odoo.products; delete from odoo.uoms;",
        &[
            (
                Move::of(1, DOZEN, ["2.0", "24.0", "2.0"]),
                &["purchase 1 +24"],
            ),
            (
                Move::of(1, DOZEN, ["2.0", "24.0", "3.0"]),
                &["purchase 1 +36"],
            ),
            (
                Move::of(1, DOZEN, ["0.0", "0.0", "3.0"]),
                &["purchase 1 unknown"],
            ),
        ],
    )
    .await;
}
