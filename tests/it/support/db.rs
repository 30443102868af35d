//! The database behind the service's back: to look, and to let time pass.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use uuid::Uuid;

use super::store::{Database, Store};

/// A connection to a test's database.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Db {
    pub(crate) async fn open(database: &Database) -> Self {
        match database.store() {
            Store::Postgres => Self::Postgres(PgPool::connect(database.url()).await.expect("PostgreSQL")),
            Store::Sqlite => Self::Sqlite(SqlitePool::connect(database.url()).await.expect("SQLite")),
        }
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(pool) => sqlx::query(sql).execute(pool).await.expect("a statement").rows_affected(),
            Self::Sqlite(pool) => sqlx::query(sql).execute(pool).await.expect("a statement").rows_affected(),
        }
    }

    /// Reads one number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number"),
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number"),
        }
    }

    /// An id as this database writes it.
    pub(crate) fn literal(&self, id: Uuid) -> String {
        match self {
            Self::Postgres(_) => format!("'{}'", id.hyphenated()),
            Self::Sqlite(_) => format!("x'{}'", id.simple()),
        }
    }

    /// Moves times of a session, by seconds.
    pub(crate) async fn shift(&self, session: &str, columns: &[&str], seconds: i64) {
        let moved = columns.iter().map(|column| match self {
            Self::Postgres(_) => format!("{column} = {column} + interval '{seconds} seconds'"),
            Self::Sqlite(_) => format!("{column} = {column} + {seconds} * 1000"),
        });
        let moved: Vec<String> = moved.collect();
        let id = self.literal(super::world::uuid(session));
        let touched = self.execute(&format!("update portal_sessions set {} where id = {id}", moved.join(", "))).await;
        assert_eq!(touched, 1, "no session {session}");
    }

    /// Keeps others from writing to a session until the lock is released.
    pub(crate) async fn lock_session(&self, session: &str) -> Lock {
        let id = self.literal(super::world::uuid(session));
        match self {
            Self::Postgres(pool) => {
                let mut held = pool.begin().await.expect("a transaction");
                let sql = format!("select id from portal_sessions where id = {id} for update");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut *held).await.expect("a lock");
                Lock::Postgres(held)
            }
            Self::Sqlite(pool) => Lock::Sqlite(pool.begin_with("begin immediate").await.expect("a lock")),
        }
    }

    /// Lets a link run out: `seconds` after its expiry it now is.
    pub(crate) async fn expire_link(&self, session: &str) {
        self.shift(session, &["link_expires_at"], -700_000).await;
    }
}

/// Others wait while this lives.
pub(crate) enum Lock {
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

impl Lock {
    pub(crate) async fn release(self) {
        let done = match self {
            Self::Postgres(held) => held.rollback().await,
            Self::Sqlite(held) => held.rollback().await,
        };
        done.expect("a lock that is released");
    }
}
