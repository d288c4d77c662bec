//! Everything goes wrong at once, and then the mirror is Odoo again.
//!
//! A world is a simulated Odoo of some version, a mirror of one of its data types, and a way to
//! it (direct or through a pooler), all drawn from a seed. In each of its rounds people change
//! Odoo, some of them in transactions that are committed late; they import and delete, record rules
//! hide rows and show them again, a backup puts rows back as they were; several functions sync at
//! once, are killed, frozen and cut off, and lose their leases while they live; the data type is
//! reset; others change the mirror; Odoo, the network and Postgres fail. Then all of that stops,
//! and what README and docs/RELIABILITY.md promise has to hold, the delete guard included.
//!
//! `cargo xtask chaos --rounds 200` runs it for long, `--seed S` begins with the world that a
//! failure named. A seed repeats every choice, not the moments at which things meet.

mod changes;
mod desk;
mod functions;
mod guard;
mod mirror;
mod network;
mod reset;
mod settled;
mod trouble;
mod world;

use std::time::Instant;

use crate::support::random::Random;
use world::World;

/// How many rounds there are where nobody says how many.
const ROUNDS: usize = 20;

#[tokio::test]
async fn after_every_round_of_chaos_the_mirror_is_odoo() {
    let rounds = number("TEST_CHAOS_ROUNDS").map_or(ROUNDS, |it| it as usize);
    let first = number("TEST_CHAOS_SEED").unwrap_or_else(Random::fresh_seed);
    let began = Instant::now();
    let mut done = 0;
    for seed in first.. {
        if done >= rounds {
            break;
        }
        eprintln!("world {seed} (to repeat it: cargo xtask chaos --rounds 5 --seed {seed})");
        let mut world = World::make(seed).await;
        let until = (done + world.rounds()).min(rounds);
        for round in done..until {
            world.round().await;
            eprintln!(
                "round {} of {rounds} after {:.1?}",
                round + 1,
                began.elapsed()
            );
        }
        done = until;
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
    )
}
