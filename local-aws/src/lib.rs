//! Stands in for AWS where the functions run on one machine, made from `template.yaml`
//! itself, so that what is tried here is what will be deployed.
//!
//! | here | on AWS |
//! | --- | --- |
//! | [`Template`] | what CloudFormation reads |
//! | [`Aws`] | EventBridge, SQS and Secrets Manager; moto's server plays them |
//! | [`Bus`] | the bus with its rules and their patterns |
//! | [`Relay`] | Lambda's queue of asynchronous invocations, with retries and on-failure events |
//! | [`DeadLetters`] | the queues for what a function could not take |
//! | [`Sandboxes`] | the processes of the functions: Lambda's workers |
//! | [`RuntimeApi`] | what one process polls for its events |
//! | [`router_toml`] | API Gateway's routes, for the router of `cargo lambda watch` |
//!
//! `cargo lambda watch` has the routes, the endpoint that invokes a function, and the Runtime
//! API. It is started with `--only-lambda-apis`: it would start the functions too, but with a
//! deadline in 1970, which they take for none, so that no run would ever be handed over, and a
//! caller of one that crashes would wait for ever.

mod aws;
mod bus;
mod dead_letters;
mod relay;
mod router;
mod runtime_api;
mod sandbox;
mod template;

pub use aws::{Aws, REGION, authorization};
pub use bus::{Bus, Queue};
pub use dead_letters::DeadLetters;
pub use relay::{Relay, RetryDelay};
pub use router::router_toml;
pub use runtime_api::{Invocation, Outcome, RuntimeApi};
pub use sandbox::{SandboxConfig, Sandboxes};
pub use template::{Function, Route, Rule, Template};
