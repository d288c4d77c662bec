//! How one Odoo is reached, as it passes between commands: printed for a shell, read back
//! from what was printed, handed to a function or to tests.

use anyhow::{Context, Result};

/// Where an Odoo is and who may log in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OdooEnvironment {
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: String,
    /// A key is a password to Odoo; from version 19 on it is the only one that JSON-2 takes.
    pub(crate) api_key: String,
}

impl OdooEnvironment {
    /// The variables, named as a function reads them, with `ODOO_API_KEY` beside them.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("ODOO_URL", &self.url),
            ("ODOO_DB", &self.database),
            ("ODOO_USER", &self.user),
            ("ODOO_PASSWORD", &self.password),
            ("ODOO_API_KEY", &self.api_key),
        ]
    }

    /// The variables of a function. The key serves both protocols.
    pub(crate) fn function_variables(&self) -> [(&'static str, &str); 4] {
        [
            ("ODOO_URL", &self.url),
            ("ODOO_DB", &self.database),
            ("ODOO_USER", &self.user),
            ("ODOO_PASSWORD", &self.api_key),
        ]
    }

    /// Lines that a shell can evaluate.
    pub(crate) fn to_shell(&self) -> String {
        self.variables()
            .map(|(name, value)| format!("export {name}={value}"))
            .join("\n")
    }

    /// Reads such lines, with or without `export`. Where there is no key of its own, the
    /// password is one.
    pub(crate) fn from_shell(printed: &str) -> Result<Self> {
        let find = |name: &str| {
            printed
                .lines()
                .map(|line| line.strip_prefix("export ").unwrap_or(line))
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        let required = |name: &str| find(name).with_context(|| format!("{name} was not printed"));
        let password = required("ODOO_PASSWORD")?;
        Ok(Self {
            url: required("ODOO_URL")?,
            database: required("ODOO_DB")?,
            user: required("ODOO_USER")?,
            api_key: find("ODOO_API_KEY").unwrap_or_else(|| password.clone()),
            password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OdooEnvironment;

    #[test]
    fn reads_back_what_it_prints() {
        let environment = OdooEnvironment {
            url: "http://127.0.0.1:18019".into(),
            database: "odoo_19".into(),
            user: "admin".into(),
            password: "p=w".into(),
            api_key: "k".into(),
        };
        let printed = environment.to_shell();
        assert!(printed.starts_with("export ODOO_URL=http://127.0.0.1:18019\n"));
        assert!(printed.ends_with("export ODOO_API_KEY=k"));
        let read = OdooEnvironment::from_shell(&printed).expect("it is complete");
        assert_eq!(read, environment);
    }

    #[test]
    fn a_password_stands_for_a_key_that_is_not_printed() {
        let printed = "ODOO_URL=u\n# a comment\nODOO_DB=d\nODOO_USER=a\nODOO_PASSWORD=k\n";
        let read = OdooEnvironment::from_shell(printed).expect("it is complete");
        assert_eq!(read.api_key, "k");
        let error = OdooEnvironment::from_shell("ODOO_PASSWORD=k").expect_err("no address");
        assert!(error.to_string().contains("ODOO_URL"));
    }
}
