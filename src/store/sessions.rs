//! Sessions: what reads them, and every transition but the making and the exchange.

use super::{
    ListFilter, RecordFor, Revoked, StatusFilter, Store, StoreError, StoredSession, events, execute, fetch_all,
    fetch_optional, idempotency,
    listing::is_one_of,
    read, revocations,
    row::{SessionRow, StoredRow, session_columns, session_tables, stored_columns},
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

/// Some of a customer's sessions, all or those live at `$4`, in the portals listed. Those of a deleted portal count as gone.
macro_rules! of_customer {
    ($on:ident) => {
        concat!(
            "select id from portal_sessions \
            where tenant_id = $1 and livemode = $2 and customer_id = $3 and (cast($5 as text) is null or portal_id",
            is_one_of!($on, "$5"), ") \
            and (used_at is null and link_expires_at > $4 or ended_at is null and browser_expires_at > $4 or $4 is null) \
            and exists (select 1 from portals p where p.id = portal_id) order by id limit $6"
        )
    };
}

statements! {
    Both BY_ID = concat!("select ", session_columns!(), " from ", session_tables!(), " where s.tenant_id = $1 and s.livemode = $2 and s.id = $3");
    Both STORED = concat!("select ", stored_columns!(), " from ", session_tables!(), " where s.id = $1");
    Both OPEN = "update portal_sessions set opened_at = $3 where id = $1 and link_hash = $2 and opened_at is null \
        and used_at is null and link_expires_at > $3";
    Both FIRST_USE = "update portal_sessions set first_used_at = $3 where id = $1 and browser_hash = $2 and first_used_at is null";
    Both END = "update portal_sessions set ended_at = $3 where id = $1 and browser_hash = $2 and ended_at is null and browser_expires_at > $3";
    Both REVOKE = "delete from portal_sessions where tenant_id = $1 and livemode = $2 and id = $3";
    // How many were found, and those that are gone by this: another transaction may have deleted some of them meanwhile, so
    // that few are gone, and all the same there are more. On SQLite nobody else writes meanwhile.
    Postgres REVOKE_OF_CUSTOMER = concat!("with found as materialized (", of_customer!(Postgres), "), \
        gone as (delete from portal_sessions s using found where s.id = found.id returning s.id, s.portal_id) \
        select n, gone.id, gone.portal_id from (select count(*) as n from found) as number left join gone on true");
    Sqlite REVOKE_OF_CUSTOMER_SQLITE = concat!("delete from portal_sessions where id in (",
        of_customer!(Sqlite), ") returning null, id, portal_id");
}

/// How many were found, and one that is gone, if any is.
type Gone = (Option<i64>, Option<SessionId>, Option<PortalId>);

/// How many sessions of a customer are revoked in one transaction, which takes far less than its time limit.
const CHUNK: u64 = 2000;

impl Store {
    /// A tenant's session in one mode.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(
        &self,
        tenant: TenantId,
        livemode: bool,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        read!(self, |conn| {
            let row = fetch_optional!(conn, SessionRow, BY_ID, tenant, livemode, id)?;
            Ok(row.map(Session::try_from).transpose()?)
        })
    }

    /// Any tenant's session, with what decides whether a credential opens it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn stored_session(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        read!(self, |conn| Ok(fetch_optional!(conn, StoredRow, STORED, id)?
            .map(StoredSession::try_from)
            .transpose()?))
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
        transact!(self, |conn| {
            if execute!(conn, OPEN, id, link_hash, event.at)? == 0 {
                return Ok(false);
            }
            events::insert!(conn, event);
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
        transact!(self, |conn| Ok(execute!(conn, FIRST_USE, id, browser_hash, now)? > 0))
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
        transact!(self, |conn| {
            if execute!(conn, END, id, browser_hash, event.at)? == 0 {
                return Ok(false);
            }
            revocations::insert!(conn, Revoked::Session(id), event.at);
            events::insert!(conn, event);
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
        livemode: bool,
        id: SessionId,
        event: NewEvent,
    ) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            if execute!(conn, REVOKE, tenant, livemode, id)? == 0 {
                return Ok(false);
            }
            revocations::insert!(conn, Revoked::Session(id), event.at);
            events::insert!(conn, event);
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
        record: Option<RecordFor<u64>>,
    ) -> Result<u64, StoreError> {
        let sql = match self {
            Self::Postgres(_) => REVOKE_OF_CUSTOMER,
            Self::Sqlite(_) => REVOKE_OF_CUSTOMER_SQLITE,
        };
        let (event, record) = (Arc::new(event), Arc::new(record));
        let live_at = (filter.status == StatusFilter::Live).then_some(filter.now);
        let mut revoked = 0;
        loop {
            let (event, record, portals) = (Arc::clone(&event), Arc::clone(&record), filter.portal_list());
            let (tenant, livemode, now) = (filter.tenant_id, filter.livemode, filter.now);
            let (chunk, is_last) = transact!(self, |conn| {
                let rows: Vec<Gone> =
                    fetch_all!(conn, _, sql, tenant, livemode, customer, live_at, portals, CHUNK as i64)?;
                let found = rows.first().and_then(|(found, ..)| *found).map_or(rows.len() as u64, i64::unsigned_abs);
                let gone = rows.into_iter().filter_map(|(_, id, portal)| id.zip(portal));
                let told: Vec<NewEvent> = gone.map(|(id, portal)| event(id, portal)).collect();
                let chunk = told.len() as u64;
                if chunk > 0 {
                    events::insert_many!(conn, &told);
                    revocations::insert!(conn, Revoked::Customer(customer), now);
                }
                let is_last = found < CHUNK;
                if let (true, Some(record)) = (is_last, &*record) {
                    idempotency::insert!(conn, record(&(revoked + chunk)), now);
                }
                Ok((chunk, is_last))
            })?;
            revoked += chunk;
            if is_last {
                return Ok(revoked);
            }
        }
    }
}
