//! Lists of sessions: which part, which ones, and by which index they are read.

use super::{
    Store, StoreError, read,
    row::{json_values, session_columns, session_tables},
};
use crate::domain::{
    id::{CustomerId, PortalId, TenantId, uuid_floor, uuid_millis},
    portal::{MAX_LINK_TTL, MAX_SESSION_TTL},
    session::{Session, Status},
    time::{Seconds, Timestamp},
};
use uuid::Uuid;

/// The highest id there can be: a list starts below it.
const TOP: Uuid = Uuid::max();
/// Nothing was made later than this from now, whatever an instance's clock says.
const TO_COME: Seconds = Seconds(3600);
/// Links that live longer have an index of their own, so that a list of links that can be used reads no further back than
/// this among all the others.
const SHORT_LINK: Seconds = Seconds(900);
/// How far a list's first look reaches on PostgreSQL: one at few partitions costs a third of one at all of them, and
/// usually finds the page.
const FIRST_LOOK: Seconds = Seconds(3 * 86_400);

/// Whether an id is one of those in a parameter, as [`list_of`] writes them.
macro_rules! is_one_of {
    (Postgres, $parameter:literal) => {
        concat!(" = any (string_to_array(", $parameter, ", ',')::uuid[])")
    };
    (Sqlite, $parameter:literal) => {
        concat!(" in (select unhex(value) from json_each('[\"' || replace(", $parameter, ", ',', '\",\"') || '\"]'))")
    };
}
pub(super) use is_one_of;

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
    /// The tenant whose sessions they are.
    pub tenant_id: TenantId,
    /// Those of live rather than test mode.
    pub livemode: bool,
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only these portals'.
    pub portals: Option<Vec<PortalId>>,
    /// Only those of this status.
    pub status: StatusFilter,
    /// The instant at which their statuses are judged.
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

    const fn is_of_unused_links(self) -> bool {
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

/// The index that a part of a list is read by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Tenant,
    Customer,
    /// The tenant's links that live long.
    LongLinks,
}

/// The list's text: a scan of one index between two bounds.
fn list_sql(store: &Store, status: StatusFilter, index: Index, down: bool) -> String {
    let (portals, long) = match store {
        Store::Postgres(_) => (
            concat!("s.portal_id", is_one_of!(Postgres, "$6")),
            "s.link_expires_at - s.created_at > interval '15 minutes'",
        ),
        Store::Sqlite(_) => {
            (concat!("s.portal_id", is_one_of!(Sqlite, "$6")), "s.link_expires_at - s.created_at > 900000")
        }
    };
    let (condition, uses_now) = status.condition();
    let by_index = match (index, uses_now) {
        (Index::Tenant, _) => String::new(),
        (Index::Customer, false) => " and s.customer_id = $7".into(),
        (Index::Customer, true) => " and s.customer_id = $8".into(),
        (Index::LongLinks, _) => format!(" and s.link_hash is not null and {long}"),
    };
    let order = if down { "s.id desc" } else { "s.id" };
    let columns = match store {
        Store::Postgres(_) => session_columns!().to_owned(),
        Store::Sqlite(_) => format!("json_array({}) as row", json_values(session_columns!())),
    };
    let page = format!(
        "select {columns} from {} where s.tenant_id = $1 and s.livemode = $2 and s.id < $3 and s.id > $4 \
         and (cast($6 as text) is null or {portals}){condition}{by_index} order by {order} limit $5",
        session_tables!(),
    );
    match store {
        Store::Postgres(_) => page,
        Store::Sqlite(_) => format!("select json_group_array(json(row)) from ({page})"),
    }
}

pub(super) fn list_statements(store: &Store) -> Vec<String> {
    let of = |status: StatusFilter| {
        let long = status.is_of_unused_links().then_some(Index::LongLinks);
        [Index::Tenant, Index::Customer].into_iter().chain(long).map(move |index| (status, index))
    };
    let both = |(status, index)| [true, false].map(|down| list_sql(store, status, index, down));
    StatusFilter::ALL.into_iter().flat_map(of).flat_map(both).collect()
}

/// Portals' ids with commas between, as [`is_one_of`] takes them.
pub(super) fn list_of(portals: &[PortalId]) -> String {
    portals.iter().map(|id| id.0.simple().to_string()).collect::<Vec<_>>().join(",")
}

impl ListFilter {
    /// The portals, as statements take them.
    pub(super) fn portal_list(&self) -> Option<String> {
        self.portals.as_deref().map(list_of)
    }

    /// The parts that hold the list together, each with its bounds, from the newest to the oldest.
    fn parts(&self, page: Page, is_partitioned: bool) -> Vec<(Index, Uuid, Uuid)> {
        // Partitions of days to come need no look.
        let below = page.below().min(uuid_floor(self.now.plus(TO_COME).millis()));
        let above = page.above().max(self.status.floor(self.now));
        let index = if self.customer_id.is_some() { Index::Customer } else { Index::Tenant };
        if index == Index::Tenant && !self.status.is_of_unused_links() && is_partitioned {
            let end = match page.is_down() {
                true => uuid_millis(below) - FIRST_LOOK.millis(),
                false => uuid_millis(above) + FIRST_LOOK.millis(),
            };
            let end = uuid_floor(end);
            return vec![(index, above.max(end), below), (index, above, below.min(end))];
        }
        if index == Index::Customer || !self.status.is_of_unused_links() {
            return vec![(index, above, below)];
        }
        // An older one that can still be used is of those that live long. Both bounds are excluded, and no id is this one.
        let older = uuid_floor(self.now.minus(SHORT_LINK).millis());
        vec![(index, above.max(older), below), (Index::LongLinks, above, below.min(older))]
    }
}

impl Store {
    /// One page of a tenant's sessions, one entry more than asked for when there is more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(&self, filter: ListFilter, page: Page) -> Result<Vec<Session>, StoreError> {
        let mut parts = filter.parts(page, matches!(self, Self::Postgres(_)));
        if !page.is_down() {
            parts.reverse();
        }
        let portals = filter.portal_list();
        let mut found = Vec::new();
        for (index, above, below) in parts {
            let left = page.fetch() - found.len() as i64;
            if left == 0 || above >= below {
                continue;
            }
            let sql = list_sql(self, filter.status, index, page.is_down());
            let (tenant, livemode, portals) = (filter.tenant_id, filter.livemode, portals.clone());
            let now = filter.status.condition().1.then_some(filter.now);
            let customer = filter.customer_id;
            let rows = read!(self, |conn| {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
                    .persistent(conn.persistent)
                    .bind(tenant)
                    .bind(livemode)
                    .bind(below)
                    .bind(above)
                    .bind(left)
                    .bind(portals);
                if let Some(now) = now {
                    query = query.bind(now);
                }
                if let Some(customer) = customer {
                    query = query.bind(customer);
                }
                conn.sessions(query).await
            })?;
            found.extend(rows);
        }
        Ok(found.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
    }
}
