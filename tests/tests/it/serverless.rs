//! All that is deployed, together: the routes, the bus and the patterns of `template.yaml`
//! itself, Lambda's retries, and the functions as processes, with moto as EventBridge and
//! `cargo lambda watch` in front.

mod batch;
mod dashboard;
mod hooks;
mod practice;
mod routing;
mod runbook;
mod secret;
mod slices;
mod strangers;
mod surface;
mod triggers;
