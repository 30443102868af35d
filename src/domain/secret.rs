//! Credentials: what they look like, and what of them may be kept.
//!
//! A credential is a prefix, then 54 base62 digits of 16 id bytes and 24 random bytes, then
//! six digits of CRC32 over all that stands before. The id finds the row, the checksum
//! refuses a typo without asking the database, and only SHA-256 of the random part is stored (of a bearer token with the
//! prefix before it: a browser token under that prefix opens no link).

use super::base62;
use rand::Rng as _;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use uuid::Uuid;

const BODY: usize = 54;
const CHECKSUM: usize = 6;
const SECRET_BYTES: usize = 24;

/// What a credential is for, told by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tenant's secret key, for live or test mode.
    SecretKey {
        /// Live rather than test mode.
        live: bool,
    },
    /// A tenant's publishable key, which never mints or reads sessions.
    PublishableKey {
        /// Live rather than test mode.
        live: bool,
    },
    /// A portal session's single-use link token.
    Link,
    /// A portal session's browser token.
    Browser,
    /// A reusable bearer token as RevKeen's clients know it; also a browser token.
    Bearer,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::SecretKey { live: true },
        Self::SecretKey { live: false },
        Self::PublishableKey { live: true },
        Self::PublishableKey { live: false },
        Self::Link,
        Self::Browser,
        Self::Bearer,
    ];

    /// The text before the first digit.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::SecretKey { live: true } => "vst_sk_live_",
            Self::SecretKey { live: false } => "vst_sk_test_",
            Self::PublishableKey { live: true } => "vst_pk_live_",
            Self::PublishableKey { live: false } => "vst_pk_test_",
            Self::Link => "pst_",
            Self::Browser => "bst_",
            Self::Bearer => "rkcps_",
        }
    }
}

/// A credential in the clear. It is never logged, never stored, and shown once.
#[derive(Clone)]
pub struct Credential {
    kind: Kind,
    id: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl Credential {
    /// A new one of `kind` for the row `id`.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes secrets")]
    pub fn mint(kind: Kind, id: Uuid) -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::rng().fill_bytes(&mut secret);
        Self { kind, id, secret }
    }

    /// Reads one; `None` for an unknown prefix, a foreign character or a wrong checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = Kind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let digits = text.as_bytes().get(kind.prefix().len()..)?;
        if digits.len() != BODY + CHECKSUM {
            return None;
        }
        let mut checksum = [0; 4];
        base62::decode_into(&digits[BODY..], &mut checksum)?;
        if crc32fast::hash(&text.as_bytes()[..text.len() - CHECKSUM]) != u32::from_be_bytes(checksum) {
            return None;
        }
        let mut body = [0; 16 + SECRET_BYTES];
        base62::decode_into(&digits[..BODY], &mut body)?;
        let (id, secret) = body.split_at(16);
        Some(Self { kind, id: Uuid::from_slice(id).ok()?, secret: secret.try_into().ok()? })
    }

    /// The whole text, for the one answer that may hold it.
    pub fn reveal(&self) -> String {
        let prefix = self.kind.prefix();
        let mut body = [0; 16 + SECRET_BYTES];
        body[..16].copy_from_slice(self.id.as_bytes());
        body[16..].copy_from_slice(&self.secret);
        let mut out = String::with_capacity(prefix.len() + BODY + CHECKSUM);
        out.push_str(prefix);
        base62::encode_into(&body, BODY, &mut out);
        let checksum = crc32fast::hash(out.as_bytes()).to_be_bytes();
        base62::encode_into(&checksum, CHECKSUM, &mut out);
        out
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The row that it opens.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What is kept of it. Both tokens of a browser session are looked up in one place, but only a bearer is a link as well.
    pub fn hash(&self) -> SecretHash {
        match self.kind {
            Kind::Bearer => SecretHash::of(&[self.kind.prefix().as_bytes(), &self.secret].concat()),
            _ => SecretHash::of(&self.secret),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", self.kind.prefix())
    }
}

/// SHA-256 of a secret; compared in constant time.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Hashes any secret bytes.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        // In four words, not 32 bytes: what was found in each is hidden from the compiler, and that takes time.
        let words = |hash: &Self| {
            let (words, _) = hash.0.as_chunks();
            [0, 1, 2, 3].map(|at| u64::from_ne_bytes(words[at]))
        };
        words(self).ct_eq(&words(other)).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// A value for a page's nonce cookie: 32 hexadecimal digits of randomness.
#[expect(clippy::disallowed_methods, reason = "the one place that makes secrets")]
pub fn nonce() -> String {
    let mut bytes = [0u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_kind() -> impl Strategy<Value = Kind> {
        proptest::sample::select(&Kind::ALL[..])
    }

    proptest! {
        #[test]
        fn survives_the_round_trip(kind in any_kind(), id: [u8; 16]) {
            let made = Credential::mint(kind, Uuid::from_bytes(id));
            let text = made.reveal();
            prop_assert_eq!(text.len(), kind.prefix().len() + 60);
            let read = Credential::parse(&text).unwrap();
            prop_assert_eq!((read.kind(), read.id(), read.hash()), (kind, made.id(), made.hash()));
        }

        #[test]
        fn one_changed_character_is_refused(kind in any_kind(), at in 0usize..72, with in "[0-9A-Za-z]") {
            let text = Credential::mint(kind, Uuid::nil()).reveal();
            let at = at % text.len();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != text);
            prop_assert!(Credential::parse(&changed).is_none());
        }

        #[test]
        fn what_is_longer_or_shorter_or_foreign_is_refused(kind in any_kind(), at in 0usize..72, with in "\\PC{0,3}") {
            let text = Credential::mint(kind, Uuid::nil()).reveal();
            let at = at % text.len();
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            prop_assume!(changed != text);
            prop_assert!(Credential::parse(&changed).is_none());
        }
    }

    #[test]
    fn a_prefix_is_part_of_the_checksum() {
        let text = Credential::mint(Kind::SecretKey { live: false }, Uuid::nil()).reveal();
        assert!(Credential::parse(&text.replace("_test_", "_live_")).is_none());
    }

    #[test]
    fn hashes_that_differ_anywhere_are_not_the_same() {
        let hash = SecretHash::of(b"secret");
        assert_eq!(hash, SecretHash(hash.0));
        for at in 0..256 {
            let mut other = hash;
            other.0[at / 8] ^= 1 << (at % 8);
            assert_ne!(hash, other, "bit {at}");
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let credential = Credential::mint(Kind::Link, Uuid::nil());
        assert_eq!(format!("{credential:?} {:?}", credential.hash()), "pst_[redacted] [hash]");
    }
}
