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
