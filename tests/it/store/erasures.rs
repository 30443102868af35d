//! Erased customers: from the erasure on no list of events shows the person, and soon no row does.

use serde_json::json;
use vestibule::domain::{
    event::{ClientInfo, Event, EventType, NewEvent},
    id::{CustomerId, EventId, SessionId, TenantId},
    time::{Seconds, Timestamp},
};
use vestibule::store::{EventFilter, IdempotencyRow, Page, Retention, Swept};

use super::bench::{Bench, NOW, hash, insert_tenant, later};
use crate::support::{Db, Store as Kind};

const KEEP: Retention = Retention { sessions: Seconds::days(30), events: Seconds::days(400) };
const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;
/// More than any of these tests writes down.
const ALL: u32 = 1000;

impl Bench {
    /// Something that happened to a customer, and tells of the person in every way.
    fn telling(&self, customer: CustomerId, kind: EventType, at: Timestamp) -> NewEvent {
        let client = ClientInfo { address: Some([203, 0, 113, 9].into()), user_agent: Some("Zebra/1".into()) };
        let data = json!({"note": "zebra"});
        NewEvent { client, customer_id: Some(customer), data, ..self.event_at(kind, at) }
    }

    async fn tell(&self, customer: CustomerId, at: Timestamp) -> EventId {
        let event = self.telling(customer, EventType::SessionExchangeRefused, at);
        let id = event.id;
        self.store.record(event).await.unwrap();
        id
    }

    /// A customer who had a session, which is gone; its making tells from where it was asked for.
    async fn customer_of_old(&self, name: &str, at: Timestamp) -> (CustomerId, SessionId) {
        self.store.make_partitions(at.minus(Seconds::days(1)), at).await.unwrap();
        let mut link = self.link_at(name, at);
        let (made, session_id) = (self.telling(link.session.customer_id, link.event.kind, at), link.event.session_id);
        link.event = NewEvent { session_id, data: json!({}), ..made };
        let session = self.keep(link).await;
        let revoked = self.event_at(EventType::SessionRevoked, at);
        assert!(self.store.revoke_session(self.tenant, false, session.id, revoked).await.unwrap());
        (session.customer_id, session.id)
    }

    /// Erases a customer of that tenant; the entry tells from where.
    async fn erase_of(&self, tenant_id: TenantId, customer: CustomerId, at: Timestamp) {
        let event = NewEvent { tenant_id, ..self.telling(customer, EventType::CustomerDeleted, at) };
        assert!(self.store.erase_customer(tenant_id, false, customer, event).await.unwrap());
    }

    async fn erase(&self, customer: CustomerId, at: Timestamp) {
        self.erase_of(self.tenant, customer, at).await;
    }

    /// How many rows tell of that person in that column, the entry of the erasure aside.
    async fn rows_with(&self, customer: CustomerId, column: &str) -> i64 {
        let whose = self.db.literal(customer.0);
        let sql = "select count(*) from events where type <> 'customer.deleted' and customer_id =";
        let said = if column == "data" { "data <> '{}'".to_owned() } else { format!("{column} is not null") };
        self.db.number(&format!("{sql} {whose} and {said}")).await
    }

    /// The same for every column.
    async fn told(&self, customer: CustomerId) -> [i64; 3] {
        let [address, agent, data] =
            ["ip_address", "user_agent", "data"].map(|column| self.rows_with(customer, column));
        [address.await, agent.await, data.await]
    }

    /// Every list that this event is in.
    async fn listed(&self, kind: &str, session: Option<SessionId>) -> Vec<Event> {
        let mut found = Vec::new();
        for (kind, session_id) in [(None, None), (Some(kind), None), (None, session), (Some(kind), session)] {
            let (tenant_id, kind) = (self.tenant, kind.map(str::to_owned));
            let filter = EventFilter { tenant_id, livemode: false, kind, session_id };
            for ending_before in [None, Some(uuid::Uuid::nil())] {
                let page = Page { limit: ALL, starting_after: None, ending_before };
                found.extend(self.store.events(filter.clone(), page).await.unwrap());
            }
        }
        found
    }

    async fn pending(&self) -> i64 {
        self.count("erasures").await
    }
}

