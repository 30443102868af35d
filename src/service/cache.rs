//! What is remembered between requests, and how it is taken back.
//!
//! A value that was read before something was revoked must not be put in after it: whoever fills
//! an entry takes a ticket before it reads, and one that is stale fills nothing.

use super::browser::{ORDINARY, Recognised};
use crate::{
    domain::{
        id::{KeyId, PortalId, SessionId, TenantId},
        key::Key,
        permission::Permission,
        portal::Portal,
    },
    store::{PortalRef, Revoked},
};
use quick_cache::{Weighter, sync::Cache};
use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const SLOTS: usize = 256;

/// Taken before a read that is to fill an entry.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    slot: usize,
    epoch: u64,
}

/// How many ordinary entries a value takes the room of.
#[derive(Clone)]
struct Weigh<V>(fn(&V) -> u64);

impl<K, V> Weighter<K, V> for Weigh<V> {
    fn weight(&self, _: &K, value: &V) -> u64 {
        self.0(value)
    }
}

/// A bounded cache whose entries can be taken back for good.
pub(super) struct Guarded<K, V> {
    entries: Cache<K, V, Weigh<V>>,
    /// How often entries of each slot were taken back. Held while an entry is filled, or it could be seen for a moment
    /// after it was taken back.
    epochs: [Mutex<u64>; SLOTS],
    hasher: RandomState,
}

impl<K: Eq + Hash + Clone, V: Clone> Guarded<K, V> {
    /// One with room for `capacity` ordinary entries.
    fn new(capacity: usize, weigh: fn(&V) -> u64) -> Self {
        let entries = Cache::with_weighter(capacity, capacity as u64, Weigh(weigh));
        Self { entries, epochs: [const { Mutex::new(0) }; SLOTS], hasher: RandomState::new() }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key)
    }

    pub(super) fn ticket(&self, key: &K) -> Ticket {
        let slot = self.slot(key);
        Ticket { slot, epoch: *self.epoch(slot) }
    }

    pub(super) fn fill(&self, ticket: Ticket, key: &K, value: V) {
        let epoch = self.epoch(ticket.slot);
        if *epoch == ticket.epoch {
            self.entries.insert(key.clone(), value);
        }
    }

    fn remove(&self, key: &K) {
        *self.epoch(self.slot(key)) += 1;
        self.entries.remove(key);
    }

    fn remove_where(&self, gone: impl Fn(&V) -> bool) {
        (0..SLOTS).for_each(|slot| *self.epoch(slot) += 1);
        self.entries.retain(|_, value| !gone(value));
    }

    fn epoch(&self, slot: usize) -> MutexGuard<'_, u64> {
        self.epochs[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &K) -> usize {
        self.hasher.hash_one(key) as usize % SLOTS
    }
}

/// How a portal is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PortalKey {
    /// As a tenant's request names it.
    Of(TenantId, PortalRef),
    /// By id alone, for the pages that browsers see.
    Public(PortalId),
}

/// All caches of an instance.
pub(super) struct Caches {
    pub(super) keys: Guarded<KeyId, Arc<Key>>,
    pub(super) portals: Guarded<PortalKey, Arc<Portal>>,
    pub(super) sessions: Guarded<SessionId, Arc<Recognised>>,
}

/// The bytes of what a merchant may set at length.
fn texts_of(portal: &Portal) -> u64 {
    let settings = &portal.settings;
    let permissions = settings.default_permissions.iter().map(Permission::as_str);
    let origins = settings.allowed_return_origins.iter().chain(&settings.frame_ancestors);
    let urls = [&settings.return_url, &settings.app_url, &settings.upstream_url, &settings.branding.logo_url];
    let texts = permissions.chain(origins.chain(urls.into_iter().flatten()).map(String::as_str));
    texts.map(|text| text.len() as u64).sum()
}

impl Caches {
    pub(super) fn new(sessions: usize) -> Self {
        Self {
            keys: Guarded::new(4096, |_| 1),
            portals: Guarded::new(4096, |portal| 1 + texts_of(portal) / ORDINARY as u64),
            sessions: Guarded::new(sessions, |known| known.weight),
        }
    }

