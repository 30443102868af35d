//! Erased customers: the trail keeps what happened and to which id, and forgets the person.
//!
//! An erasure is noted in the transaction that deletes the customer, and from then on no list shows the person. The
//! events themselves are cleared afterwards, by walking the trail: an index that leads from customers to their events
//! would cost every create and exchange.

use super::{Store, StoreError, execute, fetch_all, fetch_optional, read, statements::statements, transact};
use crate::domain::{
    event::EventType,
    id::{CustomerId, TenantId, uuid_floor, uuid_millis},
    time::{Seconds, Timestamp},
};
use uuid::Uuid;

/// Whether the customer of a row of `events` was erased and the walk is not done. No `exists`, which PostgreSQL may turn
/// round and read all of the events for each erasure.
macro_rules! is_erased {
    () => {
        "(select erased_at from erasures where erasures.customer_id = events.customer_id) is not null"
    };
}
pub(super) use is_erased;

/// The events in a stretch of a trail that still tell of somebody who was erased. What tells of the erasure stays.
macro_rules! telling {
    () => {
        concat!(
            "tenant_id = $1 and livemode = $2 and id > $3 and id <= $4 and type <> $5 \
             and (ip_address is not null or user_agent is not null or data <> '{}') and ",
            is_erased!()
        )
    };
}

statements! {
    Both INSERT = "insert into erasures (customer_id, tenant_id, livemode, erased_at) values ($1, $2, $3, $4)";
    Both PENDING = "select tenant_id, livemode, customer_id from erasures order by tenant_id, livemode, customer_id";
    Both STRETCH = "select id from events where tenant_id = $1 and livemode = $2 and id > $3 order by id limit 1 offset $4";
    Both TELLING = concat!("select id from events where ", telling!(), " limit 1");
    Both CLEAR = concat!("update events set ip_address = null, user_agent = null, data = '{}' where ", telling!());
    // What was being made while the customer was erased.
    Both DELETE_SESSIONS = "delete from portal_sessions where customer_id in (select customer_id from erasures where tenant_id = $1 and livemode = $2)";
    Both DONE = "delete from erasures where tenant_id = $1 and livemode = $2 and erased_at <= $3";
}

/// How many events a walk reads at a time: few enough for a statement's time limit, also from a cold disk.
pub const STRETCH_OF_EVENTS: u32 = 1000;
/// How long after an erasure what was under way meanwhile is written down at the latest, or never.
const IN_FLIGHT: Seconds = Seconds(300);
/// A customer's events have ids no older than its own, but for clocks that differ.
const CLOCKS_DIFFER: Seconds = Seconds(3600);

#[derive(sqlx::FromRow)]
struct Pending {
    tenant_id: TenantId,
    livemode: bool,
    customer_id: CustomerId,
}

impl Store {
    /// One pass through the trails of erased customers, `stretch` events at a time; how many events it cleared. An
    /// erasure is done when a pass that began long enough after it came to the end. A pass may stop anywhere and may run
    /// beside others: the next one finds what is left.
    ///
    /// # Errors
    /// When the database does not answer. Each trail is tried.
    pub async fn clear_erased(&self, now: Timestamp, stretch: u32) -> Result<u64, StoreError> {
        let mut trails = read!(self, |conn| Ok(fetch_all!(conn, Pending, PENDING)?))?;
        // The first of a trail is the oldest.
        trails.dedup_by_key(|pending| (pending.tenant_id, pending.livemode));
        let mut forgotten = Ok(0);
        for Pending { tenant_id, livemode, customer_id } in trails {
            let oldest = Timestamp::from_millis(uuid_millis(customer_id.0)).minus(CLOCKS_DIFFER);
            let cleared = self.clear_trail(tenant_id, livemode, oldest, now, stretch).await;
            forgotten = match (forgotten, cleared) {
                (Ok(before), Ok(cleared)) => Ok(before + cleared),
                (failed, Ok(_)) | (_, failed) => failed,
            };
        }
        forgotten
    }

    /// Walks one trail, from `oldest` to its end.
    async fn clear_trail(
        &self,
        tenant: TenantId,
        livemode: bool,
        oldest: Timestamp,
        now: Timestamp,
        stretch: u32,
    ) -> Result<u64, StoreError> {
        transact!(self, |conn| Ok(execute!(conn, DELETE_SESSIONS, tenant, livemode)?))?;
        let own = EventType::CustomerDeleted.as_str();
        let skipped = i64::from(stretch.saturating_sub(1));
        let (mut above, mut cleared) = (uuid_floor(oldest.millis()), 0);
        while above < Uuid::max() {
            // Looking keeps nobody from writing, and mostly there is nothing to write.
            let (end, is_telling) = read!(self, |conn| {
                let end = fetch_optional!(conn, (Uuid,), STRETCH, tenant, livemode, above, skipped)?;
                let end = end.map_or(Uuid::max(), |(id,)| id);
                let telling = fetch_optional!(conn, (Uuid,), TELLING, tenant, livemode, above, end, own)?;
                Ok((end, telling.is_some()))
            })?;
            if is_telling {
                cleared += transact!(self, |conn| Ok(execute!(conn, CLEAR, tenant, livemode, above, end, own)?))?;
            }
            above = end;
        }
        let settled = now.minus(IN_FLIGHT);
        transact!(self, |conn| Ok(execute!(conn, DONE, tenant, livemode, settled)?))?;
        Ok(cleared)
    }
}
