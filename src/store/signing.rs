//! The keys that sign assertions.

use super::{Store, StoreError, execute, fetch_all, read, statements::statements, transact};
use crate::domain::time::Timestamp;

statements! {
    Both FROM = "select period, public_key, sealed, private_key, created_at from signing_keys where period >= $1 order by period";
    Both INSERT = "insert into signing_keys (period, public_key, sealed, private_key, created_at) \
        values ($1, $2, $3, $4, $5) on conflict do nothing";
    Both DELETE = "delete from signing_keys where period < $1";
}

/// A key pair that signs for one period.
#[derive(Clone, sqlx::FromRow)]
pub struct SigningKey {
    /// The number of the period, each of 30 days, since the Unix epoch.
    pub period: i64,
    /// Ed25519, 32 bytes.
    pub public_key: Vec<u8>,
    /// Whether the private key is sealed.
    pub sealed: bool,
    /// PKCS #8.
    pub private_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// The keys of this period and later ones.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signing_keys(&self, from: i64) -> Result<Vec<SigningKey>, StoreError> {
        read!(self, |conn| Ok(fetch_all!(conn, SigningKey, FROM, from)?))
    }

    /// Keeps a key unless its period has one, and forgets those of periods before `from`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn insert_signing_key(&self, key: SigningKey, from: i64) -> Result<(), StoreError> {
        transact!(self, |conn| {
            execute!(conn, INSERT, key.period, key.public_key, key.sealed, key.private_key, key.created_at)?;
            execute!(conn, DELETE, from)?;
            Ok(())
        })
    }
}
