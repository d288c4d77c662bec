//! Rows that cannot be mirrored: each becomes a reject of its own and takes no other row
//! with it, is tried again, and is resolved once it is mended or gone.

mod answer;
mod retry;
mod row;
