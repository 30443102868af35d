//! Making sessions: many in one statement on PostgreSQL, many in one transaction on SQLite.

use super::{
    Beside, Postgres, Revoked, Sqlite, Store, StoreError, connection::Link, events, execute, fetch_all, fetch_optional,
    idempotency, revocations, statements::statements, values::json,
};
use crate::domain::{
    event::NewEvent,
    id::{CustomerId, PortalId, SessionId},
    secret::SecretHash,
    session::Session,
};
use sqlx::{PgConnection, SqliteConnection};
use std::{collections::HashMap, fmt, sync::Arc};

statements! {
    // Customers are made on first sight. One that another instance makes at the same moment is
    // neither visible to this statement nor made by it: its item is missing from the answer and
    // goes into the next one.
    Postgres INSERT_MANY = "with item as materialized (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], \
            $5::text[], $6::bool[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::text[], \
            $14::text[], $15::timestamptz[], $16::bytea[], $17::timestamptz[], $18::int8[], $19::timestamptz[], $20::bytea[], \
            $21::timestamptz[], $22::text[], $23::text[], $24::uuid[], $25::text[], $26::uuid[], $27::text[], $28::text[]) \
        as t(id, tenant_id, portal_id, customer_id, external_id, livemode, permissions, return_url, path, delivery, preview, \
            locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, \
            browser_expires_at, ip_address, user_agent, event_id, actor_type, actor_id, event_ip, event_agent)), \
        seen as materialized (select i.id as session_id, c.id, c.external_id from item i join customers c on \
            i.external_id is not null and c.tenant_id = i.tenant_id and c.livemode = i.livemode and c.external_id = i.external_id \
            union all select i.id, c.id, c.external_id from item i join customers c on \
            i.external_id is null and c.id = i.customer_id and c.tenant_id = i.tenant_id and c.livemode = i.livemode), \
        made as (insert into customers (id, tenant_id, livemode, external_id, profile, created_at) \
            select distinct on (i.tenant_id, i.livemode, i.external_id) i.customer_id, i.tenant_id, i.livemode, i.external_id, '{}', i.created_at \
            from item i where i.external_id is not null and not exists (select 1 from seen where seen.session_id = i.id) \
            on conflict do nothing returning id, tenant_id, livemode, external_id), \
        known as materialized (select session_id, id, external_id from seen \
            union all select i.id, m.id, m.external_id from item i join made m on \
            m.tenant_id = i.tenant_id and m.livemode = i.livemode and m.external_id = i.external_id), \
        kept as (insert into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, path, \
            delivery, preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
            browser_hash, browser_expires_at, ip_address, user_agent) \
            select i.id, i.tenant_id, i.portal_id, k.id, i.livemode, i.permissions, i.return_url, i.path, i.delivery, i.preview, \
            i.locale, i.metadata, i.scopes, i.created_at, i.link_hash, i.link_expires_at, i.session_ttl, i.used_at, \
            i.browser_hash, i.browser_expires_at, i.ip_address, i.user_agent from item i join known k on k.session_id = i.id), \
        told as (insert into events (id, tenant_id, livemode, type, created_at, actor_type, actor_id, ip_address, user_agent, \
            session_id, customer_id, portal_id, data) \
            select i.event_id, i.tenant_id, i.livemode, 'portal_session.created', i.created_at, i.actor_type, i.actor_id, \
            i.event_ip, i.event_agent, i.id, k.id, i.portal_id, '{}' from item i join known k on k.session_id = i.id) \
        select session_id, id, external_id from known";
    Sqlite INSERT_CUSTOMER = "insert into customers (id, tenant_id, livemode, external_id, profile, created_at) \
        values ($1, $2, $3, $4, '{}', $5) on conflict do nothing";
    Sqlite BY_EXTERNAL_ID = "select id, external_id from customers where tenant_id = $1 and livemode = $2 and external_id = $3";
    Sqlite BY_ID = "select id, external_id from customers where tenant_id = $1 and livemode = $2 and id = $3";
    Sqlite INSERT = "insert into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, path, \
        delivery, preview, locale, metadata, scopes, created_at, link_hash, link_expires_at, session_ttl, used_at, \
        browser_hash, browser_expires_at, ip_address, user_agent) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";
    Both UNUSED_LINKS = "select s.id, s.portal_id, s.customer_id from portal_sessions s join customers c on c.id = s.customer_id \
        where s.tenant_id = $1 and s.livemode = $2 and (c.id = $3 or c.external_id = $4) and s.used_at is null and s.link_expires_at > $5";
    Both REVOKE_UNUSED = "delete from portal_sessions where id = $1 and used_at is null";
}

