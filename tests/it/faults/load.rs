//! Clients that do what clients do, at random, to sessions that they share, and note what they see.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::history::{Act, Op, Outcome, violations};
use crate::support::{Answer, Http};

/// Of so many newest sessions most requests pick theirs, so that they meet.
const HOT: u64 = 100;
/// How many sessions are looked at in the end, unless a soak looks at all.
const LOOKED_AT: usize = 1500;

/// Clients at work.
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    /// Each shows the key; which there are may change.
    instances: RwLock<Vec<(u8, Http)>>,
    /// Whether clients hang up at random moments.
    hang_up: bool,
    started: Instant,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    unanswered: Mutex<Vec<String>>,
    sessions: Mutex<Vec<Known>>,
    history: Mutex<Vec<Op>>,
    /// Answers that no fault excuses.
    wrong: Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Known {
    id: String,
    link: String,
    browser: Option<String>,
}

/// What is left when the clients went home.
pub(super) struct Outcomes {
    pub(super) acknowledged: u64,
    /// Connections refused or broken, and answers 503.
    pub(super) unanswered: usize,
    shared: Arc<Shared>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// So many clients of these instances, each of which shows a key.
    pub(super) fn start(clients: u64, instances: Vec<Http>, hang_up: bool) -> Self {
        let shared = Arc::new(Shared {
            instances: RwLock::default(),
            hang_up,
            started: Instant::now(),
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            unanswered: Mutex::default(),
            sessions: Mutex::default(),
            history: Mutex::default(),
            wrong: Mutex::default(),
        });
        let mut load = Self { shared, clients: JoinSet::new() };
        load.serve_by(instances.into_iter().enumerate().map(|(n, http)| (n as u8, http)).collect());
        for n in 0..clients {
            let shared = Arc::clone(&load.shared);
            load.clients.spawn(async move {
                let mut dice = Dice(shared.started.elapsed().as_nanos() as u64 ^ (n << 40));
                while !shared.stop.load(Ordering::Relaxed) {
                    shared.act(&mut dice).await;
                }
            });
        }
        load
    }

    /// From now on these instances are asked.
    pub(super) fn serve_by(&self, instances: Vec<(u8, Http)>) {
        *self.shared.instances.write().unwrap() = instances;
    }

    /// How many requests were carried out for certain.
    pub(super) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Why the others were not, one by one.
    pub(super) fn unanswered(&self) -> Vec<String> {
        lock(&self.shared.unanswered).clone()
    }

