//! Backup and restore: the real function against moto's S3, and databases that are made from
//! what it left there.

mod broken;
mod command;
mod faults;
mod mirror;
mod restored;
mod s3;
mod silent;
mod taken;
mod volume;
