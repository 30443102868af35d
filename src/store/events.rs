//! The audit trail.

use super::{
    Page, Store, StoreError,
    arrays::{ArrayStatement, column, sparse},
    connection::Conn,
    erasures::is_erased,
    execute, read,
    sqlite_script::{self, RowsStatement, Script, bind},
    statements::statements,
    transact,
    values::from_json,
};
use crate::domain::{
    event::{Actor, Event, EventType, NewEvent},
    id::{CustomerId, EventId, PortalId, SessionId, TenantId},
    time::Timestamp,
};
use sqlx::{PgConnection, SqliteConnection};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "id, type, created_at, livemode, actor_type, actor_id, ip_address, user_agent, session_id, customer_id, portal_id, data"
    };
}

statements! {
    Both INSERT = concat!("insert into events (", columns!(), ", tenant_id) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
    Postgres INSERT_ARRAYS = concat!("insert into events (", columns!(), ", tenant_id) select ($1::uuid[])[n], ($2::text[])[n], \
        ($3::timestamptz[])[n], ($4::bool[])[n], ($5::text[])[n], ($6::uuid[])[n], ($7::text[])[n], ($8::text[])[n], ($9::uuid[])[n], \
        ($10::uuid[])[n], ($11::uuid[])[n], ($12::text[])[n], ($13::uuid[])[n] from generate_series(1, cardinality($1::uuid[])) as n");
}

static EVENTS: ArrayStatement = ArrayStatement::new(INSERT_ARRAYS);

/// The same for many rows on SQLite.
const INSERT_MANY: RowsStatement = (
    concat!(
        "with item(",
        columns!(),
        ", tenant_id) as (values ()) insert or fail into events (",
        columns!(),
        ", tenant_id) select * from item where id is not null"
    ),
    13,
);

/// Gives an event's values, in the order of the columns, to the macro `$with` behind what stands before them.
macro_rules! in_order {
    ($with:ident!($($first:expr),*), $event:expr) => {{
        let event: &$crate::domain::event::NewEvent = $event;
        $with!(
            $($first,)*
            event.id,
            event.kind.as_str(),
            event.at,
            event.livemode,
            event.actor.kind(),
            event.actor.id(),
            event.client.address.map(|address| address.to_string()),
            event.client.user_agent.as_deref(),
            event.session_id,
            event.customer_id,
            event.portal_id,
            event.data.to_string(),
            event.tenant_id,
        )
    }};
}
pub(super) use in_order;

/// Writes an event down, inside the transaction of what it tells.
macro_rules! insert {
    ($conn:ident, $event:expr) => {
        $crate::store::events::in_order!(execute!($conn, $crate::store::events::INSERT), &$event)?
    };
}
pub(super) use insert;

/// The same for an event that concerns both modes.
macro_rules! insert_in_both_modes {
    ($conn:ident, $event:expr) => {
        for event in $crate::domain::event::NewEvent::in_both_modes($event) {
            $crate::store::events::insert!($conn, event);
        }
    };
}
pub(super) use insert_in_both_modes;

/// Writes many events down, inside the transaction of what they tell.
macro_rules! insert_many {
    ($conn:ident, $events:expr) => {
        $crate::store::connection::Conn { inner: &mut *$conn.inner, persistent: $conn.persistent }.tell($events).await?
    };
}
pub(super) use insert_many;

impl Conn<'_, SqliteConnection> {
    pub(super) async fn tell(&mut self, events: &[NewEvent]) -> Result<(), StoreError> {
        let script = Script::default().over(INSERT_MANY, events, |values, event| in_order!(bind!(values), event))?;
        script.execute(self).await
    }
}

impl Conn<'_, PgConnection> {
    pub(super) async fn tell(&mut self, events: &[NewEvent]) -> Result<(), StoreError> {
        execute!(
            self,
            EVENTS.text(events.len()),
            column(events, |event| event.id.0),
            column(events, |event| event.kind.as_str()),
            column(events, |event| event.at.utc()),
            column(events, |event| event.livemode),
            column(events, |event| event.actor.kind()),
            sparse(events, |event| event.actor.id()),
            sparse(events, |event| event.client.address.map(|address| address.to_string())),
            sparse(events, |event| event.client.user_agent.as_deref()),
            sparse(events, |event| event.session_id.map(|id| id.0)),
            sparse(events, |event| event.customer_id.map(|id| id.0)),
            sparse(events, |event| event.portal_id.map(|id| id.0)),
            column(events, |event| event.data.to_string()),
            column(events, |event| event.tenant_id.0),
        )?;
        Ok(())
    }
}

