//! What is exposed stays so through migrations, what they add is not exposed, and PostgREST hears of both.

use std::future::poll_fn;

use shared::mirror::migrate::migrate;
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, NoTls, Notification};

use super::{
    EVERYTHING_EVERYWHERE, SUPABASE_S_DEFAULTS, TestDatabase, USER, attempt, exposed, exposed_in,
    hidden, names, project, published, run, select,
};
use shared::mirror::exposure::{expose, list};

/// Migrations that come again, as later ones would come. They may run twice.
async fn migrate_again(database: &TestDatabase, from: i32) {
    let forget = format!("delete from odoo.schema_history where version >= {from}");
    run(&database.client, &forget).await;
    let applied = migrate(&database.config()).await.expect("migrations");
    assert!(applied.iter().any(|migration| migration.version == from));
}

/// PostgREST's ear.
async fn listen(database: &TestDatabase) -> (Client, mpsc::UnboundedReceiver<Notification>) {
    let (client, mut connection) = tokio_postgres::connect(&database.url, NoTls)
        .await
        .expect("a connection");
    let (sender, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification);
            }
        }
    });
    client.batch_execute("listen pgrst").await.expect("listens");
    (client, heard)
}

/// What it has heard so far: whatever was committed before this is asked comes before its answer.
async fn heard(
    client: &Client,
    notifications: &mut mpsc::UnboundedReceiver<Notification>,
) -> Vec<String> {
    client.batch_execute("select 1").await.expect("an answer");
    let mut heard = Vec::new();
    while let Ok(notification) = notifications.try_recv() {
        heard.push(notification.payload().to_owned());
    }
    heard
}

#[tokio::test]
async fn what_is_exposed_stays_so_also_where_a_migration_makes_a_view_anew() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    let views = names(&["product_catalog"]);
    let done = expose(&database.config(), &views, true).await;
    let before = done.expect("exposed").after;
    // Stands for a migration that drops the view and makes it again, which drops its grants.
    run(
        &database.client,
        "create function public.forget() returns event_trigger language plpgsql as
             'begin revoke select on odoo.product_catalog from authenticated; end';
         create event trigger forget on ddl_command_end when tag in ('CREATE VIEW')
             execute function public.forget()",
    )
    .await;
    migrate_again(&database, 3).await;
    let after = list(&database.config()).await.expect("the state");
    assert_eq!(after, before);
    assert_eq!(select(&database, USER, "product_catalog").await, Ok(1));
    assert_eq!(published(&database).await.len(), 3);
}

#[tokio::test]
async fn what_a_migration_adds_is_closed_whatever_the_defaults_give() {
    let database = project(EVERYTHING_EVERYWHERE).await;
    exposed(&database, &["products"]).await;
    // Adds them while the migrations run, which make views.
    run(
        &database.client,
        "create function public.add() returns event_trigger language plpgsql as $$
         begin
             if to_regclass('odoo.later') is null then
                 create table odoo.later (x int primary key);
                 create view odoo.later_view with (security_invoker = true)
                     as select odoo_id from odoo.products;
             end if;
         end $$;
         create event trigger add on ddl_command_end when tag in ('CREATE VIEW')
             execute function public.add()",
    )
    .await;
    migrate_again(&database, 3).await;
    let truncate = "truncate odoo.later";
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(attempt(&database.client, USER, truncate).await, refused);
    assert_eq!(select(&database, USER, "later_view").await, refused);
    assert_eq!(select(&database, USER, "products").await, Ok(1));
}

#[tokio::test]
async fn a_migration_exposes_nothing_where_nothing_is() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    exposed(&database, &["products"]).await;
    hidden(&database, &["products"]).await;
    migrate_again(&database, 1).await;
    let state = list(&database.config()).await.expect("the state");
    assert_eq!(exposed_in(&state), Vec::<&str>::new());
    assert!(!state.is_open);
}

#[tokio::test]
async fn postgrest_hears_of_what_is_exposed_and_of_a_migration_that_ran() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    let (client, mut notifications) = listen(&database).await;
    exposed(&database, &["products"]).await;
    assert_eq!(heard(&client, &mut notifications).await, ["reload schema"]);
    hidden(&database, &["products"]).await;
    assert_eq!(heard(&client, &mut notifications).await, ["reload schema"]);
    migrate_again(&database, 11).await;
    assert_eq!(heard(&client, &mut notifications).await, ["reload schema"]);
    let applied = migrate(&database.config()).await.expect("nothing to do");
    assert_eq!(applied, []);
    assert_eq!(
        heard(&client, &mut notifications).await,
        Vec::<String>::new()
    );
}
