//! Places for requests under way to upstreams. One tenant has at most half of them, so that its slow upstreams take them from
//! nobody else, and one browser session a few, so that no end user takes them from everybody else.

use crate::{
    domain::id::{SessionId, TenantId},
    service::Error,
};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// More than a browser opens, and a fraction of what there is.
const OF_A_SESSION: usize = 32;

/// How many places are taken, and by whom.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_tenant: HashMap<TenantId, usize>,
    by_session: HashMap<SessionId, usize>,
}

/// A place that is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    tenant: TenantId,
    session: SessionId,
}

impl Places {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one request of this session of this tenant, until the end of its answer.
    pub(super) fn enter(self: &Arc<Self>, tenant: TenantId, session: SessionId) -> Result<Place, Error> {
        let mut taken = self.taken();
        let of_tenant = taken.by_tenant.get(&tenant).copied().unwrap_or(0);
        let of_session = taken.by_session.get(&session).copied().unwrap_or(0);
        if taken.all >= self.all || of_tenant >= self.all.div_ceil(2) || of_session >= OF_A_SESSION {
            return Err(Error::Unavailable);
        }
        taken.all += 1;
        taken.by_tenant.insert(tenant, of_tenant + 1);
        taken.by_session.insert(session, of_session + 1);
        Ok(Place { places: Arc::clone(self), tenant, session })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        count_down(&mut taken.by_tenant, &self.tenant);
        count_down(&mut taken.by_session, &self.session);
    }
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_and_one_tenant_leave_room_for_others() {
        let places = Places::new(80);
        let ([one, other, third], [tenant, elsewhere, nowhere]) =
            ([1, 2, 3].map(SessionId::at), [1, 2, 3].map(TenantId::at));
        let mut held: Vec<_> = (0..OF_A_SESSION).map(|_| places.enter(tenant, one).unwrap()).collect();
        assert!(places.enter(tenant, one).is_err(), "the session's are taken");
        held.extend((OF_A_SESSION..40).map(|_| places.enter(tenant, other).unwrap()));
        assert!(places.enter(tenant, other).is_err(), "the tenant's are taken");
        held.extend((0..OF_A_SESSION).map(|_| places.enter(elsewhere, third).unwrap()));
        held.extend((OF_A_SESSION..40).map(|_| places.enter(elsewhere, other).unwrap()));
        assert!(places.enter(nowhere, other).is_err(), "all are taken");
        drop(held.pop());
        assert!(places.enter(tenant, other).is_err());
        assert!(places.enter(nowhere, other).is_ok());
        drop(held);
        let taken = places.taken();
        assert_eq!((taken.all, taken.by_tenant.len(), taken.by_session.len()), (0, 0, 0));
    }
}
