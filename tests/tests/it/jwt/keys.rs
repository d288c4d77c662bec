//! Keys as a project has them, and tokens signed with them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};

/// A pair of keys with an id.
pub(super) struct Key {
    id: &'static str,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(rsa::KeyPair),
}

impl Key {
    pub(super) fn es256(id: &'static str) -> Self {
        let (curve, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8.as_ref(), &random);
        let pair = Pair::Es256(pair.expect("its own key"));
        Self { id, pair }
    }

    pub(super) fn ed_dsa(id: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref());
        let pair = Pair::EdDsa(pair.expect("its own key"));
        Self { id, pair }
    }

    /// ring makes no RSA keys: this one was made for these tests and opens nothing else.
    pub(super) fn rs256(id: &'static str) -> Self {
        let pair = rsa::KeyPair::from_pkcs8(include_bytes!("rsa.pk8"));
        let pair = Pair::Rs256(pair.expect("a key"));
        Self { id, pair }
    }

    /// As the project publishes it.
    pub(super) fn published(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": encode(x), "y": encode(y)})
            }
            Pair::EdDsa(pair) => {
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
            }
            Pair::Rs256(pair) => {
                let public: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                let (n, e) = (encode(&public.n), encode(&public.e));
                json!({"kty": "RSA", "alg": "RS256", "n": n, "e": e})
            }
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk["key_ops"] = json!(["verify"]);
        jwk
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"}),
            claims,
        )
    }

    /// As [`Key::token`], with another header.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", encode(&signature))
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
            Pair::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&random, message).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
        }
    }
}

/// A token that is signed with a secret, as those of legacy projects are, or as who takes a public key for one tries.
pub(super) fn token_of_secret(id: &str, secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({"alg": "HS256", "kid": id, "typ": "JWT"}), claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", encode(signature.as_ref()))
}

/// A token that nobody has signed.
pub(super) fn unsigned(claims: &Value) -> String {
    format!(
        "{}.",
        message(&json!({"alg": "none", "typ": "JWT"}), claims)
    )
}

fn message(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
