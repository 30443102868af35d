//! Sessions' lives, made up: after every operation of every sequence each session stands where
//! the model says, every list holds what it should, and the trail tells what happened, once.

mod model;
mod ops;
mod trail;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use vestibule::domain::event::{EventType, NewEvent};
use vestibule::domain::id::{CustomerId, SessionId};
use vestibule::domain::portal::Portal;
use vestibule::domain::session::{BrowserSession, Session, Status};
use vestibule::domain::time::Seconds;
use vestibule::store::{Exchange, ListFilter, NewSession, Page, ReplaceLinks, Retention, StatusFilter};

use super::bench::{Bench, NOW, hash, insert_tenant, nanos};
use crate::faults::figure;
use crate::support::Store as Kind;
use model::{Fate, KEPT, LINK_TTL, Model, Outcome};
use ops::{FIRST, Op, Secret, Start, sequences};
use trail::Trail;

const FILTERS: [StatusFilter; 8] = [
    StatusFilter::All,
    StatusFilter::Unused,
    StatusFilter::Live,
    StatusFilter::Only(Status::Pending),
    StatusFilter::Only(Status::Opened),
    StatusFilter::Only(Status::Active),
    StatusFilter::Only(Status::Ended),
    StatusFilter::Only(Status::Expired),
];
const EVERYTHING: Page = Page { limit: 10_000, starting_after: None, ending_before: None };
const CUSTOMERS: [&str; 2] = ["acme-001", "acme-002"];

/// A tenant's world on a store, beside the model of it.
struct World<'a> {
    bench: &'a Bench,
    model: Model,
    portals: [Portal; 2],
    customers: [Option<CustomerId>; 2],
    ids: Vec<SessionId>,
    trail: Trail,
}

impl<'a> World<'a> {
    async fn new(bench: &'a mut Bench) -> Self {
        let (tenant, portal) = insert_tenant(&bench.store).await;
        (bench.tenant, bench.portal) = (tenant, portal);
        let bench = &*bench;
        let second = bench.new_portal("second");
        bench.store.insert_portal(second.clone(), bench.event(EventType::PortalCreated), None).await.unwrap();
        let portals = [bench.portal.clone(), second];
        let trail = Trail::from_here(bench).await;
        Self { bench, model: Model::new(NOW), portals, customers: [None; 2], ids: Vec::new(), trail }
    }

    /// Does it for real; how many sessions it changed.
    async fn perform(&mut self, op: &Op, secret: &str) -> u64 {
        let (bench, now) = (self.bench, self.model.now);
        let (store, tenant) = (&bench.store, bench.tenant);
        let back = op.session();
        let picked = back.and_then(|back| self.model.pick(back));
        let id = picked.map_or_else(|| SessionId::at(nanos(now)), |at| self.ids[at]);
        let event = |kind| NewEvent { session_id: Some(id), ..bench.event_at(kind, now) };
        let shown = |which: Secret| hash(picked.map_or("none", |at| self.model.lives[at].secret(which)));
        let exchange = |right: bool, nonce: Option<u8>| {
            let nonce = nonce.map(|nonce| format!("nonce {nonce}"));
            let item = bench.exchange(id, secret, nonce.as_deref());
            let link_hash = if right { item.link_hash } else { hash("wrong") };
            Exchange { link_hash, event_id: bench.event_at(EventType::SessionExchanged, now).id, ..item }
        };
        match *op {
            Op::Create { customer, portal, start, named, ttl } => {
                self.create(customer, portal, start, named, ttl).await
            }
            Op::Open { right, .. } => {
                let link = if right { hash(&id.to_string()) } else { hash("wrong") };
                store.open_session(id, link, event(EventType::SessionOpened)).await.unwrap().into()
            }
            Op::Exchange { right, nonce, .. } => {
                let done = store.exchange(vec![exchange(right, nonce)], now).await.pop().unwrap().unwrap();
                done.is_some().into()
            }
            Op::Repeat { right, nonce, .. } => {
                store.repeat_exchange(exchange(right, nonce), now).await.unwrap().is_some().into()
            }
            Op::FirstUse { secret, .. } => store.note_first_use(id, shown(secret), now).await.unwrap().into(),
            Op::End { secret, .. } => {
                store.end_session(id, shown(secret), event(EventType::SessionEnded)).await.unwrap().into()
            }
            Op::Revoke { .. } => {
                store.revoke_session(tenant, false, id, event(EventType::SessionRevoked)).await.unwrap().into()
            }
            Op::RevokeAll { customer, live, portal } => {
                let status = if live { StatusFilter::Live } else { StatusFilter::All };
                let portals = portal.map(|at| vec![self.portals[at].id]);
                let customer = self.customers[customer].unwrap_or_else(|| CustomerId::at(nanos(now)));
                let filter = ListFilter { portals, customer_id: Some(customer), ..self.filter(status) };
                let plain = bench.event_at(EventType::SessionRevoked, now);
                let event = move |id, _| again(&plain, Some(id));
                store.revoke_sessions_of(filter, customer, event, None).await.unwrap()
            }
            Op::Switch { portal } => {
                let old = self.portals[portal].clone();
                self.portals[portal].enabled = !old.enabled;
                let event = again(&bench.event_at(EventType::PortalUpdated, now), None);
                store.update_portal(old, self.portals[portal].clone(), event).await.unwrap().into()
            }
            Op::Erase { customer } => {
                let event = bench.event_at(EventType::CustomerDeleted, now);
                let customer = self.customers[customer].unwrap_or_else(|| CustomerId::at(nanos(now)));
                store.erase_customer(tenant, false, customer, event).await.unwrap().into()
            }
            Op::Pass { .. } | Op::PassTo { .. } => 0,
            Op::Sweep => {
                store.sweep(now, Retention { sessions: KEPT, events: Seconds::days(4000) }).await.unwrap();
                0
            }
        }
    }

