//! Transactions: a row's change time is when its transaction began, however late it is committed.

use serde_json::{Map, Value as Json};

use super::SimHandle;
use super::records::{must, values};

enum Step {
    Create {
        model: usize,
        id: i64,
        values: Map<String, Json>,
    },
    Write {
        model: usize,
        ids: Vec<i64>,
        values: Map<String, Json>,
    },
    Unlink {
        model: usize,
        ids: Vec<i64>,
    },
}

/// Changes that nobody sees before [`Transaction::commit`]. Dropped without it, they never were;
/// the ids that it took stay unused, as Postgres's sequences leave them.
pub struct Transaction<'a> {
    sim: &'a SimHandle,
    began: i64,
    steps: Vec<Step>,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(sim: &'a SimHandle) -> Self {
        Transaction {
            sim,
            began: sim.state.clock.now_micros(),
            steps: Vec::new(),
        }
    }

    /// Creates a record. Its id is known at once; what Odoo creates along with it gets its own at
    /// the commit.
    pub fn create(&mut self, model: &str, record: Json) -> i64 {
        let mut world = self.sim.state.write_world();
        let model = world.index(model);
        let id = world.tables[model].next_id();
        world.tables[model].skip_ids(1);
        self.steps.push(Step::Create {
            model,
            id,
            values: values(record),
        });
        id
    }

    /// Changes records.
    pub fn write(&mut self, model: &str, ids: &[i64], changes: Json) {
        let model = self.sim.state.read_world().index(model);
        self.steps.push(Step::Write {
            model,
            ids: ids.to_vec(),
            values: values(changes),
        });
    }

    /// Deletes records.
    pub fn unlink(&mut self, model: &str, ids: &[i64]) {
        let model = self.sim.state.read_world().index(model);
        self.steps.push(Step::Unlink {
            model,
            ids: ids.to_vec(),
        });
    }

    /// Makes it all seen at once, with the change time at which the transaction began.
    pub fn commit(self) {
        let env = self.sim.state.admin_env(self.began);
        let mut world = self.sim.state.write_world();
        for step in self.steps {
            match step {
                Step::Create { model, id, values } => {
                    must(world.create(model, Some(id), &values, &env));
                }
                Step::Write { model, ids, values } => must(world.write(model, &ids, &values, &env)),
                Step::Unlink { model, ids } => must(world.unlink(model, &ids, &env)),
            }
        }
    }
}