/// A session to be kept.
pub struct NewSession {
    /// All of it; with `by_external_id` the customer's id is the one to use if it is new.
    pub session: Session,
    /// Whether the customer is named by `customer_external_id`, and made on first sight, rather than by `customer_id`.
    pub by_external_id: bool,
    /// The hash of the link token, unless there is no link.
    pub link_hash: Option<SecretHash>,
    /// The hash of the browser token, when there is one at once.
    pub browser_hash: Option<SecretHash>,
    /// What the trail says of it; the customer is filled in.
    pub event: NewEvent,
    /// What commits beside it.
    pub beside: Option<Beside<Session>>,
}

/// Which of the customer's unused links a new session replaces.
pub struct ReplaceLinks {
    /// Only these portals'.
    pub portals: Option<Vec<PortalId>>,
    /// What the trail says of each.
    pub event: Box<dyn Fn(SessionId, PortalId, CustomerId) -> NewEvent + Send + Sync>,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NewSession").field(&self.session.id).finish()
    }
}

/// The session as it was kept; `None` when the customer named by id does not exist.
pub type Created = Result<Option<Session>, StoreError>;

/// Which customer each session was kept for.
type Owners = HashMap<SessionId, (CustomerId, String)>;

impl Store {
    /// Keeps sessions, each with its entry of the trail. One that the database refuses fails alone.
    pub async fn create_sessions(&self, items: Vec<NewSession>) -> Vec<Created> {
        let items: Arc<[NewSession]> = items.into();
        match self.create_together(Arc::clone(&items), 0, items.len()).await {
            Ok(done) => done.into_iter().map(Ok).collect(),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Overloaded)) => {
                let again = || Err(StoreError::Unavailable(error.to_string()));
                items.iter().map(|_| again()).collect()
            }
            Err(error) if items.len() == 1 => vec![Err(error)],
            Err(_) => {
                let mut done = Vec::with_capacity(items.len());
                for n in 0..items.len() {
                    let one = self.create_together(Arc::clone(&items), n, n + 1).await;
                    done.push(one.map(|mut one| one.pop().flatten()));
                }
                done
            }
        }
    }

    async fn create_together(
        &self,
        items: Arc<[NewSession]>,
        from: usize,
        to: usize,
    ) -> Result<Vec<Option<Session>>, StoreError> {
        match self {
            Self::Postgres(db) if items[from..to].iter().all(|item| item.beside.is_none()) => {
                db.read(move |mut link| {
                    Box::pin(async move {
                        let owners = Postgres::insert_sessions(&mut link, &items[from..to]).await?;
                        Ok(items[from..to].iter().map(|item| item.kept(&owners)).collect())
                    })
                })
                .await
            }
            Self::Postgres(db) => {
                db.write(move |mut link| {
                    Box::pin(async move {
                        let owners = Postgres::insert_sessions(&mut link, &items[from..to]).await?;
                        keep_answers!(link, &items[from..to], owners)
                    })
                })
                .await
            }
            Self::Sqlite(db) => {
                db.write(move |mut link| {
                    Box::pin(async move {
                        let owners = Sqlite::insert_sessions(&mut link, &items[from..to]).await?;
                        keep_answers!(link, &items[from..to], owners)
                    })
                })
                .await
            }
        }
    }

    /// Keeps one session in place of the customer's unused links, all or nothing.
    ///
    /// # Errors
    /// When the database does not answer, or the idempotency key was used at the same time.
    pub async fn replace_session(&self, item: NewSession, replace: ReplaceLinks) -> Created {
        /// The same on both databases, but for how a session is inserted.
        macro_rules! replace {
            ($db:expr, $kind:ident) => {
                $db.write(move |mut link| {
                    Box::pin(async move {
                        let session = &item.session;
                        let (by_id, by_name) = match item.by_external_id {
                            true => (None, Some(session.customer_external_id.clone())),
                            false => (Some(session.customer_id), None),
                        };
                        let links = fetch_all!(
                            link,
                            (SessionId, PortalId, CustomerId),
                            UNUSED_LINKS,
                            session.tenant_id,
                            session.livemode,
                            by_id,
                            by_name,
                            session.created_at,
                        )?;
                        for (id, portal, customer) in links {
                            let allowed = replace.portals.as_ref().is_none_or(|portals| portals.contains(&portal));
                            if allowed && execute!(link, REVOKE_UNUSED, id)? > 0 {
                                revocations::insert!(link, Revoked::Session(id), session.created_at);
                                events::insert!(link, (replace.event)(id, portal, customer));
                            }
                        }
                        let items = [item];
                        let owners = $kind::insert_sessions(&mut link, &items).await?;
                        let kept: Vec<Option<Session>> = keep_answers!(link, &items, owners)?;
                        Ok(kept.into_iter().next().flatten())
                    })
                })
                .await
            };
        }
        match self {
            Self::Postgres(db) => replace!(db, Postgres),
            Self::Sqlite(db) => replace!(db, Sqlite),
        }
    }
}

