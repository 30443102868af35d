//! A store with a tenant in it, at a time that the test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use vestibule::domain::{
    customer::{Customer, Profile},
    event::{Actor, ClientInfo, EventType, NewEvent},
    id::{CustomerId, EventId, KeyId, PortalId, SessionId, TenantId},
    key::Key,
    permission::Patterns,
    portal::{Portal, Settings},
    secret::SecretHash,
    session::{Delivery, Session},
    tenant::Tenant,
    time::{Seconds, Timestamp},
};
use vestibule::store::{Exchange, NewSession, Options, ReplaceLinks, Store, StoreError};

use crate::support::{Database, Db, Store as Kind};

/// Noon of 2027-01-15: far from the real now, which the store must not look at.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_014_400_000);

/// A store, a tenant and its portal.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) db: Db,
    pub(super) tenant: TenantId,
    pub(super) portal: Portal,
    pub(super) database: Arc<Database>,
}

/// The next instant: ids made from it are unique and in order.
pub(super) fn nanos(at: Timestamp) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    at.millis().unsigned_abs() * 1_000_000 + NEXT.fetch_add(300, Ordering::Relaxed) % 900_000
}

pub(super) fn hash(text: &str) -> SecretHash {
    SecretHash::of(text.as_bytes())
}

pub(super) fn later(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(at.millis() + millis)
}

pub(super) async fn open(database: &Database) -> Store {
    let options = Options { url: database.url().to_owned(), max_connections: 4, busy_timeout: Options::SERVING };
    Store::open(&options).await.expect("a store")
}

impl Bench {
    pub(super) async fn new(kind: Kind) -> Self {
        let database = kind.database();
        let store = open(&database).await;
        store.migrate().await.expect("a schema");
        store.make_partitions(NOW, NOW).await.expect("partitions");
        let (tenant, portal) = insert_tenant(&store).await;
        Self { store, db: Db::open(&database).await, tenant, portal, database }
    }

    pub(super) async fn both() -> [Self; 2] {
        [Self::new(Kind::Postgres).await, Self::new(Kind::Sqlite).await]
    }

    pub(super) fn event(&self, kind: EventType) -> NewEvent {
        self.event_at(kind, NOW)
    }

    pub(super) fn event_at(&self, kind: EventType, at: Timestamp) -> NewEvent {
        event(self.tenant, kind, at)
    }

    /// A link for a customer of that external id, whose token's secret is the session's id in words.
    pub(super) fn link(&self, customer: &str) -> NewSession {
        self.link_at(customer, NOW)
    }

    pub(super) fn link_at(&self, customer: &str, at: Timestamp) -> NewSession {
        let id = SessionId::at(nanos(at));
        let session = Session {
            id,
            tenant_id: self.tenant,
            portal_id: self.portal.id,
            portal_slug: self.portal.slug.clone(),
            customer_id: CustomerId::at(nanos(at)),
            customer_external_id: customer.to_owned(),
            livemode: false,
            permissions: Vec::new(),
            return_url: None,
            path: None,
            delivery: Delivery::Message,
            preview: false,
            locale: None,
            metadata: Default::default(),
            scopes: None,
            created_at: at,
            link_expires_at: at.plus(Seconds(900)),
            session_ttl: Seconds(86_400),
            opened_at: None,
            used_at: None,
            browser: None,
        };
        let event = NewEvent { session_id: Some(id), ..self.event_at(EventType::SessionCreated, at) };
        let link_hash = Some(hash(&id.to_string()));
        NewSession { session, by_external_id: true, link_hash, browser_hash: None, event, record: None }
    }

    /// Keeps one link.
    pub(super) async fn keep(&self, item: NewSession) -> Session {
        let mut done = self.create(vec![item]).await;
        done.pop().expect("an answer").expect("no error").expect("a customer")
    }

    /// Keeps many at a time: the sessions as they were kept.
    pub(super) async fn create(&self, items: Vec<NewSession>) -> Vec<Result<Option<Session>, StoreError>> {
        let items: Vec<_> = items.into_iter().map(Arc::new).collect();
        let done = self.store.create_sessions(items.clone()).await;
        items.into_iter().zip(done).map(|(item, done)| Ok(done?.map(|owner| item.kept_for(owner)))).collect()
    }

    /// Keeps one in place of others.
    pub(super) async fn replace(&self, item: NewSession, replace: ReplaceLinks) -> Result<Option<Session>, StoreError> {
        let item = Arc::new(item);
        let done = self.store.replace_session(Arc::clone(&item), replace).await?;
        Ok(done.map(|owner| item.kept_for(owner)))
    }

    /// An exchange of a kept link, for a browser token of that secret.
    pub(super) fn exchange(&self, id: SessionId, browser: &str, nonce: Option<&str>) -> Exchange {
        Exchange {
            id,
            link_hash: hash(&id.to_string()),
            browser_hash: hash(browser),
            nonce_hash: nonce.map(hash),
            client: ClientInfo::default(),
            event_id: EventId::at(nanos(NOW)),
        }
    }

    pub(super) fn customer(&self, name: &str) -> Customer {
        Customer {
            id: CustomerId::at(nanos(NOW)),
            tenant_id: self.tenant,
            livemode: false,
            external_id: name.to_owned(),
            profile: Profile::default(),
            created_at: NOW,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key {
            id: KeyId::at(nanos(NOW)),
            tenant_id: self.tenant,
            is_secret: true,
            livemode: false,
            name: None,
            permissions: Patterns::all(),
            grants: Patterns::all(),
            secret_hash: hash("key"),
            created_at: NOW,
            expires_at: None,
            revoked_at: None,
        }
    }

    pub(super) fn new_portal(&self, slug: &str) -> Portal {
        portal(self.tenant, slug)
    }

    /// How many rows a table has.
    pub(super) async fn count(&self, table: &str) -> i64 {
        self.db.number(&format!("select count(*) from {table}")).await
    }
}

fn portal(tenant_id: TenantId, slug: &str) -> Portal {
    let (id, slug) = (PortalId::at(nanos(NOW)), slug.to_owned());
    Portal { id, tenant_id, created_at: NOW, settings: Settings::default(), slug, enabled: true }
}

fn event(tenant_id: TenantId, kind: EventType, at: Timestamp) -> NewEvent {
    NewEvent {
        id: EventId::at(nanos(at)),
        tenant_id,
        livemode: false,
        kind,
        at,
        actor: Actor::Operator,
        client: ClientInfo::default(),
        session_id: None,
        customer_id: None,
        portal_id: None,
        data: json!({}),
    }
}

pub(super) fn new_tenant() -> Tenant {
    let id = TenantId::at(nanos(NOW));
    Tenant { id, slug: format!("t-{}", id.0.simple()), name: "A Tenant".into(), created_at: NOW }
}

/// Makes another tenant with its portal.
pub(super) async fn insert_tenant(store: &Store) -> (TenantId, Portal) {
    let tenant = new_tenant();
    let id = tenant.id;
    let portal = portal(id, "default");
    let event = event(id, EventType::PortalCreated, NOW);
    store.insert_tenant(tenant, portal.clone(), event).await.expect("a tenant");
    (id, portal)
}
