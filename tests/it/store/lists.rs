//! Lists of links that can be used, which are read in two parts: those of the last quarter of an hour, and those that live
//! longer; and lists of all sessions, of which PostgreSQL first looks at the last three days.

use vestibule::domain::{
    event::EventType,
    session::{Session, Status},
    time::{Seconds, Timestamp},
};
use vestibule::store::{EventFilter, HeldPage, HeldSession, HolderFilter, ListFilter, Page, StatusFilter};

use super::bench::{Bench, NOW, hash, insert_tenant};

const HOUR: i64 = 3600;
/// How long ago, in seconds: within a quarter of an hour, at its edge and long before; three days before, too.
const AGES: [i64; 11] = [0, 600, 899, 900, 901, HOUR, 5 * HOUR, 50 * HOUR, 71 * HOUR, 72 * HOUR, 160 * HOUR];
/// How long links live, in seconds.
const LIVES: [u32; 6] = [60, 900, 901, 3600, 86_400, 604_800];
const EVERYTHING: Page = Page { limit: 1000, starting_after: None, ending_before: None };

impl Bench {
    /// Links of every age and life, a third of them used, a third of them opened; others' among them.
    async fn keep_of_every_kind(&self) {
        let (other, _) = insert_tenant(&self.store).await;
        for age in AGES.into_iter().rev() {
            for (n, life) in LIVES.into_iter().enumerate() {
                let at = NOW.minus(Seconds(age as u32));
                self.store.make_partitions(at, at).await.unwrap();
                for what in 0..3 {
                    let mut link = self.link_at(&format!("c{}", n % 2), at);
                    link.session.link_expires_at = at.plus(Seconds(life));
                    let id = self.keep(link).await.id;
                    match what {
                        0 => assert!(self.store.exchange(vec![self.exchange(id, "b", None)], at).await[0].is_ok()),
                        1 => {
                            let event = self.event_at(vestibule::domain::event::EventType::SessionOpened, at);
                            self.store.open_session(id, hash(&id.to_string()), event).await.unwrap();
                        }
                        _ => {}
                    }
                }
                let mut foreign = self.link_at("c0", at);
                foreign.session.tenant_id = other;
                foreign.session.link_expires_at = at.plus(Seconds(life));
                self.keep(foreign).await;
            }
        }
    }

    fn filter(&self, status: StatusFilter, now: Timestamp) -> ListFilter {
        ListFilter { tenant_id: self.tenant, livemode: false, customer_id: None, portals: None, status, now }
    }

    /// The list page by page, from the newest down or from the oldest up.
    async fn paged(&self, filter: &ListFilter, limit: u32, down: bool) -> Vec<Session> {
        let mut found: Vec<Session> = Vec::new();
        loop {
            let at = if down { found.last() } else { found.first() }.map(|session| session.id.0);
            let end = if down { None } else { Some(at.unwrap_or(uuid::Uuid::nil())) };
            let page = Page { limit, starting_after: if down { at } else { None }, ending_before: end };
            let rows = self.store.sessions(filter.clone(), page).await.unwrap();
            let (rows, has_more) = page.cut(rows);
            match down {
                true => found.extend(rows),
                false => found.splice(..0, rows).for_each(drop),
            }
            if !has_more {
                return found;
            }
        }
    }
}

fn is_in(session: &Session, status: StatusFilter, now: Timestamp) -> bool {
    let usable = session.used_at.is_none() && now < session.link_expires_at;
    match status {
        StatusFilter::Only(Status::Pending) => usable && session.opened_at.is_none(),
        StatusFilter::Only(Status::Opened) => usable && session.opened_at.is_some(),
        StatusFilter::All => true,
        _ => usable,
    }
}

#[tokio::test]
async fn every_one_is_found_once_and_in_order() {
    for bench in Bench::both().await {
        bench.keep_of_every_kind().await;
        for later in [0, 30, 2 * HOUR, 100 * HOUR] {
            let now = NOW.plus(Seconds(later as u32));
            let all = bench.store.sessions(bench.filter(StatusFilter::All, now), EVERYTHING).await.unwrap();
            assert_eq!(all.len(), AGES.len() * LIVES.len() * 3);
            assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
            let [pending, opened] = [Status::Pending, Status::Opened].map(StatusFilter::Only);
            for status in [StatusFilter::All, StatusFilter::Unused, pending, opened] {
                let wanted: Vec<_> = all.iter().filter(|it| is_in(it, status, now)).map(|it| it.id).collect();
                assert!(wanted.len() > 3, "{}", wanted.len());
                for (limit, down) in [(2, true), (2, false), (7, true), (7, false), (100, true)] {
                    let found = bench.paged(&bench.filter(status, now), limit, down).await;
                    let found: Vec<_> = found.iter().map(|it| it.id).collect();
                    assert_eq!(found, wanted, "{status:?}, {later} s later, by {limit}, down: {down}");
                }
            }
        }
    }
}

