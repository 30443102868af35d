//! What the audit trail told, and what no trail may tell whatever the model thinks.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use vestibule::domain::event::EventType;
use vestibule::domain::id::{EventId, SessionId};
use vestibule::domain::time::Timestamp;
use vestibule::store::{EventFilter, REPEAT_WINDOW};

use super::EVERYTHING;
use super::model::{LINK_TTL, Told};
use crate::store::bench::Bench;

/// A reader of the trail, with a memory of its own.
pub(super) struct Trail {
    seen: HashSet<EventId>,
    links: BTreeMap<usize, Seen>,
}

/// What the trail has told of a session.
struct Seen {
    made_at: Timestamp,
    won_at: Option<Timestamp>,
    is_over: bool,
}

impl Trail {
    /// Reads past what is there.
    pub(super) async fn from_here(bench: &Bench) -> Self {
        let mut trail = Self { seen: HashSet::new(), links: BTreeMap::new() };
        trail.news(bench, &[]).await;
        trail
    }

    /// What was told since the last time, in a fixed order.
    pub(super) async fn news(&mut self, bench: &Bench, ids: &[SessionId]) -> Vec<Told> {
        let filter = EventFilter { tenant_id: bench.tenant, livemode: false, kind: None, session_id: None };
        let events = bench.store.events(filter, EVERYTHING).await.unwrap();
        let news = events.into_iter().filter(|event| self.seen.insert(event.id)).map(|event| {
            let kind = EventType::ALL.into_iter().find(|kind| kind.as_str() == event.kind).expect("a known type");
            let session =
                event.session_id.map(|id| ids.iter().position(|known| *known == id).expect("a known session"));
            (kind, session, event.data["repeated"] == true)
        });
        let mut news: Vec<Told> = news.collect();
        news.sort_by_key(order);
        news
    }

    /// A link wins once, in time and before its end; after that only repeats within their time win.
    pub(super) fn check(&mut self, at: Timestamp, news: &[Told]) -> TestCaseResult {
        for (kind, session, repeated) in news {
            let Some(session) = *session else { continue };
            if *kind == EventType::SessionCreated {
                self.links.insert(session, Seen { made_at: at, won_at: None, is_over: false });
            }
            let seen = self.links.get_mut(&session).expect("it was made");
            match kind {
                EventType::SessionExchanged => {
                    prop_assert!(!seen.is_over, "won after its end");
                    prop_assert!(*repeated || seen.won_at.is_none(), "won twice");
                    prop_assert!(*repeated || at < seen.made_at.plus(LINK_TTL), "won after its expiry");
                    let won_at = *seen.won_at.get_or_insert(at);
                    prop_assert!(at <= won_at.plus(REPEAT_WINDOW), "repeated too late");
                }
                EventType::SessionRevoked | EventType::SessionEnded => seen.is_over = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// An order for what was told at once.
pub(super) fn order(told: &Told) -> (&'static str, Option<usize>) {
    (told.0.as_str(), told.1)
}
