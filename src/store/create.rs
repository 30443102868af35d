//! Making sessions, many at a time; how each database takes them in is in `create_postgres` and `create_sqlite`.

use super::{
    RecordFor, Store, StoreError, events, execute, fetch_all, fetch_optional, idempotency,
    listing::{is_one_of, list_of},
    statements::statements,
    transact, write_at_once,
};
use crate::domain::{
    event::NewEvent,
    id::{CustomerId, PortalId, SessionId},
    secret::SecretHash,
    session::Session,
};
use std::{collections::HashMap, fmt, sync::Arc};

/// A customer by its id, or by the tenant's own.
macro_rules! customer {
    ($lock:literal) => {
        concat!(
            "select id from customers where id = coalesce($3, (select id from customers where tenant_id = $1 and livemode = $2 and external_id = $4)) \
            and tenant_id = $1 and livemode = $2", $lock
        )
    };
}

/// Deletes a customer's unused links, in the portals listed; one that is used meanwhile stays.
macro_rules! revoke_unused {
    ($on:ident) => {
        concat!(
            "delete from portal_sessions where id in (select s.id from portal_sessions s join portals p on p.id = s.portal_id \
            where s.customer_id = $1 and s.used_at is null and s.link_expires_at > $2 and (cast($3 as text) is null or s.portal_id",
            is_one_of!($on, "$3"),
            ")) and used_at is null returning id, portal_id"
        )
    };
}

statements! {
    // Another that replaces this customer's links at the same time waits, and then finds this one. SQLite has one writer at a time.
    Postgres HOLD_CUSTOMER = customer!(" for update");
    Sqlite CUSTOMER_SQLITE = customer!("");
    Postgres REVOKE_UNUSED = revoke_unused!(Postgres);
    Sqlite REVOKE_UNUSED_SQLITE = revoke_unused!(Sqlite);
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
    pub record: Option<RecordFor<Session>>,
}

/// Which of the customer's unused links a new session replaces.
pub struct ReplaceLinks {
    /// Only these portals'.
    pub portals: Option<Vec<PortalId>>,
    /// What the trail says of each.
    pub event: Box<dyn Fn(SessionId, PortalId, CustomerId) -> NewEvent + Send + Sync>,
}

/// Which customers an attempt to create expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Customers {
    /// Those that are there: one statement keeps their sessions, and leaves out the others. With a record to keep, a transaction.
    Known,
    /// Also new ones: a transaction makes them first.
    New,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NewSession").field(&self.session.id).finish()
    }
}

/// The customer that a session was kept for: our id, and the tenant's.
pub type Owner = (CustomerId, String);

/// For whom the session was kept; `None` when the customer named by id does not exist.
pub type Created = Result<Option<Owner>, StoreError>;

/// For whom each session was kept.
pub(super) type Owners = HashMap<SessionId, Owner>;

/// How a database takes sessions in.
pub(super) trait TakesSessions {
    /// Keeps the sessions of customers that are there, in a transaction of its own.
    async fn insert_at_once(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError>;

    /// Keeps the sessions of customers that are there, inside a transaction.
    async fn insert_known(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError>;

    /// Makes customers that are not there, inside a transaction.
    async fn insert_customers(&mut self, items: &[&NewSession]) -> Result<(), StoreError>;

    /// Keeps sessions and makes customers on first sight, inside a transaction.
    async fn insert_sessions(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        let mut owners = self.insert_known(items).await?;
        let is_new = |item: &&NewSession| item.by_external_id && !owners.contains_key(&item.session.id);
        let new: Vec<&NewSession> = items.iter().copied().filter(is_new).collect();
        if !new.is_empty() {
            owners.extend(self.insert_new(&new).await?);
        }
        Ok(owners)
    }

    /// Keeps sessions whose customers were not there a moment ago, inside a transaction.
    async fn insert_new(&mut self, items: &[&NewSession]) -> Result<Owners, StoreError> {
        self.insert_customers(items).await?;
        // By now it also sees customers that another instance has made meanwhile.
        self.insert_known(items).await
    }
}

impl Store {
    /// Keeps sessions, each with its entry of the trail. One that the database refuses fails alone.
    pub async fn create_sessions(&self, items: Vec<Arc<NewSession>>) -> Vec<Created> {
        let items: Arc<[Arc<NewSession>]> = items.into();
        let mut done = self.create_each(&items, (0..items.len()).collect(), Customers::Known).await;
        let of_new =
            |(_, (item, done)): &(usize, (&Arc<NewSession>, &Created))| item.by_external_id && matches!(done, Ok(None));
        let rest: Vec<usize> = items.iter().zip(&done).enumerate().filter(of_new).map(|(n, _)| n).collect();
        if !rest.is_empty() {
            let again = self.create_each(&items, rest.clone(), Customers::New).await;
            rest.into_iter().zip(again).for_each(|(n, created)| done[n] = created);
        }
        done
    }

    /// Keeps those of `items` whose numbers are in `which`.
    async fn create_each(
        &self,
        items: &Arc<[Arc<NewSession>]>,
        which: Vec<usize>,
        customers: Customers,
    ) -> Vec<Created> {
        match self.create_together(Arc::clone(items), which.clone(), customers).await {
            Ok(done) => done.into_iter().map(Ok).collect(),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Overloaded)) => {
                which.iter().map(|_| Err(StoreError::Unavailable(error.to_string()))).collect()
            }
            Err(error) if which.len() == 1 => vec![Err(error)],
            Err(_) => {
                let mut done = Vec::with_capacity(which.len());
                for n in which {
                    let one = self.create_together(Arc::clone(items), vec![n], customers).await;
                    done.push(one.map(|mut one| one.pop().flatten()));
                }
                done
            }
        }
    }