    pub(super) fn evict(&self, what: Revoked) {
        match what {
            Revoked::Session(id) => self.sessions.remove(&id),
            Revoked::Customer(id) => self.sessions.remove_where(|it| it.session.customer_id == id),
            Revoked::Key(id) => self.keys.remove(&id),
            Revoked::Portal(id) => {
                self.portals.remove_where(|portal| portal.id == id);
                self.sessions.remove_where(|it| it.portal_id == id);
            }
        }
    }

    pub(super) fn evict_all(&self) {
        self.keys.remove_where(|_| true);
        self.portals.remove_where(|_| true);
        self.sessions.remove_where(|_| true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{portal::Settings, time::Timestamp};
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    #[test]
    fn what_is_heavy_takes_the_room_of_many() {
        let kept = |weight: u64| {
            let cache = Guarded::new(1000, |weight: &u64| *weight);
            (0..1000).for_each(|n| cache.fill(cache.ticket(&n), &n, weight));
            (0..1000).filter(|n| cache.get(n).is_some()).count()
        };
        assert!(kept(1) > 900 && (1..=20).contains(&kept(50)), "{} and {}", kept(1), kept(50));
    }

    #[test]
    fn a_portal_with_long_settings_takes_the_room_of_many() {
        let kept = |permissions: usize| {
            let permission = Permission::parse(format!("a.b.{}", "c".repeat(250))).unwrap();
            let settings = Settings { default_permissions: vec![permission; permissions], ..Settings::default() };
            let portal = |id| Portal {
                id,
                tenant_id: TenantId::at(1),
                created_at: Timestamp::from_millis(0),
                settings: settings.clone(),
                slug: "a".into(),
                enabled: true,
            };
            let portals = Caches::new(1).portals;
            let keys: Vec<_> = (0..1000).map(PortalId::at).collect();
            for id in &keys {
                let key = PortalKey::Public(*id);
                portals.fill(portals.ticket(&key), &key, Arc::new(portal(*id)));
            }
            keys.into_iter().filter(|id| portals.get(&PortalKey::Public(*id)).is_some()).count()
        };
        let (short, long) = (kept(1), kept(100));
        assert!(short > 900 && long < 200, "{short} and {long}");
    }

    #[test]
    fn what_was_read_before_a_removal_is_not_put_in_after_it() {
        let cache = Guarded::new(8, |_| 1);
        let early = cache.ticket(&1);
        cache.remove(&1);
        cache.fill(early, &1, "stale");
        assert_eq!(cache.get(&1), None);
        cache.fill(cache.ticket(&1), &1, "new");
        assert_eq!(cache.get(&1), Some("new"));
        let early = cache.ticket(&2);
        cache.remove_where(|value| *value == "new");
        cache.fill(early, &2, "stale");
        assert_eq!((cache.get(&1), cache.get(&2)), (None, None));
    }

    #[test]
    fn what_was_read_before_a_removal_is_not_seen_after_it_for_a_moment_either() {
        let cache = Guarded::new(8, |_| 1);
        let (turns, seen) = (AtomicU64::new(0), AtomicU64::new(0));
        let wait_for = |turn| {
            while turns.load(Ordering::SeqCst) < turn {
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..5_000 {
                    let early = cache.ticket(&1);
                    turns.fetch_add(1, Ordering::SeqCst);
                    wait_for(4 * round + 2);
                    cache.fill(early, &1, "stale");
                    turns.fetch_add(1, Ordering::SeqCst);
                    wait_for(4 * round + 4);
                }
            });
            for round in 0..5_000 {
                wait_for(4 * round + 1);
                turns.fetch_add(1, Ordering::SeqCst);
                cache.remove(&1);
                while turns.load(Ordering::SeqCst) < 4 * round + 3 {
                    seen.fetch_add(u64::from(cache.get(&1).is_some()), Ordering::SeqCst);
                }
                turns.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert_eq!(seen.into_inner(), 0);
    }
}
