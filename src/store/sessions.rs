//! Sessions: what reads them, and every transition but the making and the exchange.

use super::{
    Beside, LiveSession, Revoked, Store, StoreError, events, execute, fetch_all, fetch_optional, idempotency, read,
    revocations,
    row::{LiveRow, SessionRow, live_columns, session_columns, session_joins, session_tables},
    statements::statements,
    transact,
};
use crate::domain::{
    event::NewEvent,
    id::{CustomerId, PortalId, SessionId, TenantId, uuid_floor},
    portal::{MAX_LINK_TTL, MAX_SESSION_TTL},
    secret::SecretHash,
    session::{Session, Status},
    time::{Seconds, Timestamp},
};
use uuid::Uuid;

statements! {
    Both BY_ID = concat!("select ", session_columns!(), " from ", session_tables!(), " where s.tenant_id = $1 and s.livemode = $2 and s.id = $3");
    Both LIVE = concat!("select ", live_columns!(), " from ", session_tables!(), " where s.id = $1");
    Both OPEN = "update portal_sessions set opened_at = $3 where id = $1 and link_hash = $2 and opened_at is null \
        and used_at is null and link_expires_at > $3";
    Both FIRST_USE = "update portal_sessions set first_used_at = $3 where id = $1 and browser_hash = $2 and first_used_at is null";
    Both END = "update portal_sessions set ended_at = $3 where id = $1 and browser_hash = $2 and ended_at is null and browser_expires_at > $3";
    Both REVOKE = "delete from portal_sessions where tenant_id = $1 and livemode = $2 and id = $3";
    Both OF_CUSTOMER = "select id, portal_id from portal_sessions where tenant_id = $1 and livemode = $2 and customer_id = $3 and id > $4 \
        and (used_at is null and link_expires_at > $6 or ended_at is null and browser_expires_at > $6 or $6 is null) order by id limit $5";
}

/// The highest id there can be: a list starts below it.
const TOP: Uuid = Uuid::max();
/// Nothing was made later than this from now, whatever an instance's clock says.
const TO_COME: Seconds = Seconds(3600);
/// So many sessions are read at a time while they are revoked.
const CHUNK: i64 = 500;

/// Which part of a list to read.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many entries, 1–100.
    pub limit: u32,
    /// Older than this one.
    pub starting_after: Option<Uuid>,
    /// The ones just newer than this one.
    pub ending_before: Option<Uuid>,
}

impl Page {
    /// The bound from above.
    pub fn below(self) -> Uuid {
        self.starting_after.unwrap_or(TOP)
    }

    /// The bound from below.
    pub fn above(self) -> Uuid {
        self.ending_before.unwrap_or(Uuid::nil())
    }

    /// Whether it is read from the newest down.
    pub fn is_down(self) -> bool {
        self.ending_before.is_none()
    }

    /// One more than asked for, to learn whether there is more.
    pub fn fetch(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts what was fetched to the page, newest first; the flag tells whether there is more.
    pub fn cut<T>(self, mut rows: Vec<T>) -> (Vec<T>, bool) {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        if !self.is_down() {
            rows.reverse();
        }
        (rows, has_more)
    }
}

/// Which sessions a list holds by where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// Neither used nor expired.
    Unused,
    /// Everything.
    All,
    /// Links that can be exchanged, and browser sessions that are going on.
    Live,
    /// Only those that stand there.
    Only(Status),
}

/// Which sessions a list holds.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Whose.
    pub tenant_id: TenantId,
    /// In which mode.
    pub livemode: bool,
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only these portals'.
    pub portals: Option<Vec<PortalId>>,
    /// By where they stand.
    pub status: StatusFilter,
    /// Where they stand when.
    pub now: Timestamp,
}

impl StatusFilter {
    const ALL: [Self; 8] = [
        Self::Unused,
        Self::All,
        Self::Live,
        Self::Only(Status::Pending),
        Self::Only(Status::Opened),
        Self::Only(Status::Active),
        Self::Only(Status::Ended),
        Self::Only(Status::Expired),
    ];

