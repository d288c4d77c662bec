//! What a function does when its connection to Postgres, or Postgres itself, fails: it tries
//! again where that is safe, and says by its code what it was where it is not.

mod cut;
mod idle;
mod pooled;
mod refused;
mod restarted;
mod wired;
