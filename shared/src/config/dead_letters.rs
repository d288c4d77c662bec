//! Where events lie that nobody could work on.

use super::environment::variable;
use super::reader::Reader;
use crate::error::Result;

/// What stands for a data type's name in the address.
const PLACE: &str = "{dataType}";
const FORM: &str =
    "the URL of the data types' dead-letter queues with {dataType} in place of the name";

/// The dead-letter queues of the data types. Only who replays one asks for it.
#[derive(Debug, Clone)]
pub struct DeadLettersConfig {
    pattern: String,
}

impl DeadLettersConfig {
    /// Reads `SYNC_DEAD_LETTERS_URL`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where it is missing or malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`DeadLettersConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where it is missing or malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        // One that lacks the name's place counts as none: it would lead every data type to one queue.
        let whole = |name: &str| lookup(name).filter(|url| url.contains(PLACE));
        let mut reader = Reader::new(&whole);
        let config = Self {
            pattern: reader.required("SYNC_DEAD_LETTERS_URL", FORM),
        };
        reader.finish(config)
    }

    /// The URL of a data type's queue.
    pub fn url(&self, data_type: &str) -> String {
        self.pattern.replace(PLACE, data_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_data_type_has_its_queue() {
        let read = |url: &str| {
            DeadLettersConfig::from_lookup(&|name| {
                (name == "SYNC_DEAD_LETTERS_URL").then(|| url.to_owned())
            })
        };
        let config = read("https://sqs/1/shop-sync-{dataType}-dead-letters").expect("a form");
        assert_eq!(
            config.url("sales"),
            "https://sqs/1/shop-sync-sales-dead-letters"
        );
        for bad in ["", "https://sqs/1/queue"] {
            let error = read(bad).expect_err("no form");
            assert!(error.to_string().contains("SYNC_DEAD_LETTERS_URL"));
        }
    }
}
