//! The exchange: one conditional statement turns a link into a browser session, once.

use super::{
    Store, StoreError, StoredSession,
    arrays::{ArrayStatement, column, sparse},
    connection::Conn,
    error::is_of_no_table,
    events, execute, fetch_all, fetch_optional, partitions,
    row::{StoredRow, session_tables, stored_columns},
    sessions,
    sqlite_script::{self, Binder, RowsStatement, Script, bind},
    statements::statements,
    transact, write_at_once,
};
use crate::domain::{
    event::{Actor, ClientInfo, EventType, NewEvent},
    id::{EventId, SessionId},
    secret::SecretHash,
    time::{Seconds, Timestamp},
};
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use std::{collections::HashMap, sync::Arc};

/// How long after the exchange its repeat with the same nonce gets a new secret.
pub const REPEAT_WINDOW: Seconds = Seconds(60);

statements! {
    Postgres EXCHANGE_MANY = concat!("with item as materialized (select ($1::uuid[])[n] as id, ($2::bytea[])[n] as link_hash, ($3::bytea[])[n] as browser_hash, \
            ($4::bytea[])[n] as nonce_hash, ($5::text[])[n] as ip_address, ($6::text[])[n] as user_agent, ($7::uuid[])[n] as event_id \
            from generate_series(1, cardinality($1::uuid[])) as n order by id), \
        won as (update portal_sessions s set used_at = $8, browser_hash = i.browser_hash, nonce_hash = i.nonce_hash, \
            browser_expires_at = $8 + s.session_ttl * interval '1 second', ip_address = i.ip_address, user_agent = i.user_agent \
            from item i, customers c, portals p \
            where s.id = i.id and s.link_hash = i.link_hash and s.used_at is null and s.link_expires_at > $8 \
            and c.id = s.customer_id and p.id = s.portal_id and p.enabled \
            returning i.event_id, ", stored_columns!(), "), \
        told as (insert into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
            session_id, customer_id, portal_id, data) \
            select event_id, tenant_id, livemode, 'portal_session.exchanged', $8, 'end_user', customer_id, ip_address, user_agent, \
            id, customer_id, portal_id, '{}' from won) \
        select * from won");
    Both REPEAT = "update portal_sessions set browser_hash = $3 \
        where id = $1 and link_hash = $2 and nonce_hash = $4 and first_used_at is null and used_at >= $5 \
        and ended_at is null and browser_expires_at > $6 \
        and exists (select 1 from customers c where c.id = customer_id) \
        and exists (select 1 from portals p where p.id = portal_id and p.enabled)";
}

static EXCHANGES: ArrayStatement = ArrayStatement::new(EXCHANGE_MANY);

/// The same on SQLite; how long the session lives and when is now stand behind the rows.
const UPDATE_ROWS: RowsStatement = (
    "with item(id, link_hash, browser_hash, nonce_hash, ip_address, user_agent) as (values ()) \
        update or fail portal_sessions as s set used_at = ?, browser_hash = i.browser_hash, nonce_hash = i.nonce_hash, \
        browser_expires_at = ? + s.session_ttl * 1000, ip_address = i.ip_address, user_agent = i.user_agent \
        from item i where s.id = i.id and s.link_hash = i.link_hash and s.used_at is null and s.link_expires_at > ? \
        and exists (select 1 from customers c where c.id = s.customer_id) \
        and exists (select 1 from portals p where p.id = s.portal_id and p.enabled)",
    6,
);
/// Who won: whose browser token it is now.
const TELL_ROWS: RowsStatement = (
    "with item(id, browser_hash, event_id) as (values ()) \
        insert or fail into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
        session_id, customer_id, portal_id, data) \
        select i.event_id, s.tenant_id, s.livemode, 'portal_session.exchanged', s.used_at, 'end_user', s.customer_id, \
        s.ip_address, s.user_agent, s.id, s.customer_id, s.portal_id, '{}' \
        from item i cross join portal_sessions s where s.id = i.id and s.browser_hash = i.browser_hash",
    3,
);
const WON_ROWS: RowsStatement = (
    concat!(
        "with item(id, browser_hash, event_id) as (values ()) select i.event_id, ",
        stored_columns!(),
        " from item i cross join ",
        session_tables!(),
        " where s.id = i.id and s.browser_hash = i.browser_hash"
    ),
    3,
);

/// The statements for many rows in every size.
pub(super) fn composed() -> impl Iterator<Item = String> {
    [UPDATE_ROWS, TELL_ROWS, WON_ROWS].into_iter().flat_map(sqlite_script::composed)
}

/// A link token that somebody wants exchanged.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The session that the token names.
    pub id: SessionId,
    /// The hash of the token's secret.
    pub link_hash: SecretHash,
    /// The hash of the browser token to start.
    pub browser_hash: SecretHash,
    /// The hash of the client's nonce.
    pub nonce_hash: Option<SecretHash>,
    /// Who sends it.
    pub client: ClientInfo,
    /// The id of the entry in the trail.
    pub event_id: EventId,
}

/// The session that the exchange started; `None` when the token opens nothing (any more).
pub type Exchanged = Result<Option<StoredSession>, StoreError>;

impl Store {
    /// Exchanges links at `now`. Of any number of calls with one token exactly one wins.
    pub async fn exchange(&self, items: Vec<Exchange>, now: Timestamp) -> Vec<Exchanged> {
        let order: Vec<EventId> = items.iter().map(|item| item.event_id).collect();
        let mut done = HashMap::with_capacity(order.len());
        for items in self.apart(items) {
            let events: Vec<EventId> = items.iter().map(|item| item.event_id).collect();
            done.extend(events.into_iter().zip(self.exchange_batch(items, now).await));
        }
        order.into_iter().map(|event| done.remove(&event).unwrap_or(Ok(None))).collect()
    }