    /// The condition, with `$7` for now, and whether it needs that.
    const fn condition(self) -> (&'static str, bool) {
        match self {
            Self::All => ("", false),
            Self::Live => (
                " and (s.used_at is null and s.link_expires_at > $7 or s.ended_at is null and s.browser_expires_at > $7)",
                true,
            ),
            Self::Unused => (" and s.used_at is null and s.link_expires_at > $7", true),
            Self::Only(Status::Pending) => {
                (" and s.used_at is null and s.opened_at is null and s.link_expires_at > $7", true)
            }
            Self::Only(Status::Opened) => {
                (" and s.used_at is null and s.opened_at is not null and s.link_expires_at > $7", true)
            }
            Self::Only(Status::Active) => {
                (" and s.used_at is not null and s.ended_at is null and s.browser_expires_at > $7", true)
            }
            Self::Only(Status::Ended) => (" and s.ended_at is not null", false),
            Self::Only(Status::Expired) => (
                " and s.ended_at is null and (s.browser_expires_at <= $7 or s.used_at is null and s.link_expires_at <= $7)",
                true,
            ),
        }
    }

    const fn is_of_live_links(self) -> bool {
        matches!(self, Self::Unused | Self::Only(Status::Pending | Status::Opened))
    }

    /// Before this id none can stand there: how long a link and a session may live is bounded.
    fn floor(self, now: Timestamp) -> Uuid {
        let from = match self {
            Self::Unused | Self::Only(Status::Pending | Status::Opened) => now.minus(MAX_LINK_TTL),
            Self::Live | Self::Only(Status::Active) => return floor_of_live(now),
            Self::All | Self::Only(Status::Ended | Status::Expired) => return Uuid::nil(),
        };
        uuid_floor(from.millis())
    }
}

/// Before this id no session is live: how long a link and a session may live is bounded.
pub(super) fn floor_of_live(now: Timestamp) -> Uuid {
    uuid_floor(now.minus(MAX_LINK_TTL).minus(MAX_SESSION_TTL).millis())
}

/// The list's text: a scan of one index from a bound on.
fn list_sql(store: &Store, status: StatusFilter, by_customer: bool, down: bool) -> String {
    let portals = match store {
        Store::Postgres(_) => "s.portal_id = any(string_to_array($6, ',')::uuid[])",
        Store::Sqlite(_) => {
            "s.portal_id in (select unhex(value) from json_each('[\"' || replace($6, ',', '\",\"') || '\"]'))"
        }
    };
    let (condition, uses_now) = status.condition();
    let customer = match (by_customer, uses_now) {
        (false, _) => "",
        (true, false) => " and s.customer_id = $7",
        (true, true) => " and s.customer_id = $8",
    };
    let order = if down { "s.id desc" } else { "s.id" };
    if status.is_of_live_links() && !by_customer {
        // However many sessions a tenant has, few of them are links that can be used, and those have an index. The bounds
        // on both sides of their expiry tell the database to take that one; the ids only tell it which days to look at.
        return format!(
            "with live as materialized (select * from portal_sessions s where s.tenant_id = $1 and s.livemode = $2 and s.id > $4{condition} \
             and s.link_expires_at <= $8 and coalesce(s.used_at, 'infinity') = 'infinity') select {} from live s {} where s.id < $3 \
             and (cast($6 as text) is null or {portals}) order by {order} limit $5",
            session_columns!(),
            session_joins!(),
        );
    }
    format!(
        "select {} from {} where s.tenant_id = $1 and s.livemode = $2 and s.id < $3 and s.id > $4 \
         and (cast($6 as text) is null or {portals}){condition}{customer} order by {order} limit $5",
        session_columns!(),
        session_tables!(),
    )
}

pub(super) fn list_statements(store: &Store) -> Vec<String> {
    let of = |status| {
        [(true, true), (true, false), (false, true), (false, false)].map(|(by, down)| list_sql(store, status, by, down))
    };
    StatusFilter::ALL.into_iter().flat_map(of).collect()
}

