//! Places for requests under way to upstreams: so many in all, and of them so many for one browser session, so that no
//! end user takes them from everybody else.

use crate::{domain::id::SessionId, service::Error};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// More than a browser opens, and a fraction of what there is.
const OF_A_SESSION: usize = 32;

/// How many places each session has taken.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<SessionId, usize>,
}

/// A place that is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    session: SessionId,
}

impl Places {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one request of this session, until the end of its answer.
    pub(super) fn enter(self: &Arc<Self>, session: SessionId) -> Result<Place, Error> {
        let mut taken = self.taken();
        let of_session = taken.by.get(&session).copied().unwrap_or(0);
        if taken.all >= self.all || of_session >= OF_A_SESSION {
            return Err(Error::Unavailable);
        }
        taken.all += 1;
        taken.by.insert(session, of_session + 1);
        Ok(Place { places: Arc::clone(self), session })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        match taken.by.get_mut(&self.session) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by.remove(&self.session)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_leaves_room_for_others() {
        let places = Places::new(40);
        let [one, other] = [1, 2].map(SessionId::at);
        let mut held: Vec<_> = (0..OF_A_SESSION).map(|_| places.enter(one).unwrap()).collect();
        assert!(places.enter(one).is_err());
        held.extend((OF_A_SESSION..40).map(|_| places.enter(other).unwrap()));
        assert!(places.enter(other).is_err(), "all are taken");
        drop(held.pop());
        assert!(places.enter(one).is_err());
        drop(held);
        let taken = places.taken();
        assert_eq!((taken.all, taken.by.len()), (0, 0));
    }
}