/// Which events a list holds.
#[derive(Clone, Debug)]
pub struct EventFilter {
    /// The tenant whose trail it is.
    pub tenant_id: TenantId,
    /// That of live rather than test mode.
    pub livemode: bool,
    /// Only this type.
    pub kind: Option<String>,
    /// Only about this session.
    pub session_id: Option<SessionId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: EventId,
    #[sqlx(rename = "type")]
    kind: String,
    created_at: Timestamp,
    livemode: bool,
    actor_type: String,
    actor_id: Option<Uuid>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    session_id: Option<SessionId>,
    customer_id: Option<CustomerId>,
    portal_id: Option<PortalId>,
    data: String,
    is_erased: bool,
}

impl TryFrom<Row> for Event {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let mut event = Self {
            id: row.id,
            kind: row.kind,
            created_at: row.created_at,
            livemode: row.livemode,
            actor: Actor::read(&row.actor_type, row.actor_id),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            session_id: row.session_id,
            customer_id: row.customer_id,
            portal_id: row.portal_id,
            data: from_json(&row.data)?,
        };
        // The event itself may not have been cleared yet. What tells of the erasure tells of who asked for it.
        if row.is_erased && event.kind != EventType::CustomerDeleted.as_str() {
            (event.ip_address, event.user_agent, event.data) = (None, None, serde_json::json!({}));
        }
        Ok(event)
    }
}

/// Types that make up most of every trail, so that the trail itself is read for them; the index `events_type` holds the
/// others.
macro_rules! is_seldom {
    () => {
        "type not in ('portal_session.created', 'portal_session.exchanged')"
    };
}

/// Which type a list is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfType {
    Any,
    Common,
    Seldom,
}

impl OfType {
    fn of(kind: Option<&str>) -> Self {
        let common = [EventType::SessionCreated, EventType::SessionExchanged].map(EventType::as_str);
        match kind {
            None => Self::Any,
            Some(kind) if common.contains(&kind) => Self::Common,
            Some(_) => Self::Seldom,
        }
    }
}

/// The list's text: a scan of one index from a bound on, whatever is filtered.
fn list_sql(store: &Store, kind: OfType, with_session: bool, down: bool) -> String {
    // A session has few events, in an index of their own.
    let is_of_seldom = kind == OfType::Seldom && !with_session;
    let mut sql = concat!("select ", columns!(), ", ", is_erased!(), " as is_erased from events").to_owned();
    if is_of_seldom && matches!(store, Store::Sqlite(_)) {
        // It would rather read the trail.
        sql += " indexed by events_type";
    }
    sql += " where tenant_id = $1 and livemode = $2 and id < $3 and id > $4";
    let mut next = 6;
    for (wanted, column) in [(kind != OfType::Any, "type"), (with_session, "session_id")] {
        if wanted {
            sql += &format!(" and {column} = ${next}");
            next += 1;
        }
    }
    if is_of_seldom {
        sql += concat!(" and ", is_seldom!());
    }
    sql + if down { " order by id desc limit $5" } else { " order by id limit $5" }
}

/// The statement for many events in every size.
pub(super) fn composed() -> impl Iterator<Item = String> {
    sqlite_script::composed(INSERT_MANY)
}

pub(super) fn list_statements(store: &Store) -> Vec<String> {
    let kinds = [OfType::Any, OfType::Common, OfType::Seldom];
    let of = |kind| (0..4).map(move |bits| list_sql(store, kind, bits & 1 > 0, bits & 2 > 0));
    kinds.into_iter().flat_map(of).collect()
}

impl Store {
    /// Writes an event down that comes with no other change.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record(&self, event: NewEvent) -> Result<(), StoreError> {
        transact!(self, |conn| {
            insert!(conn, event);
            Ok(())
        })
    }

    /// One page of the trail, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn events(&self, filter: EventFilter, page: Page) -> Result<Vec<Event>, StoreError> {
        let sql = list_sql(self, OfType::of(filter.kind.as_deref()), filter.session_id.is_some(), page.is_down());
        let rows = read!(self, |conn| {
            let mut query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql))
                .persistent(conn.persistent)
                .bind(filter.tenant_id)
                .bind(filter.livemode)
                .bind(page.below())
                .bind(page.above())
                .bind(page.fetch());
            if let Some(kind) = filter.kind {
                query = query.bind(kind);
            }
            if let Some(session) = filter.session_id {
                query = query.bind(session);
            }
            Ok(query.fetch_all(&mut *conn.inner).await?)
        })?;
        Ok(rows.into_iter().map(Event::try_from).collect::<Result<_, _>>()?)
    }
}