impl Store {
    /// A tenant's session in one mode.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(&self, tenant: TenantId, live: bool, id: SessionId) -> Result<Option<Session>, StoreError> {
        read!(self, |link| {
            let row = fetch_optional!(link, SessionRow, BY_ID, tenant, live, id)?;
            Ok(row.map(Session::try_from).transpose()?)
        })
    }

    /// Any tenant's session, with what decides whether a credential opens it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn live_session(&self, id: SessionId) -> Result<Option<LiveSession>, StoreError> {
        read!(self, |link| Ok(fetch_optional!(link, LiveRow, LIVE, id)?.map(LiveSession::try_from).transpose()?))
    }

    /// One page of a tenant's sessions, one entry more than asked for when there is more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(&self, filter: ListFilter, page: Page) -> Result<Vec<Session>, StoreError> {
        let sql = list_sql(self, filter.status, filter.customer_id.is_some(), page.is_down());
        let portals = filter.portals.map(|ids| {
            let ids: Vec<_> = ids.iter().map(|id| id.0.simple().to_string()).collect();
            ids.join(",")
        });
        let above = page.above().max(filter.status.floor(filter.now));
        // Partitions of days to come need no look.
        let below = page.below().min(uuid_floor(filter.now.plus(TO_COME).millis()));
        let rows = read!(self, |link| {
            let mut query = sqlx::query_as::<_, SessionRow>(sqlx::AssertSqlSafe(sql))
                .persistent(link.persistent)
                .bind(filter.tenant_id)
                .bind(filter.livemode)
                .bind(below)
                .bind(above)
                .bind(page.fetch())
                .bind(portals);
            if filter.status.condition().1 {
                query = query.bind(filter.now);
            }
            match filter.customer_id {
                Some(customer) => query = query.bind(customer),
                None if filter.status.is_of_live_links() => {
                    query = query.bind(filter.now.plus(MAX_LINK_TTL).plus(TO_COME))
                }
                None => {}
            }
            Ok(query.fetch_all(&mut *link.conn).await?)
        })?;
        Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
    }

    /// Notes that the landing page was seen; whether it was the first time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_session(
        &self,
        id: SessionId,
        link_hash: SecretHash,
        event: NewEvent,
    ) -> Result<bool, StoreError> {
        transact!(self, |link| {
            if execute!(link, OPEN, id, link_hash, event.at)? == 0 {
                return Ok(false);
            }
            events::insert!(link, event);
            Ok(true)
        })
    }

    /// Notes the first use of a browser token, after which no repeat of the exchange gets another;
    /// `false` when a repeat has replaced the token, or another request was first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_first_use(
        &self,
        id: SessionId,
        browser_hash: SecretHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        transact!(self, |link| Ok(execute!(link, FIRST_USE, id, browser_hash, now)? > 0))
    }

    /// Ends a browser session; `false` when that token no longer holds a live one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_session(
        &self,
        id: SessionId,
        browser_hash: SecretHash,
        event: NewEvent,
    ) -> Result<bool, StoreError> {
        transact!(self, |link| {
            if execute!(link, END, id, browser_hash, event.at)? == 0 {
                return Ok(false);
            }
            revocations::insert!(link, Revoked::Session(id), event.at);
            events::insert!(link, event);
            Ok(true)
        })
    }

    /// Revokes a session for good; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_session(
        &self,
        tenant: TenantId,
        live: bool,
        id: SessionId,
        event: NewEvent,
    ) -> Result<bool, StoreError> {
        transact!(self, |link| {
            if execute!(link, REVOKE, tenant, live, id)? == 0 {
                return Ok(false);
            }
            revocations::insert!(link, Revoked::Session(id), event.at);
            events::insert!(link, event);
            Ok(true)
        })
    }

    /// Revokes a customer's sessions, all or the live ones, in the portals named; `event` tells of each. How many were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_sessions_of(
        &self,
        filter: ListFilter,
        customer: CustomerId,
        event: impl Fn(SessionId, PortalId) -> NewEvent + Send + Sync + 'static,
        beside: Option<Beside<u64>>,
    ) -> Result<u64, StoreError> {
        transact!(self, |link| {
            let (mut revoked, mut last) = (0, Uuid::nil());
            let live_at = (filter.status == StatusFilter::Live).then_some(filter.now);
            loop {
                let rows = fetch_all!(
                    link,
                    (SessionId, PortalId),
                    OF_CUSTOMER,
                    filter.tenant_id,
                    filter.livemode,
                    customer,
                    last,
                    CHUNK,
                    live_at,
                )?;
                let found = rows.len();
                for (id, portal) in rows {
                    last = id.0;
                    if filter.portals.as_ref().is_some_and(|portals| !portals.contains(&portal)) {
                        continue;
                    }
                    execute!(link, REVOKE, filter.tenant_id, filter.livemode, id)?;
                    events::insert!(link, event(id, portal));
                    revoked += 1;
                }
                if found < CHUNK as usize {
                    break;
                }
            }
            if revoked > 0 {
                revocations::insert!(link, Revoked::Customer(customer), filter.now);
            }
            if let Some(beside) = beside {
                idempotency::insert!(link, beside(&revoked), filter.now);
            }
            Ok(revoked)
        })
    }
}
