//! The signatures of tokens, verified by ring, which TLS brings anyway: jsonwebtoken's own choices of
//! cryptography would each be a second one. Nothing is signed here.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use signature::{Error, Verifier};

/// What a token may be signed with: pairs of keys alone. With a shared secret whoever can check a token can
/// also make one.
pub(super) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| Ok(Box::new(Signature::with(*algorithm, key)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the cryptography of jsonwebtoken, which asks for one a process. To be called before a token is
/// verified; twice is harmless.
pub(super) fn use_ring() {
    // An error says that it is set, and only this sets it.
    let _ = RING.install_default();
}

/// A key, and what it verifies with.
struct Signature {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Signature {
    /// Refuses a key of another kind than the algorithm's: a token does not choose what a key is for.
    fn with(algorithm: Algorithm, key: &DecodingKey) -> Result<Self> {
        if !ALGORITHMS.contains(&algorithm) {
            return Err(ErrorKind::UnsupportedAlgorithm.into());
        }
        if key.family() != algorithm.family() {
            return Err(ErrorKind::InvalidKeyFormat.into());
        }
        Ok(Self {
            algorithm,
            key: key.clone(),
        })
    }
}

impl JwtVerifier for Signature {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Signature {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => return Err(Error::new()),
        };
        // ring says no more than that it does not fit.
        verified.map_err(|_| Error::new())
    }
}
