//! Many sessions in one script: a few statements over many rows.

use super::{
    NewSession, StoreError,
    connection::Conn,
    create::{Owners, TakesSessions},
    sqlite_script::{Binder, RowsStatement, Script, bind, composed as in_all_sizes},
    values::{from_json, json},
};
use crate::domain::id::{CustomerId, SessionId};
use sqlx::{SqliteConnection, error::BoxDynError};
use uuid::Uuid;

// `cross join` keeps the order: with statistics of a small table SQLite would rather read all of the customers.
const INSERT: RowsStatement = (
    "with item(id, tenant_id, portal_id, customer_id, external_id, livemode, permissions, return_url, path, delivery, preview, \
        locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, \
        browser_expires_at, ip_address, user_agent) as (values ()), \
    known as (select i.*, case when i.external_id is null \
        then (select c.id from customers c where c.id = i.customer_id and c.tenant_id = i.tenant_id and c.livemode = i.livemode) \
        else (select c.id from customers c where c.tenant_id = i.tenant_id and c.livemode = i.livemode \
            and c.external_id = i.external_id) end as owner from item i) \
    insert or fail into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, path, delivery, \
        preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, \
        browser_expires_at, ip_address, user_agent) \
    select id, tenant_id, portal_id, owner, livemode, permissions, return_url, path, delivery, preview, locale, metadata, scopes, \
        created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, browser_expires_at, ip_address, \
        user_agent from known where owner is not null",
    23,
);
// By its secret, too: a session that an item could not be kept for, since it has another's id, is not that item's.
const TELL: RowsStatement = (
    "with item(session_id, link_hash, browser_hash, id, actor_type, actor_id, ip_address, user_agent) as (values ()) \
    insert or fail into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
        session_id, customer_id, portal_id, data) \
    select i.id, s.tenant_id, s.livemode, 'portal_session.created', s.created_at, i.actor_type, i.actor_id, i.ip_address, \
        i.user_agent, s.id, s.customer_id, s.portal_id, '{}' from item i cross join portal_sessions s where s.id = i.session_id \
        and s.link_hash is i.link_hash and s.browser_hash is i.browser_hash",
    8,
);
// In one row, since each row is taken apart and carried from one thread to another on its own.
const OWNERS: RowsStatement = (
    "with item(session_id, link_hash, browser_hash) as (values ()) \
    select json_group_array(json_array(hex(s.id), hex(c.id), c.external_id)) \
    from item i cross join portal_sessions s cross join customers c where s.id = i.session_id \
        and s.link_hash is i.link_hash and s.browser_hash is i.browser_hash and c.id = s.customer_id",
    3,
);
const INSERT_CUSTOMERS: RowsStatement = (
    "with item(id, tenant_id, livemode, external_id, created_at) as (values ()) \
    insert into customers (id, tenant_id, livemode, external_id, profile, created_at) \
    select id, tenant_id, livemode, external_id, '{}', created_at from item where id is not null on conflict do nothing",
    5,
);

/// The statements of this file in every size.
pub(super) fn composed() -> impl Iterator<Item = String> {
    [INSERT, TELL, OWNERS, INSERT_CUSTOMERS].into_iter().flat_map(in_all_sizes)
}

impl TakesSessions for Conn<'_, SqliteConnection> {
    async fn insert_at_once(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        owners(script(items)?.in_transaction().fetch(self).await?)
    }

    async fn insert_known(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        owners(script(items)?.fetch(self).await?)
    }

    async fn insert_customers(&mut self, items: &[&NewSession]) -> Result<(), StoreError> {
        let bind = |values: Binder<'_>, item: &&NewSession| {
            let session = &item.session;
            let name = session.customer_external_id.as_str();
            bind!(values, session.customer_id, session.tenant_id, session.livemode, name, session.created_at)
        };
        Script::default().over(INSERT_CUSTOMERS, items, bind)?.execute(self).await
    }
}

/// Keeps the sessions of customers that are there, and tells which they are.
fn script(items: &[&NewSession]) -> Result<Script, StoreError> {
    let insert = |values: Binder<'_>, item: &&NewSession| {
        let session = &item.session;
        let browser = session.browser.as_ref();
        bind!(
            values,
            session.id,
            session.tenant_id,
            session.portal_id,
            session.customer_id,
            item.by_external_id.then_some(session.customer_external_id.as_str()),
            session.livemode,
            json(&session.permissions)?,
            session.return_url.as_deref(),
            session.path.as_deref(),
            session.delivery.as_str(),
            session.preview,
            session.locale.as_deref(),
            json(&session.metadata)?,
            session.scopes.as_ref().map(json).transpose()?,
            session.created_at,
            item.link_hash,
            session.link_expires_at,
            session.session_ttl,
            session.used_at,
            item.browser_hash,
            browser.map(|browser| browser.expires_at),
            browser.and_then(|browser| browser.ip_address.as_deref()),
            browser.and_then(|browser| browser.user_agent.as_deref()),
        )
    };
    let tell = |values: Binder<'_>, item: &&NewSession| {
        let event = &item.event;
        let (actor, client) = (&event.actor, &event.client);
        let address = client.address.map(|address| address.to_string());
        let agent = client.user_agent.as_deref();
        by_secret(values, item)?;
        bind!(values, event.id, actor.kind(), actor.id(), address, agent)
    };
    Script::default().over(INSERT, items, insert)?.over(TELL, items, tell)?.over(OWNERS, items, by_secret)
}

fn by_secret(values: Binder<'_>, item: &&NewSession) -> Result<(), BoxDynError> {
    bind!(values, item.session.id, item.link_hash, item.browser_hash)
}

fn owners(found: Vec<(String,)>) -> Result<Owners, StoreError> {
    let mut owners = Owners::new();
    for (rows,) in found {
        let rows: Vec<(Uuid, Uuid, String)> = from_json(&rows)?;
        let named = |(session, customer, name)| (SessionId(session), (CustomerId(customer), name));
        owners.extend(rows.into_iter().map(named));
    }
    Ok(owners)
}
