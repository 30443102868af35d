//! Many creations in one write: each fails alone, and none gets into another tenant's hands.

use vestibule::domain::event::{Actor, ClientInfo, EventType, NewEvent};
use vestibule::domain::id::{CustomerId, EventId, SessionId};
use vestibule::domain::secret::SecretHash;
use vestibule::store::{IdempotencyRow, ListFilter, NewSession, RecordFor, ReplaceLinks, StatusFilter, StoreError};

use super::bench::{Bench, NOW, hash, insert_tenant, later, nanos};

fn row(id: SecretHash) -> IdempotencyRow {
    IdempotencyRow { id, expires_at: later(NOW, 1000), fingerprint: hash("body"), sealed: vec![1, 2, 3] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_item_fails_alone() {
    for bench in Bench::both().await {
        let known = bench.keep(bench.link("a")).await;
        let poisons = ["a session that exists", "an event that exists", "an idempotency key that is taken"];
        // Of the nine all have new customers, or the first four, or the last five.
        for (poison, new) in poisons.into_iter().flat_map(|poison| [0..9, 0..4, 4..9].map(|new| (poison, new))) {
            let before = (bench.count("portal_sessions").await, bench.count("events").await);
            let customer = |n| if new.contains(&n) { format!("{poison} {new:?} {n}") } else { "a".into() };
            let mut items: Vec<NewSession> = (0..9).map(|n| bench.link(&customer(n))).collect();
            match poison {
                "a session that exists" => items[4].session.id = known.id,
                "an event that exists" => {
                    let event = bench.event(EventType::KeyCreated);
                    items[4].event.id = event.id;
                    bench.store.record(event).await.unwrap();
                }
                _ => {
                    let (taken, free) = (hash(&format!("taken {new:?}")), hash(&format!("free {new:?}")));
                    bench.store.keep_answer(row(taken), NOW).await.unwrap();
                    items[4].record = Some(Box::new(move |_| row(taken)));
                    items[5].record = Some(Box::new(move |_| row(free)));
                }
            }
            let done = bench.create(items).await;
            for (n, one) in done.iter().enumerate() {
                assert_eq!(one.is_err(), n == 4, "{poison}: {new:?}: {n}: {one:?}");
                assert!(n == 4 || one.as_ref().unwrap().is_some());
            }
            let is_told = matches!(done[4], Err(StoreError::IdempotencyTaken));
            assert_eq!(is_told, poison == "an idempotency key that is taken");
            let extra = i64::from(poison == "an event that exists");
            let after = (bench.count("portal_sessions").await, bench.count("events").await);
            assert_eq!(after, (before.0 + 8, before.1 + 8 + extra), "{poison}: {new:?}");
            let orphans = format!("select count(*) from customers where external_id = '{poison} {new:?} 4'");
            assert_eq!(bench.db.number(&orphans).await, 0, "{poison}: nothing of it is left");
        }
        assert_eq!(bench.count("idempotency").await, 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_exchange_fails_alone() {
    for bench in Bench::both().await {
        let mut items = Vec::new();
        for _ in 0..7 {
            let session = bench.keep(bench.link("a")).await;
            items.push(bench.exchange(session.id, "browser", None));
        }
        let event = bench.event(EventType::KeyCreated);
        items[3].event_id = event.id;
        bench.store.record(event).await.unwrap();
        let done = bench.store.exchange(items.clone(), NOW).await;
        for (n, one) in done.iter().enumerate() {
            assert_eq!(one.is_err(), n == 3, "{n}: {one:?}");
            assert!(n == 3 || one.as_ref().unwrap().is_some());
        }
        // And its link is not spent.
        let retry = bench.exchange(items[3].id, "browser", None);
        assert!(bench.store.exchange(vec![retry], NOW).await.pop().unwrap().unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_never_mix_tenants_or_modes() {
    for bench in Bench::both().await {
        let (other, other_portal) = insert_tenant(&bench.store).await;
        let foreign = bench.keep(bench.link("theirs")).await;
        let mut items = Vec::new();
        for n in 0..24 {
            let mut item = bench.link("same-name");
            item.session.livemode = n % 4 >= 2;
            item.event.livemode = item.session.livemode;
            if n % 2 == 1 {
                (item.session.tenant_id, item.session.portal_id) = (other, other_portal.id);
                item.event.tenant_id = other;
            }
            items.push(item);
        }
        // By id: one's own customer is found, another tenant's or mode's is not, an unknown one neither.
        let by_id = |tenant, live: bool, customer: CustomerId| {
            let mut item = bench.link("");
            item.session.tenant_id = tenant;
            item.session.livemode = live;
            item.session.customer_id = customer;
            item.by_external_id = false;
            item
        };
        items.push(by_id(bench.tenant, false, foreign.customer_id));
        items.push(by_id(other, false, foreign.customer_id));
        items.push(by_id(bench.tenant, true, foreign.customer_id));
        items.push(by_id(bench.tenant, false, CustomerId::at(nanos(NOW))));
        let ids: Vec<SessionId> = items.iter().map(|item| item.session.id).collect();
        let asked: Vec<_> = items.iter().map(|item| (item.session.tenant_id, item.session.livemode)).collect();
        let events = bench.count("events").await;
        let done = bench.create(items).await;

        let kept: Vec<_> = done.into_iter().map(Result::unwrap).collect();
        assert_eq!(kept[24].as_ref().map(|session| session.customer_id), Some(foreign.customer_id));
        assert_eq!(kept[24].as_ref().unwrap().customer_external_id, "theirs");
        assert!(kept[25..].iter().all(Option::is_none), "a foreign, another mode's and an unknown customer");
        assert_eq!(bench.count("events").await, events + 25);
        let mut owners = std::collections::BTreeMap::new();
        for n in 0..24 {
            let session = kept[n].as_ref().unwrap();
            let owner = owners.entry(asked[n]).or_insert(session.customer_id);
            assert_eq!(*owner, session.customer_id, "one customer for each tenant and mode");
            for tenant in [bench.tenant, other] {
                for live in [false, true] {
                    let found = bench.store.session(tenant, live, ids[n]).await.unwrap();
                    assert_eq!(found.is_some(), (tenant, live) == asked[n]);
                    let customer = bench.store.customer(tenant, live, session.customer_id).await.unwrap();
                    assert_eq!(customer.is_some(), (tenant, live) == asked[n]);
                }
            }
        }
        owners
            .into_values()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            .eq(&4)
            .then_some(())
            .expect("four customers");
    }
}

/// What is kept beside a write is there exactly when the write is.
#[tokio::test(flavor = "multi_thread")]
async fn the_idempotent_answer_commits_with_the_session() {
    for bench in Bench::both().await {
        let with_answer = |name: &str| {
            let id = hash(name);
            NewSession { record: Some(Box::new(move |_| row(id))), ..bench.link("a") }
        };
        let kept = bench.keep(with_answer("one")).await;
        assert!(bench.store.find_answer(hash("one"), NOW).await.unwrap().is_some());
        assert!(bench.store.find_answer(hash("one"), later(NOW, 1000)).await.unwrap().is_none(), "its time is over");
        let before = bench.count("portal_sessions").await;
        let again = bench.create(vec![with_answer("one")]).await.pop().unwrap();
        assert!(matches!(again, Err(StoreError::IdempotencyTaken)), "{again:?}");
        assert_eq!(bench.count("portal_sessions").await, before);
        let mut unknown = with_answer("two");
        unknown.by_external_id = false;
        assert!(bench.create(vec![unknown]).await.pop().unwrap().unwrap().is_none());
        assert!(bench.store.find_answer(hash("two"), NOW).await.unwrap().is_none(), "no answer without a session");
        assert!(bench.store.session(bench.tenant, false, kept.id).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_very_many_sessions_is_revoked_in_time() {
    for bench in Bench::both().await {
        for _ in 0..100 {
            let done = bench.create((0..100).map(|_| bench.link("many")).collect()).await;
            assert!(done.iter().all(Result::is_ok));
        }
        let other = bench.keep(bench.link("other")).await;
        let customer = bench.keep(bench.link("many")).await.customer_id;
        let filter = ListFilter {
            tenant_id: bench.tenant,
            livemode: false,
            customer_id: Some(customer),
            portals: None,
            status: StatusFilter::All,
            now: NOW,
        };
        let event = bench.event(EventType::SessionRevoked);
        let told = move |session, _| {
            let (id, session_id) = (EventId::at(nanos(NOW)), Some(session));
            NewEvent {
                id,
                session_id,
                data: event.data.clone(),
                actor: Actor::Operator,
                client: ClientInfo::default(),
                ..event
            }
        };
        let record: RecordFor<u64> = Box::new(|_| row(hash("once")));
        let revoked = bench.store.revoke_sessions_of(filter, customer, told, Some(record)).await;
        assert_eq!(revoked.unwrap(), 10_001);
        assert_eq!(bench.count("portal_sessions").await, 1);
        assert!(bench.store.session(bench.tenant, false, other.id).await.unwrap().is_some());
        assert_eq!(bench.count("events where type = 'portal_session.revoked'").await, 10_001);
        assert_eq!(bench.count("idempotency").await, 1);
    }
}

/// The same for what is written one by one: a portal, a customer, a link in place of others.
#[tokio::test(flavor = "multi_thread")]
async fn the_idempotent_answer_commits_with_every_other_write() {
    /// What becomes of a write with this answer beside it, and with an event of this id when one is given.
    async fn write(bench: &Bench, what: &str, answer: &str, event: Option<EventId>) -> Result<(), StoreError> {
        let id = hash(answer);
        let event = |kind| {
            let new = bench.event(kind);
            NewEvent { id: event.unwrap_or(new.id), ..new }
        };
        let record = || Some(Box::new(move |(): &()| row(id)) as RecordFor<()>);
        match what {
            "portals" => {
                let portal = bench.new_portal(answer);
                bench.store.insert_portal(portal, event(EventType::PortalCreated), record()).await
            }
            "customers" => {
                let customer = bench.customer(answer);
                bench.store.insert_customer(customer, event(EventType::CustomerCreated), record()).await
            }
            _ => {
                let link = bench.link("a");
                let link = NewSession { event: event(EventType::SessionCreated), ..link };
                let link = NewSession { record: Some(Box::new(move |_| row(id))), ..link };
                let told = bench.event(EventType::SessionRevoked);
                let told = Box::new(move |_, _, _| NewEvent { id: EventId::at(nanos(NOW)), ..told.clone() });
                let replace = ReplaceLinks { portals: None, event: told };
                bench.replace(link, replace).await.map(|made| assert!(made.is_some()))
            }
        }
    }
    for bench in Bench::both().await {
        let first = bench.keep(bench.link("a")).await;
        for table in ["portals", "customers", "portal_sessions"] {
            let (good, lost) = (format!("{table}-good"), format!("{table}-lost"));
            let answer = async |name: &str| bench.store.find_answer(hash(name), NOW).await.unwrap();
            let before = bench.count(table).await;
            // Without the write no answer.
            let taken = bench.event(EventType::KeyCreated);
            bench.store.record(taken.clone()).await.unwrap();
            assert!(write(&bench, table, &lost, Some(taken.id)).await.is_err(), "{table}");
            assert!(answer(&lost).await.is_none(), "{table}: an answer without its write");
            // Without the answer no write.
            bench.store.keep_answer(row(hash(&lost)), NOW).await.unwrap();
            let refused = write(&bench, table, &lost, None).await;
            assert!(matches!(refused, Err(StoreError::IdempotencyTaken)), "{table}: {refused:?}");
            assert_eq!(bench.count(table).await, before, "{table}: a write without its answer");
            let kept = bench.store.session(bench.tenant, false, first.id).await.unwrap();
            assert!(kept.is_some(), "{table}: a link was replaced by nothing");
            // Both.
            write(&bench, table, &good, None).await.unwrap();
            assert!(answer(&good).await.is_some(), "{table}");
        }
        assert!(bench.store.session(bench.tenant, false, first.id).await.unwrap().is_none(), "it was replaced");
    }
}
