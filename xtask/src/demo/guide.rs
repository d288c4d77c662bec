//! What to type next, once a demo is serving.

use shared::specs::PRODUCTS;

use super::functions::Functions;
use super::odoo::DemoOdoo;

/// A request on the bus.
const EVENT: &str = r#"{"source": "odoo.sync", "detail-type": "Sync Requested", "detail": {"dataType": "products"}}"#;

/// Prints commands that work as they stand.
pub(super) fn print(functions: &Functions, odoo: &DemoOdoo, database_url: &str) {
    let url = functions.url(&PRODUCTS);
    let bearer = format!("-H 'Authorization: Bearer {}'", functions.key());
    println!(
        "
Serving until Ctrl-C. The functions' log: {log}

In a browser, with the key {key}:
  {dashboard}

For a second terminal, so that the commands of README and docs work there; docs/PRACTICE.md goes through the runbook's cases:
{exports}

What changed since the last sync:
  curl -X POST {url} {bearer}
Everything once more:
  curl -X POST {url} {bearer} -d '{{\"mode\": \"full\"}}'
All data types, and how far they are:
  curl -X POST {all} {bearer}
  curl {status} {bearer}
As Lambda is invoked:
  PATH={programs}:$PATH cargo lambda invoke {function} --invoke-address 127.0.0.1 --invoke-port {port} --data-ascii '{{}}'
The mirror:
  psql '{database_url}' -c 'select * from odoo.product_catalog limit 5'
The stock by warehouse and product, from the movements:
  psql '{database_url}' -c 'select warehouse_id, product_id, sum(quantity) from odoo.stock_movements group by 1, 2 limit 5'
What a webhook of Odoo's sends (docs/REALTIME.md):
  curl -X POST '{hook}' -d '{{\"_id\": 1}}'
An event that no function could take, as Lambda puts it away, and back with it onto the bus:
  curl '{dead_letters}' -H 'Authorization: {sqs}' -d Action=SendMessage --data-urlencode 'MessageBody={event}'
  curl -X POST {replay} {bearer}
A backup, in the second terminal; restore takes it from the address that it prints (docs/OPERATIONS.md):
  cargo xtask backup \"$BUCKET\"
What looks wrong in Odoo's data:
  psql '{database_url}' -c 'select stream, odoo_id, severity, rule, reason from odoo.sync_findings where resolved_at is null limit 5'
{odoo}",
        log = functions.log().display(),
        key = functions.key(),
        dashboard = functions.url_of_dashboard(),
        exports = exports(functions, odoo, database_url),
        programs = functions.programs().display(),
        all = functions.url_of_all(),
        status = functions.url_of_status(),
        function = PRODUCTS.function_name(),
        port = functions.port(),
        hook = functions.url_of_hook(&PRODUCTS),
        dead_letters = functions.dead_letters(&PRODUCTS),
        event = EVENT,
        sqs = local_aws::authorization("sqs"),
        replay = functions.url_of_replay(&PRODUCTS),
        odoo = about_odoo(odoo),
    );
}

fn exports(functions: &Functions, odoo: &DemoOdoo, database_url: &str) -> String {
    let exports = functions.exports(odoo.environment(), database_url);
    let lines = exports.lines().into_iter().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn about_odoo(odoo: &DemoOdoo) -> String {
    let environment = odoo.environment();
    let url = &environment.url;
    match odoo {
        DemoOdoo::Simulated(_) => {
            let change =
                r#"{"model": "product.template", "ids": [1], "values": {"list_price": 9.5}}"#;
            format!(
                "A change in the simulated Odoo:\n  \
                 curl {url}/_sim/write -d '{change}'\n\
                 A fault of its next answer:\n  \
                 curl {url}/_sim/fault -d '{{\"fault\": \"reset\", \"method\": \"read\"}}'"
            )
        }
        DemoOdoo::Real(_) => format!(
            "Odoo, to change something:\n  {url}/web?db={} (user {}, password {})",
            environment.database, environment.user, environment.password
        ),
    }
}