    async fn create(&mut self, customer: usize, portal: usize, start: Start, named: bool, ttl: Seconds) -> u64 {
        let now = self.model.now;
        let mut item = self.bench.link_at(CUSTOMERS[customer], now);
        item.session.portal_id = self.portals[portal].id;
        item.session.session_ttl = ttl;
        item.session.link_expires_at = now.plus(LINK_TTL);
        if let (false, Some(id)) = (named, self.customers[customer]) {
            item.by_external_id = false;
            item.session.customer_id = id;
        }
        if start == Start::Token {
            let expires_at = now.plus(ttl);
            (item.session.used_at, item.session.link_expires_at) = (Some(now), expires_at);
            item.session.browser = Some(BrowserSession {
                started_at: now,
                expires_at,
                ended_at: None,
                ip_address: None,
                user_agent: None,
            });
            item.link_hash = None;
            item.browser_hash = Some(hash(&format!("token {}", self.ids.len())));
        }
        let id = item.session.id;
        let (kept, replaced) = match start {
            Start::Replace { only } => self.replace(item, only).await,
            Start::Link | Start::Token => (self.bench.create(vec![item]).await.pop().unwrap().unwrap(), 0),
        };
        let Some(session) = kept else { return replaced };
        assert_eq!((session.id, &*session.customer_external_id), (id, CUSTOMERS[customer]));
        self.customers[customer] = Some(session.customer_id);
        self.ids.push(id);
        replaced + 1
    }

    async fn replace(&self, item: NewSession, only: Option<usize>) -> (Option<Session>, u64) {
        let portals = only.map(|at| vec![self.portals[at].id]);
        let plain = self.bench.event_at(EventType::SessionRevoked, self.model.now);
        let event = Box::new(move |id, _, _| again(&plain, Some(id)));
        let before = self.listed(StatusFilter::All).await.len();
        let kept = self.bench.replace(item, ReplaceLinks { portals, event }).await.unwrap();
        let after = self.listed(StatusFilter::All).await.len();
        let replaced = before + usize::from(kept.is_some()) - after;
        (kept, replaced as u64)
    }

    fn filter(&self, status: StatusFilter) -> ListFilter {
        let now = self.model.now;
        ListFilter { tenant_id: self.bench.tenant, livemode: false, customer_id: None, portals: None, status, now }
    }

    async fn listed(&self, status: StatusFilter) -> Vec<Session> {
        self.bench.store.sessions(self.filter(status), EVERYTHING).await.unwrap()
    }

