//! Partitions on PostgreSQL: sessions are cut by day and events by month, so that inserts go to the newest, a look-up by id
//! touches one, and what is over is dropped whole.

use super::{Postgres, Store, StoreError, connection::Conn, error::is_of_no_table, execute, statements::statements};
use crate::domain::{
    id::{SessionId, uuid_floor, uuid_millis},
    time::{Seconds, Timestamp},
};
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use sqlx::Connection as _;
use std::time::Duration;
use tokio::time::timeout;

statements! {
    Postgres PARTITIONS = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid \
        where i.inhparent = to_regclass($1) order by 1";
    Postgres LOCK = "select pg_advisory_xact_lock(7381402951)";
    // Without the index, finding nothing takes a scan of the whole partition.
    Postgres BY_INDEX = "set local enable_seqscan = off";
    // Another instance that changes the schema waits for its table meanwhile.
    Postgres PATIENT = "set local lock_timeout = '2s'";
    Postgres SHORT_WAIT = "set local lock_timeout = '500ms'";
}

/// A server that vanished says nothing, for hours; the next sweep asks on another connection.
const LONGEST_LOOK: Duration = Duration::from_secs(600);

/// How long after they were made sessions end at the latest, but for those in the index `portal_sessions_long_lives`.
const SHORT_LIFE: Seconds = Seconds(86_400 + 900);

/// The partition that holds a session of this id, if any does; its name is made of digits alone.
pub(super) fn partition_of(id: SessionId) -> Option<String> {
    let day = DateTime::from_timestamp_millis(uuid_millis(id.0))?.date_naive();
    (day.year() <= 9999).then(|| Partitioned::Sessions.name(day))
}

/// A table that grows, and how it is cut.
#[derive(Clone, Copy)]
pub(super) enum Partitioned {
    /// `portal_sessions`, by day.
    Sessions,
    /// `events`, by month.
    Events,
}

impl Partitioned {
    const fn table(self) -> &'static str {
        match self {
            Self::Sessions => "portal_sessions",
            Self::Events => "events",
        }
    }

    fn start(self, at: Timestamp) -> NaiveDate {
        let day = at.utc().date_naive();
        match self {
            Self::Sessions => day,
            Self::Events => day.with_day(1).unwrap_or(day),
        }
    }

    fn next(self, start: NaiveDate) -> NaiveDate {
        match self {
            Self::Sessions => start.checked_add_days(Days::new(1)),
            Self::Events => start.checked_add_months(Months::new(1)),
        }
        .unwrap_or(start)
    }

    fn name(self, start: NaiveDate) -> String {
        format!("{}_{}", self.table(), start.format("%Y%m%d"))
    }

    /// Where the partition of that name ends.
    fn end_of(self, name: &str) -> Option<Timestamp> {
        let digits = name.strip_prefix(self.table())?.strip_prefix('_')?;
        Some(midnight(self.next(NaiveDate::parse_from_str(digits, "%Y%m%d").ok()?)))
    }
}

fn midnight(day: NaiveDate) -> Timestamp {
    let at: DateTime<Utc> = day.and_time(chrono::NaiveTime::MIN).and_utc();
    Timestamp::from_millis(at.timestamp_millis())
}

impl Store {
    /// Makes the partitions that hold ids from `from` to `to`, where the database has partitions.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn make_partitions(&self, from: Timestamp, to: Timestamp) -> Result<(), StoreError> {
        let Self::Postgres(db) = self else { return Ok(()) };
        for table in [Partitioned::Sessions, Partitioned::Events] {
            let have = db.partitions(table).await?;
            let mut start = table.start(from);
            while start <= table.start(to) {
                if !have.contains(&table.name(start)) {
                    db.make_partition(table, start).await?;
                }
                start = table.next(start);
            }
        }
        Ok(())
    }
}

impl Postgres {
    async fn partitions(&self, table: Partitioned) -> Result<Vec<String>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move {
                let names = sqlx::query_scalar(PARTITIONS).persistent(conn.persistent).bind(table.table());
                Ok(names.fetch_all(&mut *conn.inner).await?)
            })
        })
        .await
    }

    /// Makes one partition apart and attaches it, which stops neither readers nor writers.
    async fn make_partition(&self, of: Partitioned, start: NaiveDate) -> Result<(), StoreError> {
        let (table, name) = (of.table(), of.name(start));
        let [from, to] = [start, of.next(start)].map(|day| uuid_floor(midnight(day).millis()));
        // A session is opened, exchanged and ended where it stands, without a new entry in any index, while its page has room.
        let room = if matches!(of, Partitioned::Sessions) { " with (fillfactor = 70)" } else { "" };
        let make = format!(
            "do $$ begin if to_regclass('{name}') is null then \
             create table {name} (like {table} including all){room}; \
             alter table {table} attach partition {name} for values from ('{from}') to ('{to}'); end if; end $$"
        );
        self.ddl(make).await
    }

    /// Drops the partitions that end before `over` and hold nothing that ended later.
    pub(super) async fn drop_partitions(&self, table: Partitioned, over: Timestamp) -> Result<u64, StoreError> {
        let mut dropped = 0;
        let life = if matches!(table, Partitioned::Sessions) { SHORT_LIFE } else { Seconds(0) };
        for name in self.partitions(table).await? {
            if table.end_of(&name).is_none_or(|end| end.plus(life) > over) {
                continue;
            }
            if matches!(table, Partitioned::Sessions) && self.holds_later(&name, over).await? {
                continue;
            }
            self.ddl(format!("drop table if exists {name}")).await?;
            tracing::info!(partition = name, "dropped what is over");
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Whether one of a partition's sessions with a long life ended at `over` or later.
    async fn holds_later(&self, name: &str, over: Timestamp) -> Result<bool, StoreError> {
        let sql = format!(
            "select exists (select 1 from {name} where (session_ttl > 86400 or link_expires_at - created_at > interval '15 minutes') \
             and coalesce(ended_at, browser_expires_at, link_expires_at) >= $1)"
        );
        // There may be many, and nobody waits for it. In a transaction, without which PgBouncer parts a statement from its values.
        let look = async {
            let mut conn = self.unhurried().await?;
            let mut tx = conn.begin().await?;
            execute!(Conn { inner: &mut *tx, persistent: false }, BY_INDEX)?;
            let sql = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).persistent(false).bind(over);
            match sql.fetch_one(&mut *tx).await {
                // Another instance's sweep dropped it meanwhile.
                Err(error) if is_of_no_table(&error) => Ok(true),
                held => Ok(held?),
            }
        };
        let late = |_| StoreError::Unavailable("it does not answer the sweep".into());
        timeout(LONGEST_LOOK, look).await.map_err(late)?
    }

    /// Runs a change of the schema that waits for nobody long; names in it are our own, never a client's.
    async fn ddl(&self, sql: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                execute!(conn, PATIENT)?;
                execute!(conn, LOCK)?;
                execute!(conn, SHORT_WAIT)?;
                sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).execute(&mut *conn.inner).await?;
                Ok(())
            })
        })
        .await
    }
}
