//! Many sessions in one statement, each column an array.

use super::{
    NewSession, Postgres, StoreError,
    connection::Link,
    create::Owners,
    fetch_all,
    statements::statements,
    values::{column, json},
};
use crate::domain::id::{CustomerId, SessionId};
use sqlx::PgConnection;

statements! {
    // Customers are made on first sight. One that another instance makes at the same moment is
    // neither visible to this statement nor made by it: its item is missing from the answer and
    // goes into the next one. New ones are sorted, so that two instances never wait for each other.
    Postgres INSERT_MANY = "with item as materialized (select t.*, coalesce(n.id, o.id) as owner, coalesce(n.external_id, o.external_id) as owner_name \
            from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], \
            $5::text[], $6::bool[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::text[], \
            $14::text[], $15::timestamptz[], $16::bytea[], $17::timestamptz[], $18::int8[], $19::timestamptz[], $20::bytea[], \
            $21::timestamptz[], $22::text[], $23::text[], $24::uuid[], $25::text[], $26::uuid[], $27::text[], $28::text[]) \
        as t(id, tenant_id, portal_id, customer_id, external_id, livemode, permissions, return_url, path, delivery, preview, \
            locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, \
            browser_expires_at, ip_address, user_agent, event_id, actor_type, actor_id, event_ip, event_agent) \
        left join customers n on n.tenant_id = t.tenant_id and n.livemode = t.livemode and n.external_id = t.external_id \
        left join customers o on t.external_id is null and o.id = t.customer_id and o.tenant_id = t.tenant_id and o.livemode = t.livemode), \
        made as (insert into customers (id, tenant_id, livemode, external_id, profile, created_at) \
            select distinct on (tenant_id, livemode, external_id) customer_id, tenant_id, livemode, external_id, '{}', created_at \
            from item where owner is null and external_id is not null \
            on conflict do nothing returning id, tenant_id, livemode, external_id), \
        known as materialized (select i.*, coalesce(i.owner, m.id) as kept_for from item i left join made m on i.owner is null \
            and m.tenant_id = i.tenant_id and m.livemode = i.livemode and m.external_id = i.external_id \
            where coalesce(i.owner, m.id) is not null), \
        kept as (insert into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, path, \
            delivery, preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
            browser_hash, browser_expires_at, ip_address, user_agent) \
            select id, tenant_id, portal_id, kept_for, livemode, permissions, return_url, path, delivery, preview, \
            locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
            browser_hash, browser_expires_at, ip_address, user_agent from known), \
        told as (insert into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
            session_id, customer_id, portal_id, data) \
            select event_id, tenant_id, livemode, 'portal_session.created', created_at, actor_type, actor_id, \
            event_ip, event_agent, id, kept_for, portal_id, '{}' from known) \
        select id, kept_for, coalesce(owner_name, external_id) from known";
}

impl Postgres {
    pub(super) async fn insert_sessions(
        link: &mut Link<'_, PgConnection>,
        items: &[NewSession],
    ) -> Result<Owners, StoreError> {
        let mut owners = Owners::with_capacity(items.len());
        // A customer that appeared meanwhile is seen the second time.
        for _ in 0..3 {
            let missing: Vec<&NewSession> =
                items.iter().filter(|item| !owners.contains_key(&item.session.id)).collect();
            let found = insert_many(link, &missing).await?;
            owners.extend(found.into_iter().map(|(session, customer, name)| (session, (customer, name))));
            if items.iter().all(|item| !item.by_external_id || owners.contains_key(&item.session.id)) {
                break;
            }
        }
        Ok(owners)
    }
}

async fn insert_many(
    link: &mut Link<'_, PgConnection>,
    items: &[&NewSession],
) -> Result<Vec<(SessionId, CustomerId, String)>, StoreError> {
    let permissions = items.iter().map(|item| json(&item.session.permissions)).collect::<Result<Vec<_>, _>>()?;
    let metadata = items.iter().map(|item| json(&item.session.metadata)).collect::<Result<Vec<_>, _>>()?;
    let scopes =
        items.iter().map(|item| item.session.scopes.as_ref().map(json).transpose()).collect::<Result<Vec<_>, _>>()?;
    Ok(fetch_all!(
        link,
        (SessionId, CustomerId, String),
        INSERT_MANY,
        column(items, |item| item.session.id.0),
        column(items, |item| item.session.tenant_id.0),
        column(items, |item| item.session.portal_id.0),
        column(items, |item| item.session.customer_id.0),
        column(items, |item| item.by_external_id.then_some(item.session.customer_external_id.as_str())),
        column(items, |item| item.session.livemode),
        permissions,
        column(items, |item| item.session.return_url.as_deref()),
        column(items, |item| item.session.path.as_deref()),
        column(items, |item| item.session.delivery.as_str()),
        column(items, |item| item.session.preview),
        column(items, |item| item.session.locale.as_deref()),
        metadata,
        scopes,
        column(items, |item| item.session.created_at.utc()),
        column(items, |item| item.link_hash.as_ref().map(|hash| hash.0.as_slice())),
        column(items, |item| item.session.link_expires_at.utc()),
        column(items, |item| i64::from(item.session.session_ttl.0)),
        column(items, |item| item.session.used_at.map(|at| at.utc())),
        column(items, |item| item.browser_hash.as_ref().map(|hash| hash.0.as_slice())),
        column(items, |item| item.session.browser.as_ref().map(|browser| browser.expires_at.utc())),
        column(items, |item| item.session.browser.as_ref().and_then(|browser| browser.ip_address.as_deref())),
        column(items, |item| item.session.browser.as_ref().and_then(|browser| browser.user_agent.as_deref())),
        column(items, |item| item.event.id.0),
        column(items, |item| item.event.actor.kind()),
        column(items, |item| item.event.actor.id()),
        column(items, |item| item.event.origin.address.map(|address| address.to_string())),
        column(items, |item| item.event.origin.user_agent.as_deref()),
    )?)
}
