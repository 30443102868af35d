//! Identifiers: a prefix that tells the kind, and a UUIDv7 (RFC 9562) in 22 base62 digits.

use super::base62;
use rand::Rng as _;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

const DIGITS: usize = 22;

/// A UUIDv7 for the instant `nanos` (nanoseconds since the Unix epoch).
///
/// The twelve bits behind the milliseconds hold the fraction of the millisecond (RFC 9562,
/// section 6.2, method 3), so that ids of one process sort in the order they were made.
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn uuid_at(nanos: u64) -> Uuid {
    let mut bytes = [0u8; 10];
    rand::rng().fill_bytes(&mut bytes);
    let fraction = ((nanos % 1_000_000) << 12) / 1_000_000;
    bytes[..2].copy_from_slice(&(fraction as u16).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(nanos / 1_000_000, &bytes).into_uuid()
}

/// The lowest UUIDv7 of the millisecond `millis`: a bound for scans by time.
pub fn uuid_floor(millis: i64) -> Uuid {
    let millis = u64::try_from(millis).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// The millisecond of a UUIDv7.
pub fn uuid_millis(id: Uuid) -> i64 {
    (id.as_u128() >> 80) as i64
}

/// The text was no identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this kind")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new one for the instant `nanos` (nanoseconds since the Unix epoch).
            pub fn at(nanos: u64) -> Self {
                Self(uuid_at(nanos))
            }

            /// Its text, as [`fmt::Display`] writes it.
            pub fn text(self) -> String {
                text(concat!($prefix, "_"), self.0)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// Reads the prefixed form, and the plain hyphenated UUID as well.
        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(concat!($prefix, "_"), text).map(Self).ok_or(NotAnId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }
    )*};
}

ids! {
    /// A tenant: a merchant that uses the service.
    TenantId = "ten";
    /// A tenant's key.
    KeyId = "key";
    /// A portal configuration.
    PortalId = "ptl";
    /// A tenant's end user.
    CustomerId = "cus";
    /// A portal session.
    SessionId = "ps";
    /// An entry of the audit trail.
    EventId = "evt";
    /// One request, as its answer and the log name it.
    RequestId = "req";
}

fn text(prefix: &str, id: Uuid) -> String {
    let mut out = String::with_capacity(prefix.len() + DIGITS);
    out.push_str(prefix);
    base62::encode_into(id.as_bytes(), DIGITS, &mut out);
    out
}

fn parse(prefix: &str, text: &str) -> Option<Uuid> {
    if let Some(digits) = text.strip_prefix(prefix) {
        let mut bytes = [0; 16];
        let digits = (digits.len() == DIGITS).then_some(digits.as_bytes())?;
        base62::decode_into(digits, &mut bytes)?;
        return Some(Uuid::from_bytes(bytes));
    }
    // `parse_str` alone would also take braces, URNs and the form without hyphens.
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_forms_are_read(bytes: [u8; 16]) {
            let id = SessionId(Uuid::from_bytes(bytes));
            prop_assert_eq!(id.to_string().len(), 25);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.0.hyphenated().to_string().parse(), Ok(id));
        }

        #[test]
        fn text_sorts_by_time(a in 0u64..1 << 60, b in 0u64..1 << 60) {
            let (x, y) = (EventId::at(a).to_string(), EventId::at(b).to_string());
            // A twelve-bit fraction of a millisecond resolves 245 ns.
            prop_assume!(a.abs_diff(b) > 250);
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }

        #[test]
        fn anything_else_is_no_id(nanos: u64, at in 0usize..25, with in "\\PC{0,2}") {
            let good = PortalId::at(nanos).to_string();
            let text = format!("{}{with}{}", &good[..at], &good[at + 1..]);
            if let Ok(id) = text.parse::<PortalId>() {
                prop_assert!(id.to_string() == text || id.0.hyphenated().to_string() == text.to_lowercase());
            }
        }
    }

    #[test]
    fn another_kind_is_refused() {
        let id = CustomerId::at(1_000_000_000_000).to_string();
        assert!(id.parse::<SessionId>().is_err());
        assert!(id.parse::<CustomerId>().is_ok());
        assert!("cus_".parse::<CustomerId>().is_err());
        assert!(format!("{id}0").parse::<CustomerId>().is_err());
    }

    #[test]
    fn ids_are_version_seven_and_bounded_by_their_floor() {
        let id = uuid_at(1_700_000_000_123_456_789);
        assert_eq!(id.get_version_num(), 7);
        assert!(uuid_floor(1_700_000_000_123) <= id && id < uuid_floor(1_700_000_000_124));
        assert_eq!(uuid_millis(id), 1_700_000_000_123);
        assert_eq!(uuid_millis(Uuid::max()), (1 << 48) - 1);
    }
}
