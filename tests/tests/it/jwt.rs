//! Users of the Supabase project, who call with the tokens that their logins gave: signed with keys made here, by
//! the keys that a project of the test's publishes.

mod keys;
mod opens;
mod project;
mod refused;