    /// One operation on both, and everything compared.
    async fn step(&mut self, n: usize, op: &Op) -> TestCaseResult {
        let secret = format!("secret {n}");
        let done = self.perform(op, &secret).await;
        let before = self.model.now;
        let expected = self.model.apply(op, &secret);
        let told = self.trail.news(self.bench, &self.ids).await;
        prop_assert_eq!(Outcome { done, told: told.clone() }, expected.sorted());
        self.trail.check(before, &told)?;
        if matches!(op, Op::Pass { .. } | Op::PassTo { .. }) {
            self.bench.store.make_partitions(self.model.now, self.model.now).await.unwrap();
        }
        let mut all: BTreeMap<SessionId, Session> =
            self.listed(StatusFilter::All).await.into_iter().map(|session| (session.id, session)).collect();
        for (life, id) in self.model.lives.iter_mut().zip(&self.ids) {
            if matches!(op, Op::Sweep) && !life.is_gone {
                life.is_gone = match life.fate(self.model.now) {
                    Fate::Stays => false,
                    Fate::Goes => true,
                    Fate::Either => !all.contains_key(id),
                };
            }
        }
        let now = self.model.now;
        for (life, id) in self.model.lives.iter().zip(&self.ids) {
            let seen = all.remove(id).map(|session| {
                let browser = session.browser.as_ref();
                let ends = (browser.map(|browser| browser.expires_at), browser.and_then(|browser| browser.ended_at));
                (session.status(now), session.opened_at, session.used_at, ends)
            });
            let there = life
                .status(now)
                .map(|status| (status, life.opened_at, life.used_at, (life.browser_ends(), life.ended_at)));
            prop_assert_eq!(seen, there, "{}", id);
        }
        prop_assert!(all.is_empty(), "nobody made {:?}", all.keys());
        self.check_lists().await?;
        self.check_credentials(op).await
    }

    async fn check_lists(&self) -> TestCaseResult {
        for filter in FILTERS {
            let mut listed: Vec<SessionId> = self.listed(filter).await.iter().map(|session| session.id).collect();
            let in_it = self.model.lives.iter().zip(&self.ids).filter(|(life, _)| life.is_in(filter, self.model.now));
            let mut expected: Vec<SessionId> = in_it.map(|(_, id)| *id).collect();
            listed.sort();
            expected.sort();
            prop_assert_eq!(listed, expected, "{:?}", filter);
        }
        Ok(())
    }

    /// What opens the session that was touched.
    async fn check_credentials(&self, op: &Op) -> TestCaseResult {
        let Some(at) = op.session().and_then(|back| self.model.pick(back)) else { return Ok(()) };
        let live = self.bench.store.stored_session(self.ids[at]).await.unwrap();
        let life = &self.model.lives[at];
        prop_assert_eq!(live.is_none(), life.is_gone);
        if let Some(live) = live {
            prop_assert_eq!(live.browser_hash, life.secrets.last().map(|secret| hash(secret)));
            prop_assert_eq!(live.first_used_at.is_some(), life.first_used);
            let slot = self.portals.iter().position(|portal| portal.id == live.session.portal_id).unwrap();
            prop_assert_eq!(live.portal_enabled, self.model.enabled[slot]);
        }
        Ok(())
    }
}

/// The same entry about another session, with an id of its own.
fn again(event: &NewEvent, session: Option<SessionId>) -> NewEvent {
    let id = vestibule::domain::id::EventId::at(nanos(event.at));
    NewEvent { id, session_id: session, ..event.clone() }
}

async fn live(bench: &mut Bench, ops: &[Op]) -> TestCaseResult {
    bench.store.make_partitions(NOW, NOW).await.unwrap();
    let mut world = World::new(bench).await;
    for (n, op) in [FIRST].iter().chain(ops).enumerate() {
        world.step(n, op).await?;
    }
    Ok(())
}

async fn lives_go_as_the_model_says(kind: Kind) {
    let mut bench = Bench::new(kind).await;
    let config =
        Config { cases: figure(48, 2000), max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    // Whether a change may go in must not hang on chance; the long form looks further every time.
    let mut runner = match figure(false, true) {
        true => TestRunner::new(config),
        false => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let bench = std::sync::Mutex::new(&mut bench);
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::block_in_place(|| {
        runner.run(&sequences(figure(30, 60)), |ops| {
            let mut bench = bench.lock().unwrap_or_else(|held| held.into_inner());
            runtime.block_on(live(&mut bench, &ops))
        })
    });
    if let Err(failure) = done {
        panic!("on {kind:?}: {failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_lives_go_as_the_model_says() {
    lives_go_as_the_model_says(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_lives_go_as_the_model_says() {
    lives_go_as_the_model_says(Kind::Sqlite).await;
}
