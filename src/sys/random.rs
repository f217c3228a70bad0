//! Random bytes, which cannot be guessed.

use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes from the system's generator.
///
/// # Errors
/// The system has none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}
