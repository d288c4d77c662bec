//! What differs between the versions of Odoo that Debian packages.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A version of Odoo that can be installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Release {
    #[value(name = "14")]
    #[serde(rename = "14")]
    V14,
    #[value(name = "19")]
    #[serde(rename = "19")]
    V19,
}

impl Release {
    pub(crate) const ALL: [Self; 2] = [Self::V14, Self::V19];

    pub(super) fn number(self) -> u16 {
        match self {
            Self::V14 => 14,
            Self::V19 => 19,
        }
    }

    pub(super) fn package(self) -> String {
        format!("odoo-{self}")
    }

    /// The Debian release that has what this Odoo runs on. The package of Odoo 19 is
    /// in sid only, whose own Python is too new for it.
    pub(super) fn suite(self) -> &'static str {
        match self {
            Self::V14 => "bullseye",
            Self::V19 => "trixie",
        }
    }

    /// The Debian release that has the package itself, where that is another one.
    pub(super) fn package_suite(self) -> Option<&'static str> {
        match self {
            Self::V14 => None,
            Self::V19 => Some("sid"),
        }
    }

    pub(super) fn default_port(self) -> u16 {
        18_000 + self.number()
    }

    /// What makes a new database one with demo data.
    pub(super) fn demo_options(self) -> &'static [&'static str] {
        match self {
            Self::V14 => &[],
            Self::V19 => &["--with-demo"],
        }
    }

    /// Whether it can multiply its demo data: `odoo populate` of 14 makes other data.
    pub(super) fn can_multiply(self) -> bool {
        self == Self::V19
    }

    /// The setting for the second port that a server with workers opens.
    pub(super) fn push_port_setting(self) -> &'static str {
        match self {
            Self::V14 => "longpolling_port",
            Self::V19 => "gevent_port",
        }
    }

    /// The Python that makes an API key for the administrator, without an expiry.
    pub(super) fn api_key_call(self) -> &'static str {
        match self {
            Self::V14 => "_generate('rpc', 'odoo-supabase-sync')",
            Self::V19 => "_generate('rpc', 'odoo-supabase-sync', None)",
        }
    }

    /// The database a server serves and tests may change.
    pub(super) fn working_database(self) -> String {
        format!("odoo_{self}")
    }

    /// The database with demo data that working databases are copies of.
    pub(super) fn template_database(self) -> String {
        format!("odoo_{self}_template")
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn gives_each_version_names_and_a_port_of_its_own() {
        assert_eq!(Release::V14.default_port(), 18014);
        assert_eq!(Release::V19.default_port(), 18019);
        assert_eq!(Release::V19.working_database(), "odoo_19");
        assert_eq!(Release::V19.template_database(), "odoo_19_template");
    }
}