    /// Items that one statement can serve: on PostgreSQL those whose ids tell the same partition. An update of that one
    /// costs a fraction of an update of the whole table, which has to look after every partition.
    fn apart(&self, items: Vec<Exchange>) -> Vec<Vec<Exchange>> {
        if matches!(self, Self::Sqlite(_)) {
            return vec![items];
        }
        let mut partitions = HashMap::<_, Vec<Exchange>>::new();
        for item in items {
            partitions.entry(partitions::partition_of(item.id)).or_default().push(item);
        }
        partitions.into_values().collect()
    }

    /// One that the database refuses fails alone.
    async fn exchange_batch(&self, items: Vec<Exchange>, now: Timestamp) -> Vec<Exchanged> {
        let items: Arc<[Exchange]> = items.into();
        match self.exchange_together(Arc::clone(&items), now).await {
            Ok(mut won) => items.iter().map(|item| Ok(won.remove(&item.event_id))).collect(),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Overloaded)) => {
                items.iter().map(|_| Err(StoreError::Unavailable(error.to_string()))).collect()
            }
            Err(error) if items.len() == 1 => vec![Err(error)],
            Err(_) => {
                let mut done = Vec::with_capacity(items.len());
                for item in items.iter() {
                    let won = self.exchange_together(Arc::new([item.clone()]), now).await;
                    done.push(won.map(|mut won| won.remove(&item.event_id)));
                }
                done
            }
        }
    }

    async fn exchange_together(
        &self,
        items: Arc<[Exchange]>,
        now: Timestamp,
    ) -> Result<HashMap<EventId, StoredSession>, StoreError> {
        let rows = write_at_once!(self, |conn| {
            let mut conn = conn;
            conn.exchange(&items, now).await
        })?;
        let won = rows.into_iter().map(|row| Ok((row.event_id, StoredSession::try_from(row.stored)?)));
        Ok(won.collect::<Result<_, sqlx::Error>>()?)
    }

    /// Repeats an exchange whose answer was lost: a new secret for the same session, the old one dead.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn repeat_exchange(&self, item: Exchange, now: Timestamp) -> Exchanged {
        let earliest = now.minus(REPEAT_WINDOW);
        transact!(self, |conn| {
            if execute!(conn, REPEAT, item.id, item.link_hash, item.browser_hash, item.nonce_hash, earliest, now)? == 0
            {
                return Ok(None);
            }
            let Some(row) = fetch_optional!(conn, StoredRow, sessions::STORED, item.id)? else { return Ok(None) };
            let stored = StoredSession::try_from(row)?;
            events::insert!(conn, exchanged(&item, &stored, now, serde_json::json!({"repeated": true})));
            Ok(Some(stored))
        })
    }
}

fn exchanged(item: &Exchange, stored: &StoredSession, now: Timestamp, data: serde_json::Value) -> NewEvent {
    let session = &stored.session;
    NewEvent {
        id: item.event_id,
        tenant_id: session.tenant_id,
        livemode: session.livemode,
        kind: EventType::SessionExchanged,
        at: now,
        actor: Actor::EndUser(session.customer_id),
        client: item.client.clone(),
        session_id: Some(session.id),
        customer_id: Some(session.customer_id),
        portal_id: Some(session.portal_id),
        data,
    }
}

#[derive(sqlx::FromRow)]
struct Won {
    event_id: EventId,
    #[sqlx(flatten)]
    stored: StoredRow,
}

impl Conn<'_, PgConnection> {
    async fn exchange(&mut self, items: &[Exchange], now: Timestamp) -> Result<Vec<Won>, StoreError> {
        let Some(partition) = items.first().and_then(|item| partitions::partition_of(item.id)) else {
            return Ok(Vec::new());
        };
        let sql = EXCHANGES.text(items.len());
        let sql = sql.as_str().replacen("update portal_sessions", &format!("update {partition}"), 1);
        let rows = fetch_all!(
            self,
            Won,
            AssertSqlSafe(sql),
            column(items, |item| item.id.0),
            column(items, |item| item.link_hash.0.as_slice()),
            column(items, |item| item.browser_hash.0.as_slice()),
            sparse(items, |item| item.nonce_hash.as_ref().map(|hash| hash.0.as_slice())),
            sparse(items, |item| item.client.address.map(|address| address.to_string())),
            sparse(items, |item| item.client.user_agent.as_deref()),
            column(items, |item| item.event_id.0),
            now,
        );
        match rows {
            Err(error) if is_of_no_table(&error) => Ok(Vec::new()),
            rows => Ok(rows?),
        }
    }
}

impl Conn<'_, SqliteConnection> {
    async fn exchange(&mut self, items: &[Exchange], now: Timestamp) -> Result<Vec<Won>, StoreError> {
        let exchanged = |values: Binder<'_>, item: &Exchange| {
            let address = item.client.address.map(|address| address.to_string());
            let agent = item.client.user_agent.as_deref();
            bind!(values, item.id, item.link_hash, item.browser_hash, item.nonce_hash, address, agent)
        };
        let browser = |values: Binder<'_>, item: &Exchange| bind!(values, item.id, item.browser_hash, item.event_id);
        let script =
            Script::default().over_and(UPDATE_ROWS, items, exchanged, |values| bind!(values, now, now, now))?;
        script.over(TELL_ROWS, items, browser)?.over(WON_ROWS, items, browser)?.in_transaction().fetch(self).await
    }
}
