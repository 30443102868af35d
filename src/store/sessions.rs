//! Sessions: what reads them, and every transition but the making and the exchange.

use super::{
    Beside, ListFilter, LiveSession, Revoked, StatusFilter, Store, StoreError, events, execute, fetch_all,
    fetch_optional, idempotency, read, revocations,
    row::{LiveRow, SessionRow, live_columns, session_columns, session_tables},
    statements::statements,
    transact,
};
use crate::domain::{
    event::NewEvent,
    id::{CustomerId, PortalId, SessionId, TenantId},
    secret::SecretHash,
    session::Session,
    time::Timestamp,
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

/// So many sessions are read at a time while they are revoked.
const CHUNK: i64 = 500;

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
