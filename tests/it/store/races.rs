//! Two who write at the same time.

use futures_util::future::join_all;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use tokio::time::sleep;
use vestibule::domain::{
    customer::{Customer, Profile},
    event::EventType,
    id::{CustomerId, PortalId, SessionId},
    portal::Portal,
    secret::SecretHash,
    time::Seconds,
};
use vestibule::store::{IdempotencyRow, ListFilter, ReplaceLinks, Retention, StatusFilter, StoreError};

use super::bench::{Bench, NOW, hash, later};
use crate::support::{Db, Store as Kind};

fn answer(id: SecretHash) -> IdempotencyRow {
    IdempotencyRow { id, expires_at: later(NOW, 1000), fingerprint: hash("body"), sealed: vec![] }
}

impl Bench {
    /// Statements in a transaction of its own on PostgreSQL, which is still open.
    async fn begun(&self, sql: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let Db::Postgres(pool) = &self.db else { panic!("PostgreSQL alone has several writers") };
        let mut begun = pool.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *begun).await.unwrap();
        begun
    }

    /// The store's connections, as the server knows them.
    async fn connections(&self) -> Vec<i32> {
        let Db::Postgres(pool) = &self.db else { panic!("SQLite has no server") };
        let sql =
            "select pid from pg_stat_activity where application_name = 'vestibule' and datname = current_database()";
        sqlx::query_scalar(sql).fetch_all(pool).await.unwrap()
    }

    /// Of these connections all but one are still in use.
    async fn has_lost_at_most_one(&self, before: &[i32]) {
        self.read().await;
        let after = self.connections().await;
        assert!(
            before.iter().filter(|known| after.contains(known)).count() >= before.len() - 1,
            "{before:?}, {after:?}"
        );
    }

    async fn read(&self) {
        assert!(self.store.public_portal(self.portal.id).await.unwrap().is_some());
    }
}

/// More than one transaction revokes. Of the first of them one is deleted by somebody else meanwhile, so that fewer are gone
/// than were found.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_revocation_leaves_none_when_another_revokes_one_of_them() {
    let bench = Bench::new(Kind::Postgres).await;
    let kept = bench.create((0..2100).map(|_| bench.link("a")).collect()).await;
    let kept: Vec<_> = kept.into_iter().map(|kept| kept.unwrap().unwrap()).collect();
    let first = kept.iter().map(|session| session.id).min_by_key(|id| id.0).unwrap();
    let other = bench.begun(&format!("delete from portal_sessions where id = {}", bench.db.literal(first.0))).await;
    let filter = ListFilter {
        tenant_id: bench.tenant,
        livemode: false,
        customer_id: Some(kept[0].customer_id),
        portals: None,
        status: StatusFilter::All,
        now: NOW,
    };
    let event = bench.event(EventType::SessionRevoked);
    let (store, customer) = (bench.store.clone(), kept[0].customer_id);
    let told = move |id: SessionId, _| {
        let mut event = event.clone();
        event.id = vestibule::domain::id::EventId(id.0);
        event
    };
    let revoking = tokio::spawn(async move { store.revoke_sessions_of(filter, customer, told, None).await });
    sleep(Duration::from_millis(300)).await;
    assert!(!revoking.is_finished(), "it waits for the other");
    other.commit().await.unwrap();
    assert_eq!(revoking.await.unwrap().unwrap(), 2099);
    assert_eq!(bench.db.number("select count(*) from portal_sessions").await, 0);
}

/// Two instances get the same repeats in another order each.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_keys_in_another_order_are_no_deadlock() {
    let bench = Bench::new(Kind::Postgres).await;
    bench.keep(bench.link("a")).await;
    for round in 0..20 {
        let batch = |order: &mut dyn Iterator<Item = usize>| {
            let links = order.map(|n| {
                let mut link = bench.link("a");
                let id = hash(&format!("{round} {n}"));
                link.record = Some(Box::new(move |_| answer(id)));
                link
            });
            bench.create(links.collect())
        };
        let (one, other) = tokio::join!(batch(&mut (0..60)), batch(&mut (0..60).rev()));
        for done in one.into_iter().chain(other) {
            assert!(matches!(done, Ok(_) | Err(StoreError::IdempotencyTaken)), "{done:?}");
        }
    }
    assert_eq!(bench.count("idempotency").await, 20 * 60);
    let lost = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(bench.db.number(lost).await, 0, "who loses one is written again, but late");
}

/// Whoever loses a deadlock (to an operator's transaction, say) is written again one by one.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_loses_a_deadlock_is_written_all_the_same() {
    let bench = Bench::new(Kind::Postgres).await;
    bench.keep(bench.link("a")).await;
    let mut ids = [hash("one"), hash("two")];
    ids.sort_by_key(|id| id.0);
    let record = |id: SecretHash| {
        let id: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("insert into idempotency values ('\\x{id}', timestamptz 'infinity', '\\x00', '\\x00')")
    };
    let mut other = bench.begun(&record(ids[1])).await;
    let links = ids.map(|id| {
        let mut link = bench.link("a");
        link.record = Some(Box::new(move |_| answer(id)));
        link
    });
    let batch = bench.create(links.into_iter().chain([bench.link("a")]).collect());
    let deadlock = async {
        sleep(Duration::from_millis(300)).await;
        sqlx::query(AssertSqlSafe(record(ids[0]))).execute(&mut *other).await.expect("the batch is the one to lose");
        other.rollback().await.unwrap();
    };
    let (done, ()) = tokio::join!(batch, deadlock);
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!((bench.count("idempotency").await, bench.count("portal_sessions").await), (2, 4));
}

