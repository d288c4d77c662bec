//! What a new warehouse brings along: its locations and operation types (`stock_warehouse.py`,
//! `create`), as the steps "receive in one, ship in one" need them; the rest is there, archived.

use serde_json::{Value as Json, json};

use super::write::Values;
use super::{Env, World};
use crate::error::OdooError;

/// The name under which the warehouses' own locations lie until 17.
const PHYSICAL: &str = "Physical Locations";

impl World {
    /// Adds the locations to the values of a new warehouse that names none.
    pub(super) fn bring_locations(
        &mut self,
        values: &mut Values,
        env: &Env,
    ) -> Result<(), OdooError> {
        if values.contains_key("view_location_id") {
            return Ok(());
        }
        let company = values.get("company_id").cloned().unwrap_or(json!(1));
        let parent = self.location_named(PHYSICAL);
        let view = json!({
            "name": values.get("code").cloned().unwrap_or_default(), "usage": "view",
            "company_id": company, "location_id": parent,
        });
        let view = self.create_json("stock.location", view, env)?;
        values.insert("view_location_id".to_owned(), json!(view));
        for (field, name, active) in [
            ("lot_stock_id", "Stock", true),
            ("wh_input_stock_loc_id", "Input", false),
            ("wh_output_stock_loc_id", "Output", false),
        ] {
            let location = json!({
                "name": name, "active": active, "company_id": company, "location_id": view,
            });
            let id = self.create_json("stock.location", location, env)?;
            values.insert(field.to_owned(), json!(id));
        }
        Ok(())
    }

    /// Creates the operation types of a new warehouse and names them in it.
    pub(super) fn bring_types(
        &mut self,
        warehouse: usize,
        id: i64,
        values: &Values,
        env: &Env,
    ) -> Result<(), OdooError> {
        if values.contains_key("in_type_id") {
            return Ok(());
        }
        let company = values.get("company_id").cloned().unwrap_or(json!(1));
        let stock = values.get("lot_stock_id").cloned().unwrap_or_default();
        let vendors = self.location_named("Vendors");
        let customers = self.location_named("Customers");
        let mut named = Values::new();
        for (field, name, prefix, code, from, to) in [
            ("in_type_id", "Receipts", "IN", "incoming", &vendors, &stock),
            (
                "out_type_id",
                "Delivery Orders",
                "OUT",
                "outgoing",
                &stock,
                &customers,
            ),
            (
                "int_type_id",
                "Internal Transfers",
                "INT",
                "internal",
                &stock,
                &stock,
            ),
            ("", "Pick", "PICK", "internal", &stock, &stock),
        ] {
            let values = json!({
                "name": name, "sequence_code": prefix, "code": code, "warehouse_id": id,
                "company_id": company, "active": !field.is_empty(),
                "default_location_src_id": from, "default_location_dest_id": to,
            });
            let made = self.create_json("stock.picking.type", values, env)?;
            if !field.is_empty() {
                named.insert(field.to_owned(), json!(made));
            }
        }
        self.write(warehouse, &[id], &named, env)
    }

    /// The id of the first location of this name; `false` where there is none.
    fn location_named(&self, name: &str) -> Json {
        let model = &self.models[self.index("stock.location")];
        let Some(column) = model.column("name") else {
            return Json::Bool(false);
        };
        self.tables[model.index]
            .range(0, i64::MAX - 1)
            .find(|(_, row)| row[column].as_text() == Some(name))
            .map_or(Json::Bool(false), |(id, _)| json!(id))
    }

    fn create_json(&mut self, model: &str, values: Json, env: &Env) -> Result<i64, OdooError> {
        let model = self.index(model);
        let values = values.as_object().cloned().unwrap_or_default();
        self.create(model, None, &values, env)
    }
}
