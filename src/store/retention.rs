//! Retention: what is over long enough goes.

use super::{
    STRETCH_OF_EVENTS, Store, StoreError, execute, fetch_optional, partitions::Partitioned, read,
    statements::statements, transact,
};
use crate::domain::{
    id::{SessionId, uuid_floor},
    time::{Seconds, Timestamp},
};
use uuid::Uuid;

statements! {
    Both END_OF_STRETCH = "select id from portal_sessions where id >= $1 and id < $2 order by id limit 1 offset $3";
    // An expired browser session counts from its expiry, an unused link from its own.
    Both SWEEP_SESSIONS = "delete from portal_sessions where id >= $1 and id < $2 \
        and coalesce(ended_at, browser_expires_at, link_expires_at) < $3";
    Sqlite SWEEP_EVENTS = "delete from events where (tenant_id, livemode, id) in (select e.tenant_id, e.livemode, e.id from tenants t \
        cross join (values (false), (true)) m cross join events e where e.tenant_id = t.id and e.livemode = m.column1 and e.id < $1 limit 5000)";
    Both SWEEP_ANSWERS = "delete from idempotency where id in (select id from idempotency where expires_at <= $1 limit 5000)";
    Both SWEEP_REVOCATIONS = "delete from revocations where at < $1";
}

/// How long what is over stays readable.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Sessions, from their end on.
    pub sessions: Seconds,
    /// Events, from their making on.
    pub events: Seconds,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whole partitions.
    pub partitions: u64,
    /// Single rows.
    pub rows: u64,
    /// Events out of which it took a customer that was erased.
    pub cleared: u64,
}

/// How many sessions are looked at in one transaction.
const STRETCH_OF_SESSIONS: i64 = 5000;
/// Revocations older than this are known to every instance, or it has thrown its caches away.
const REVOCATIONS_KEPT: Seconds = Seconds(900);
/// How long after its end a partition of which a few rows live long is cleared row by row.
const STRAGGLERS_AFTER: Seconds = Seconds::days(2);
/// Partitions are made so far ahead.
const AHEAD: Seconds = Seconds::days(7);

impl Store {
    /// One pass: makes the coming partitions, removes what is over for longer than `keep` and records that are not needed any
    /// more, and takes those who were erased out of their events.
    ///
    /// # Errors
    /// When the database does not answer; what was removed before stays removed.
    pub async fn sweep(&self, now: Timestamp, keep: Retention) -> Result<Swept, StoreError> {
        // What stops one of them (a backup holds a partition, say) does not stop the others.
        let swept = self.remove_over(now, keep).await;
        let records = self.remove_records(now).await;
        let cleared = self.clear_erased(now, STRETCH_OF_EVENTS).await?;
        let swept = swept?;
        Ok(Swept { cleared, rows: swept.rows + records?, ..swept })
    }

    /// Removes answers whose time is over, and revocations that everybody has heard of.
    async fn remove_records(&self, now: Timestamp) -> Result<u64, StoreError> {
        let answers: u64 = until_none!(self, SWEEP_ANSWERS, now);
        let heard = now.minus(REVOCATIONS_KEPT);
        let revocations: u64 = transact!(self, |conn| Ok(execute!(conn, SWEEP_REVOCATIONS, heard)?))?;
        Ok(answers + revocations)
    }

    async fn remove_over(&self, now: Timestamp, keep: Retention) -> Result<Swept, StoreError> {
        self.make_partitions(now.minus(Seconds::days(1)), now.plus(AHEAD)).await?;
        let mut swept = Swept::default();
        let over = now.minus(keep.sessions);
        let sessions_below = match self {
            Self::Postgres(db) => {
                swept.partitions += db.drop_partitions(Partitioned::Sessions, over).await?;
                swept.partitions += db.drop_partitions(Partitioned::Events, now.minus(keep.events)).await?;
                over.minus(STRAGGLERS_AFTER)
            }
            Self::Sqlite(_) => {
                let below = uuid_floor(now.minus(keep.events).millis());
                swept.rows += until_none!(self, SWEEP_EVENTS, below);
                over
            }
        };
        swept.rows += self.remove_sessions(SessionId(uuid_floor(sessions_below.millis())), over).await?;
        Ok(swept)
    }

    /// Removes sessions with ids below `below` that ended before `over`. Those that live long stay among them, very many
    /// perhaps: they are passed over stretch by stretch, so that no statement takes long.
    async fn remove_sessions(&self, below: SessionId, over: Timestamp) -> Result<u64, StoreError> {
        let (mut removed, mut from) = (0, SessionId(Uuid::nil()));
        loop {
            let end: Option<(SessionId,)> =
                read!(self, |conn| Ok(fetch_optional!(conn, _, END_OF_STRETCH, from, below, STRETCH_OF_SESSIONS)?))?;
            let next = end.map(|(id,)| id);
            let to = next.unwrap_or(below);
            removed += transact!(self, |conn| Ok(execute!(conn, SWEEP_SESSIONS, from, to, over)?))?;
            match next {
                Some(id) => from = id,
                None => return Ok(removed),
            }
        }
    }
}

/// Repeats a statement that touches at most 5000 rows, each time in a transaction of its own, until none is left.
macro_rules! until_none {
    ($store:expr, $sql:expr $(, $arg:expr)*) => {{
        let mut total = 0;
        loop {
            let removed: u64 = transact!($store, |conn| Ok(execute!(conn, $sql $(, $arg)*)?))?;
            total += removed;
            if removed < 5000 {
                break total;
            }
        }
    }};
}
use until_none;