/// Many that one customer holds, and many customers.
#[tokio::test(flavor = "multi_thread")]
async fn holders_come_in_pages_that_memory_has_room_for() {
    for bench in Bench::both().await {
        let names: Vec<String> = (0..12).map(|n| format!("customer-{n:02}")).collect();
        for name in &names {
            let links = (0..101).map(|_| bench.link(name)).collect();
            assert!(bench.create(links).await.into_iter().all(|kept| kept.is_ok()));
        }
        let filter = |after: Option<String>| HolderFilter {
            tenant_id: bench.tenant,
            livemode: false,
            portal_id: bench.portal.id,
            after,
            prefix: None,
            now: NOW,
        };
        let of = |held: &[HeldSession]| {
            let mut names: Vec<String> = held.iter().map(|held| held.customer_external_id.clone()).collect();
            names.dedup();
            names
        };
        for limit in [3, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let HeldPage { sessions: held, next } = bench.store.held_sessions(filter(after), limit).await.unwrap();
                let page = of(&held);
                assert_eq!(held.len(), page.len() * 100, "the newest hundred of each");
                assert!(page.len() <= limit as usize && !page.is_empty());
                assert!(held.iter().take(100).is_sorted_by(|newer, older| newer.id > older.id));
                found.extend(page);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, names, "by {limit}");
        }
    }
}

/// A page looks at no more customers than memory and time have room for, and the next one goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn holders_are_found_behind_very_many_who_hold_nothing() {
    for bench in Bench::both().await {
        let nobody = (0..2500).map(|n| {
            let mut link = bench.link(&format!("b-{n:04}"));
            link.session.link_expires_at = NOW;
            link
        });
        assert!(bench.create(nobody.collect()).await.into_iter().all(|kept| kept.is_ok()));
        for name in ["a", "b-1999", "b-2000", "c"] {
            bench.keep(bench.link(name)).await;
        }
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let (tenant_id, portal_id) = (bench.tenant, bench.portal.id);
            let filter = HolderFilter { tenant_id, livemode: false, portal_id, after, prefix: None, now: NOW };
            let HeldPage { sessions, next } = bench.store.held_sessions(filter, 100).await.unwrap();
            pages.push(sessions.into_iter().map(|held| held.customer_external_id).collect::<Vec<_>>());
            after = next;
            if after.is_none() {
                break;
            }
        }
        // With `a` the 2,000th is b-1998.
        assert_eq!(pages, [vec!["a"], vec!["b-1999", "b-2000", "c"]]);
    }
}

/// Far back in a trail of other things.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_events_of_one_type_finds_all_of_it() {
    for bench in Bench::both().await {
        let kinds =
            [EventType::KeyCreated, EventType::SessionCreated, EventType::SessionExchanged, EventType::KeyRolled];
        for _ in 0..3 {
            for kind in kinds {
                bench.store.record(bench.event(kind)).await.unwrap();
            }
        }
        for kind in kinds {
            let kind = Some(kind.as_str().to_owned());
            let filter = EventFilter { tenant_id: bench.tenant, livemode: false, kind: kind.clone(), session_id: None };
            let found = bench.store.events(filter, EVERYTHING).await.unwrap();
            assert!(found.len() >= 3 && found.iter().all(|event| Some(&event.kind) == kind.as_ref()), "{kind:?}");
        }
    }
}

/// More portals name the origin than are looked at together, and only the last one owns it.
#[tokio::test(flavor = "multi_thread")]
async fn whose_an_origin_is_is_looked_for_in_every_portal() {
    for bench in Bench::both().await {
        let origin = "https://app.example".to_owned();
        for n in 0..=101 {
            let mut portal = bench.new_portal(&format!("portal-{n}"));
            let url = Some(format!("{origin}/back"));
            if n == 101 {
                portal.settings.app_url = url
            } else {
                portal.settings.return_url = url
            }
            bench.store.insert_portal(portal, bench.event(EventType::PortalCreated), None).await.unwrap();
            let is_owned = bench.store.is_portal_origin(origin.clone()).await.unwrap();
            assert_eq!(is_owned, n == 101, "{n}");
        }
    }
}
