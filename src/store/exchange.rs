//! The exchange: one conditional statement turns a link into a browser session, once.

use super::{
    LiveSession, Postgres, Sqlite, Store, StoreError,
    connection::Link,
    events, execute, fetch_all, fetch_optional,
    row::{LiveRow, live_columns, session_tables},
    statements::statements,
    transact,
};
use crate::domain::{
    event::{Actor, EventType, NewEvent, Origin},
    id::{EventId, SessionId},
    secret::SecretHash,
    time::{Seconds, Timestamp},
};
use sqlx::{PgConnection, SqliteConnection};
use std::{collections::HashMap, sync::Arc};

/// For so long after the exchange its repeat with the same nonce gets a new secret.
pub const REPEAT_WINDOW: Seconds = Seconds(60);

statements! {
    Postgres EXCHANGE_MANY = concat!("with item as materialized (select * from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], \
            $5::text[], $6::text[], $7::uuid[]) as t(id, link_hash, browser_hash, nonce_hash, ip_address, user_agent, event_id) order by id), \
        won as (update portal_sessions s set used_at = $8, browser_hash = i.browser_hash, nonce_hash = i.nonce_hash, \
            browser_expires_at = $8 + s.session_ttl * interval '1 second', ip_address = i.ip_address, user_agent = i.user_agent \
            from item i, customers c, portals p \
            where s.id = i.id and s.link_hash = i.link_hash and s.used_at is null and s.link_expires_at > $8 \
            and c.id = s.customer_id and p.id = s.portal_id and p.enabled \
            returning i.event_id, ", live_columns!(), "), \
        told as (insert into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
            session_id, customer_id, portal_id, data) \
            select event_id, tenant_id, livemode, 'portal_session.exchanged', $8, 'end_user', customer_id, ip_address, user_agent, \
            id, customer_id, portal_id, '{}' from won) \
        select * from won");
    Sqlite EXCHANGE = "update portal_sessions set used_at = $5, browser_hash = $3, nonce_hash = $4, \
        browser_expires_at = $5 + session_ttl * 1000, ip_address = $6, user_agent = $7 \
        where id = $1 and link_hash = $2 and used_at is null and link_expires_at > $5 \
        and exists (select 1 from customers c where c.id = customer_id) \
        and exists (select 1 from portals p where p.id = portal_id and p.enabled)";
    Both REPEAT = "update portal_sessions set browser_hash = $3 \
        where id = $1 and link_hash = $2 and nonce_hash = $4 and first_used_at is null and used_at >= $5 \
        and ended_at is null and browser_expires_at > $6 \
        and exists (select 1 from customers c where c.id = customer_id) \
        and exists (select 1 from portals p where p.id = portal_id and p.enabled)";
    Both LIVE = concat!("select ", live_columns!(), " from ", session_tables!(), " where s.id = $1");
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
    /// From where.
    pub origin: Origin,
    /// The id of the entry in the trail.
    pub event_id: EventId,
}

/// The session that the exchange started; `None` when the token opens nothing (any more).
pub type Exchanged = Result<Option<LiveSession>, StoreError>;

impl Store {
    /// Exchanges links at `now`. Of any number of calls with one token exactly one wins.
    pub async fn exchange(&self, items: Vec<Exchange>, now: Timestamp) -> Vec<Exchanged> {
        let items: Arc<[Exchange]> = items.into();
        match self.exchange_together(Arc::clone(&items), now).await {
            Ok(won) => items.iter().map(|item| Ok(won.get(&item.event_id).cloned())).collect(),
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
    ) -> Result<HashMap<EventId, LiveSession>, StoreError> {
        match self {
            Self::Postgres(db) => {
                db.read(move |mut link| Box::pin(async move { Postgres::exchange(&mut link, &items, now).await })).await
            }
            Self::Sqlite(db) => {
                db.write(move |mut link| Box::pin(async move { Sqlite::exchange(&mut link, &items, now).await })).await
            }
        }
    }

    /// Repeats an exchange whose answer was lost: a new secret for the same session, the old one dead.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn repeat_exchange(&self, item: Exchange, now: Timestamp) -> Exchanged {
        let earliest = now.minus(REPEAT_WINDOW);
        transact!(self, |link| {
            if execute!(link, REPEAT, item.id, item.link_hash, item.browser_hash, item.nonce_hash, earliest, now)? == 0
            {
                return Ok(None);
            }
            let Some(row) = fetch_optional!(link, LiveRow, LIVE, item.id)? else { return Ok(None) };
            let live = LiveSession::try_from(row)?;
            events::insert!(link, exchanged(&item, &live, now, serde_json::json!({"repeated": true})));
            Ok(Some(live))
        })
    }

    /// Writes an event down that comes with no other change.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record(&self, event: NewEvent) -> Result<(), StoreError> {
        transact!(self, |link| {
            events::insert!(link, event);
            Ok(())
        })
    }
}

fn exchanged(item: &Exchange, live: &LiveSession, now: Timestamp, data: serde_json::Value) -> NewEvent {
    let session = &live.session;
    NewEvent {
        id: item.event_id,
        tenant_id: session.tenant_id,
        livemode: session.livemode,
        kind: EventType::SessionExchanged,
        at: now,
        actor: Actor::EndUser(session.customer_id),
        origin: item.origin.clone(),
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
    live: LiveRow,
}

impl Postgres {
    async fn exchange(
        link: &mut Link<'_, PgConnection>,
        items: &[Exchange],
        now: Timestamp,
    ) -> Result<HashMap<EventId, LiveSession>, StoreError> {
        let rows = fetch_all!(
            link,
            Won,
            EXCHANGE_MANY,
            items.iter().map(|item| item.id.0).collect::<Vec<_>>(),
            items.iter().map(|item| item.link_hash.0.to_vec()).collect::<Vec<_>>(),
            items.iter().map(|item| item.browser_hash.0.to_vec()).collect::<Vec<_>>(),
            items.iter().map(|item| item.nonce_hash.map(|hash| hash.0.to_vec())).collect::<Vec<_>>(),
            items.iter().map(|item| item.origin.address.map(|address| address.to_string())).collect::<Vec<_>>(),
            items.iter().map(|item| item.origin.user_agent.clone()).collect::<Vec<_>>(),
            items.iter().map(|item| item.event_id.0).collect::<Vec<_>>(),
            now,
        )?;
        let won = rows.into_iter().map(|row| Ok((row.event_id, LiveSession::try_from(row.live)?)));
        Ok(won.collect::<Result<_, sqlx::Error>>()?)
    }
}

impl Sqlite {
    async fn exchange(
        link: &mut Link<'_, SqliteConnection>,
        items: &[Exchange],
        now: Timestamp,
    ) -> Result<HashMap<EventId, LiveSession>, StoreError> {
        let mut won = HashMap::new();
        for item in items {
            let origin = &item.origin;
            let changed = execute!(
                link,
                EXCHANGE,
                item.id,
                item.link_hash,
                item.browser_hash,
                item.nonce_hash,
                now,
                origin.address.map(|address| address.to_string()),
                origin.user_agent.as_deref(),
            )?;
            if changed == 0 {
                continue;
            }
            let Some(row) = fetch_optional!(link, LiveRow, LIVE, item.id)? else { continue };
            let live = LiveSession::try_from(row)?;
            events::insert!(link, exchanged(item, &live, now, serde_json::json!({})));
            won.insert(item.event_id, live);
        }
        Ok(won)
    }
}
