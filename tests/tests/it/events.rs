//! What the bus is told of a run, and what events do while another run is on.

mod bus;
mod pending;
mod slices;
mod told;
