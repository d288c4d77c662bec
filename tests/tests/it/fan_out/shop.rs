//! The whole of it: a simulated shop, every data type's real function, and events that the test
//! carries from one to the other as the bus would.

use std::collections::BTreeMap;

use odoo_sim::{OdooSim, Version};
use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};

use super::yard::{Yard, crashed, event};
use crate::support::function::{Answer, Environment, Function};
use crate::support::odoo::{Odoo, simulator};
use crate::support::snapshot::assert_mirror_equals;

pub(super) struct Shop {
    pub(super) yard: Yard,
    pub(super) sim: OdooSim,
    odoo: Odoo,
    functions: BTreeMap<&'static str, Function>,
    /// Events of the bus that have been delivered.
    delivered: usize,
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// With variables of single functions set to other values.
    pub(super) async fn open_with(others: &[(&str, &'static str, &str)]) -> Self {
        let sim = simulator(Version::V19, 60).await;
        let odoo = Odoo::simulated(&sim).await;
        let mut yard = Yard::open().await;
        // A reference is judged at once.
        yard.environment
            .insert("SYNC_OVERLAP_SECONDS", "0".to_owned());
        let mut functions = BTreeMap::new();
        for spec in REGISTRY {
            let mut environment: Environment = odoo.environment(&yard.database.url);
            environment.insert("SYNC_OVERLAP_SECONDS", "0".to_owned());
            environment.extend(yard.bus.variables());
            for (_, name, value) in others.iter().filter(|(it, ..)| *it == spec.name) {
                environment.insert(name, (*value).to_owned());
            }
            let function = Function::start(&spec.function_name(), &environment).await;
            functions.insert(spec.name, function);
        }
        Self {
            yard,
            sim,
            odoo,
            functions,
            delivered: 0,
        }
    }

    pub(super) fn function(&mut self, data_type: &str) -> &mut Function {
        self.functions.get_mut(data_type).expect("a data type")
    }

    /// A second process of a data type's function.
    pub(super) async fn another(&self, data_type: &str) -> Function {
        let environment = self.odoo.environment(&self.yard.database.url);
        Function::start(&format!("sync-{data_type}"), &environment).await
    }

    /// Delivers the requests that wait on the bus up to this data type's.
    pub(super) async fn deliver_to(&mut self, data_type: &str) {
        loop {
            let entry = self.yard.bus.taken()[self.delivered].clone();
            assert_eq!(entry["DetailType"], "Sync Requested", "{entry}");
            self.delivered += 1;
            let name = entry["Detail"]["dataType"].as_str().expect("a name");
            let event = event("odoo.sync", "Sync Requested", &entry["Detail"]);
            self.function(name).call(&event).await;
            if name == data_type {
                return;
            }
        }
    }

    /// Delivers what is on the bus, and what that leads to, until nothing is left. What tells of
    /// the end of a run goes to `all`; a function that is gone is told of as Lambda would.
    pub(super) async fn deliver(&mut self, all: &mut Function) {
        while let Some(entry) = self.yard.bus.taken().get(self.delivered).cloned() {
            self.delivered += 1;
            let kind = entry["DetailType"].as_str().expect("a type");
            let event = event("odoo.sync", kind, &entry["Detail"]);
            if kind != "Sync Requested" {
                all.call(&event).await;
                continue;
            }
            let data_type = entry["Detail"]["dataType"].as_str().expect("a name");
            if let Answer::Died = self.function(data_type).invoke(&event).await {
                all.call(&crashed(data_type, &event)).await;
            }
        }
    }

    /// Starts a batch and leads it to its end.
    pub(super) async fn sync_all(&mut self, all: &mut Function, mode: &str) {
        let answer = all.call(&json!({"mode": mode})).await;
        assert_eq!(answer["success"], true, "{answer}");
        self.deliver(all).await;
    }

    pub(super) async fn assert_mirrored(&self, spec: &'static DataType) {
        assert_mirror_equals(&self.odoo, &self.yard.database.client, spec).await;
    }

    /// Rule and id of each open warning.
    pub(super) async fn open_warnings(&self) -> Vec<Value> {
        self.yard
            .rows(
                "select rule, odoo_id, data_type, run_id from odoo.sync_findings
                 where severity = 'warning' and resolved_at is null order by id",
            )
            .await
    }
}
