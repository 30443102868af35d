//! Connections to PostgreSQL: many, some of which may break at any moment.

use super::{Conn, Detached, Options, at_hand::AtHand, no_url};
use crate::store::{StoreError, statements::statements, writes::Writes};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection, PgConnection, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::timeout;
use url::Url;

/// An operation that takes longer, the wait for its connection included, is given up, and its connection with it: a
/// client waits 3 s at most.
const OPERATION_LIMIT: Duration = Duration::from_millis(2500);
/// The same for the poll: an answer that comes later is worth nothing, and the next poll may find the database back.
const POLL_LIMIT: Duration = Duration::from_millis(1000);
/// How long the poll waits for its connection: with TLS and a password it takes seven ways there and back.
const POLL_CONNECT: Duration = Duration::from_millis(1300);
/// What is left of a limit for the statement itself, when the wait for a connection took the rest.
const MARGIN: Duration = Duration::from_millis(500);
/// Every statement goes by an index and is planned once on each connection: planning one over all the partitions takes
/// longer than running it, and a plan made while a table was small must not scan it when it has grown.
/// And who waits for a row that somebody else holds is refused before those who wait behind it are too late.
const SETTINGS: [(&str, &str); 7] = [
    ("statement_timeout", "4s"),
    ("lock_timeout", "500ms"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// What sqlx knows in a URL.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

statements! {
    Postgres IN_RECOVERY = "select pg_is_in_recovery()";
}

/// PostgreSQL.
#[derive(Clone)]
pub struct Postgres {
    requests: AtHand<sqlx::Postgres>,
    /// A connection for the poll alone, which must not wait behind requests.
    poll: AtHand<sqlx::Postgres>,
    /// One for batches of creates and one for those of exchanges, heard on the thread that makes them.
    batches: AtHand<sqlx::Postgres>,
    /// Behind PgBouncer in transaction mode statements can't stay prepared, and belong into transactions.
    pub(in crate::store) persistent: bool,
    /// How to reach the server without limits of time, for migrations and the sweep.
    plain: Arc<PgConnectOptions>,
    limit: Duration,
    pub(super) writes: Arc<Writes>,
    /// Connections opened before this instant are not trusted: the server went away since.
    broken_at: Arc<Mutex<Option<Instant>>>,
}

impl Postgres {
    pub(super) fn open(options: &Options) -> Result<Self, StoreError> {
        let persistent = !options.url.contains("statement-cache-capacity=0");
        // PgBouncer refuses start-up parameters, so the settings go only to a server that is reached directly. No statement
        // has floats, for which sqlx would send one as well.
        let plain = read_url(&options.url)?.application_name("vestibule").extra_float_digits(None);
        let connect = if persistent { plain.clone().options(SETTINGS) } else { plain.clone() };
        let broken_at = Arc::new(Mutex::new(None::<Instant>));
        let pool = |size, patience: Duration| {
            let check = Arc::clone(&broken_at);
            let pool = PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(patience)
                .test_before_acquire(false)
                .after_connect(|conn, _| Box::pin(refuse_replica(conn)))
                .before_acquire(move |_, meta| {
                    let broken = *check.lock().unwrap_or_else(PoisonError::into_inner);
                    let trusted = broken.is_none_or(|at| at.elapsed() > meta.age);
                    Box::pin(async move { Ok(trusted) })
                })
                .connect_lazy_with(connect.clone());
            AtHand::new(pool, patience)
        };
        let patience = OPERATION_LIMIT - MARGIN;
        let (requests, poll) = (pool(options.max_connections, patience), pool(1, POLL_CONNECT));
        let batches = pool(2, patience);
        let (plain, limit, writes) = (Arc::new(plain), OPERATION_LIMIT, Arc::default());
        Ok(Self { requests, poll, batches, persistent, plain, limit, writes, broken_at })
    }

    pub(super) async fn close(&self) {
        self.requests.close().await;
        self.poll.close().await;
        self.batches.close().await;
    }

    /// A connection of its own on which a statement may take as long as it needs.
    pub(in crate::store) async fn unhurried(&self) -> Result<PgConnection, StoreError> {
        let connected = timeout(OPERATION_LIMIT, PgConnection::connect_with(&self.plain)).await;
        // Whatever a server says to a new connection, it is not about a statement.
        connected.map_err(|_| late())?.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// The server's first answer, over a connection of its own: its failure has a cause, of which a pool only says that time
    /// ran out.
    pub(in crate::store) async fn first_answer(&self, sql: &'static str) -> Result<String, StoreError> {
        let asked = async {
            let mut conn = self.unhurried().await?;
            refuse_replica(&mut conn).await?;
            let answer = sqlx::raw_sql(sql).fetch_one(&mut conn).await?.try_get(0)?;
            conn.close().await?;
            Ok(answer)
        };
        timeout(OPERATION_LIMIT, asked).await.unwrap_or_else(|_| Err(late()))
    }

    /// The same database over the connection that the poll has for itself.
    pub(in crate::store) fn for_poll(&self) -> Self {
        Self { requests: self.poll.clone(), limit: POLL_LIMIT, ..self.clone() }
    }

    /// The same database over the connections for batches.
    pub(super) fn for_batches(&self) -> Self {
        Self { requests: self.batches.clone(), ..self.clone() }
    }

    pub(in crate::store) fn read<T, F>(&self, op: F) -> Detached<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        // Unnamed statements survive PgBouncer only within one transaction.
        if self.persistent { self.lend(op) } else { self.transaction(op) }
    }

    /// One statement that writes is a transaction of its own.
    pub(in crate::store) async fn write_at_once<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writes.note(self.read(op).await)
    }

    pub(in crate::store) async fn write<T, F>(&self, op: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writes.note(self.transaction(op).await)
    }

    fn transaction<T, F>(&self, op: F) -> Detached<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.lend(move |conn| {
            Box::pin(async move {
                let persistent = conn.persistent;
                let mut tx = conn.inner.begin().await?;
                let done = op(Conn { inner: &mut tx, persistent }).await?;
                tx.commit().await?;
                Ok(done)
            })
        })
    }

    /// Whether the server has not gone away since.
    fn trusts(&self, since: Instant) -> bool {
        self.broken_at.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|at| since > at)
    }

    fn lend<T, F>(&self, op: F) -> Detached<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Conn<'c, PgConnection>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let db = self.clone();
        Detached::start(async move {
            let asked = Instant::now();
            let acquired = db.requests.acquire(|since| db.trusts(since)).await;
            // Whatever a server says to a new connection (an unknown database or role, say), it passes with the failover.
            let mut conn = acquired.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let left = db.limit.saturating_sub(asked.elapsed()).max(MARGIN);
            let answered = timeout(left, op(Conn { inner: &mut *conn, persistent: db.persistent })).await;
            let is_late = answered.is_err();
            let result = answered.unwrap_or_else(|_| Err(late()));
            match &result {
                Ok(_) => conn.keep(),
                Err(error) if error.spoils_connection() => {
                    // One statement may be slow by itself. When the server is, the poll is late as well.
                    if !is_late || db.limit == POLL_LIMIT {
                        *db.broken_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    }
                    drop(conn.detach());
                }
                Err(_) => drop(conn),
            }
            result
        })
    }
}

