//! Connections to SQLite: readers, and the one that writes.

use super::{ACQUIRE_LIMIT, Conn, Detached, Options, at_hand::AtHand};
use crate::store::{StoreError, writes::Writes};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fmt,
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const READERS: u32 = 4;
const BUSY: &str = "5";
/// When a file that is locked is tried again.
const AGAIN: Duration = Duration::from_millis(20);
/// Pages of the write-ahead log, 4 KiB each, before it goes into the database: a page that is written again and again
/// goes there once.
const WAL_PAGES: &str = "8000";
/// How much of the database the writer remembers, in KiB (so the minus); readers have the default, 2 MiB. SQLite looks
/// through all of it whenever a page was split.
const WRITER_CACHE: &str = "-16384";
/// How many statements the writer keeps prepared, among them those of batches in all their sizes.
const WRITER_STATEMENTS: usize = 200;

/// SQLite: any number of readers, one writer.
#[derive(Clone)]
pub struct Sqlite {
    readers: AtHand<sqlx::Sqlite>,
    /// A connection for the poll alone, which must not wait behind requests.
    poll: AtHand<sqlx::Sqlite>,
    writer: AtHand<sqlx::Sqlite>,
    connect: Arc<SqliteConnectOptions>,
    pub(super) writes: Arc<Writes>,
}

impl Sqlite {
    pub(super) async fn open(options: &Options) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::from_str(&options.url)
            .map_err(super::no_url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", WAL_PAGES);
        if options.url.contains(":memory:") || options.url.contains("mode=memory") {
            return Err(StoreError::Refused(
                "DATABASE_URL: a database in memory would lose what was acknowledged".into(),
            ));
        }
        if let Some(folder) = connect.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(sqlx::Error::Io)?;
        }
        create_private(connect.get_filename()).map_err(sqlx::Error::Io)?;
        let patience = options.busy_timeout;
        let write = connect.clone().pragma("cache_size", WRITER_CACHE).statement_cache_capacity(WRITER_STATEMENTS);
        let writer = sqlite_pool(1, write, patience).await?;
        let readers = sqlite_pool(READERS, connect.clone(), patience).await?;
        let poll = sqlite_pool(1, connect.clone(), patience).await?;
        Ok(Self { readers, poll, writer, connect: Arc::new(connect), writes: Arc::default() })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.poll.close().await;
        self.writer.close().await;
    }

    /// A connection of its own, for migrations.
    pub(in crate::store) async fn dedicated(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&self.connect).await
    }

    /// The same database over the connection that the poll has for itself.
    pub(in crate::store) fn for_poll(&self) -> Self {
        Self { readers: self.poll.clone(), ..self.clone() }
    }

    pub(in crate::store) fn read<T, F>(&self, op: F) -> Detached<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let readers = self.readers.clone();
        Detached::start(async move {
            let mut conn = readers.acquire(|_| true).await?;
            let result = op(Conn { inner: &mut *conn, persistent: true }).await;
            if result.is_ok() {
                conn.keep();
            }
            result
        })
    }

    pub(in crate::store) async fn write<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let writer = self.writer.clone();
        let done = Detached::start(async move {
            let mut conn = writer.acquire(|_| true).await?;
            let result = Self::commit(&mut conn, op).await;
            match &result {
                Ok(_) => conn.keep(),
                Err(error) if error.spoils_connection() => {
                    // On a full disk SQLite has rolled back by itself, and sqlx counts a transaction that is no more.
                    conn.detach().close().await.ok();
                }
                Err(_) => drop(conn),
            }
            result
        });
        self.writes.note(done.await)
    }

    /// For one message that begins and commits by itself. sqlx knows nothing of that transaction, so what fails takes the
    /// connection along, and the end of the connection whatever was begun.
    pub(in crate::store) async fn write_at_once<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let writer = self.writer.clone();
        let done = Detached::start(async move {
            let mut conn = writer.acquire(|_| true).await?;
            let result = op(Conn { inner: &mut *conn, persistent: true }).await;
            match &result {
                Ok(_) => conn.keep(),
                Err(_) => conn.detach().close().await.unwrap_or_default(),
            }
            result
        });
        self.writes.note(done.await)
    }

    async fn commit<T, F>(conn: &mut SqliteConnection, op: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(Conn<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>>,
    {
        let mut tx = conn.begin_with("begin immediate").await?;
        let done = op(Conn { inner: &mut *tx, persistent: true }).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Makes the file when it is missing. It holds the keys that sign assertions, and customers' data, so nobody else with an
/// account on the machine may read it; SQLite gives its log the same permissions.
fn create_private(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens connections. While another process turns a new file into one with a write-ahead log, SQLite says at once that it
/// is locked, whatever its own time to wait is.
async fn sqlite_pool(
    size: u32,
    connect: SqliteConnectOptions,
    patience: Duration,
) -> Result<AtHand<sqlx::Sqlite>, sqlx::Error> {
    let started = Instant::now();
    loop {
        let pool =
            SqlitePoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_LIMIT).test_before_acquire(false);
        match pool.connect_with(connect.clone()).await {
            Err(sqlx::Error::Database(refusal))
                if refusal.code().as_deref() == Some(BUSY) && started.elapsed() < patience =>
            {
                sleep(AGAIN).await;
            }
            opened => return Ok(AtHand::new(opened?, ACQUIRE_LIMIT)),
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}
