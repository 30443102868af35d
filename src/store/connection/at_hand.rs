//! Connections kept at hand. A pool of sqlx asks each connection that comes back whether it still works: on PostgreSQL
//! another round trip for every statement, on SQLite another turn of the worker. What was used without an error needs none.

use sqlx::{Database, Pool, pool::PoolConnection};
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// After this a connection goes through the pool again, which looks after its age.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// A pool, and those of its connections that can be used at once.
pub(super) struct AtHand<DB: Database> {
    pool: Pool<DB>,
    /// One for each connection that the pool may open. Whoever has one finds a connection at hand, or room in the pool.
    places: Arc<Semaphore>,
    kept: Arc<Mutex<Vec<Kept<DB>>>>,
    /// How long somebody waits for a connection.
    patience: Duration,
}

struct Kept<DB: Database> {
    conn: PoolConnection<DB>,
    since: Instant,
}

/// A connection on loan. Dropped, it goes back to the pool, which rolls back what was begun on it.
pub(super) struct Lent<DB: Database> {
    kept: Kept<DB>,
    _place: OwnedSemaphorePermit,
    home: AtHand<DB>,
}

impl<DB: Database> AtHand<DB> {
    pub(super) fn new(pool: Pool<DB>, patience: Duration) -> Self {
        let size = pool.options().get_max_connections() as usize;
        Self { pool, places: Arc::new(Semaphore::new(size)), kept: Arc::default(), patience }
    }

    /// A connection that was taken from the pool after `trusted_since`.
    pub(super) async fn acquire(&self, trusted_since: Option<Instant>) -> Result<Lent<DB>, sqlx::Error> {
        let lent = async {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let kept = match self.take(trusted_since) {
                Some(kept) => kept,
                None => Kept { since: Instant::now(), conn: self.pool.acquire().await? },
            };
            Ok(Lent { kept, _place: place, home: self.clone() })
        };
        timeout(self.patience, lent).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    fn take(&self, trusted_since: Option<Instant>) -> Option<Kept<DB>> {
        let mut kept = self.kept();
        kept.retain(|one| one.since.elapsed() < KEPT_FOR && trusted_since.is_none_or(|at| one.since > at));
        kept.pop()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept<DB>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for those on loan and closes all.
    pub(super) async fn close(&self) {
        self.places.close();
        self.kept().clear();
        self.pool.close().await;
    }
}

impl<DB: Database> Lent<DB> {
    /// Leaves it at hand for the next one. Nothing may have failed on it, and nothing be under way.
    pub(super) fn keep(self) {
        let mut kept = self.home.kept();
        if !self.home.places.is_closed() {
            kept.push(self.kept);
        }
    }

    /// Takes it out of the pool for good.
    pub(super) fn detach(self) -> DB::Connection {
        self.kept.conn.detach()
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.kept.conn
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.kept.conn
    }
}

impl<DB: Database> Clone for AtHand<DB> {
    fn clone(&self) -> Self {
        let (places, kept) = (Arc::clone(&self.places), Arc::clone(&self.kept));
        Self { pool: self.pool.clone(), places, kept, patience: self.patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Sqlite, SqlitePool, sqlite::SqlitePoolOptions};

    async fn pool(size: u32) -> (tempfile::TempDir, AtHand<Sqlite>) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let pool: SqlitePool = SqlitePoolOptions::new().max_connections(size).connect_lazy(&url).unwrap();
        (folder, AtHand::new(pool, Duration::from_secs(5)))
    }

    async fn count(conn: &mut Lent<Sqlite>) -> i64 {
        sqlx::query_scalar("select count(*) from t").fetch_one(&mut **conn).await.unwrap()
    }

    #[tokio::test]
    async fn one_that_was_kept_is_lent_again() {
        let (_folder, pool) = pool(4).await;
        let mut first = pool.acquire(None).await.unwrap();
        sqlx::query("create temporary table t (a)").execute(&mut *first).await.unwrap();
        first.keep();
        let mut again = pool.acquire(None).await.unwrap();
        assert_eq!(count(&mut again).await, 0);
        assert_eq!(pool.pool.size(), 1);
    }

    #[tokio::test]
    async fn one_that_was_taken_before_the_server_went_away_is_not() {
        let (_folder, pool) = pool(4).await;
        pool.acquire(None).await.unwrap().keep();
        let broken = Instant::now();
        assert!(pool.acquire(Some(broken)).await.unwrap().kept.since > broken);
        assert!(pool.kept().is_empty());
    }

    #[tokio::test]
    async fn what_was_begun_on_one_that_is_dropped_is_rolled_back() {
        let (_folder, pool) = pool(1).await;
        let mut conn = pool.acquire(None).await.unwrap();
        sqlx::query("create table t (a)").execute(&mut *conn).await.unwrap();
        {
            let mut begun = sqlx::Connection::begin(&mut *conn).await.unwrap();
            sqlx::query("insert into t values (1)").execute(&mut *begun).await.unwrap();
        }
        drop(conn);
        assert_eq!(count(&mut pool.acquire(None).await.unwrap()).await, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_share_few() {
        let (_folder, pool) = pool(2).await;
        let all = (0..200).map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let conn = pool.acquire(None).await.unwrap();
                tokio::task::yield_now().await;
                if n % 7 == 0 { drop(conn) } else { conn.keep() }
            })
        });
        for one in futures_util::future::join_all(all).await {
            one.unwrap();
        }
    }

    #[tokio::test]
    async fn after_the_end_none_is_lent_and_none_kept() {
        let (_folder, pool) = pool(2).await;
        let late = pool.acquire(None).await.unwrap();
        pool.acquire(None).await.unwrap().keep();
        let (closing, ()) = tokio::join!(timeout(Duration::from_secs(5), pool.close()), async {
            tokio::task::yield_now().await;
            late.keep();
        });
        closing.unwrap();
        assert!(matches!(pool.acquire(None).await, Err(sqlx::Error::PoolClosed)));
        assert!(pool.kept().is_empty());
    }
}