/// Writes the sealed answers beside the sessions, inside their transaction.
macro_rules! keep_answers {
    ($link:ident, $items:expr, $owners:expr) => {{
        let items: &[NewSession] = $items;
        let kept: Vec<Option<Session>> = items.iter().map(|item| item.kept(&$owners)).collect();
        for (item, session) in items.iter().zip(&kept) {
            if let (Some(beside), Some(session)) = (&item.beside, session) {
                idempotency::insert!($link, beside(session), session.created_at);
            }
        }
        Ok::<_, StoreError>(kept)
    }};
}
use keep_answers;

impl NewSession {
    fn kept(&self, owners: &Owners) -> Option<Session> {
        let (customer_id, external_id) = owners.get(&self.session.id)?;
        let mut session = self.session.clone();
        session.customer_id = *customer_id;
        session.customer_external_id.clone_from(external_id);
        Some(session)
    }
}

impl Postgres {
    async fn insert_sessions(link: &mut Link<'_, PgConnection>, items: &[NewSession]) -> Result<Owners, StoreError> {
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
    fn column<T>(items: &[&NewSession], value: impl Fn(&NewSession) -> T) -> Vec<T> {
        items.iter().map(|item| value(item)).collect()
    }
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
        column(items, |item| item.by_external_id.then(|| item.session.customer_external_id.clone())),
        column(items, |item| item.session.livemode),
        permissions,
        column(items, |item| item.session.return_url.clone()),
        column(items, |item| item.session.path.clone()),
        column(items, |item| item.session.delivery.as_str()),
        column(items, |item| item.session.preview),
        column(items, |item| item.session.locale.clone()),
        metadata,
        scopes,
        column(items, |item| item.session.created_at.utc()),
        column(items, |item| item.link_hash.map(|hash| hash.0.to_vec())),
        column(items, |item| item.session.link_expires_at.utc()),
        column(items, |item| i64::from(item.session.session_ttl.0)),
        column(items, |item| item.session.used_at.map(|at| at.utc())),
        column(items, |item| item.browser_hash.map(|hash| hash.0.to_vec())),
        column(items, |item| item.session.browser.as_ref().map(|browser| browser.expires_at.utc())),
        column(items, |item| item.session.browser.as_ref().and_then(|browser| browser.ip_address.clone())),
        column(items, |item| item.session.browser.as_ref().and_then(|browser| browser.user_agent.clone())),
        column(items, |item| item.event.id.0),
        column(items, |item| item.event.actor.kind()),
        column(items, |item| item.event.actor.id()),
        column(items, |item| item.event.origin.address.map(|address| address.to_string())),
        column(items, |item| item.event.origin.user_agent.clone()),
    )?)
}

impl Sqlite {
    async fn insert_sessions(
        link: &mut Link<'_, SqliteConnection>,
        items: &[NewSession],
    ) -> Result<Owners, StoreError> {
        let mut owners = Owners::with_capacity(items.len());
        for item in items {
            let session = &item.session;
            let (tenant, live) = (session.tenant_id, session.livemode);
            let owner = if item.by_external_id {
                let name = &session.customer_external_id;
                let seen = fetch_optional!(link, (CustomerId, String), BY_EXTERNAL_ID, tenant, live, name)?;
                if seen.is_none() {
                    execute!(link, INSERT_CUSTOMER, session.customer_id, tenant, live, name, session.created_at)?;
                }
                seen.or_else(|| Some((session.customer_id, name.clone())))
            } else {
                fetch_optional!(link, (CustomerId, String), BY_ID, tenant, live, session.customer_id)?
            };
            let Some(owner) = owner else { continue };
            let browser = session.browser.as_ref();
            execute!(
                link,
                INSERT,
                session.id,
                tenant,
                session.portal_id,
                owner.0,
                live,
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
                browser.and_then(|browser| browser.ip_address.clone()),
                browser.and_then(|browser| browser.user_agent.clone()),
            )?;
            events::insert!(link, NewEvent { customer_id: Some(owner.0), ..item.event.clone() });
            owners.insert(session.id, owner);
        }
        Ok(owners)
    }
}