    async fn create_together(
        &self,
        items: Arc<[Arc<NewSession>]>,
        which: Vec<usize>,
        customers: Customers,
    ) -> Result<Vec<Option<Owner>>, StoreError> {
        if customers == Customers::Known && which.iter().all(|n| items[*n].record.is_none()) {
            return write_at_once!(self, |conn| {
                let mut conn = conn;
                let items: Vec<&NewSession> = which.iter().map(|n| &*items[*n]).collect();
                let mut owners = conn.insert_at_once(&items).await?;
                Ok(items.iter().map(|item| owners.remove(&item.session.id)).collect())
            });
        }
        transact!(self, |conn| {
            let mut conn = conn;
            let items: Vec<&NewSession> = which.iter().map(|n| &*items[*n]).collect();
            let mut owners = match customers {
                Customers::Known => conn.insert_sessions(&items).await?,
                Customers::New => conn.insert_new(&items).await?,
            };
            keep_answers!(conn, &items, owners)
        })
    }

    /// Keeps one session in place of the customer's unused links, all or nothing.
    ///
    /// # Errors
    /// When the database does not answer, or the idempotency key was used at the same time.
    pub async fn replace_session(&self, item: Arc<NewSession>, replace: ReplaceLinks) -> Created {
        let (hold, revoke) = match self {
            Self::Postgres(_) => (HOLD_CUSTOMER, REVOKE_UNUSED),
            Self::Sqlite(_) => (CUSTOMER_SQLITE, REVOKE_UNUSED_SQLITE),
        };
        let portals = replace.portals.as_deref().map(list_of);
        transact!(self, |conn| {
            let mut conn = conn;
            let session = &item.session;
            let (tenant, livemode, items) = (session.tenant_id, session.livemode, [&*item]);
            let (by_id, by_name) = match item.by_external_id {
                true => (None, Some(session.customer_external_id.clone())),
                false => (Some(session.customer_id), None),
            };
            if item.by_external_id {
                conn.insert_customers(&items).await?;
            }
            let customer: Option<(CustomerId,)> = fetch_optional!(conn, _, hold, tenant, livemode, by_id, by_name)?;
            let Some((customer,)) = customer else { return Ok(None) };
            let gone: Vec<(SessionId, PortalId)> = fetch_all!(conn, _, revoke, customer, session.created_at, portals)?;
            let told: Vec<NewEvent> =
                gone.into_iter().map(|(id, portal)| (replace.event)(id, portal, customer)).collect();
            // No instance remembers an unused link, so there is nothing to take back.
            events::insert_many!(conn, &told);
            let mut owners = conn.insert_sessions(&items).await?;
            let kept: Vec<Option<Owner>> = keep_answers!(conn, &items, owners)?;
            Ok(kept.into_iter().next().flatten())
        })
    }
}

/// Writes the sealed answers beside the sessions, inside their transaction.
macro_rules! keep_answers {
    ($conn:ident, $items:expr, $owners:expr) => {{
        let items: &[&NewSession] = $items;
        let kept: Vec<Option<Owner>> = items.iter().map(|item| $owners.remove(&item.session.id)).collect();
        let answered = items.iter().zip(&kept).filter_map(|(item, owner)| {
            let (record, owner) = (item.record.as_ref()?, owner.clone()?);
            Some((record(&kept_for(item.session.clone(), owner)), item.session.created_at))
        });
        // In one order, so that two instances with the same keys wait for each other in turn and not in a circle.
        let mut answers: Vec<_> = answered.collect();
        answers.sort_unstable_by_key(|(row, _)| row.id.0);
        for (row, at) in answers {
            idempotency::insert!($conn, row, at);
        }
        Ok::<_, StoreError>(kept)
    }};
}
use keep_answers;

impl NewSession {
    /// The session as it was kept.
    pub fn kept_for(self: Arc<Self>, owner: Owner) -> Session {
        let session = Arc::try_unwrap(self).map_or_else(|shared| shared.session.clone(), |own| own.session);
        kept_for(session, owner)
    }
}

fn kept_for(session: Session, (customer_id, customer_external_id): Owner) -> Session {
    Session { customer_id, customer_external_id, ..session }
}
