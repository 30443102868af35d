//! Connections: how they are opened, lent out and given up.

use super::{Store, StoreError, statements::statements, writes::Writes};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection, PgConnection, PgPool, Row, SqliteConnection, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fmt,
    future::Future,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// An operation that takes longer, the wait for its connection included, is given up, and its connection with it: a
/// client waits 3 s at most.
const OPERATION_LIMIT: Duration = Duration::from_millis(2500);
/// The same for the poll: an answer that comes later is worth nothing, and the next poll may find the database back.
const PULSE_LIMIT: Duration = Duration::from_millis(1000);
/// What is left of a limit for the statement itself, when the wait for a connection took the rest.
const MARGIN: Duration = Duration::from_millis(500);
const ACQUIRE_LIMIT: Duration = Duration::from_millis(2000);
const SQLITE_READERS: u32 = 4;
const SQLITE_BUSY: &str = "5";
/// When a file that is locked is tried again.
const AGAIN: Duration = Duration::from_millis(20);
/// Pages of the write-ahead log, 4 KiB each, before it goes into the database: a page that is written again and again
/// goes there once.
const SQLITE_WAL_PAGES: &str = "8000";
/// How much of the database the writer remembers, in KiB (so the minus); readers have the default, 2 MiB.
const SQLITE_WRITER_CACHE: &str = "-32768";

/// Every statement goes by an index and is planned once on each connection: planning one over all the partitions takes
/// longer than running it, and a plan made while a table was small must not scan it when it has grown.
const SETTINGS: [(&str, &str); 6] = [
    ("statement_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

statements! {
    Postgres IN_RECOVERY = "select pg_is_in_recovery()";
}

/// Where the database is and how much of it to use.
#[derive(Clone)]
pub struct Options {
    /// `postgres://…` or `sqlite://…`; may hold a password, so it is never shown.
    pub url: String,
    /// The most connections to PostgreSQL.
    pub max_connections: u32,
    /// How long a write waits for another process's on SQLite. A client waits 3 s at most, a command line for longer.
    pub busy_timeout: Duration,
}

/// A connection on loan, and whether statements may stay prepared on it.
pub(crate) struct Link<'c, C> {
    pub(crate) conn: &'c mut C,
    pub(crate) persistent: bool,
}

/// PostgreSQL.
#[derive(Clone)]
pub struct Postgres {
    pool: PgPool,
    /// A connection for the poll alone, which must not wait behind requests.
    pulse: PgPool,
    /// Behind PgBouncer in transaction mode statements can't stay prepared, and belong into transactions.
    pub(super) persistent: bool,
    /// How to reach the server without limits of time, for migrations and the sweep.
    plain: Arc<PgConnectOptions>,
    limit: Duration,
    writes: Arc<Writes>,
    /// Connections opened before this instant are not trusted: the server went away since.
    broken_at: Arc<Mutex<Option<Instant>>>,
}

/// SQLite: any number of readers, one writer.
#[derive(Clone)]
pub struct Sqlite {
    readers: SqlitePool,
    /// A connection for the poll alone, which must not wait behind requests.
    pulse: SqlitePool,
    writer: SqlitePool,
    writes: Arc<Writes>,
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
            _ => Err(StoreError::Unavailable("DATABASE_URL must start with postgres:// or sqlite://".into())),
        }
    }

    /// Whether the last write was done, or was refused so long ago that the next one may be.
    pub fn takes_writes(&self) -> bool {
        match self {
            Self::Postgres(db) => db.writes.are_done(),
            Self::Sqlite(db) => db.writes.are_done(),
        }
    }

    /// Waits for running operations and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Postgres(db) => {
                db.pool.close().await;
                db.pulse.close().await;
            }
            Self::Sqlite(db) => {
                db.readers.close().await;
                db.pulse.close().await;
                db.writer.close().await;
            }
        }
    }
}

impl Postgres {
    fn open(options: &Options) -> Result<Self, StoreError> {
        let persistent = !options.url.contains("statement-cache-capacity=0");
        // PgBouncer refuses start-up parameters, so the settings go only to a server that is reached directly. No statement
        // has floats, for which sqlx would send one as well.
        let plain = PgConnectOptions::from_str(&options.url)?.application_name("vestibule").extra_float_digits(None);
        let connect = if persistent { plain.clone().options(SETTINGS) } else { plain.clone() };
        let broken_at = Arc::new(Mutex::new(None::<Instant>));
        let pool = |size, limit: Duration| {
            let check = Arc::clone(&broken_at);
            PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(limit - MARGIN)
                .test_before_acquire(false)
                .after_connect(|conn, _| Box::pin(refuse_replica(conn)))
                .before_acquire(move |_, meta| {
                    let broken = *check.lock().unwrap_or_else(PoisonError::into_inner);
                    let trusted = broken.is_none_or(|at| at.elapsed() > meta.age);
                    Box::pin(async move { Ok(trusted) })
                })
                .connect_lazy_with(connect.clone())
        };
        let (requests, pulse) = (pool(options.max_connections, OPERATION_LIMIT), pool(1, PULSE_LIMIT));
        let (plain, limit, writes) = (Arc::new(plain), OPERATION_LIMIT, Arc::default());
        Ok(Self { pool: requests, pulse, persistent, plain, limit, writes, broken_at })
    }

