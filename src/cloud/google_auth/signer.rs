//! `jsonwebtoken` with ring doing the arithmetic, as it does for TLS: one crypto stack in the binary.

use std::fmt;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{self, Signer};
use jsonwebtoken::{Algorithm, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::private_key::key_pair;

/// Lets `jsonwebtoken` sign with ring, once for the process. A second time changes nothing.
pub(super) fn install_ring() {
    // Without a provider `jsonwebtoken` panics at the first signature. Its own choices are a second stack in C
    // (aws-lc), or the crate `rsa`, to which RUSTSEC-2023-0071 applies.
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| match algorithm {
            Algorithm::RS256 => Ok(Box::new(RingSigner::new(key)?)),
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        },
        verifier_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // The error is the provider itself, handed back because one is there already: this one.
    RING.install_default().ok();
}

struct RingSigner(RsaKeyPair);

impl RingSigner {
    fn new(key: &EncodingKey) -> jsonwebtoken::errors::Result<Self> {
        let pair = key_pair(key.as_bytes());
        pair.map(Self).ok_or(ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        // A signature is as long as the modulus (RFC 8017, section 8.2.1), and ring refuses room of any other length.
        let mut signed = vec![0; self.0.public().modulus_len()];
        let done = self.0.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signed,
        );
        done.map(|()| signed).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

impl fmt::Debug for RingSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingSigner")
    }
}
