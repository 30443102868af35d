//! Sealing what the database keeps, under a secret that it does not have.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::{SecureRandom, SystemRandom},
};

/// A key that seals texts; none of its failures tell more than that it failed.
pub(super) struct Seal(LessSafeKey);

impl Seal {
    /// A seal by a key of 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Seals a text that belongs to `context`, its associated data, and opens nowhere else.
    pub(super) fn close(&self, context: &[u8], mut text: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(unique, Aad::from(context), &mut text).ok()?;
        Some([&nonce[..], &text].concat())
    }

    /// Opens what was sealed for `context`.
    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        self.0.open_in_place(nonce, Aad::from(context), &mut text).ok().map(|text| text.to_vec())
    }
}

/// Derives keys from a secret (HKDF, RFC 5869); `purpose` and `info` keep them apart from others.
pub(super) fn derive(purpose: &[u8], secret: &str, info: &str, keys: &mut [u8]) -> Option<()> {
    let secret = Salt::new(HKDF_SHA256, purpose).extract(secret.as_bytes());
    secret.expand(&[info.as_bytes()], Length(keys.len())).ok()?.fill(keys).ok()
}

/// The length of what is derived, in bytes.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_only_with_its_key_and_in_its_place() {
        let key = |info: &str| {
            let mut key = [0; 32];
            derive(b"test", "secret", info, &mut key).unwrap();
            Seal::new(&key).unwrap()
        };
        let sealed = key("a").close(b"here", b"text".to_vec()).unwrap();
        assert_eq!(key("a").open(b"here", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(key("a").open(b"there", &sealed), None);
        assert_eq!(key("b").open(b"here", &sealed), None);
        assert_eq!(key("a").open(b"here", &sealed[1..]), None);
        assert_eq!(key("a").open(b"here", &[]), None);
    }
}