    /// Waits until so many more were carried out.
    pub(super) async fn more(&self, count: u64) {
        let goal = self.acknowledged() + count;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.acknowledged() < goal {
            assert!(Instant::now() < deadline, "no progress: {:?}", lock(&self.shared.wrong));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends the clients home, looks at what they made, and checks all that was seen.
    pub(super) async fn finish(mut self) -> Outcomes {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        let count = lock(&self.shared.sessions).len();
        let step = (count / super::figure(LOOKED_AT, count.max(1))).max(1);
        let looks = (0..count).step_by(step).map(|n| self.shared.look(n));
        stream::iter(looks).buffer_unordered(16).collect::<Vec<()>>().await;
        let outcomes = Outcomes {
            acknowledged: self.acknowledged(),
            unanswered: self.unanswered().len(),
            shared: Arc::clone(&self.shared),
        };
        outcomes.check();
        outcomes
    }
}

impl Outcomes {
    fn check(&self) {
        let wrong = lock(&self.shared.wrong);
        assert!(wrong.is_empty(), "{} wrong answers: {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
        let found = violations(&lock(&self.shared.history));
        assert!(found.is_empty(), "{} violations: {:#?}", found.len(), &found[..found.len().min(3)]);
    }
}

impl Shared {
    async fn act(&self, dice: &mut Dice) {
        let (instance, http) = {
            let instances = self.instances.read().unwrap();
            instances[dice.below(instances.len() as u64) as usize].clone()
        };
        let act = match dice.below(100) {
            0..30 => Act::Create,
            30..58 => Act::Exchange,
            58..80 => Act::Verify,
            80..88 => Act::Revoke,
            88..94 => Act::LogOut,
            _ => Act::Read,
        };
        let patience = match self.hang_up && dice.below(10) == 0 {
            true => Duration::from_micros(dice.below(8000)),
            false => Duration::from_secs(20),
        };
        let known = {
            let sessions = lock(&self.sessions);
            let count = sessions.len() as u64;
            let newest = if dice.below(10) < 8 { HOT.min(count) } else { count };
            (count > 0).then(|| (count - 1 - dice.below(newest)) as usize).map(|n| (n, sessions[n].clone()))
        };
        match known {
            Some((n, known)) if act != Act::Create => self.ask(instance, &http, act, n, &known, patience).await,
            _ => self.create(instance, &http, patience).await,
        }
    }

    async fn create(&self, instance: u8, http: &Http, patience: Duration) {
        let body = json!({"customerExternalId": "acme", "expiresIn": 86400, "metadata": {"n": "1"}});
        let asked = self.now();
        let Some(answer) = self.send(http, Method::POST, "/v1/portal-sessions", Some(body), patience).await else {
            return;
        };
        if self.outcome(&answer, 201, 0, "create") != Outcome::Done {
            return;
        }
        let made = answer.json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let n = {
            let mut sessions = lock(&self.sessions);
            sessions.push(Known { id: text("id"), link: text("token"), browser: None });
            sessions.len() - 1
        };
        self.note(n, instance, Act::Create, Outcome::Done, asked);
    }

    async fn ask(&self, instance: u8, http: &Http, act: Act, n: usize, known: &Known, patience: Duration) {
        let path = format!("/v1/portal-sessions/{}", known.id);
        let browser = known.browser.as_ref().map(|token| http.key(token));
        let exchange = json!({"token": known.link, "transport": "bearer"});
        let (done, refused) = match act {
            Act::Create | Act::Exchange | Act::Read => (200, if act == Act::Read { 404 } else { 401 }),
            Act::Verify => (200, 401),
            Act::Revoke => (204, 404),
            Act::LogOut => (204, 401),
        };
        let asked = self.now();
        let answer = match (act, browser) {
            (Act::Verify, Some(browser)) => {
                self.send(&browser, Method::GET, "/v1/portal-session", None, patience).await
            }
            (Act::LogOut, Some(browser)) => {
                self.send(&browser, Method::DELETE, "/v1/portal-session", None, patience).await
            }
            (Act::Verify | Act::LogOut, None) => return,
            (Act::Revoke, _) => self.send(http, Method::DELETE, &path, None, patience).await,
            (Act::Read, _) => self.send(http, Method::GET, &path, None, patience).await,
            _ => self.send(http, Method::POST, "/v1/portal-sessions/exchange", Some(exchange), patience).await,
        };
        let outcome =
            answer.as_ref().map_or(Outcome::Unknown, |it| self.outcome(it, done, refused, &format!("{act:?}")));
        self.note(n, instance, act, outcome, asked);
        if let (Act::Exchange, Outcome::Done, Some(answer)) = (act, outcome, answer) {
            lock(&self.sessions)[n].browser = answer.json()["token"].as_str().map(str::to_owned);
        }
    }

    /// In the end: is it still there, does its link or its browser session still work?
    async fn look(&self, n: usize) {
        let known = lock(&self.sessions)[n].clone();
        let (instance, http) = self.instances.read().unwrap()[0].clone();
        let patience = Duration::from_secs(20);
        self.ask(instance, &http, Act::Read, n, &known, patience).await;
        let act = if known.browser.is_some() { Act::Verify } else { Act::Exchange };
        self.ask(instance, &http, act, n, &known, patience).await;
    }

    async fn send(
        &self,
        http: &Http,
        method: Method,
        path: &str,
        body: Option<Value>,
        patience: Duration,
    ) -> Option<Answer> {
        let sent = http.try_send(method, path, body.map(|body| body.to_string().into()));
        match tokio::time::timeout(patience, sent).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                lock(&self.unanswered).push(format!("{path}: {error:?}"));
                // It is away; others need the processor to bring it back.
                tokio::time::sleep(Duration::from_millis(20)).await;
                None
            }
            Err(_) if patience > Duration::from_secs(1) => {
                lock(&self.wrong).push(format!("{path}: no answer"));
                None
            }
            Err(_) => None,
        }
    }

    fn outcome(&self, answer: &Answer, done: u16, refused: u16, what: &str) -> Outcome {
        match answer.status {
            status if status == done => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                Outcome::Done
            }
            status if status == refused => Outcome::Refused,
            503 if answer.header("retry-after").is_some_and(|text| text.parse::<u32>().is_ok()) => {
                lock(&self.unanswered).push(format!("{what}: 503"));
                Outcome::Unknown
            }
            status => {
                lock(&self.wrong).push(format!("{what}: {status} {}", answer.text()));
                Outcome::Unknown
            }
        }
    }

    fn note(&self, n: usize, instance: u8, act: Act, outcome: Outcome, asked: u64) {
        let answered = self.now();
        lock(&self.history).push(Op { session: n as u32, instance, act, outcome, asked, answered });
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
