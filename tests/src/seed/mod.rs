//! The made up shop: the same version, size and seed always make the same records.
//!
//! Times lie in the past of a fixed date, so that data does not depend on when a test runs.

mod base;
mod fulfilment;
mod orders;
mod places;
mod products;
mod random;
mod row;
mod transfers;
mod words;

use crate::rpc::User;
use crate::store::{Env, World};
use crate::version::Version;
use random::Random;

/// 2025-06-30 12:00:00 UTC in microseconds: nothing in the data set is newer.
const NEWEST: i64 = 1_751_284_800_000_000;
/// Two years.
const SPAN: i64 = 2 * 365 * 86_400 * 1_000_000;

/// The languages installed besides English; some names are translated to one of them.
pub(crate) const LANGUAGES: [&str; 3] = ["fr_FR", "de_DE", "ar_001"];

/// The administrator, and a user who may only read.
pub(crate) fn users() -> Vec<User> {
    vec![
        User {
            id: base::ADMIN,
            login: "admin".to_owned(),
            password: "admin".to_owned(),
            api_key: "5f1c0de2a9b84e7c93d06a1f7b2e48d0c6a5f3e1".to_owned(),
            companies: vec![1, 2],
            may_change: true,
        },
        User {
            id: base::READER,
            login: "demo".to_owned(),
            password: "demo".to_owned(),
            api_key: "0b7e61d4f28a4c3f9e5d7c12a68b90fe43d1c7a2".to_owned(),
            companies: vec![1],
            may_change: false,
        },
    ]
}

/// A world with this many variants, purchase orders and sale orders.
pub(crate) fn world(version: Version, products: usize, orders: usize, seed: u64) -> World {
    let mut world = World::empty(version);
    let mut random = Random::new(seed);
    let env = Env {
        uid: 1,
        lang: None,
        companies: vec![1],
        active_test: false,
        now: NEWEST - SPAN,
        sudo: true,
    };
    base::fill(&mut world, &env);
    let categories = products::categories(&mut world, &mut random, products, &env);
    products::fill(&mut world, &mut random, products, &categories);
    let places = places::fill(&mut world, orders, &env);
    // A generator of its own: the products stay what they are however many orders there are.
    let mut random = Random::new(seed ^ 0x6f72_6465_7273);
    let goods = orders::goods(&world);
    if !goods.is_empty() {
        transfers::stock_up(&mut world, &mut random, &places, &goods);
        orders::fill(&mut world, &mut random, &places, &goods, orders);
        transfers::between_orders(&mut world, &mut random, &places, &goods, orders);
    }
    world
}
