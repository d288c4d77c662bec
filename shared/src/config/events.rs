//! Where events are sent.

use super::environment::variable;

/// Where events go. Read apart from [`Config`] because a batch must also hear of a run that
/// a variable kept from starting.
#[derive(Debug, Clone)]
pub struct EventsConfig {
    /// Name of the bus. `None`: none are sent.
    pub bus: Option<String>,
}

impl EventsConfig {
    /// `SYNC_EVENT_BUS`; set but empty it means "send no events", which a run outside AWS
    /// needs.
    pub fn from_env() -> Self {
        Self::from_lookup(&variable)
    }

    /// As [`EventsConfig::from_env`], from any source of variables.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let name = lookup("SYNC_EVENT_BUS").unwrap_or_else(|| "default".to_owned());
        Self {
            bus: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bus_means_no_events_and_none_is_the_account_s_default() {
        let bus = |value: Option<&str>| {
            EventsConfig::from_lookup(&|name| {
                assert_eq!(name, "SYNC_EVENT_BUS");
                value.map(str::to_owned)
            })
            .bus
        };
        assert_eq!(bus(None).as_deref(), Some("default"));
        assert_eq!(bus(Some(" shop ")).as_deref(), Some("shop"));
        assert_eq!(bus(Some("")), None);
    }
}
