//! What others do to the mirror behind the sync's back. No incremental run can know of it; a
//! reconcile mends what ids and change times tell.

use std::collections::BTreeSet;

use shared::specs::{Kind, Stream};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::changes::Record;
use super::world::{Day, World};
use crate::support::random::Random;

/// Above every id of the simulator.
const INVENTED: u64 = 1_000_000_000;

/// What somebody does.
#[derive(Clone, Copy)]
enum Deed {
    Delete,
    Invent,
    MarkAsDeleted,
    Change,
}

/// What was done.
#[derive(Default)]
pub(super) struct ByHand {
    /// Records whose rows were lost or changed.
    pub(super) touched: BTreeSet<Record>,
    pub(super) deleted: i64,
    pub(super) invented: i64,
}

/// Changes a few rows now and then, in half of the rounds.
pub(super) async fn meddle(world: &World, mut random: Random, day: &Day) -> ByHand {
    let client = world.look().await;
    // A function that was killed may hold a row for longer than a round takes.
    let patience = "set lock_timeout = '200ms'";
    client.batch_execute(patience).await.expect("a setting");
    let mut done = ByHand::default();
    let is_idle = random.percent(50);
    while !is_idle && !day.is_over() {
        sleep(random.milliseconds(400)).await;
        let streams: Vec<&Stream> = world.spec.streams.iter().collect();
        let stream = random.pick(&streams);
        let what = random.pick(&[
            Deed::Delete,
            Deed::Delete,
            Deed::Invent,
            Deed::MarkAsDeleted,
            Deed::MarkAsDeleted,
            Deed::Change,
            Deed::Change,
        ]);
        let ids = meddle_with(&client, stream, what, &mut random).await;
        let rows = i64::try_from(ids.len()).expect("a few");
        match what {
            Deed::Delete => done.deleted += rows,
            Deed::Invent => done.invented += rows,
            Deed::MarkAsDeleted | Deed::Change => {}
        }
        let records = ids.into_iter().map(|id| (stream.model, id));
        done.touched.extend(records);
    }
    done
}

/// The ids of the rows that it changed: none where Postgres had other plans.
async fn meddle_with(
    client: &Client,
    stream: &Stream,
    what: Deed,
    random: &mut Random,
) -> Vec<i64> {
    let table = stream.name;
    let some = format!(
        "odoo_id in (select odoo_id from odoo.{table} order by random() limit {})",
        1 + random.below(3)
    );
    let sql = match what {
        Deed::Delete => format!("delete from odoo.{table} where {some} returning odoo_id"),
        Deed::Invent => {
            let id = INVENTED + random.below(INVENTED);
            format!("insert into odoo.{table} (odoo_id) values ({id}) returning odoo_id")
        }
        Deed::MarkAsDeleted => format!(
            "update odoo.{table} set deleted_at = now()
             where {some} and deleted_at is null returning odoo_id"
        ),
        Deed::Change => {
            // Without its change time nobody could tell.
            let mut texts = stream.columns.iter().filter(|it| it.kind == Kind::Text);
            let column = texts.next().expect("a text").name;
            format!(
                "update odoo.{table}
                 set {column} = 'meddled with', odoo_updated_at = odoo_updated_at - interval '400 d'
                 where {some} and odoo_updated_at is not null returning odoo_id"
            )
        }
    };
    let rows = client.query(&sql, &[]).await.unwrap_or_default();
    rows.iter().map(|row| row.get(0)).collect()
}
