//! The key of callers: what names them, and what seals their records where others than its owner may read them.
//!
//! It is a file in the folder of callers, made once. Machines that share a server each have a copy of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;

use super::caller::Caller;
use super::store::Error;
use crate::sys::digest::hex;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::random;
use crate::sys::state;

/// The file's content.
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// The key of this folder, which is made where there is none.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, Error> {
        if let Some(key) = Self::existing(folder)? {
            return Ok(key);
        }
        let lock = state::lock(&folder.join(LOCK), PATIENCE)?;
        // Others may have made it meanwhile.
        if let Some(key) = Self::existing(folder)? {
            return Ok(key);
        }
        let bytes = random()?;
        let mut file = NewFile::create(&place(folder), Readers::Owner)?;
        file.write_all(&bytes)?;
        // Without this key no caller's record is found again, so a loss of power must not take it back.
        file.finish_for_good()?;
        drop(lock);
        Ok(Self(bytes))
    }

    /// The key of this folder; `None` where there is none yet.
    pub(super) fn existing(folder: &Path) -> Result<Option<Self>, Error> {
        let path = place(folder);
        let shown = path.display().to_string();
        match files::read_own(&path, 1024) {
            Ok(bytes) => match <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
                Ok(bytes) => Ok(Some(Self(bytes))),
                Err(_) => Err(Error::Key {
                    path: shown,
                    len: bytes.len(),
                }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read {
                path: shown,
                source,
            }),
        }
    }

    /// The name of a caller's record: there are few enough numbers to try all of them against a plain hash.
    pub(super) fn name(&self, caller: &Caller) -> String {
        self.digest(caller.name())
    }

    /// Tells this key from others, and tells nothing else of it.
    pub(super) fn mark(&self) -> String {
        self.digest(MARK)
    }

    fn digest(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        hex(hmac::sign(&key, text.as_bytes()).as_ref())
    }

    /// Encrypts `plain` so that it can be read by this key and under this name alone. The first
    /// [`NONCE_BYTES`] differ each time.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut text = plain.to_vec();
        let key = self.sealing().ok_or(Error::Random)?;
        let tag = key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            // The name is authenticated too, so that no record can be put in the place of another caller's.
            Aad::from(name.as_bytes()),
            &mut text,
        );
        let tag = tag.map_err(|_| Error::Random)?;
        Ok([&nonce, text.as_slice(), tag.as_ref()].concat())
    }

    /// What was sealed under this name; `None` for anything else.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let key = self.sealing()?;
        let plain = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text);
        plain.ok().map(|plain| plain.to_vec())
    }

    /// A key of its own, since one key must not serve two algorithms.
    fn sealing(&self) -> Option<LessSafeKey> {
        // A salt is optional (RFC 5869, section 3.1), and the key is random without one.
        let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(&self.0);
        let expanded = pseudorandom.expand(&[SEALING], &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(expanded)))
    }
}

/// Whether this is a [`Key::name`] of any key.
pub(super) fn is_name(text: &str) -> bool {
    text.len() == NAME_CHARS && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// Where the key of a folder is.
pub(crate) fn place(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// An id for a new record.
pub(super) fn new_id() -> Result<String, Error> {
    random::<8>().map(|bytes| hex(&bytes))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    random::bytes().map_err(|_| Error::Random)
}

const FILE: &str = "key";
pub(super) const KEY_BYTES: usize = 32;
/// The bytes of a sealed record by which it is told from what replaces it.
pub(super) const NONCE_BYTES: usize = NONCE_LEN;
/// The file that the lock of the folder is on. It was written when the folder was swept.
pub(super) const LOCK: &str = "lock";
/// The length of a name: two digits for each byte of a SHA-256.
const NAME_CHARS: usize = 64;
const MARK: &str = "the key of all machines";
const SEALING: &[u8] = b"phone-assistant: records of callers";

/// How long the lock is waited for: enough for thirty calls that end at once on a slow disk. A caller may wait for it
/// between two turns.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
