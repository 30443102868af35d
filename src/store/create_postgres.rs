//! Many sessions in one statement, each column an array.

use super::{
    NewSession, StoreError,
    arrays::{ArrayStatement, column, sparse},
    connection::Conn,
    create::{Owners, TakesSessions},
    execute, fetch_all,
    statements::statements,
    values::json,
};
use crate::domain::{
    id::{CustomerId, SessionId},
    session::Session,
};
use sqlx::PgConnection;

statements! {
    // The n-th of each array: a function that takes all of them apart into rows costs ten times as much, and rows that hold
    // all values before they are written a tenth more. An item whose customer is not there is missing from the answer.
    Postgres INSERT_MANY = "with known as materialized (select n, coalesce(o.id, c.id) as owner, \
            coalesce(o.external_id, c.external_id) as owner_name \
        from generate_series(1, cardinality($1::uuid[])) as n \
        left join customers c on c.tenant_id = ($2::uuid[])[n] and c.livemode = ($6::bool[])[n] \
            and c.external_id = ($5::text[])[n] \
        left join customers o on o.id = case when ($5::text[])[n] is null then ($4::uuid[])[n] end \
            and o.tenant_id = ($2::uuid[])[n] and o.livemode = ($6::bool[])[n] \
        where coalesce(o.id, c.id) is not null), \
        item as not materialized (select owner, owner_name, ($1::uuid[])[n] as id, ($2::uuid[])[n] as tenant_id, \
            ($3::uuid[])[n] as portal_id, ($6::bool[])[n] as livemode, ($7::text[])[n] as permissions, \
            ($8::text[])[n] as return_url, ($9::text[])[n] as path, ($10::text[])[n] as delivery, \
            ($11::bool[])[n] as preview, ($12::text[])[n] as locale, ($13::text[])[n] as metadata, \
            ($14::text[])[n] as scopes, ($15::timestamptz[])[n] as created_at, ($16::bytea[])[n] as link_hash, \
            ($17::timestamptz[])[n] as link_expires_at, ($18::int8[])[n] as session_ttl, \
            ($19::timestamptz[])[n] as used_at, ($20::bytea[])[n] as browser_hash, \
            ($21::timestamptz[])[n] as browser_expires_at, ($22::text[])[n] as ip_address, \
            ($23::text[])[n] as user_agent, ($24::uuid[])[n] as event_id, ($25::text[])[n] as actor_type, \
            ($26::uuid[])[n] as actor_id, ($27::text[])[n] as event_ip, ($28::text[])[n] as event_agent from known), \
        kept as (insert into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, path, \
            delivery, preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
            browser_hash, browser_expires_at, ip_address, user_agent) \
            select id, tenant_id, portal_id, owner, livemode, permissions, return_url, path, delivery, preview, \
            locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
            browser_hash, browser_expires_at, ip_address, user_agent from item), \
        told as (insert into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
            session_id, customer_id, portal_id, data) \
            select event_id, tenant_id, livemode, 'portal_session.created', created_at, actor_type, actor_id, \
            event_ip, event_agent, id, owner, portal_id, '{}' from item) \
        select id, owner, owner_name from item";
    // In one order, so that two instances never wait for each other.
    Postgres INSERT_CUSTOMERS = "insert into customers (id, tenant_id, livemode, external_id, profile, created_at) \
        select distinct on (tenant_id, livemode, external_id) id, tenant_id, livemode, external_id, '{}', created_at \
        from (select ($1::uuid[])[n] as id, ($2::uuid[])[n] as tenant_id, ($3::bool[])[n] as livemode, \
            ($4::text[])[n] as external_id, ($5::timestamptz[])[n] as created_at \
            from generate_series(1, cardinality($1::uuid[])) as n) as t \
        order by tenant_id, livemode, external_id on conflict do nothing";
}

static SESSIONS: ArrayStatement = ArrayStatement::new(INSERT_MANY);
static CUSTOMERS: ArrayStatement = ArrayStatement::new(INSERT_CUSTOMERS);

impl TakesSessions for Conn<'_, PgConnection> {
    /// One statement is a transaction of its own.
    async fn insert_at_once(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        self.insert_known(items).await
    }

    async fn insert_known(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        let texts = items.iter().map(|item| Texts::of(&item.session)).collect::<Result<Vec<_>, _>>()?;
        let kept = fetch_all!(
            self,
            (SessionId, CustomerId, String),
            SESSIONS.text(items.len()),
            column(items, |item| item.session.id.0),
            column(items, |item| item.session.tenant_id.0),
            column(items, |item| item.session.portal_id.0),
            column(items, |item| item.session.customer_id.0),
            sparse(items, |item| item.by_external_id.then_some(item.session.customer_external_id.as_str())),
            column(items, |item| item.session.livemode),
            column(&texts, |texts| texts.permissions.as_str()),
            sparse(items, |item| item.session.return_url.as_deref()),
            sparse(items, |item| item.session.path.as_deref()),
            column(items, |item| item.session.delivery.as_str()),
            column(items, |item| item.session.preview),
            sparse(items, |item| item.session.locale.as_deref()),
            column(&texts, |texts| texts.metadata.as_str()),
            sparse(&texts, |texts| texts.scopes.as_deref()),
            column(items, |item| item.session.created_at.utc()),
            sparse(items, |item| item.link_hash.as_ref().map(|hash| hash.0.as_slice())),
            column(items, |item| item.session.link_expires_at.utc()),
            column(items, |item| i64::from(item.session.session_ttl.0)),
            sparse(items, |item| item.session.used_at.map(|at| at.utc())),
            sparse(items, |item| item.browser_hash.as_ref().map(|hash| hash.0.as_slice())),
            sparse(items, |item| item.session.browser.as_ref().map(|browser| browser.expires_at.utc())),
            sparse(items, |item| item.session.browser.as_ref().and_then(|browser| browser.ip_address.as_deref())),
            sparse(items, |item| item.session.browser.as_ref().and_then(|browser| browser.user_agent.as_deref())),
            column(items, |item| item.event.id.0),
            column(items, |item| item.event.actor.kind()),
            sparse(items, |item| item.event.actor.id()),
            sparse(items, |item| item.event.client.address.map(|address| address.to_string())),
            sparse(items, |item| item.event.client.user_agent.as_deref()),
        )?;
        Ok(kept.into_iter().map(|(session, customer, name)| (session, (customer, name))).collect())
    }

    async fn insert_customers(&mut self, items: &[&NewSession]) -> Result<(), StoreError> {
        execute!(
            self,
            CUSTOMERS.text(items.len()),
            column(items, |item| item.session.customer_id.0),
            column(items, |item| item.session.tenant_id.0),
            column(items, |item| item.session.livemode),
            column(items, |item| item.session.customer_external_id.as_str()),
            column(items, |item| item.session.created_at.utc()),
        )?;
        Ok(())
    }
}

/// What a session holds as JSON.
struct Texts {
    permissions: String,
    metadata: String,
    scopes: Option<String>,
}

impl Texts {
    fn of(session: &Session) -> Result<Self, sqlx::Error> {
        let scopes = session.scopes.as_ref().map(json).transpose()?;
        Ok(Self { permissions: json(&session.permissions)?, metadata: json(&session.metadata)?, scopes })
    }
}
