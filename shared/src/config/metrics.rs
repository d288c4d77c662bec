//! Which metrics are written: CloudWatch takes money for each.

use super::environment::variable;
use super::reader::Reader;

/// Which metrics are written. Read apart from [`Config`](super::Config) because a run that a variable
/// kept from starting is counted as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsConfig {
    /// Every one.
    All,
    /// Those that alarms look at.
    Alarms,
    /// None.
    None,
}

impl MetricsConfig {
    /// `SYNC_METRICS`. What is none of its words counts as `all` here: the run that it keeps from starting is
    /// to be counted, too.
    pub fn from_env() -> Self {
        Self::from_lookup(&variable)
    }

    /// As [`MetricsConfig::from_env`], from any source of variables.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::read(&mut Reader::new(lookup))
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.choice(
            "SYNC_METRICS",
            &[
                ("all", Self::All),
                ("alarms", Self::Alarms),
                ("none", Self::None),
            ],
        )
    }
}
