//! What fails inside Odoo and inside Postgres.

use std::time::Duration;

use odoo_sim::{Fault, When};
use tokio::time::{Instant, sleep};

use super::world::World;
use crate::support::random::Random;

/// Makes some of Odoo's answers fail.
pub(super) async fn in_odoo(world: &World, mut random: Random, until: Instant) {
    let sim = &world.sim;
    while Instant::now() < until {
        sleep(random.milliseconds(200)).await;
        if random.percent(10) {
            sim.refuse_connections();
            sleep(random.milliseconds(80)).await;
            sim.accept_connections();
            continue;
        }
        let nth = 1 + usize::try_from(random.below(8)).expect("a small number");
        let times = 1 + usize::try_from(random.below(3)).expect("a small number");
        let after = usize::try_from(random.below(2_000)).expect("a small number");
        let fault = random.pick(&[
            Fault::Hang,
            Fault::Delay(Duration::from_millis(30)),
            Fault::Reset,
            Fault::Reset,
            Fault::CutBody { after },
            Fault::CutJson { after },
            Fault::status(502),
            Fault::status(503),
            Fault::too_many_requests(Some(0)),
            Fault::LoginPage,
            Fault::SerializationFailure,
            Fault::SerializationFailure,
            Fault::DatabaseDown,
            Fault::AccessDenied,
            Fault::AccessError,
        ]);
        sim.inject(When::any().nth(nth).times(times), fault);
    }
}

/// Ends connections, and holds tables and rows back.
pub(super) async fn in_postgres(world: &World, mut random: Random, until: Instant) {
    let client = world.look().await;
    while Instant::now() < until {
        sleep(random.milliseconds(300)).await;
        let table = world.spec.streams[0].name;
        let pause = random.milliseconds(100).as_secs_f64();
        let statement = match random.below(4) {
            0 | 1 => "select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database()
                          and application_name = 'odoo-supabase-sync'
                      limit 1"
                .to_owned(),
            2 => format!(
                "begin; lock table odoo.{table} in exclusive mode; select pg_sleep({pause}); commit"
            ),
            _ => format!(
                "begin; select from odoo.sync_metadata for update; select pg_sleep({pause}); commit"
            ),
        };
        // Postgres may choose it as a deadlock's victim.
        if client.batch_execute(&statement).await.is_err() {
            client
                .batch_execute("rollback")
                .await
                .expect("a connection");
        }
    }
}
