//! Sealed answers, kept so that a repeated request gets the first one's.

use super::{Store, StoreError, execute, fetch_optional, read, statements::statements, transact};
use crate::domain::{secret::SecretHash, time::Timestamp};
use std::fmt;

statements! {
    Both FIND = "select id, expires_at, fingerprint, sealed from idempotency where id = $1 and expires_at > $2";
    // A record past its time is as good as none.
    Both INSERT = "insert into idempotency (id, expires_at, fingerprint, sealed) values ($1, $2, $3, $4) \
        on conflict (id) do update set expires_at = excluded.expires_at, fingerprint = excluded.fingerprint, \
        sealed = excluded.sealed where idempotency.expires_at <= $5";
}

/// A sealed answer.
#[derive(Clone, sqlx::FromRow)]
pub struct IdempotencyRow {
    /// The hash of whom it is for and what was asked.
    pub id: SecretHash,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Tells whether the request's body was the same.
    pub fingerprint: SecretHash,
    /// Status and body; opened only by who sent the request.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for IdempotencyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyRow[sealed]")
    }
}

/// Makes the record that commits beside a write, from what the write brought about.
pub type RecordFor<T> = Box<dyn Fn(&T) -> IdempotencyRow + Send + Sync>;

/// Keeps a record inside a transaction; fails when another request was first.
macro_rules! insert {
    ($conn:ident, $row:expr, $now:expr) => {{
        let row: $crate::store::IdempotencyRow = $row;
        let sql = $crate::store::idempotency::INSERT;
        if execute!($conn, sql, row.id, row.expires_at, row.fingerprint, row.sealed, $now)? == 0 {
            return Err($crate::store::StoreError::IdempotencyTaken);
        }
    }};
}
pub(super) use insert;

impl Store {
    /// The record of that id, unless its time is over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_answer(&self, id: SecretHash, now: Timestamp) -> Result<Option<IdempotencyRow>, StoreError> {
        read!(self, |conn| Ok(fetch_optional!(conn, IdempotencyRow, FIND, id, now)?))
    }

    /// Keeps a record on its own, for an answer that came without a write.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyTaken`] when there is one already.
    pub async fn keep_answer(&self, row: IdempotencyRow, now: Timestamp) -> Result<(), StoreError> {
        transact!(self, |conn| {
            insert!(conn, row, now);
            Ok(())
        })
    }
}