/// Reads a URL as sqlx does, and as libpq does an IPv6 address in brackets and one without a host. A parameter that sqlx
/// does not know is told of here by its name: a misspelt `sslmode` should not go unnoticed, and its value may be a password.
fn read_url(text: &str) -> Result<PgConnectOptions, StoreError> {
    // libpq's form for a socket, `postgres://user@/database?host=/run/postgresql`, has no host where RFC 3986 wants one.
    let text = match text.split_once("@/") {
        Some((user, rest)) if !user.contains('?') => format!("{user}@localhost/{rest}"),
        _ => text.to_owned(),
    };
    let options = PgConnectOptions::from_str(&text).map_err(no_url)?;
    for (name, _) in Url::parse(&text).iter().flat_map(Url::query_pairs) {
        if !PARAMETERS.contains(&&*name) && !name.starts_with("options[") {
            tracing::warn!(parameter = &*name, "this parameter of DATABASE_URL means nothing to Vestibule");
        }
    }
    let host = options.get_host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
    Ok(match address {
        Some(address) => options.host(&address),
        None => options,
    })
}

fn late() -> StoreError {
    StoreError::Unavailable("it does not answer in time".into())
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

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

#[cfg(test)]
mod tests {
    use super::read_url;

    #[test]
    fn an_ipv6_address_and_a_socket_are_read_as_libpq_does() {
        for (url, host) in [
            ("postgres://vestibule:p%40@/vestibule?host=db.example", "db.example"),
            ("postgres://vestibule@[::1]:5432/vestibule", "::1"),
            ("postgres://vestibule@db.example/vestibule?sslmode=require", "db.example"),
            ("postgres://vestibule@%2Frun%2Fpostgresql/vestibule", "localhost"),
        ] {
            assert_eq!(read_url(url).unwrap().get_host(), host, "{url}");
        }
    }
}
