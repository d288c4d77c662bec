//! Functions of one data type that work at once, and what happens to them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

use super::network::Network;
use super::world::World;
use crate::support::function::{Answer, Environment, Function};
use crate::support::random::Random;

/// What Lambda takes to end a function whose time is up.
const GRACE: Duration = Duration::from_millis(300);

/// All functions of a round.
pub(super) struct Fleet<'a> {
    world: &'a World,
    environment: Environment,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(world: &'a World, network: &Network<'_>) -> Self {
        Self {
            world,
            environment: network.environment.clone(),
        }
    }

    /// One sandbox after the other, each invoked again and again.
    pub(super) async fn run(&self, mut random: Random, until: Instant) {
        let client = self.world.look().await;
        let name = self.world.spec.function_name();
        let mut function = Function::start(&name, &self.environment).await;
        while Instant::now() < until {
            let event = self.event(&mut random);
            let time = Duration::from_millis(random.pick(&[150, 400, 1500]));
            function.send_with_deadline(&event, time);
            let lives = self
                .live_through(&mut function, time, &client, &mut random)
                .await;
            if !lives {
                function.kill().await;
                function = Function::start(&name, &self.environment).await;
            }
            if random.percent(10) {
                // Between two invocations.
                function.freeze();
                sleep(random.milliseconds(200)).await;
                function.thaw();
            }
        }
        function.kill().await;
    }

    /// Whether the function is there for another invocation.
    async fn live_through(
        &self,
        function: &mut Function,
        time: Duration,
        client: &Client,
        random: &mut Random,
    ) -> bool {
        match random.below(10) {
            0..3 => {
                sleep(random.milliseconds(250)).await;
                return false;
            }
            3..5 => {
                sleep(random.milliseconds(150)).await;
                function.freeze();
                if random.percent(70) {
                    end_lease(client).await;
                }
                sleep(random.milliseconds(250)).await;
                function.thaw();
            }
            5..7 => {
                sleep(random.milliseconds(150)).await;
                // Its holder may be at work, as one is that has been asleep for a minute.
                end_lease(client).await;
            }
            _ => {}
        }
        match timeout(time + GRACE, function.answer()).await {
            Ok(Answer::Response(answer)) => {
                check(&answer);
                true
            }
            Ok(Answer::Error(error)) => {
                panic!(
                    "an error to Lambda: {error}; log:\n{}",
                    function.log().await
                )
            }
            Ok(Answer::Died) => panic!("it died; log:\n{}", function.log().await),
            Err(_) => false,
        }
    }

    /// A request, a schedule, or a slice's event: the latest, or one that comes twice or late.
    fn event(&self, random: &mut Random) -> Value {
        let heard: Vec<Value> = self
            .world
            .bus
            .heard()
            .into_iter()
            .filter(|entry| entry["DetailType"] == "Sync Requested")
            .map(|entry| entry["Detail"].clone())
            .collect();
        let delivered = |detail: &Value| {
            json!({
                "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
                "source": "odoo.sync", "detail-type": "Sync Requested", "detail": detail
            })
        };
        match random.below(10) {
            0..4 if !heard.is_empty() => delivered(heard.last().unwrap_or(&Value::Null)),
            4 if !heard.is_empty() => delivered(&random.pick(&heard)),
            5 => json!({"mode": "full"}),
            6 => json!({"mode": "reconcile", "confirmDeletes": random.percent(40)}),
            7 => json!({
                "source": "aws.events", "detail-type": "Scheduled Event",
                "detail": {"mode": "reconcile"}
            }),
            _ => json!({}),
        }
    }
}

/// Whatever fails has a code that a person can act on; a bug is nobody's fault but ours.
fn check(answer: &Value) {
    let error = &answer["error"];
    let is_given_up = error["message"]
        .as_str()
        .is_some_and(|it| it.contains("given up"));
    assert!(error["code"] != "internal" || is_given_up, "{answer}");
    assert!(
        error["code"] != "config" && error["code"] != "db_schema",
        "{answer}"
    );
}

/// Stands for the minute after which a lease is over. A row that is locked right now is left.
pub(super) async fn end_lease(client: &Client) {
    client
        .execute(
            "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'
             where id in (select id from odoo.sync_metadata for update skip locked)",
            &[],
        )
        .await
        .expect("the lease");
}