/// A repeat that comes while the first request is being done hears of that, not that its own name is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_told_of_its_key_before_its_name() {
    let kind = |done: Result<(), StoreError>| match done {
        Ok(()) => "done",
        Err(StoreError::IdempotencyTaken) => "in progress",
        Err(StoreError::Taken(_)) => "taken",
        Err(other) => panic!("{other:?}"),
    };
    for bench in Bench::both().await {
        for (n, key, expected) in [(1, "key", "done"), (2, "key", "in progress"), (3, "other", "taken")] {
            let customer = Customer {
                id: CustomerId::at(n),
                tenant_id: bench.tenant,
                livemode: false,
                external_id: "a".into(),
                profile: Profile::default(),
                created_at: NOW,
            };
            let event = bench.event(EventType::CustomerCreated);
            let id = hash(key);
            let done = bench.store.insert_customer(customer, event, Some(Box::new(move |()| answer(id)))).await;
            assert_eq!(kind(done), expected);
            let portal = Portal { id: PortalId::at(n), slug: "another".into(), ..bench.portal.clone() };
            let event = bench.event(EventType::PortalCreated);
            let id = hash(&format!("portal {key}"));
            let done = bench.store.insert_portal(portal, event, Some(Box::new(move |()| answer(id)))).await;
            assert_eq!(kind(done), expected);
        }
        assert_eq!(bench.count("idempotency").await, 2, "whom a taken name refuses leaves no record");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_replace_each_other_one_is_left() {
    for bench in Bench::both().await {
        for customer in ["new", "known"] {
            if customer == "known" {
                bench.keep(bench.link(customer)).await;
            }
            let replaced = join_all((0..4).map(|_| async {
                let event = bench.event(EventType::SessionRevoked);
                let told = move |id: SessionId, _, _| {
                    let mut event = event.clone();
                    event.id = vestibule::domain::id::EventId(id.0);
                    event
                };
                let replace = ReplaceLinks { portals: None, event: Box::new(told) };
                bench.replace(bench.link(customer), replace).await.unwrap().unwrap()
            }));
            replaced.await;
        }
        assert_eq!(bench.db.number("select count(*) from portal_sessions").await, 2, "{:?}", bench.store);
    }
}

/// A backup holds an old partition. That says nothing of whether the database takes writes, and spoils no connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_held_is_no_sign_that_the_database_is_away() {
    let bench = Bench::new(Kind::Postgres).await;
    let old = NOW.minus(Seconds::days(60));
    bench.store.make_partitions(old, old).await.unwrap();
    let name = format!("portal_sessions_{}", old.utc().format("%Y%m%d"));
    let backup = bench.begun(&format!("lock table {name} in access share mode")).await;
    join_all((0..4).map(|_| bench.read())).await;
    let before = bench.connections().await;
    assert!(before.len() > 1, "{before:?}");
    let keep = Retention { sessions: Seconds::days(30), events: Seconds::days(400) };
    let swept = bench.store.sweep(NOW, keep).await;
    assert!(matches!(swept, Err(StoreError::Busy(_))), "{swept:?}");
    assert!(bench.store.takes_writes());
    bench.has_lost_at_most_one(&before).await;
    backup.rollback().await.unwrap();
    assert_eq!(bench.store.sweep(NOW, keep).await.unwrap().partitions, 1);
}

/// One statement is slow by itself. It is given up, and says nothing of the other connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_takes_no_other_connection_along() {
    let bench = Bench::new(Kind::Postgres).await;
    let session = bench.keep(bench.link("a")).await.id;
    let slow =
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(3); return new; end $$";
    bench.db.execute(slow).await;
    bench.db.execute("create trigger slow before insert on revocations for each row execute function slow()").await;
    join_all((0..4).map(|_| bench.read())).await;
    let before = bench.connections().await;
    assert!(before.len() > 1, "{before:?}");
    let event = bench.event(EventType::SessionRevoked);
    let revoked = bench.store.revoke_session(bench.tenant, false, session, event).await;
    assert!(matches!(revoked, Err(StoreError::Unavailable(_))), "{revoked:?}");
    bench.has_lost_at_most_one(&before).await;
}

/// A statement that waits for somebody else is refused in time, and keeps its connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_is_not_waited_for_long() {
    let bench = Bench::new(Kind::Postgres).await;
    let session = bench.keep(bench.link("a")).await.id;
    let row = format!("select id from portal_sessions where id = {} for update", bench.db.literal(session.0));
    let other = bench.begun(&row).await;
    let event = bench.event(EventType::SessionRevoked);
    let revoked = bench.store.revoke_session(bench.tenant, false, session, event.clone()).await;
    assert!(matches!(revoked, Err(StoreError::Busy(_))), "{revoked:?}");
    assert!(bench.store.takes_writes());
    other.rollback().await.unwrap();
    assert!(bench.store.revoke_session(bench.tenant, false, session, event).await.unwrap());
}

/// Of an old transaction the poll can tell whether it may be one that revokes, and is only slow to commit.
#[tokio::test(flavor = "multi_thread")]
async fn the_poll_sees_who_is_revoking() {
    let bench = Bench::new(Kind::Postgres).await;
    let is_revoking = async |old_head| bench.store.poll(0, old_head).await.unwrap().is_revoking;
    let foreign = bench.begun("select pg_current_xact_id()").await;
    assert!(!is_revoking(i64::MAX).await);
    let slow = bench.begun("delete from revocations where id = '00000000-0000-7000-8000-000000000000'").await;
    assert!(is_revoking(i64::MAX).await);
    assert!(!is_revoking(0).await, "no old transaction is open: nobody looks");
    slow.commit().await.unwrap();
    assert!(!is_revoking(i64::MAX).await);
    foreign.rollback().await.unwrap();
}
