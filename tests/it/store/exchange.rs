//! The conditional exchange and the rule of its repeat, to the millisecond.

use vestibule::domain::event::EventType;
use vestibule::domain::time::Seconds;
use vestibule::store::{Exchange, ReplaceLinks, StoredSession};

use super::bench::{Bench, NOW, hash, later};
use crate::support::Store as Kind;

impl Bench {
    async fn try_exchange(&self, item: Exchange, at: i64) -> Option<StoredSession> {
        self.store.exchange(vec![item], later(NOW, at)).await.pop().unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_at_its_expiry_a_link_is_expired() {
    for bench in Bench::both().await {
        for (at, works) in [(0, true), (899_999, true), (900_000, false), (900_001, false)] {
            let session = bench.keep(bench.link("a")).await;
            let won = bench.try_exchange(bench.exchange(session.id, "b", None), at).await;
            assert_eq!(won.is_some(), works, "{at} ms");
            if let Some(live) = won {
                let browser = live.session.browser.expect("a browser session");
                assert_eq!(browser.started_at, later(NOW, at));
                assert_eq!(browser.expires_at, later(NOW, at).plus(Seconds(86_400)));
                assert_eq!((live.browser_hash, live.link_hash), (Some(hash("b")), Some(hash(&session.id.to_string()))));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_and_only_with_the_secret() {
    for bench in Bench::both().await {
        let session = bench.keep(bench.link("a")).await;
        let wrong = Exchange { link_hash: hash("wrong"), ..bench.exchange(session.id, "b", None) };
        assert!(bench.try_exchange(wrong, 0).await.is_none());
        assert!(bench.try_exchange(bench.exchange(session.id, "first", None), 0).await.is_some());
        assert!(bench.try_exchange(bench.exchange(session.id, "second", None), 0).await.is_none());
        let live = bench.store.stored_session(session.id).await.unwrap().unwrap();
        assert_eq!(live.browser_hash, Some(hash("first")), "the loser changed nothing");
        // Not of a portal that is disabled, nor of one or a customer that is gone.
        let (one, two) = (bench.keep(bench.link("a")).await, bench.keep(bench.link("gone")).await);
        let mut disabled = bench.portal.clone();
        disabled.enabled = false;
        let event = bench.event(EventType::PortalUpdated);
        assert!(bench.store.update_portal(bench.portal.clone(), disabled.clone(), event).await.unwrap());
        assert!(bench.try_exchange(bench.exchange(one.id, "b", None), 0).await.is_none());
        let event = bench.event(EventType::PortalUpdated);
        assert!(bench.store.update_portal(disabled, bench.portal.clone(), event).await.unwrap());
        let name = bench.db.literal(two.customer_id.0);
        assert_eq!(bench.db.execute(&format!("delete from customers where id = {name}")).await, 1);
        assert!(bench.try_exchange(bench.exchange(two.id, "b", None), 0).await.is_none());
        assert!(bench.try_exchange(bench.exchange(one.id, "b", None), 0).await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_link_many_times_in_one_batch() {
    for bench in Bench::both().await {
        let (a, b) = (bench.keep(bench.link("a")).await, bench.keep(bench.link("b")).await);
        let item =
            |n: usize| bench.exchange(if n.is_multiple_of(2) { a.id } else { b.id }, &format!("secret {n}"), None);
        let items: Vec<Exchange> = (0..40).map(item).collect();
        let done = bench.store.exchange(items.clone(), NOW).await;
        let won: Vec<usize> = (0..40).filter(|n| done[*n].as_ref().unwrap().is_some()).collect();
        assert_eq!(won.len(), 2, "{won:?}");
        for n in won {
            let live = done[n].as_ref().unwrap().as_ref().unwrap();
            assert_eq!(live.session.id, items[n].id, "each gets its own session");
            assert_eq!(live.browser_hash, Some(items[n].browser_hash), "with its own secret");
        }
        let told = "select count(*) from events where type = 'portal_session.exchanged'";
        assert_eq!(bench.db.number(told).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_batches_at_once_have_one_winner() {
    for bench in Bench::both().await {
        let session = bench.keep(bench.link("a")).await;
        let calls = (0..64).map(|n| {
            let (store, item) = (bench.store.clone(), bench.exchange(session.id, &format!("secret {n}"), None));
            tokio::spawn(async move { store.exchange(vec![item], NOW).await.pop().unwrap().unwrap().is_some() })
        });
        let mut won = 0;
        for call in calls.collect::<Vec<_>>() {
            won += usize::from(call.await.unwrap());
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_within_sixty_seconds() {
    for bench in Bench::both().await {
        for (at, works) in [(0, true), (59_999, true), (60_000, true), (60_001, false)] {
            let session = bench.keep(bench.link("a")).await;
            assert!(bench.try_exchange(bench.exchange(session.id, "first", Some("nonce")), 0).await.is_some());
            let again = bench.exchange(session.id, "second", Some("nonce"));
            let done = bench.store.repeat_exchange(again, later(NOW, at)).await.unwrap();
            assert_eq!(done.is_some(), works, "{at} ms");
            let live = bench.store.stored_session(session.id).await.unwrap().unwrap();
            assert_eq!(live.browser_hash, Some(hash(if works { "second" } else { "first" })));
            assert_eq!(live.session.used_at, Some(NOW), "the session started when it did");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_repeat_after_first_use_end_or_with_another_nonce() {
    for bench in Bench::both().await {
        let repeat = async |id, nonce: Option<&str>| {
            bench.store.repeat_exchange(bench.exchange(id, "again", nonce), NOW).await.unwrap().is_some()
        };
        let open = async |nonce: Option<&str>| {
            let session = bench.keep(bench.link("a")).await;
            assert!(bench.try_exchange(bench.exchange(session.id, "first", nonce), 0).await.is_some());
            session.id
        };
        let id = open(Some("nonce")).await;
        assert!(!repeat(id, Some("other")).await && !repeat(id, None).await);
        let wrong = Exchange { link_hash: hash("wrong"), ..bench.exchange(id, "again", Some("nonce")) };
        assert!(bench.store.repeat_exchange(wrong, NOW).await.unwrap().is_none());
        assert!(!bench.store.note_first_use(id, hash("other"), NOW).await.unwrap(), "a use of another secret");
        assert!(repeat(id, Some("nonce")).await);
        assert!(bench.store.note_first_use(id, hash("again"), NOW).await.unwrap());
        assert!(!repeat(id, Some("nonce")).await, "after the first use");
        let plain = open(None).await;
        assert!(!repeat(plain, None).await && !repeat(plain, Some("nonce")).await);
        let ended = open(Some("nonce")).await;
        assert!(bench.store.end_session(ended, hash("first"), bench.event(EventType::SessionEnded)).await.unwrap());
        assert!(!repeat(ended, Some("nonce")).await);
        let unused = bench.keep(bench.link("a")).await;
        assert!(!repeat(unused.id, Some("nonce")).await, "what was never exchanged is not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_session_ends_once_and_by_its_own_secret() {
    for bench in Bench::both().await {
        let session = bench.keep(bench.link("a")).await;
        assert!(bench.try_exchange(bench.exchange(session.id, "browser", None), 0).await.is_some());
        let end = async |secret: &str, at: i64| {
            let event = bench.event_at(EventType::SessionEnded, later(NOW, at));
            bench.store.end_session(session.id, hash(secret), event).await.unwrap()
        };
        assert!(!end("other", 0).await);
        assert!(!end("browser", 86_400_000).await, "exactly at its expiry it is over");
        assert!(end("browser", 86_399_999).await);
        assert!(!end("browser", 86_399_999).await);
    }
}

/// A link that is exchanged between being read and being replaced stays exchanged. On SQLite nothing comes between.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_exchanged_is_not_replaced() {
    let bench = Bench::new(Kind::Postgres).await;
    let session = bench.keep(bench.link("a")).await;
    let waiting = async |count: i64| {
        let sql =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        for _ in 0..200 {
            if bench.db.number(sql).await == count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{count} do not wait");
    };
    // Whoever comes first for the row gets it first.
    let lock = bench.db.lock_session(&session.id.to_string()).await;
    let (store, item) = (bench.store.clone(), bench.exchange(session.id, "browser", None));
    let exchange = tokio::spawn(async move { store.exchange(vec![item], NOW).await.pop().unwrap().unwrap() });
    waiting(1).await;
    let told = bench.event(EventType::SessionRevoked);
    let replace = ReplaceLinks { portals: None, event: Box::new(move |_, _, _| told.clone()) };
    let (store, item) = (bench.store.clone(), bench.link("a").into());
    let replaced = tokio::spawn(async move { store.replace_session(item, replace).await });
    waiting(2).await;
    lock.release().await;

    assert!(exchange.await.unwrap().is_some(), "the exchange came first");
    assert!(replaced.await.unwrap().unwrap().is_some());
    let live = bench.store.stored_session(session.id).await.unwrap().expect("it is not revoked");
    assert_eq!(live.browser_hash, Some(hash("browser")));
    let told = "select count(*) from events where type = 'portal_session.revoked'";
    assert_eq!(bench.db.number(told).await, 0);
}
