//! Retention: what is over long enough goes, what is not stays; partitions ahead.

use vestibule::domain::event::EventType;
use vestibule::domain::id::SessionId;
use vestibule::domain::time::{Seconds, Timestamp};
use vestibule::store::{IdempotencyRow, Retention, Swept};

use super::bench::{Bench, NOW, hash, later};
use crate::support::{Db, Server};

const KEEP: Retention = Retention { sessions: Seconds::days(30), events: Seconds::days(400) };
const DAY: i64 = 86_400_000;

fn days_ago(days: i64) -> Timestamp {
    later(NOW, -days * DAY)
}

impl Bench {
    async fn has(&self, id: SessionId) -> bool {
        let id = self.db.literal(id.0);
        self.db.number(&format!("select count(*) from portal_sessions where id = {id}")).await == 1
    }

    /// A link that was minted then and lived for an hour.
    async fn old_link(&self, at: Timestamp) -> SessionId {
        let mut item = self.link_at("a", at);
        item.session.link_expires_at = at.plus(Seconds(3600));
        self.keep(item).await.id
    }

    /// A session that was exchanged then and lives for a month.
    async fn old_session(&self, at: Timestamp) -> SessionId {
        let mut item = self.link_at("a", at);
        item.session.session_ttl = Seconds::days(30);
        let id = self.keep(item).await.id;
        let won = self.store.exchange(vec![self.exchange(id, "browser", None)], at).await;
        assert!(won.into_iter().all(|won| won.unwrap().is_some()));
        id
    }

