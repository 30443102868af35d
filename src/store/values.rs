//! How the vocabulary is written into the databases: an id as `uuid` or a 16-byte blob, a time
//! as `timestamptz` or integer milliseconds, a hash as bytes.

use crate::domain::{
    id::{CustomerId, EventId, KeyId, PortalId, SessionId, TenantId},
    secret::SecretHash,
    time::{Seconds, Timestamp},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError};
use uuid::Uuid;

/// Stores `$ty` as `$inner` does, in the given databases.
macro_rules! stored_as {
    ($ty:ty, $inner:ty, $db:ty, |$value:ident| $write:expr, |$read:ident| $back:expr) => {
        impl Type<$db> for $ty {
            fn type_info() -> <$db as Database>::TypeInfo {
                <$inner as Type<$db>>::type_info()
            }
            fn compatible(ty: &<$db as Database>::TypeInfo) -> bool {
                <$inner as Type<$db>>::compatible(ty)
            }
        }
        impl<'q> Encode<'q, $db> for $ty {
            fn encode_by_ref(&self, buf: &mut <$db as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let $value = self;
                <$inner as Encode<'q, $db>>::encode($write, buf)
            }
        }
        impl<'r> Decode<'r, $db> for $ty {
            fn decode(value: <$db as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let $read = <$inner as Decode<'r, $db>>::decode(value)?;
                $back
            }
        }
    };
}

/// What SQLite can put into a row of JSON, and how that reads: an id is its hex digits, the rest as it is stored.
pub(super) trait InJson: Sized {
    type Raw: for<'de> Deserialize<'de>;
    fn read(raw: Self::Raw) -> Self;
}

/// Reads one for serde.
pub(super) fn in_json<'de, D: Deserializer<'de>, T: InJson>(deserializer: D) -> Result<T, D::Error> {
    T::Raw::deserialize(deserializer).map(T::read)
}

impl<T: InJson> InJson for Option<T> {
    type Raw = Option<T::Raw>;
    fn read(raw: Self::Raw) -> Self {
        raw.map(T::read)
    }
}

/// Reads `$ty` in a row of JSON as `$inner`.
macro_rules! read_as {
    ($ty:ty, $inner:ty, |$read:ident| $back:expr) => {
        impl InJson for $ty {
            type Raw = $inner;
            fn read($read: $inner) -> Self {
                $back
            }
        }
    };
}

macro_rules! ids {
    ($($id:ident)*) => {$(
        stored_as!($id, Uuid, Postgres, |value| value.0, |read| Ok($id(read)));
        stored_as!($id, Uuid, Sqlite, |value| value.0, |read| Ok($id(read)));
        read_as!($id, Uuid, |read| Self(read));
    )*};
}

ids! { TenantId KeyId PortalId CustomerId SessionId EventId }
read_as!(bool, u8, |read| read != 0);
read_as!(Timestamp, i64, |read| Self::from_millis(read));
read_as!(Seconds, u32, |read| Self(read));

stored_as!(Timestamp, DateTime<Utc>, Postgres, |value| value.utc(), |read| Ok(Self::from_millis(
    read.timestamp_millis()
)));
stored_as!(Timestamp, i64, Sqlite, |value| value.millis(), |read| Ok(Self::from_millis(read)));
stored_as!(Seconds, i64, Postgres, |value| i64::from(value.0), |read| Ok(Self(u32::try_from(read)?)));
stored_as!(Seconds, i64, Sqlite, |value| i64::from(value.0), |read| Ok(Self(u32::try_from(read)?)));
stored_as!(SecretHash, Vec<u8>, Postgres, |value| value.0.to_vec(), |read| hash(&read));
stored_as!(SecretHash, Vec<u8>, Sqlite, |value| value.0.to_vec(), |read| hash(&read));

fn hash(bytes: &[u8]) -> Result<SecretHash, BoxDynError> {
    Ok(SecretHash(bytes.try_into()?))
}

/// Writes a value as the JSON text that a column holds.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Reads the JSON text of a column.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
