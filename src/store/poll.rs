//! The poll that every instance makes: the database's clock, and what was revoked.

use super::{Store, StoreError, fetch_all, read, statements::statements};
use crate::domain::id::{CustomerId, KeyId, PortalId, SessionId};
use std::collections::HashMap;
use uuid::Uuid;

statements! {
    // `r.position >= $1` reads again what a transaction older than the last look may have hidden.
    Postgres POLL = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint as now_micros, \
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon, \
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint as head, \
        concat_ws(' ', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time()) as server, \
        pg_is_in_recovery() as read_only, \
        case when pg_snapshot_xmin(pg_current_snapshot())::text::bigint < $2 then exists (select 1 from pg_locks l \
            where l.relation = 'revocations'::regclass and l.mode = 'RowExclusiveLock' \
            and l.database = (select d.oid from pg_database d where d.datname = current_database())) else false end as is_revoking, \
        r.id, r.kind, r.target \
        from (select 1) as one left join revocations r on r.position >= $1";
    Sqlite POLL_SQLITE = "select cast(unixepoch('subsec') * 1000 as integer) * 1000 as now_micros, \
        coalesce((select seq from sqlite_sequence where name = 'revocations'), 0) + 1 as horizon, \
        coalesce((select seq from sqlite_sequence where name = 'revocations'), 0) + 1 as head, \
        '' as server, 0 as read_only, $2 is null as is_revoking, r.id, r.kind, r.target \
        from (select 1) as one left join revocations r on r.position >= $1";
}

/// Something of which no instance may trust its cached copy any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A session was revoked or logged out.
    Session(SessionId),
    /// All sessions of a customer were.
    Customer(CustomerId),
    /// A portal was changed or deleted.
    Portal(PortalId),
    /// A key was revoked or rolled.
    Key(KeyId),
}

impl Revoked {
    /// The kind's name and the id, as they are stored.
    pub(super) fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Session(id) => ("session", id.0),
            Self::Customer(id) => ("customer", id.0),
            Self::Portal(id) => ("portal", id.0),
            Self::Key(id) => ("key", id.0),
        }
    }

    fn read(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "session" => Some(Self::Session(SessionId(id))),
            "customer" => Some(Self::Customer(CustomerId(id))),
            "portal" => Some(Self::Portal(PortalId(id))),
            "key" => Some(Self::Key(KeyId(id))),
            _ => None,
        }
    }
}

/// What one poll brought.
#[derive(Debug)]
pub struct Polled {
    /// The database's clock, in microseconds since the Unix epoch.
    pub now_micros: i64,
    /// From where the next poll must read on: no open transaction writes before it.
    pub horizon: i64,
    /// The first position at which a transaction that begins now can write.
    pub head: i64,
    /// Which run of which server answered: when it started, and when its statistics began, as they do anew after a crash. What
    /// another run gave out as the head may be given out again.
    pub server: String,
    /// Whether somebody who writes revocations was at work right after this look, given that a transaction is open that began
    /// before `old_head`.
    pub is_revoking: bool,
    /// What was revoked since the last poll, each with an id of its own, since some of it may have been told before.
    pub revoked: HashMap<Uuid, Revoked>,
}

#[derive(sqlx::FromRow)]
struct Row {
    now_micros: i64,
    horizon: i64,
    head: i64,
    server: String,
    read_only: bool,
    is_revoking: bool,
    id: Option<Uuid>,
    kind: Option<String>,
    target: Option<Uuid>,
}

impl Store {
    /// Reads the database's clock and what was revoked from position `since` on; if a transaction is open that began before
    /// `old_head`, it looks whether it may be one that revokes.
    ///
    /// # Errors
    /// When the database does not answer, or answers as a replica that takes no writes.
    pub async fn poll(&self, since: i64, old_head: i64) -> Result<Polled, StoreError> {
        let (apart, sql) = match self {
            Self::Postgres(db) => (Self::Postgres(db.for_poll()), POLL),
            Self::Sqlite(db) => (Self::Sqlite(db.for_poll()), POLL_SQLITE),
        };
        read!(&apart, |conn| {
            let rows = fetch_all!(conn, Row, sql, since, old_head)?;
            let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
            if first.read_only {
                return Err(StoreError::Unavailable("it is a replica that takes no writes".into()));
            }
            let &Row { now_micros, horizon, head, is_revoking, .. } = first;
            let server = first.server.clone();
            let revoked =
                rows.iter().filter_map(|row| Some((row.id?, Revoked::read(row.kind.as_deref()?, row.target?)?)));
            let revoked = revoked.collect();
            Ok(Polled { now_micros, horizon, head, server, is_revoking, revoked })
        })
    }
}
