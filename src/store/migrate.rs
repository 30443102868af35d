//! Schema versions, and whether a database may be trusted with what we acknowledge.

use super::{Postgres, Sqlite, Store, StoreError, error::is_of_no_table, statements::statements};
use sqlx::{
    Connection,
    migrate::{MigrateError, Migrator},
};
use std::time::{Duration, Instant};

/// After this it is tried again: what others wait for behind a migration, they wait for `SHORT_WAIT` and not for this.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a SQLite file may be busy.
const LONGEST: Duration = Duration::from_secs(30);

fn postgres() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.set_ignore_missing(true);
    migrator
}

fn sqlite() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.set_ignore_missing(true);
    migrator
}

statements! {
    // Less than the second after which PostgreSQL looks for a deadlock and ends whoever finds it, a request perhaps.
    Postgres SHORT_WAIT = "set lock_timeout = '200ms'";
    Postgres APPLIED = "select coalesce(max(version), 0) from _sqlx_migrations where success";
    Sqlite FORGET_STATISTICS = "drop table if exists sqlite_stat1";
    Sqlite FORGET_SAMPLES = "drop table if exists sqlite_stat4";
    Postgres SYNCHRONOUS_COMMIT = "select current_setting('synchronous_commit')";
}

impl Store {
    /// Brings the schema to this version. Instances that start together wait for each other:
    /// PostgreSQL by an advisory lock, SQLite by its write lock. A newer schema is left alone, so
    /// that the old version keeps running while the new one rolls out. On PostgreSQL a migration gives way to whoever
    /// uses its table, and tries again: all others would have to wait behind it. Through PgBouncer, which gives each
    /// transaction another server, no lock holds for long: there the schema is only checked.
    ///
    /// # Errors
    /// When the database can't be reached or a migration fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(db) if db.persistent => migrate(db).await,
            Self::Postgres(db) => check_schema(db).await,
            Self::Sqlite(db) => migrate_file(db).await,
        }
    }

    /// Whether the server acknowledges only what it has written down.
    ///
    /// # Errors
    /// With `synchronous_commit = off` on the server, the database or the role, in words for the operator.
    pub async fn check_durability(&self) -> Result<(), StoreError> {
        let Self::Postgres(db) = self else { return Ok(()) };
        if db.first_answer(SYNCHRONOUS_COMMIT).await? == "off" {
            return Err(StoreError::Refused(
                "synchronous_commit is off: PostgreSQL would lose acknowledged sessions in a crash. \
                 Turn it on for the server, the database and the role."
                    .into(),
            ));
        }
        Ok(())
    }
}

async fn migrate(db: &Postgres) -> Result<(), StoreError> {
    let mut gave_way = false;
    loop {
        // A migration, and the wait for another instance's, may take longer than a request's statement.
        let mut conn = db.unhurried().await?;
        sqlx::query(SHORT_WAIT).execute(&mut conn).await?;
        match postgres().run(&mut conn).await {
            Ok(()) => return Ok(conn.close().await?),
            Err(error) if is_locked_out(&error) => {
                if !gave_way {
                    tracing::warn!(%error, "what is to be migrated is in use; it is tried again until it is free");
                }
                gave_way = true;
                // The lock between instances goes with the connection.
                drop(conn);
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(failure(error)),
        }
    }
}

async fn migrate_file(db: &Sqlite) -> Result<(), StoreError> {
    // SQLite has no advisory lock: a second process may find the first one's tables half made.
    let started = Instant::now();
    loop {
        let mut conn = db.dedicated().await?;
        match sqlite().run(&mut conn).await {
            Ok(()) => {
                // Whoever analysed the file while it was small made scans of its statements. Without statistics they go by indexes.
                sqlx::query(FORGET_STATISTICS).execute(&mut conn).await?;
                sqlx::query(FORGET_SAMPLES).execute(&mut conn).await?;
                return Ok(conn.close().await?);
            }
            Err(_) if started.elapsed() < LONGEST => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(failure(error)),
        }
    }
}

/// Whether a lock was not to be had in time, or was part of a deadlock.
fn is_locked_out(error: &MigrateError) -> bool {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    const DEADLOCK_DETECTED: &str = "40P01";
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    let code = error.as_database_error().and_then(|refusal| refusal.code());
    code.is_some_and(|code| [LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED].contains(&code.as_ref()))
}

async fn check_schema(db: &Postgres) -> Result<(), StoreError> {
    let needed = postgres().iter().map(|migration| migration.version).max().unwrap_or(0);
    let applied: i64 = db
        .read(|conn| {
            Box::pin(async move {
                let query = sqlx::query_scalar(APPLIED).persistent(conn.persistent);
                Ok(query.fetch_one(&mut *conn.inner).await.or_else(none_without_table)?)
            })
        })
        .await?;
    if applied < needed {
        return Err(StoreError::Refused(
            "The database's schema is older than this program, and can't be migrated through PgBouncer. \
             Run `vestibule migrate` with a DATABASE_URL that leads to PostgreSQL itself."
                .into(),
        ));
    }
    Ok(())
}

/// An empty database has no table of migrations yet.
fn none_without_table(error: sqlx::Error) -> Result<i64, sqlx::Error> {
    if is_of_no_table(&error) { Ok(0) } else { Err(error) }
}

fn failure(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Unavailable(other.to_string()),
    }
}
