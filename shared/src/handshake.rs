//! Why a TLS handshake failed, in words for a person: the same for Odoo and for Postgres.

/// What OpenSSL says where the first bytes that come back are of no TLS.
const NO_TLS: &str = "wrong version number";

/// What a failed handshake comes down to. OpenSSL's text is
/// `error:<code>:<library>:<function>:<reason>:<file>:<line>:` and ends, where a certificate was
/// refused, with why in parentheses.
pub(crate) fn reason(handshake_error: &str) -> String {
    let refused = handshake_error
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('));
    if let Some((_, why)) = refused {
        return format!("the server's certificate is refused: {why}");
    }
    let said = match handshake_error.strip_prefix("error:") {
        Some(parts) => parts.split(':').nth(3).unwrap_or(handshake_error),
        None => handshake_error,
    };
    match said {
        NO_TLS => "what answers there does not speak TLS".to_owned(),
        said => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_cut_out_of_openssl_s_text() {
        for (said, told) in [
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:\
                 certificate verify failed:ssl/statem/statem_clnt.c:2124: \
                 (certificate has expired)",
                "the server's certificate is refused: certificate has expired",
            ),
            (
                "error:0A00010B:SSL routines:tls_validate_record_header:\
                 wrong version number:ssl/record/methods/tlsany_meth.c:84:",
                "what answers there does not speak TLS",
            ),
            (
                "error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:\
                 ssl/record/rec_layer_s3.c:916:SSL alert number 40",
                "ssl/tls alert handshake failure",
            ),
            ("server does not support TLS", "server does not support TLS"),
            ("error:", "error:"),
        ] {
            assert_eq!(reason(said), told);
        }
    }
}
