//! Finds the programs of the PostgreSQL that is installed on this machine, or
//! installs them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::apt;

/// The contract asks for this version; its views need it.
const OLDEST_VERSION: u32 = 15;
const INSTALLED: &str = "/usr/lib/postgresql";

/// The programs of the newest version, installed if there is none.
pub(super) fn find_or_install() -> Result<PathBuf> {
    let installed = Path::new(INSTALLED);
    if newest_in(installed).is_none() {
        apt::install(&["postgresql"])?;
    }
    newest_in(installed).with_context(|| {
        format!(
            "this machine's package manager has no PostgreSQL {OLDEST_VERSION} or later: \
             install one from apt.postgresql.org"
        )
    })
}

/// The programs of the newest version that is installed, if any.
pub(super) fn newest() -> Option<PathBuf> {
    newest_in(Path::new(INSTALLED))
}

/// The `bin` folder of the newest version, if one is new enough.
fn newest_in(installed: &Path) -> Option<PathBuf> {
    fs::read_dir(installed)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .filter(|programs| version(programs).is_some_and(|version| version >= OLDEST_VERSION))
        .max_by_key(|programs| version(programs))
}

/// The version that a folder like this one holds: `…/15/bin`.
pub(super) fn version(programs: &Path) -> Option<u32> {
    programs.parent()?.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{newest_in, version};
    use std::fs;
    use std::path::Path;

    #[test]
    fn reads_the_version_from_the_path() {
        assert_eq!(version(Path::new("/usr/lib/postgresql/17/bin")), Some(17));
        assert_eq!(version(Path::new("/usr/lib/postgresql/x/bin")), None);
    }

    #[test]
    fn takes_the_newest_version_that_is_new_enough() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for name in ["9", "14", "15", "17", "lost+found"] {
            let programs = root.path().join(name).join("bin");
            fs::create_dir_all(&programs).expect("a folder");
            fs::write(programs.join("initdb"), "").expect("a file");
        }
        let expected = root.path().join("17").join("bin");
        assert_eq!(newest_in(root.path()), Some(expected));
    }

    #[test]
    fn finds_no_version_where_there_is_none() {
        assert_eq!(newest_in(Path::new("/nowhere")), None);
    }
}
