//! What rows refer to, at the end of a reconcile.
//!
//! Where a record is deleted that others refer to, Odoo's Postgres empties those references by
//! itself (`on delete set null`): Odoo writes nothing, so the change times of the others stay, and no
//! comparison of times finds them. A cancelled sale order that is deleted leaves its moves so, and on Odoo 19 a category
//! its products. But the mirror knows: the row that they refer to is gone. So these rows are
//! read once more, and only what Odoo still says is a finding that stays.

use super::plan::Plan;
use super::stream::StreamRun;
use crate::error::Result;
use crate::mirror::rules;

/// So many rows that refer to nothing are read again in one run, those first that were noticed
/// last. Where a whole table refers to what the reader may not see, each reconcile would
/// read all of it.
const MOST_READ_AGAIN: usize = 10_000;

impl StreamRun<'_> {
    /// Looks which rows refer to rows that are not mirrored, reads those anew, and records
    /// what is so still. Comes after all streams of the data type have been read and compared.
    ///
    /// # Errors
    /// Any kind but `delete_guard`.
    pub(crate) async fn check_references(&mut self, plan: &Plan) -> Result<()> {
        self.record_references().await?;
        let broken = self.rows_with_broken_references().await?;
        if broken.is_empty() {
            return Ok(());
        }
        self.read_and_commit(plan, &broken).await?;
        self.record_references().await
    }

    async fn record_references(&mut self) -> Result<()> {
        let (context, overlap) = (self.rules_context(), self.config.sync.overlap);
        // A transaction each: on a large table one takes seconds.
        for reference in rules::references(self.stream) {
            let checked = self
                .lease
                .transaction(self.database, "checking a reference", async |transaction| {
                    reference.check(transaction, context, overlap).await
                })
                .await;
            rules::or_warn(checked, ())?;
        }
        Ok(())
    }

    /// In id order, as pages are.
    async fn rows_with_broken_references(&mut self) -> Result<Vec<i64>> {
        let stream = self.stream;
        if rules::references(stream).next().is_none() {
            return Ok(Vec::new());
        }
        let mut ids = self
            .lease
            .transaction(self.database, "reading findings", async |transaction| {
                rules::rows_with_broken_references(transaction, stream, MOST_READ_AGAIN).await
            })
            .await?;
        ids.sort_unstable();
        Ok(ids)
    }
}
