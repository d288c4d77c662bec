//! Making the simulated Odoo misbehave.

use serde_json::Value as Json;

use super::SimHandle;
use crate::faults::{Fault, When};

impl SimHandle {
    /// Makes the requests that `when` describes go wrong in this way.
    pub fn inject(&self, when: When, fault: Fault) {
        self.state.faults.inject(when, fault);
    }

    /// Takes back all faults, hooks, patches and delays, and accepts connections again.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
        for table in &mut self.state.write_world().tables {
            table.clear_patches();
        }
    }

    /// How many injected faults have struck so far.
    pub fn faults_struck(&self) -> usize {
        self.state.faults.struck()
    }

    /// Refuses connections (the port is closed) and resets open ones, until
    /// [`SimHandle::accept_connections`].
    pub fn refuse_connections(&self) {
        self.state.faults.refuse(true);
    }

    /// Ends [`SimHandle::refuse_connections`].
    pub fn accept_connections(&self) {
        self.state.faults.refuse(false);
    }

    /// Runs the closure when the k-th `read` from now on arrives (1 is the next), before it is
    /// answered: between the search that found the ids and the read of them.
    pub fn during_read<F>(&self, kth: usize, hook: F)
    where
        F: FnOnce(&SimHandle) + Send + 'static,
    {
        self.on_request(When::method("read").nth(kth), hook);
    }

    /// Runs the closure when the first request that `when` describes arrives, before it is
    /// answered.
    pub fn on_request<F>(&self, when: When, hook: F)
    where
        F: FnOnce(&SimHandle) + Send + 'static,
    {
        self.state.faults.hook(when, self.clone(), hook);
    }

    /// A record rule hides these records from everybody.
    pub fn hide(&self, model: &str, ids: &[i64]) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        world.tables[index].hide(ids);
    }

    /// Takes the record rules of [`SimHandle::hide`] back.
    pub fn show_all(&self, model: &str) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        world.tables[index].show_all();
    }

    /// Takes a field from the model as clients see it, as where the app that brings it is not
    /// installed.
    pub fn hide_field(&self, model: &str, field: &str) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        let model = &mut world.models[index];
        match model.field_index(field) {
            Some(at) => model.fields[at].hidden = true,
            None => panic!("{} has no field {field}", model.name()),
        }
    }

    /// Takes every right on the model from everybody: AccessError.
    pub fn deny(&self, model: &str) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        world.denied.insert(index);
    }

    /// Takes [`SimHandle::deny`] back.
    pub fn allow(&self, model: &str) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        world.denied.remove(&index);
    }

    /// Sends this JSON text for one field of one record, whatever the field's type: a wrong type,
    /// a number out of range, `NaN`, a text with NUL. The text is not checked, so it may also be
    /// no JSON at all.
    pub fn patch(&self, model: &str, id: i64, field: &str, json: impl Into<String>) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        assert!(
            world.models[index].field(field).is_some(),
            "{model} has no field {field}"
        );
        world.tables[index].patch(id, field, json.into());
    }

    /// [`SimHandle::patch`] with a JSON value.
    pub fn patch_json(&self, model: &str, id: i64, field: &str, json: &Json) {
        self.patch(model, id, field, json.to_string());
    }
}