    /// The pool, for tests.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of its own on which a statement may take as long as it needs.
    pub(super) async fn unhurried(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.plain).await
    }

    /// The same database over the connection that the poll has for itself.
    pub(super) fn pulse(&self) -> Self {
        Self { pool: self.pulse.clone(), limit: PULSE_LIMIT, ..self.clone() }
    }

    pub(super) async fn read<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        // Unnamed statements survive PgBouncer only within one transaction.
        if self.persistent { self.lend(op).await } else { self.transaction(op).await }
    }

    /// One statement that writes is a transaction of its own.
    pub(super) async fn write_at_once<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writes.note(self.read(op).await)
    }

    pub(super) async fn write<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writes.note(self.transaction(op).await)
    }

    async fn transaction<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.lend(move |link| {
            Box::pin(async move {
                let persistent = link.persistent;
                let mut tx = link.conn.begin().await?;
                let done = op(Link { conn: &mut tx, persistent }).await?;
                tx.commit().await?;
                Ok(done)
            })
        })
        .await
    }

    async fn lend<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let db = self.clone();
        detached(async move {
            let asked = Instant::now();
            // Whatever a server says to a new connection (an unknown database or role, say), it passes with the failover.
            let mut conn = db.pool.acquire().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let left = db.limit.saturating_sub(asked.elapsed());
            let result = timeout(left, op(Link { conn: &mut *conn, persistent: db.persistent })).await;
            let result = result.unwrap_or_else(|_| Err(StoreError::Unavailable("it does not answer in time".into())));
            if result.as_ref().is_err_and(StoreError::spoils_connection) {
                *db.broken_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                drop(conn.detach());
            }
            result
        })
        .await
    }
}

impl Sqlite {
    async fn open(options: &Options) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::from_str(&options.url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", SQLITE_WAL_PAGES)
            .optimize_on_close(true, 400);
        if let Some(folder) = connect.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let patience = options.busy_timeout;
        let writer = sqlite_pool(1, connect.clone().pragma("cache_size", SQLITE_WRITER_CACHE), patience).await?;
        let readers = sqlite_pool(SQLITE_READERS, connect.clone(), patience).await?;
        let pulse = sqlite_pool(1, connect, patience).await?;
        Ok(Self { readers, pulse, writer, writes: Arc::default() })
    }

    /// The pool that writes, for migrations and tests.
    pub fn pool(&self) -> &SqlitePool {
        &self.writer
    }

    /// The same database over the connection that the poll has for itself.
    pub(super) fn pulse(&self) -> Self {
        Self { readers: self.pulse.clone(), ..self.clone() }
    }

    pub(super) async fn read<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let pool = self.readers.clone();
        detached(async move {
            let mut conn = pool.acquire().await?;
            op(Link { conn: &mut *conn, persistent: true }).await
        })
        .await
    }

    pub(super) async fn write<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Link<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let pool = self.writer.clone();
        let done = detached(async move {
            let mut conn = pool.acquire().await?;
            let result = Self::commit(&mut conn, op).await;
            if result.as_ref().is_err_and(StoreError::spoils_connection) {
                // On a full disk SQLite has rolled back by itself, and sqlx counts a transaction that is no more.
                conn.close().await.ok();
            }
            result
        });
        self.writes.note(done.await)
    }

    async fn commit<T, F>(conn: &mut SqliteConnection, op: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(Link<'c, SqliteConnection>) -> BoxFuture<'c, Result<T, StoreError>>,
    {
        let mut tx = conn.begin_with("begin immediate").await?;
        let done = op(Link { conn: &mut *tx, persistent: true }).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Opens connections. While another process turns a new file into one with a write-ahead log, SQLite says at once that it
/// is locked, whatever its own time to wait is.
async fn sqlite_pool(size: u32, connect: SqliteConnectOptions, patience: Duration) -> Result<SqlitePool, sqlx::Error> {
    let started = Instant::now();
    loop {
        let pool =
            SqlitePoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_LIMIT).test_before_acquire(false);
        match pool.connect_with(connect.clone()).await {
            Err(sqlx::Error::Database(refusal))
                if refusal.code().as_deref() == Some(SQLITE_BUSY) && started.elapsed() < patience =>
            {
                sleep(AGAIN).await;
            }
            opened => return opened,
        }
    }
}

/// A replica answers reads, and may not know yet what was revoked. One server never becomes a replica while connections
/// to it last, so asking once is enough. The simple protocol needs no prepared statement, so PgBouncer passes it on.
async fn refuse_replica(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let row = sqlx::raw_sql(IN_RECOVERY).fetch_one(conn).await?;
    match row.try_get(0)? {
        true => Err(sqlx::Error::Protocol("it is a replica that takes no writes".into())),
        false => Ok(()),
    }
}

/// Runs to its end whatever becomes of the caller.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or_else(|stopped| Err(StoreError::Unavailable(stopped.to_string())))
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}