fn is_telling(event: &Event) -> bool {
    event.ip_address.is_some() || event.user_agent.is_some() || event.data != json!({})
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_shows_the_person_before_the_rows_are_cleared() {
    for bench in Bench::both().await {
        let (customer, session) = bench.customer_of_old("a", NOW).await;
        let (other, others) = bench.customer_of_old("b", NOW).await;
        for whom in [customer, other] {
            bench.tell(whom, NOW).await;
        }
        bench.erase(customer, later(NOW, 1)).await;
        assert_eq!(bench.told(customer).await, [2, 2, 1], "nobody has cleared them yet");
        let mut lists = bench.listed("portal_session.created", Some(session)).await;
        lists.extend(bench.listed("portal_session.created", Some(others)).await);
        lists.extend(bench.listed("customer.deleted", None).await);
        let mut seen = [0; 3];
        for event in lists {
            let is_own = event.kind == "customer.deleted";
            let about = event.customer_id;
            let which = [about == Some(customer) && !is_own, about == Some(other), is_own];
            // Revocations, and what made the tenant, tell nothing.
            let Some(which) = which.iter().position(|is_it| *is_it) else { continue };
            if event.kind == "portal_session.revoked" {
                continue;
            }
            seen[which] += 1;
            assert_eq!(is_telling(&event), which > 0, "{event:?}");
        }
        assert!(seen.iter().all(|times| *times > 4), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_clears_every_row_of_theirs_and_no_other() {
    for bench in Bench::both().await {
        let (tenant, _) = insert_tenant(&bench.store).await;
        let long_ago = later(NOW, -70 * DAY);
        bench.store.make_partitions(long_ago, NOW).await.unwrap();
        let (customer, _) = bench.customer_of_old("a", long_ago).await;
        let (second, _) = bench.customer_of_old("c", later(NOW, -DAY)).await;
        let (other, _) = bench.customer_of_old("b", long_ago).await;
        // Of an instance whose clock was late.
        bench.tell(customer, later(long_ago, -50 * MINUTE)).await;
        for days in [69, 40, 20, 1, 0] {
            let at = later(NOW, -days * DAY);
            for whom in [customer, other, customer] {
                bench.tell(whom, at).await;
            }
            for (tenant_id, livemode) in [(tenant, false), (bench.tenant, true)] {
                let event = bench.telling(other, EventType::CustomerUpdated, at);
                bench.store.record(NewEvent { tenant_id, livemode, ..event }).await.unwrap();
            }
        }
        // Some tell of the person in one way only.
        for n in 0..3 {
            let mut event = bench.telling(customer, EventType::CustomerUpdated, NOW);
            event.client.address = event.client.address.filter(|_| n == 0);
            event.client.user_agent = event.client.user_agent.filter(|_| n == 1);
            event.data = if n == 2 { event.data } else { json!({}) };
            bench.store.record(event).await.unwrap();
        }
        bench.erase(customer, NOW).await;
        bench.erase(second, NOW).await;
        assert_eq!((bench.told(customer).await, bench.told(second).await), ([13, 13, 12], [1, 1, 0]));
        let others = bench.told(other).await;
        assert_eq!(others, [16, 16, 15]);
        let all = bench.count("events").await;

        assert_eq!(bench.store.clear_erased(NOW, 2).await.unwrap(), 16, "each once");
        assert_eq!((bench.told(customer).await, bench.told(second).await), ([0; 3], [0; 3]));
        assert_eq!(bench.told(other).await, others);
        assert_eq!(bench.count("events").await, all);
        let own = "select count(*) from events where type = 'customer.deleted' and ip_address = '203.0.113.9' \
                   and user_agent = 'Zebra/1' and data like '%zebra%'";
        assert_eq!(bench.db.number(own).await, 2, "the entries of the erasures themselves");
        assert_eq!(bench.store.clear_erased(NOW, 2).await.unwrap(), 0, "nothing is written twice");
    }
}

/// An event that was under way while the customer was erased may be written down after a walk has passed its place.
#[tokio::test(flavor = "multi_thread")]
async fn walks_are_repeated_until_nothing_can_be_under_way() {
    for bench in Bench::both().await {
        let (customer, _) = bench.customer_of_old("a", NOW).await;
        let (younger, _) = bench.customer_of_old("b", NOW).await;
        let (tenant, portal) = insert_tenant(&bench.store).await;
        let mut theirs = bench.link("a");
        (theirs.session.tenant_id, theirs.session.portal_id) = (tenant, portal.id);
        let theirs = bench.keep(theirs).await.customer_id;
        bench.erase(customer, NOW).await;
        bench.erase(younger, later(NOW, 1)).await;
        bench.erase_of(tenant, theirs, later(NOW, 1)).await;
        assert_eq!(bench.store.clear_erased(NOW, ALL).await.unwrap(), 2);

        bench.tell(customer, NOW).await;
        assert_eq!(bench.told(customer).await, [1; 3]);
        let lists = bench.listed("portal_session.exchange_refused", None).await;
        let late: Vec<&Event> = lists.iter().filter(|event| event.kind == "portal_session.exchange_refused").collect();
        assert!(late.len() == 8 && late.iter().all(|event| !is_telling(event)), "{late:?}");
        assert_eq!(bench.store.clear_erased(later(NOW, 5 * MINUTE - 1), ALL).await.unwrap(), 1);
        assert_eq!((bench.told(customer).await, bench.pending().await), ([0; 3], 3), "something may come still");

        bench.tell(customer, NOW).await;
        assert_eq!(bench.store.clear_erased(later(NOW, 5 * MINUTE), ALL).await.unwrap(), 1);
        assert_eq!((bench.told(customer).await, bench.pending().await), ([0; 3], 2), "the others are younger");
        let whose = bench.db.literal(customer.0);
        assert_eq!(bench.db.number(&format!("select count(*) from erasures where customer_id = {whose}")).await, 0);
        assert_eq!(bench.store.clear_erased(later(NOW, 6 * MINUTE), ALL).await.unwrap(), 0);
        assert_eq!(bench.pending().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_walks_at_once_do_not_disturb_each_other() {
    for bench in Bench::both().await {
        let (customer, _) = bench.customer_of_old("a", NOW).await;
        for _ in 0..40 {
            bench.tell(customer, NOW).await;
        }
        bench.erase(customer, NOW).await;
        let walks = (0..4).map(|n| {
            let store = bench.store.clone();
            tokio::spawn(async move { store.clear_erased(later(NOW, 5 * MINUTE), 3 + n).await })
        });
        let mut cleared = 0;
        for walk in walks.collect::<Vec<_>>() {
            cleared += walk.await.unwrap().expect("a walk");
        }
        assert_eq!((cleared, bench.told(customer).await, bench.pending().await), (41, [0; 3], 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_finishes_what_was_left_over() {
    for bench in Bench::both().await {
        let (customer, _) = bench.customer_of_old("a", NOW).await;
        bench.tell(customer, NOW).await;
        bench.erase(customer, NOW).await;
        assert_eq!(bench.store.sweep(NOW, KEEP).await.unwrap().cleared, 2);
        assert_eq!((bench.told(customer).await, bench.pending().await), ([0; 3], 1));
        let swept = bench.store.sweep(later(NOW, 5 * MINUTE), KEEP).await.unwrap();
        assert_eq!((swept, bench.pending().await), (Swept::default(), 0));
    }
}

/// One thing that is in the way keeps nobody else in the table.
#[tokio::test(flavor = "multi_thread")]
async fn what_stops_a_sweep_or_one_trail_stops_no_other() {
    let bench = Bench::new(Kind::Postgres).await;
    let Db::Postgres(pool) = &bench.db else { unreachable!() };
    let (tenant, portal) = insert_tenant(&bench.store).await;
    let mut customers = Vec::new();
    for (tenant_id, portal_id) in [(bench.tenant, bench.portal.id), (tenant, portal.id)] {
        let mut link = bench.link("a");
        (link.session.tenant_id, link.session.portal_id) = (tenant_id, portal_id);
        let customer = bench.keep(link).await.customer_id;
        let event = bench.telling(customer, EventType::CustomerUpdated, NOW);
        bench.store.record(NewEvent { tenant_id, ..event }).await.unwrap();
        bench.erase_of(tenant_id, customer, NOW).await;
        customers.push((tenant_id, customer));
    }
    // Trails are walked in the order of their tenants.
    customers.sort();
    let [(_, first), (_, last)] = customers[..] else { unreachable!() };
    let mut user = pool.begin().await.unwrap();
    let lock = format!("select 1 from events where customer_id = {} for update", bench.db.literal(first.0));
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut *user).await.unwrap();
    assert!(bench.store.clear_erased(later(NOW, 5 * MINUTE), ALL).await.is_err());
    assert_eq!((bench.told(first).await, bench.told(last).await), ([1; 3], [0; 3]));
    assert_eq!(bench.pending().await, 1, "the one whose trail was walked to its end is done");
    user.rollback().await.unwrap();

    // The lock under which partitions are made.
    let answer = IdempotencyRow { id: hash("k"), expires_at: NOW, fingerprint: hash("b"), sealed: vec![] };
    bench.store.keep_answer(answer, NOW).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(7381402951)").execute(&mut *other).await.unwrap();
    assert!(bench.store.sweep(NOW, KEEP).await.is_err());
    assert_eq!(bench.told(first).await, [0; 3]);
    assert_eq!(bench.count("idempotency").await, 0);
}

/// A create that found the customer, and committed after the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_made_during_the_erasure_goes_with_it() {
    for bench in Bench::both().await {
        let (erased, _) = bench.customer_of_old("a", NOW).await;
        bench.erase(erased, NOW).await;
        let [late, other] = [bench.keep(bench.link("b")).await, bench.keep(bench.link("b")).await];
        let [erased, late] = [erased.0, late.id.0].map(|id| bench.db.literal(id));
        bench.db.execute(&format!("update portal_sessions set customer_id = {erased} where id = {late}")).await;
        bench.store.clear_erased(later(NOW, 1), ALL).await.unwrap();
        let other = bench.db.literal(other.id.0);
        let left = format!("select count(*) from portal_sessions where id = {other}");
        assert_eq!((bench.count("portal_sessions").await, bench.db.number(&left).await), (1, 1));
    }
}
