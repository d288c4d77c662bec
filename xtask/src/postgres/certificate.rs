//! A certificate authority of our own and a server certificate that it signed, so that
//! tests can ask for `verify-ca` and `verify-full`. Made anew each time, so none expires.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::progress::run_quietly;
use crate::{apt, cache};

/// The one name in the server's certificate. Its address is left out on purpose: a client
/// that connects to 127.0.0.1 must not pass `verify-full`.
const SERVER_NAME: &str = "localhost";
const DAYS: &str = "30";

/// What a server needs, and what its clients do.
pub(crate) struct Certificates {
    /// The file in which clients find the authority.
    pub(crate) ca: PathBuf,
    /// The server's certificate, as PEM text.
    pub(crate) server: String,
    /// Its key, as PEM text.
    pub(crate) key: String,
}

impl Certificates {
    /// Makes them in `folder`; OpenSSL is installed where it is missing.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        apt::ensure("openssl", "openssl")?;
        let ca = folder.join("ca.pem");
        let ca_key = folder.join("ca.key");
        let server = folder.join("server.pem");
        let key = folder.join("server.key");
        self_signed("odoo-supabase-sync tests", &ca, &ca_key, |request| {
            request.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        })?;
        self_signed(SERVER_NAME, &server, &key, |request| {
            request
                .arg("-CA")
                .arg(&ca)
                .arg("-CAkey")
                .arg(&ca_key)
                .args(["-addext", &format!("subjectAltName=DNS:{SERVER_NAME}")])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        })?;
        Ok(Self {
            ca,
            server: read(&server)?,
            key: read(&key)?,
        })
    }
}

/// A certificate and its key; `more` may name who signs it instead.
fn self_signed(
    name: &str,
    certificate: &Path,
    key: &Path,
    more: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<()> {
    let mut request = Command::new("openssl");
    request
        .args(["req", "-x509", "-nodes", "-days", DAYS])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-subj", &format!("/CN={name}")])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate);
    run_quietly(&cache::log_file("openssl")?, more(&mut request))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
