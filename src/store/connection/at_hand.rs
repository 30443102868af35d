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

/// How long a connection that nobody uses is kept: later, a router on the way may have forgotten it, and finding that out would
/// take its next user's time.
const IDLE: Duration = Duration::from_secs(180);
/// What is older is replaced, so that it neither gathers memory on the server nor stays with one that others left.
const LIFETIME: Duration = Duration::from_secs(1800);

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
    /// When it was taken from the pool.
    since: Instant,
    used: Instant,
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

    /// A connection; one that is at hand only when it is `trusted`, by the time at which it was taken from the pool.
    pub(super) async fn acquire(&self, trusted: impl Fn(Instant) -> bool) -> Result<Lent<DB>, sqlx::Error> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
            && let Some(kept) = self.take(Instant::now(), &trusted)
        {
            return Ok(self.lend(kept, place));
        }
        // In a box: it has room for opening a connection, which nearly no caller has to carry.
        let waited = Box::pin(async {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let now = Instant::now();
            let kept = match self.take(now, trusted) {
                Some(kept) => kept,
                None => Kept { conn: self.pool.acquire().await?, since: now, used: now },
            };
            Ok(self.lend(kept, place))
        });
        timeout(self.patience, waited).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    fn lend(&self, kept: Kept<DB>, place: OwnedSemaphorePermit) -> Lent<DB> {
        Lent { kept, _place: place, home: self.clone() }
    }

    /// The one that was used last; all that are no good any more are closed.
    fn take(&self, now: Instant, trusted: impl Fn(Instant) -> bool) -> Option<Kept<DB>> {
        let mut kept = self.kept();
        let is_over = |one: &mut Kept<DB>| now > one.used + IDLE || now > one.since + LIFETIME || !trusted(one.since);
        kept.extract_if(.., is_over).for_each(|one| drop(one.conn.detach()));
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
            kept.push(Kept { used: Instant::now(), ..self.kept });
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
        let mut first = pool.acquire(|_| true).await.unwrap();
        sqlx::query("create temporary table t (a)").execute(&mut *first).await.unwrap();
        first.keep();
        let mut again = pool.acquire(|_| true).await.unwrap();
        assert_eq!(count(&mut again).await, 0);
        assert_eq!(pool.pool.size(), 1);
    }

    #[tokio::test]
    async fn one_that_is_no_good_any_more_is_closed() {
        let (_folder, pool) = pool(1).await;
        let after = |limit: Duration| Instant::now() + limit + Duration::from_secs(1);
        // Unused for long; old, though just used; from before the server went away.
        let cases = [(after(IDLE), false, true), (after(LIFETIME), true, true), (Instant::now(), true, false)];
        for (now, is_used, is_trusted) in cases {
            pool.acquire(|_| true).await.unwrap().keep();
            if is_used {
                pool.kept()[0].used = now;
            }
            assert!(pool.take(now, |_| is_trusted).is_none());
            assert_eq!(pool.pool.size(), 0);
        }
    }

    #[tokio::test]
    async fn what_was_begun_on_one_that_is_dropped_is_rolled_back() {
        let (_folder, pool) = pool(1).await;
        let mut conn = pool.acquire(|_| true).await.unwrap();
        sqlx::query("create table t (a)").execute(&mut *conn).await.unwrap();
        {
            let mut begun = sqlx::Connection::begin(&mut *conn).await.unwrap();
            sqlx::query("insert into t values (1)").execute(&mut *begun).await.unwrap();
        }
        drop(conn);
        assert_eq!(count(&mut pool.acquire(|_| true).await.unwrap()).await, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_share_few() {
        let (_folder, pool) = pool(2).await;
        let all = (0..200).map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let conn = pool.acquire(|_| true).await.unwrap();
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
        let late = pool.acquire(|_| true).await.unwrap();
        pool.acquire(|_| true).await.unwrap().keep();
        let (closing, ()) = tokio::join!(timeout(Duration::from_secs(5), pool.close()), async {
            tokio::task::yield_now().await;
            late.keep();
        });
        closing.unwrap();
        assert!(matches!(pool.acquire(|_| true).await, Err(sqlx::Error::PoolClosed)));
        assert!(pool.kept().is_empty());
    }
}
