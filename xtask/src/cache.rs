//! Where things live that are slow to make and belong to no checkout: installed
//! Odoo servers, their databases, downloaded tools, and the logs of making them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

const FOLDER: &str = "odoo-supabase-sync";

/// The cache folder of this project: `$XDG_CACHE_HOME` or `~/.cache`, then
/// `odoo-supabase-sync`. It exists when this returns.
pub(crate) fn folder() -> Result<PathBuf> {
    let base = base(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
        .context("neither XDG_CACHE_HOME nor HOME is set, so there is no place for the cache")?;
    let folder = base.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The log file of one long step, in the cache folder.
pub(crate) fn log_file(name: &str) -> Result<PathBuf> {
    let logs = folder()?.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    Ok(logs.join(format!("{name}.log")))
}

/// A relative `XDG_CACHE_HOME` is invalid and to be ignored, says its standard.
fn base(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    xdg.and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::base;
    use std::path::PathBuf;

    #[test]
    fn prefers_the_standard_variable() {
        let found = base(Some("/x".into()), Some("/home/a".into()));
        assert_eq!(found, Some(PathBuf::from("/x")));
    }

    #[test]
    fn falls_back_to_the_home_folder() {
        let expected = Some(PathBuf::from("/home/a/.cache"));
        assert_eq!(base(None, Some("/home/a".into())), expected);
        assert_eq!(
            base(Some("relative".into()), Some("/home/a".into())),
            expected
        );
        assert_eq!(base(Some("".into()), Some("/home/a".into())), expected);
    }

    #[test]
    fn is_nowhere_without_either() {
        assert_eq!(base(None, None), None);
    }
}
