//! The databases. One set of statements for PostgreSQL and SQLite; what is hot, and where one has no word of the other's, has two.
//!
//! Every operation runs in a task of its own: a client that hangs up never cancels a statement
//! half way, so no connection goes back to its pool inside a transaction.

mod arrays;
mod connection;
mod create;
mod create_postgres;
mod create_sqlite;
mod customers;
mod erasures;
mod error;
mod events;
mod exchange;
mod holders;
mod idempotency;
mod keys;
mod listing;
mod migrate;
mod partitions;
mod poll;
mod portals;
mod retention;
mod revocations;
mod row;
mod sessions;
mod signing;
mod sqlite_script;
pub mod statements;
mod tenants;
mod values;
mod writes;

pub use connection::{Options, Postgres, Sqlite};
pub use create::{Created, NewSession, Owner, ReplaceLinks};
pub use erasures::STRETCH_OF_EVENTS;
pub use error::{StoreError, Unique};
pub use events::EventFilter;
pub use exchange::{Exchange, Exchanged, REPEAT_WINDOW};
pub use holders::{HeldPage, HeldSession, HolderFilter};
pub use idempotency::{IdempotencyRow, RecordFor};
pub use listing::{ListFilter, Page, StatusFilter};
pub use poll::{Polled, Revoked};
pub use portals::PortalRef;
pub use retention::{Retention, Swept};
pub use row::StoredSession;
pub use signing::SigningKey;

/// One of the two databases; cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// Many instances on one PostgreSQL.
    Postgres(Postgres),
    /// Embedded: one file, possibly shared by several processes of one machine.
    Sqlite(Sqlite),
}

/// Expands an expression once for each database, outside a transaction.
macro_rules! read {
    ($store:expr, |$conn:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Postgres(db) => db.read(move |$conn| Box::pin(async move { $body })).await,
            $crate::store::Store::Sqlite(db) => db.read(move |$conn| Box::pin(async move { $body })).await,
        }
    };
}

/// Expands an expression once for each database, inside a transaction that commits when it is `Ok`.
macro_rules! transact {
    ($store:expr, |$conn:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Postgres(db) => db.write(move |$conn| Box::pin(async move { $body })).await,
            $crate::store::Store::Sqlite(db) => db.write(move |$conn| Box::pin(async move { $body })).await,
        }
    };
}

/// Expands an expression once for each database; what it writes is one message, which is a transaction of its own.
macro_rules! write_at_once {
    ($store:expr, |$conn:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Postgres(db) => db.write_at_once(move |$conn| Box::pin(async move { $body })).await,
            $crate::store::Store::Sqlite(db) => db.write_at_once(move |$conn| Box::pin(async move { $body })).await,
        }
    };
}

/// Runs a statement; the number of rows that it touched.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        sqlx::query($sql)$(.bind($arg))*
            .persistent($conn.persistent)
            .execute(&mut *$conn.inner).await
            .map(|done| done.rows_affected())
    };
}

/// Runs a statement and reads at most one row of type `$row`.
macro_rules! fetch_optional {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
            .persistent($conn.persistent)
            .fetch_optional(&mut *$conn.inner).await
    };
}

/// Runs a statement and reads all rows of type `$row`, to the end of the statement.
macro_rules! fetch_all {
    ($conn:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
            .persistent($conn.persistent)
            .fetch_all(&mut *$conn.inner).await
    };
}

pub(crate) use {execute, fetch_all, fetch_optional, read, transact, write_at_once};