    async fn partitions(&self, table: &str) -> i64 {
        self.db.number(&format!("select count(*) from pg_inherits where inhparent = '{table}'::regclass")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_thirty_days_past_their_end() {
    for bench in Bench::both().await {
        bench.store.make_partitions(days_ago(70), NOW).await.unwrap();
        let link_long_over = bench.old_link(days_ago(33)).await;
        let link_over = bench.old_link(days_ago(29)).await;
        let session_over = bench.old_session(days_ago(63)).await;
        let session_just_over = bench.old_session(days_ago(59)).await;
        let session_live = bench.old_session(days_ago(29)).await;
        // Logged out early, it is over since then.
        let logged_out = bench.old_session(days_ago(40)).await;
        let event = bench.event_at(EventType::SessionEnded, days_ago(39));
        assert!(bench.store.end_session(logged_out, hash("browser"), event).await.unwrap());
        let logged_out_late = bench.old_session(days_ago(40)).await;
        let event = bench.event_at(EventType::SessionEnded, days_ago(20));
        assert!(bench.store.end_session(logged_out_late, hash("browser"), event).await.unwrap());

        let swept = bench.store.sweep(NOW, KEEP).await.unwrap();
        assert_ne!(swept, Swept::default());
        for (id, stays, what) in [
            (link_long_over, false, "a link that ran out 33 days ago"),
            (link_over, true, "a link that ran out 29 days ago"),
            (session_over, false, "a session that ran out 33 days ago"),
            (session_just_over, true, "a session that ran out 29 days ago"),
            (session_live, true, "a live session"),
            (logged_out, false, "one that was logged out 39 days ago"),
            (logged_out_late, true, "one that was logged out 20 days ago"),
        ] {
            assert_eq!(bench.has(id).await, stays, "{what}");
        }
        assert_eq!(bench.store.sweep(NOW, KEEP).await.unwrap(), Swept::default(), "a second pass finds nothing");
        let later_on = later(NOW, 100 * DAY);
        bench.store.sweep(later_on, KEEP).await.unwrap();
        assert_eq!(bench.count("portal_sessions").await, 0);
        // A customer is nothing that time removes.
        assert_eq!(bench.count("customers").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_answers_and_revocations() {
    for bench in Bench::both().await {
        bench.store.make_partitions(days_ago(470), NOW).await.unwrap();
        for days in [470, 399, 1] {
            bench.store.record(bench.event_at(EventType::KeyCreated, days_ago(days))).await.unwrap();
        }
        for (name, millis) in [("over", 0), ("good", 1)] {
            let expires_at = later(NOW, millis);
            let row = IdempotencyRow { id: hash(name), expires_at, fingerprint: hash("b"), sealed: vec![] };
            bench.store.keep_answer(row, days_ago(1)).await.unwrap();
        }
        for minutes in [16, 14] {
            let session = bench.old_link(later(NOW, -minutes * 60_000)).await;
            let event = bench.event_at(EventType::SessionRevoked, later(NOW, -minutes * 60_000));
            assert!(bench.store.revoke_session(bench.tenant, false, session, event).await.unwrap());
        }
        bench.store.sweep(NOW, KEEP).await.unwrap();
        assert_eq!(bench.db.number("select count(*) from events where type = 'key.created'").await, 2);
        assert_eq!(bench.count("idempotency").await, 1);
        assert!(bench.store.find_answer(hash("good"), NOW).await.unwrap().is_some());
        assert_eq!(bench.count("revocations").await, 1, "every instance has heard of what is older");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_made_ahead_and_dropped_behind() {
    let bench = Bench::new(crate::support::Store::Postgres).await;
    assert!(matches!(bench.db, Db::Postgres(_)));
    let today = bench.partitions("portal_sessions").await;
    assert_eq!(today, 1);
    bench.store.sweep(NOW, KEEP).await.unwrap();
    assert_eq!(bench.partitions("portal_sessions").await, 9, "yesterday, today and seven days");
    // What comes in the next week has its place, on the last day as well.
    for days in [1, 6, 7] {
        bench.old_link(later(NOW, days * DAY)).await;
    }
    let mut item = bench.link_at("a", later(NOW, 8 * DAY));
    item.event = bench.event(EventType::SessionCreated);
    assert!(bench.create(vec![item]).await.pop().unwrap().is_err(), "and no further");

    bench.store.make_partitions(days_ago(40), days_ago(35)).await.unwrap();
    let straggler = bench.old_session(days_ago(37)).await;
    let over = bench.old_link(days_ago(37)).await;
    let before = bench.partitions("portal_sessions").await;
    assert_eq!(before, 15);
    let swept = bench.store.sweep(NOW, KEEP).await.unwrap();
    assert_eq!(swept, Swept { partitions: 5, rows: 1, cleared: 0 }, "all of those days but the straggler's");
    assert_eq!(bench.partitions("portal_sessions").await, 10);
    assert!(bench.has(straggler).await && !bench.has(over).await);
    // Once that is over too, its partition goes as well.
    let swept = bench.store.sweep(later(NOW, 30 * DAY), KEEP).await.unwrap();
    assert!(swept.partitions >= 1 && !bench.has(straggler).await, "{swept:?}");

    // Months of events.
    bench.store.make_partitions(days_ago(470), days_ago(410)).await.unwrap();
    let before = bench.partitions("events").await;
    bench.store.sweep(NOW, KEEP).await.unwrap();
    assert!(bench.partitions("events").await < before);
}

/// A day goes with the last of its sessions, whatever lets that one live: a millisecond too early would lose it.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_kept_until_its_last_session_is_over_for_long_enough() {
    let bench = Bench::new(crate::support::Store::Postgres).await;
    // A millisecond before a midnight, exchanged a millisecond before the link runs out.
    let made = Timestamp::from_millis(days_ago(100).millis() / DAY * DAY - 1);
    for (link_ttl, session_ttl) in [(900, 86_400), (900, 86_401), (901, 86_400), (604_800, 2_592_000)] {
        bench.store.make_partitions(made, made).await.unwrap();
        let mut item = bench.link_at("a", made);
        (item.session.link_expires_at, item.session.session_ttl) = (made.plus(Seconds(link_ttl)), Seconds(session_ttl));
        let id = bench.keep(item).await.id;
        let used = later(made.plus(Seconds(link_ttl)), -1);
        let won = bench.store.exchange(vec![bench.exchange(id, "browser", None)], used).await;
        assert!(won.into_iter().all(|won| won.unwrap().is_some()));
        let end = used.plus(Seconds(session_ttl));
        bench.store.sweep(end.plus(KEEP.sessions), KEEP).await.unwrap();
        assert!(bench.has(id).await, "{link_ttl} and {session_ttl} s: gone before its time");
        let swept = bench.store.sweep(later(end.plus(KEEP.sessions), 2), KEEP).await.unwrap();
        assert!(swept.partitions >= 1 && !bench.has(id).await, "{link_ttl} and {session_ttl} s: {swept:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sweepers_at_once_do_not_disturb_each_other() {
    for bench in Bench::both().await {
        bench.store.make_partitions(days_ago(40), NOW).await.unwrap();
        for days in 33..40 {
            bench.old_link(days_ago(days)).await;
        }
        let sweeps = (0..4).map(|_| {
            let store = bench.store.clone();
            tokio::spawn(async move { store.sweep(NOW, KEEP).await })
        });
        for sweep in sweeps.collect::<Vec<_>>() {
            sweep.await.unwrap().expect("a sweep");
        }
        assert_eq!(bench.count("portal_sessions").await, 0);
    }
}

/// Sessions are looked at in stretches, of which the first are full of such as live long.
#[tokio::test(flavor = "multi_thread")]
async fn what_lives_long_hides_nothing_behind_it() {
    for bench in Bench::both().await {
        bench.store.make_partitions(days_ago(43), NOW).await.unwrap();
        for count in [2000, 2000, 1001] {
            let live = (0..count).map(|_| {
                let mut link = bench.link_at("a", later(days_ago(40), 1000));
                link.session.link_expires_at = days_ago(1);
                link
            });
            assert!(bench.create(live.collect()).await.into_iter().all(|kept| kept.is_ok()));
        }
        let over = [bench.old_link(days_ago(40)).await, bench.old_link(later(days_ago(40), 2000)).await];
        assert_eq!(bench.store.sweep(NOW, KEEP).await.unwrap().rows, 2);
        for id in over {
            assert!(!bench.has(id).await);
        }
        assert_eq!(bench.count("portal_sessions").await, 5001);
        assert_eq!(bench.store.sweep(later(NOW, 32 * DAY), KEEP).await.unwrap().cleared, 0);
        assert_eq!(bench.count("portal_sessions").await, 0);
    }
}

/// The sweep deletes at most 5000 rows at a time, and all of them in the end.
#[tokio::test(flavor = "multi_thread")]
async fn more_rows_than_one_statement_takes() {
    for bench in Bench::both().await {
        let insert = match bench.db {
            Db::Postgres(_) => {
                "insert into idempotency select sha256(n::text::bytea), timestamptz 'epoch', '\\x00', '\\x00' \
                 from generate_series(1, 11000) n"
            }
            Db::Sqlite(_) => {
                "insert into idempotency with recursive n(i) as (select 1 union all select i + 1 from n where i < 11000) \
                 select cast(printf('%032d', i) as blob), 0, x'00', x'00' from n"
            }
        };
        assert_eq!(bench.db.execute(insert).await, 11_000);
        assert_eq!(bench.store.sweep(NOW, KEEP).await.unwrap().rows, 11_000);
        assert_eq!(bench.count("idempotency").await, 0);
    }
}

/// Each of the configuration's figures is for what it is named after. The service sweeps when it starts, sessions last.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_events_are_kept_for_their_own_days() {
    for bench in Bench::both().await {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let long_ago = later(Timestamp::from_millis(now as i64), -100 * DAY);
        bench.store.make_partitions(long_ago, long_ago).await.unwrap();
        let serve = async |sessions: &str, events: &str| {
            let server = Server::on(&bench.database).env("VESTIBULE_RETENTION__SESSION_DAYS", sessions);
            server.env("VESTIBULE_RETENTION__EVENT_DAYS", events).start().await
        };
        let link = bench.old_link(long_ago).await;
        let events = "select count(*) from events where type = 'portal_session.created'";
        let mut server = serve("50", "200").await;
        for _ in 0..500 {
            if !bench.has(link).await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(!bench.has(link).await, "session_days");
        assert_eq!(bench.db.number(events).await, 1, "event_days");
        assert!(server.sigterm().await.success());
    }
}
