//! What fails between a function and Odoo, and between a function and Postgres.

use std::time::Duration;

use odoo_sim::proxy::{Conduct, Direction, Ending, FaultProxy, Point};
use tokio::time::{Instant, sleep};

use super::world::World;
use crate::support::function::Environment;
use crate::support::random::Random;
use crate::support::wire::{proxy_before, through};

/// Where a message that ends something comes by; what is cut there has been done unheard.
const ENDS_AT_POSTGRES: [&[u8]; 3] = [b"COMMIT", b"UPDATE", b"START"];
const ENDS_AT_ODOO: [&[u8]; 2] = [b"HTTP/1.1 200", b"result"];

/// A proxy on either side. That before Odoo is the world's: a mirror belongs to Odoo's URL.
pub(super) struct Network<'a> {
    odoo: &'a FaultProxy,
    postgres: FaultProxy,
    /// The variables of functions that go through both.
    pub(super) environment: Environment,
}

impl<'a> Network<'a> {
    pub(super) fn before(world: &'a World) -> Self {
        let postgres = proxy_before(&world.database_url);
        let mut environment = world.environment.clone();
        environment.insert("SUPABASE_DB_URL", through(&postgres, &world.database_url));
        Self {
            odoo: &world.way_to_odoo,
            postgres,
            environment,
        }
    }

    /// Fails now and then.
    pub(super) async fn fail(&self, mut random: Random, until: Instant) {
        while Instant::now() < until {
            sleep(random.milliseconds(120)).await;
            let is_odoo = random.percent(50);
            let proxy = if is_odoo { self.odoo } else { &self.postgres };
            match random.below(10) {
                0..4 => proxy.script([conduct(&mut random, is_odoo)]),
                4..7 => proxy.conduct(conduct(&mut random, is_odoo)),
                7 => proxy.strike(random.pick(&Ending::ALL)),
                8 => {
                    proxy.stall();
                    sleep(random.milliseconds(200)).await;
                    proxy.go_on();
                }
                _ => proxy.clear(),
            }
        }
    }
}

impl Drop for Network<'_> {
    fn drop(&mut self) {
        self.odoo.clear();
    }
}

fn conduct(random: &mut Random, is_odoo: bool) -> Conduct {
    match random.below(10) {
        0 => Conduct::delay(Duration::from_millis(1 + random.below(20))),
        1 => Conduct::throttle(100_000 + random.below(2_000_000)),
        2 => Conduct::silent(),
        _ => {
            let ends: &[&[u8]] = if is_odoo {
                &ENDS_AT_ODOO
            } else {
                &ENDS_AT_POSTGRES
            };
            let nth = 1 + usize::try_from(random.below(12)).expect("a small number");
            let point = match random.below(3) {
                0 => Point::Before(random.pick(ends), nth),
                1 => Point::After(random.pick(ends), nth),
                _ => Point::Byte(random.below(30_000)),
            };
            let direction = random.pick(&[Direction::ToServer, Direction::ToClient]);
            Conduct::cut(direction, point, random.pick(&Ending::ALL))
        }
    }
}
