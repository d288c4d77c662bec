//! A simulated Odoo to try things on: prints the environment to use, serves until it is killed.

use std::time::Duration;

use clap::Parser;
use odoo_sim::{OdooSim, Version};

/// Serves a simulated Odoo on 127.0.0.1 until it is killed.
///
/// While it runs, POST to /_sim/write, /_sim/create, /_sim/unlink, /_sim/fault and so on changes
/// it, for example:
///
///   curl -d '{"model": "product.template", "ids": [1], "values": {"list_price": 9.5}}'
///   http://127.0.0.1:8069/_sim/write
#[derive(Parser)]
#[command(name = "odoo-sim", disable_version_flag = true)]
struct Options {
    /// Which Odoo to be: 14, 16, 17, 18 or 19
    #[arg(long, default_value = "19")]
    version: Version,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8069)]
    port: u16,
    /// How many product variants to make up
    #[arg(long, default_value_t = 1000)]
    products: usize,
    /// How many purchase orders and how many sale orders; a third of the products if not said
    #[arg(long)]
    orders: Option<usize>,
    /// The same seed makes the same products
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Wait that many milliseconds before each answer
    #[arg(long, default_value_t = 0)]
    delay: u64,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "what it prints is meant for a shell")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut builder = OdooSim::builder()
        .version(options.version)
        .port(options.port)
        .products(options.products)
        .seed(options.seed)
        .delay(Duration::from_millis(options.delay));
    if let Some(orders) = options.orders {
        builder = builder.orders(orders);
    }
    let sim = builder.start().await;
    println!("ODOO_URL={}", sim.url());
    println!("ODOO_DB={}", sim.database());
    println!("ODOO_USER={}", sim.user());
    println!(
        "# The API key, which both protocols take; the password is {}",
        sim.password()
    );
    println!("ODOO_PASSWORD={}", sim.api_key());
    tokio::signal::ctrl_c().await
}
