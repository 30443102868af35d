//! Many sessions in a few statements over many rows, inside one transaction.

use super::{
    NewSession, Sqlite, StoreError,
    connection::Link,
    create::Owners,
    sqlite_rows::{self as rows, bind},
    values::{from_json, json},
};
use crate::domain::{
    event::NewEvent,
    id::{CustomerId, SessionId},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

// `cross join` keeps the order: with statistics of a small table SQLite would rather read all of the customers. All come
// in one row, since each row of its own is another turn between two threads.
const OWNERS: &str = "with item(id, tenant_id, livemode, customer_id, external_id) as (values ()) \
    select json_group_array(json_array(hex(session), hex(customer), name)) from \
    (select i.id as session, c.id as customer, c.external_id as name from item i cross join customers c \
    on c.tenant_id = i.tenant_id and c.livemode = i.livemode and c.external_id = i.external_id \
    union all select i.id, c.id, c.external_id from item i cross join customers c \
    on i.external_id is null and c.id = i.customer_id and c.tenant_id = i.tenant_id and c.livemode = i.livemode)";
const INSERT_CUSTOMERS: &str = "insert into customers (id, tenant_id, livemode, external_id, profile, created_at) values () on conflict do nothing";
const INSERT: &str = "insert or fail into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, \
    path, delivery, preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
    browser_hash, browser_expires_at, ip_address, user_agent) values ()";

/// Each with its number of columns.
const STATEMENTS: [(&str, usize); 3] = [(OWNERS, 5), (INSERT_CUSTOMERS, 6), (INSERT, 22)];

/// The statements of this file in every size.
pub(super) fn composed() -> impl Iterator<Item = String> {
    STATEMENTS.into_iter().flat_map(|(sql, columns)| rows::SIZES.map(|rows| rows::sized(sql, columns, rows)))
}

impl Sqlite {
    pub(super) async fn insert_sessions(
        link: &mut Link<'_, SqliteConnection>,
        items: &[&NewSession],
    ) -> Result<Owners, StoreError> {
        let mut owners = owners(link, items).await?;
        let is_new = |item: &&NewSession| item.by_external_id && !owners.contains_key(&item.session.id);
        let new: Vec<&NewSession> = items.iter().copied().filter(is_new).collect();
        if !new.is_empty() {
            insert_customers(link, &new).await?;
            owners.extend(self::owners(link, &new).await?);
        }
        let kept: Vec<(&NewSession, CustomerId)> =
            items.iter().filter_map(|item| Some((*item, owners.get(&item.session.id)?.0))).collect();
        insert(link, &kept).await?;
        let told: Vec<NewEvent> =
            kept.iter().map(|(item, owner)| NewEvent { customer_id: Some(*owner), ..item.event.clone() }).collect();
        link.tell(&told).await?;
        Ok(owners)
    }
}

/// The customers that exist.
async fn owners(link: &mut Link<'_, SqliteConnection>, items: &[&NewSession]) -> Result<Owners, StoreError> {
    let (sql, columns) = STATEMENTS[0];
    let found = rows::fetch(link, sql, columns, items, |values, item| {
        let session = &item.session;
        let name = item.by_external_id.then_some(session.customer_external_id.as_str());
        bind!(values, session.id, session.tenant_id, session.livemode, session.customer_id, name)
    });
    let found: Vec<(String,)> = found.await?;
    let mut owners = Owners::new();
    for (rows,) in found {
        let rows: Vec<(Uuid, Uuid, String)> = from_json(&rows)?;
        let named = |(session, customer, name)| (SessionId(session), (CustomerId(customer), name));
        owners.extend(rows.into_iter().map(named));
    }
    Ok(owners)
}

async fn insert_customers(link: &mut Link<'_, SqliteConnection>, items: &[&NewSession]) -> Result<(), StoreError> {
    let (sql, columns) = STATEMENTS[1];
    let bind = |values: rows::Binder<'_>, item: &&NewSession| {
        let session = &item.session;
        let name = session.customer_external_id.as_str();
        bind!(values, session.customer_id, session.tenant_id, session.livemode, name, "{}", session.created_at)
    };
    rows::execute(link, sql, columns, items, bind, |_| Ok(())).await
}

async fn insert(link: &mut Link<'_, SqliteConnection>, items: &[(&NewSession, CustomerId)]) -> Result<(), StoreError> {
    let (sql, columns) = STATEMENTS[2];
    let bind = |values: rows::Binder<'_>, (item, owner): &(&NewSession, CustomerId)| {
        let session = &item.session;
        let browser = session.browser.as_ref();
        bind!(
            values,
            session.id,
            session.tenant_id,
            session.portal_id,
            *owner,
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
    rows::execute(link, sql, columns, items, bind, |_| Ok(())).await
}
