//! A write and what the trail says of it stand or fall together.

use vestibule::domain::event::{EventType, NewEvent};
use vestibule::domain::id::EventId;
use vestibule::domain::portal::Portal;
use vestibule::store::{ListFilter, PortalRef, ReplaceLinks, StatusFilter};

use super::bench::{Bench, NOW, hash, new_tenant};

impl Bench {
    /// An event that can't be written, since another has its id.
    async fn unwritable(&self) -> EventId {
        let event = self.event(EventType::KeyCreated);
        let id = event.id;
        self.store.record(event).await.expect("the first of that id");
        id
    }

    async fn doomed(&self, kind: EventType) -> NewEvent {
        NewEvent { id: self.unwritable().await, ..self.event(kind) }
    }

    /// The numbers of rows, and what is marked in them.
    async fn state(&self) -> Vec<i64> {
        let mut state = Vec::new();
        for sql in [
            "select count(*) from portal_sessions",
            "select count(*) from portal_sessions where used_at is not null",
            "select count(*) from portal_sessions where opened_at is not null",
            "select count(*) from portal_sessions where ended_at is not null",
            "select count(*) from customers",
            "select count(*) from customers where profile like '%changed%'",
            "select count(*) from tenants",
            "select count(*) from portals",
            "select count(*) from portals where slug like '%changed%'",
            "select count(*) from keys",
            "select count(*) from keys where revoked_at is not null or expires_at is not null",
            "select count(*) from idempotency",
            "select count(*) from revocations",
            "select count(*) from erasures",
        ] {
            state.push(self.db.number(sql).await);
        }
        state
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_without_its_event() {
    for bench in Bench::both().await {
        let store = &bench.store;
        let session = bench.keep(bench.link("a")).await;
        let other = bench.keep(bench.link("a")).await;
        let won = store.exchange(vec![bench.exchange(other.id, "browser", Some("nonce"))], NOW).await;
        assert!(won.into_iter().all(|won| won.unwrap().is_some()));
        let customer = bench.customer("b");
        store.insert_customer(customer.clone(), bench.event(EventType::CustomerCreated), None).await.unwrap();
        let key = bench.key();
        store.insert_key(key.clone(), bench.event(EventType::KeyCreated)).await.unwrap();
        let before = bench.state().await;

        let mut item = bench.link("new-customer");
        item.event.id = bench.unwritable().await;
        assert!(bench.create(vec![item]).await.pop().unwrap().is_err(), "created");
        let mut exchange = bench.exchange(session.id, "x", None);
        exchange.event_id = bench.unwritable().await;
        assert!(store.exchange(vec![exchange], NOW).await.pop().unwrap().is_err(), "exchanged");
        let mut repeat = bench.exchange(other.id, "x", Some("nonce"));
        repeat.event_id = bench.unwritable().await;
        assert!(store.repeat_exchange(repeat, NOW).await.is_err(), "repeated");
        let (tenant, link) = (bench.tenant, hash(&session.id.to_string()));
        let event = bench.doomed(EventType::SessionRevoked).await;
        assert!(store.revoke_session(tenant, false, session.id, event).await.is_err(), "revoked");
        let event = bench.doomed(EventType::SessionOpened).await;
        assert!(store.open_session(session.id, link, event).await.is_err(), "opened");
        let event = bench.doomed(EventType::SessionEnded).await;
        assert!(store.end_session(other.id, hash("browser"), event).await.is_err(), "ended");
        let event = bench.doomed(EventType::SessionRevoked).await;
        let filter = ListFilter {
            tenant_id: tenant,
            livemode: false,
            customer_id: Some(session.customer_id),
            portals: None,
            status: StatusFilter::All,
            now: NOW,
        };
        let told = move |_, _| event.clone();
        assert!(store.revoke_sessions_of(filter, session.customer_id, told, None).await.is_err(), "all revoked");
        let event = bench.doomed(EventType::SessionRevoked).await;
        let replace = ReplaceLinks { portals: None, event: Box::new(move |_, _, _| event.clone()) };
        assert!(bench.replace(bench.link("a"), replace).await.is_err(), "replaced");

        let event = bench.doomed(EventType::PortalCreated).await;
        let nobody = new_tenant();
        let theirs = Portal { tenant_id: nobody.id, ..bench.new_portal("default") };
        assert!(store.insert_tenant(nobody, theirs, event).await.is_err());
        let event = bench.doomed(EventType::PortalCreated).await;
        assert!(store.insert_portal(bench.new_portal("second"), event, None).await.is_err());
        let mut changed = bench.portal.clone();
        changed.slug = "changed".into();
        let event = bench.doomed(EventType::PortalUpdated).await;
        assert!(store.update_portal(bench.portal.clone(), changed, event).await.is_err());
        let event = bench.doomed(EventType::PortalDeleted).await;
        assert!(store.delete_portal(tenant, bench.portal.id, event).await.is_err());
        let event = bench.doomed(EventType::CustomerCreated).await;
        assert!(store.insert_customer(bench.customer("c"), event, None).await.is_err());
        let mut changed = customer.clone();
        changed.profile.name = Some("changed".into());
        let event = bench.doomed(EventType::CustomerUpdated).await;
        assert!(store.update_customer(customer.clone(), changed, event).await.is_err());
        let event = bench.doomed(EventType::CustomerDeleted).await;
        assert!(store.erase_customer(tenant, false, customer.id, event).await.is_err());
        let event = bench.doomed(EventType::KeyCreated).await;
        assert!(store.insert_key(bench.key(), event).await.is_err());
        let event = bench.doomed(EventType::KeyRevoked).await;
        assert!(store.revoke_key(key.id, event).await.is_err());
        let event = bench.doomed(EventType::KeyRolled).await;
        assert!(store.roll_key(key.id, NOW, bench.key(), event).await.is_err());

        assert_eq!(bench.state().await, before, "nothing of all that was kept");
    }
}

/// The positive: each write leaves its one event.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_without_its_write() {
    for bench in Bench::both().await {
        let store = &bench.store;
        let session = bench.keep(bench.link("a")).await;
        let nobody = super::bench::insert_tenant(store).await.0;
        let before = bench.count("events").await;
        // What changes nothing is not told.
        let (tenant, event) = (bench.tenant, || bench.event(EventType::SessionRevoked));
        assert!(!store.revoke_session(nobody, false, session.id, event()).await.unwrap(), "another tenant's");
        assert!(!store.revoke_session(tenant, true, session.id, event()).await.unwrap(), "the other mode's");
        assert!(!store.end_session(session.id, hash("x"), event()).await.unwrap());
        assert!(!store.open_session(session.id, hash("x"), event()).await.unwrap());
        assert!(!store.delete_portal(nobody, bench.portal.id, event()).await.unwrap());
        assert!(!store.erase_customer(nobody, false, session.customer_id, event()).await.unwrap());
        assert!(!store.erase_customer(tenant, true, session.customer_id, event()).await.unwrap());
        let stale = bench.new_portal("default");
        assert!(!store.update_portal(stale.clone(), stale, event()).await.unwrap());
        let lost = store.exchange(vec![bench.exchange(bench.link("x").session.id, "b", None)], NOW).await;
        assert!(lost.into_iter().all(|lost| lost.unwrap().is_none()));
        assert_eq!(bench.count("events").await, before);
        assert_eq!(bench.count("revocations").await, 0);

        let link = hash(&session.id.to_string());
        assert!(store.open_session(session.id, link, bench.event(EventType::SessionOpened)).await.unwrap());
        assert!(!store.open_session(session.id, link, bench.event(EventType::SessionOpened)).await.unwrap(), "once");
        assert!(store.revoke_session(tenant, false, session.id, event()).await.unwrap());
        assert_eq!(bench.count("events").await, before + 2);
        assert_eq!(bench.count("revocations").await, 1);
        assert!(store.portal(nobody, PortalRef::Id(bench.portal.id)).await.unwrap().is_none());
    }
}
