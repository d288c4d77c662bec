//! What the bus is told of a run, and what events do while another run is on.

mod budget;
pub(crate) mod bus;
pub(crate) mod chain;
mod crashed;
mod pending;
mod recovered;
mod reset;
mod slices;
mod told;
mod unheard;
