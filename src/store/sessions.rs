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
use std::sync::Arc;

/// Deletes some of a customer's sessions, all or those live at `$4`, in the portals listed.
macro_rules! revoke_of_customer {
    ($portals:literal, $in:literal) => {
        concat!(
            "delete from portal_sessions where id in (select id from portal_sessions \
            where tenant_id = $1 and livemode = $2 and customer_id = $3 and (cast($5 as text) is null or portal_id ",
            $in, " (", $portals, ")) \
            and (used_at is null and link_expires_at > $4 or ended_at is null and browser_expires_at > $4 or $4 is null) \
            order by id limit $6) returning id, portal_id"
        )
    };
}

statements! {
    Both BY_ID = concat!("select ", session_columns!(), " from ", session_tables!(), " where s.tenant_id = $1 and s.livemode = $2 and s.id = $3");
    Both LIVE = concat!("select ", live_columns!(), " from ", session_tables!(), " where s.id = $1");
    Both OPEN = "update portal_sessions set opened_at = $3 where id = $1 and link_hash = $2 and opened_at is null \
        and used_at is null and link_expires_at > $3";
    Both FIRST_USE = "update portal_sessions set first_used_at = $3 where id = $1 and browser_hash = $2 and first_used_at is null";
    Both END = "update portal_sessions set ended_at = $3 where id = $1 and browser_hash = $2 and ended_at is null and browser_expires_at > $3";
    Both REVOKE = "delete from portal_sessions where tenant_id = $1 and livemode = $2 and id = $3";
    Postgres REVOKE_OF_CUSTOMER = revoke_of_customer!("string_to_array($5, ',')::uuid[]", "= any");
    Sqlite REVOKE_OF_CUSTOMER_SQLITE = revoke_of_customer!("select unhex(value) from json_each('[\"' || replace($5, ',', '\",\"') || '\"]')", "in");
}

/// So many sessions of a customer are revoked in one transaction: in far less time than it may take.
const CHUNK: u64 = 2000;

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
    /// Very many take several transactions, so that a repeat of the call goes on where one was cut off.
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
        let sql = match self {
            Self::Postgres(_) => REVOKE_OF_CUSTOMER,
            Self::Sqlite(_) => REVOKE_OF_CUSTOMER_SQLITE,
        };
        let (event, beside) = (Arc::new(event), Arc::new(beside));
        let live_at = (filter.status == StatusFilter::Live).then_some(filter.now);
        let mut revoked = 0;
        loop {
            let (event, beside, portals) = (Arc::clone(&event), Arc::clone(&beside), filter.portal_list());
            let (tenant, live, now) = (filter.tenant_id, filter.livemode, filter.now);
            let chunk: u64 = transact!(self, |link| {
                let gone: Vec<(SessionId, PortalId)> =
                    fetch_all!(link, _, sql, tenant, live, customer, live_at, portals, CHUNK as i64)?;
                let told: Vec<NewEvent> = gone.into_iter().map(|(id, portal)| event(id, portal)).collect();
                let chunk = told.len() as u64;
                if chunk > 0 {
                    events::insert_many!(link, &told);
                    revocations::insert!(link, Revoked::Customer(customer), now);
                }
                if let (true, Some(beside)) = (chunk < CHUNK, &*beside) {
                    idempotency::insert!(link, beside(&(revoked + chunk)), now);
                }
                Ok(chunk)
            })?;
            revoked += chunk;
            if chunk < CHUNK {
                return Ok(revoked);
            }
        }
    }
}
