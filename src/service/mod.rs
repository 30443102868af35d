//! What the product does. Authority is a type: [`Merchant`] is a back end with a live key,
//! [`EndUser`] a browser with a live session; what needs one of them is a method of it.

mod assertion;
mod browser;
mod cache;
mod coalesce;
mod customers;
mod erasures;
mod error;
mod events;
mod exchange;
mod holders;
mod idempotency;
mod keys;
mod lists;
mod operator;
mod portals;
mod seal;
mod sessions;
mod watch;

pub use browser::{EndUser, Landing, LinkState};
pub use customers::{CustomerChanges, NewCustomer};
pub use error::{Denied, Error};
pub use exchange::{ExchangeRequest, Opened};
pub use holders::{Holder, HolderQuery, Holders};
pub use idempotency::{Claim, Reply, Request, Slot};
pub use keys::{KeyRequest, Merchant};
pub use lists::{Cursor, Listed};
pub use operator::{MAX_OVERLAP, Operator};
pub use portals::{PortalChanges, PortalRequest};
pub use sessions::{CustomerRef, Minted, Mode, SessionQuery, SessionRequest};

use crate::{
    clock::Clock,
    domain::{
        event::{Actor, ClientInfo, EventType, NewEvent},
        id::{EventId, TenantId},
        session::Session,
        time::Timestamp,
    },
    store::{Exchange, NewSession, Retention, Revoked, Store, StoreError},
};
use assertion::Signing;
use cache::Caches;
use coalesce::{Coalescer, Write};
use erasures::Cleaner;
use futures_util::{FutureExt as _, future::join};
use idempotency::InFlight;
use std::{
    iter,
    sync::Arc,
    time::{Duration, Instant},
};
use watch::Watch;

/// How long a compare-and-set is tried again. Of those who try at the same time one succeeds each time; whoever has not by then
/// is answered 503.
const PATIENCE: Duration = Duration::from_secs(2);

/// Attempts at a compare-and-set, until [`PATIENCE`] is over.
fn attempts() -> impl Iterator<Item = ()> {
    let started = Instant::now();
    iter::repeat(()).take_while(move |()| started.elapsed() < PATIENCE)
}

/// What the service is told by the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long what is over stays readable.
    pub retention: Retention,
    /// How many active sessions are remembered between requests.
    pub cached_sessions: usize,
    /// How many creates, and how many exchanges, may wait for the database.
    pub waiting_writes: usize,
    /// What the keys that sign assertions are sealed under in the database.
    pub signing_secret: Option<crate::config::Secret>,
}

/// The service. It is there as long as the process, so nobody counts who has it: such a counter would be written to by all
/// threads, many times for each request.
#[derive(Clone, Copy)]
pub struct Service {
    inner: &'static Inner,
}

struct Inner {
    store: Store,
    clock: Arc<Clock>,
    caches: Caches,
    watch: Watch,
    creates: Coalescer<Arc<NewSession>, Option<crate::store::Owner>>,
    exchanges: Coalescer<Exchange, Option<crate::store::StoredSession>>,
    in_flight: InFlight,
    cleaner: Cleaner,
    signing: Signing,
    settings: Settings,
}

impl Service {
    /// A service on a migrated store.
    ///
    /// # Errors
    /// When the store does not tell its time.
    pub async fn start(store: Store, settings: Settings) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let first = store.poll(i64::MAX, i64::MIN).await?;
        let clock = Arc::new(Clock::new(first.now_micros, asked));
        store.make_partitions(clock.now(), clock.now()).await?;
        let create = |store: Store| -> Write<Arc<NewSession>, _> {
            Box::new(move |items| {
                let store = store.clone();
                async move { store.create_sessions(items).await }.boxed()
            })
        };
        let exchange = |store: Store| -> Write<Exchange, _> {
            let clock = Arc::clone(&clock);
            Box::new(move |items| {
                let (store, now) = (store.clone(), clock.now());
                async move { store.exchange(items, now).await }.boxed()
            })
        };
        let (waiting, together) = (settings.waiting_writes, store.for_batches());
        let (creates, batches_of_creates) = Coalescer::new(waiting, create(store.clone()), create(together.clone()));
        let (exchanges, batches_of_exchanges) = Coalescer::new(waiting, exchange(store.clone()), exchange(together));
        let batches = join(batches_of_creates, batches_of_exchanges);
        coalesce::on_a_thread(batches.map(drop)).map_err(sqlx::Error::Io)?;
        let inner = Inner {
            caches: Caches::new(settings.cached_sessions),
            watch: Watch::new(asked),
            in_flight: InFlight::default(),
            cleaner: Cleaner::start(store.clone(), Arc::clone(&clock)),
            signing: Signing::default(),
            store,
            clock,
            creates,
            exchanges,
            settings,
        };
        let service = Self { inner: Box::leak(Box::new(inner)) };
        watch::start(service.inner, &first, asked);
        Ok(service)
    }

    /// The clock that everything goes by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Whether requests can be served: the database answered lately and takes writes, and its clock agrees.
    pub fn is_ready(&self) -> bool {
        self.inner.watch.is_ready() && self.inner.store.takes_writes()
    }

    /// What operators do from the command line.
    pub fn operator(&self) -> Operator {
        Operator::new(*self)
    }

    /// One pass of the sweeper.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sweep(&self) -> Result<crate::store::Swept, StoreError> {
        self.inner.store.sweep(self.clock().now(), self.inner.settings.retention).await
    }

    /// Closes the store, after the last request. The poll ends before, so that it does not find it closed.
    pub async fn close(&self) {
        self.inner.watch.stop();
        self.inner.store.close().await;
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn caches(&self) -> &Caches {
        &self.inner.caches
    }

    /// Takes back, at once on this instance, the trust in something cached.
    fn evict(&self, what: Revoked) {
        self.inner.caches.evict(what);
    }

    /// Whether the caches may be believed: all revocations up to a moment ago were heard of.
    fn hears_revocations(&self) -> bool {
        self.inner.watch.is_fresh()
    }

    /// An entry for the trail about what the user of a session did with it.
    fn event_of_user(&self, session: &Session, kind: EventType, client: &ClientInfo) -> NewEvent {
        let actor = Actor::EndUser(session.customer_id);
        self.event(session.tenant_id, session.livemode, kind, actor, client).about(session)
    }

    /// An entry for the trail, about nothing in particular yet.
    fn event(
        &self,
        tenant_id: TenantId,
        livemode: bool,
        kind: EventType,
        actor: Actor,
        client: &ClientInfo,
    ) -> NewEvent {
        let nanos = self.clock().nanos();
        NewEvent {
            id: EventId::at(nanos),
            tenant_id,
            livemode,
            kind,
            at: Timestamp::from_nanos(nanos),
            actor,
            client: client.clone(),
            session_id: None,
            customer_id: None,
            portal_id: None,
            data: serde_json::json!({}),
        }
    }
}
