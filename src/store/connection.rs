//! Connections: how they are opened, lent out and given up.

mod at_hand;
mod postgres;
mod sqlite;

pub use postgres::Postgres;
pub(super) use postgres::STATEMENTS;
pub use sqlite::Sqlite;

use super::{Store, StoreError};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::JoinHandle;

/// How long a client can wait for a connection.
const ACQUIRE_LIMIT: Duration = Duration::from_millis(2000);

/// Where the database is and how much of it to use.
#[derive(Clone)]
pub struct Options {
    /// `postgres://…` or `sqlite://…`; may hold a password, so it is never shown.
    pub url: String,
    /// The most connections to PostgreSQL, besides two that write batches and one that polls.
    pub max_connections: u32,
    /// How long a write waits for another process's on SQLite. A client waits 3 s at most, a command line for longer.
    pub busy_timeout: Duration,
}

/// A connection on loan, and whether statements may stay prepared on it.
pub(crate) struct Conn<'c, C> {
    pub(crate) inner: &'c mut C,
    pub(crate) persistent: bool,
}

impl Options {
    /// [`Options::busy_timeout`] of whoever answers requests.
    pub const SERVING: Duration = ACQUIRE_LIMIT;
}

impl Store {
    /// Opens the database; makes a SQLite file when it is missing.
    ///
    /// # Errors
    /// When the URL is none, or the database can't be reached.
    pub async fn open(options: &Options) -> Result<Self, StoreError> {
        match options.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => Ok(Self::Postgres(Postgres::open(options)?)),
            Some("sqlite") => Ok(Self::Sqlite(Sqlite::open(options).await?)),
            _ => Err(StoreError::Refused("DATABASE_URL must start with postgres:// or sqlite://".into())),
        }
    }

    /// Whether the last write was done, or was refused so long ago that the next one may be.
    pub fn takes_writes(&self) -> bool {
        match self {
            Self::Postgres(db) => db.writes.are_done(),
            Self::Sqlite(db) => db.writes.are_done(),
        }
    }

    /// The same store for the thread that writes batches: the runtime that opened a connection drives its socket.
    pub fn for_batches(&self) -> Self {
        match self {
            Self::Postgres(db) => Self::Postgres(db.for_batches()),
            Self::Sqlite(db) => Self::Sqlite(db.clone()),
        }
    }

    /// Waits for running operations and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Postgres(db) => db.close().await,
            Self::Sqlite(db) => db.close().await,
        }
    }
}

/// Names what an operator has to look at; the cause holds nothing of the URL itself.
fn no_url(cause: sqlx::Error) -> StoreError {
    StoreError::Refused(format!("DATABASE_URL: {cause}"))
}

/// Work that runs to its end whatever becomes of the caller. It begins at once, and the handle is small: what waits for
/// the database is in no future that carries it through the layers.
pub(in crate::store) struct Detached<T>(JoinHandle<Result<T, StoreError>>);

impl<T: Send + 'static> Detached<T> {
    fn start(work: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Future for Detached<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = Pin::new(&mut self.0).poll(context);
        ended.map(|done| done.unwrap_or_else(|stopped| Err(StoreError::Unavailable(stopped.to_string()))))
    }
}
