//! Five times as much as the database can take: the rest is refused fast, and what is taken is done.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use tokio::task::JoinSet;

use super::*;
use crate::support::Db;

/// Each row takes the database so long, so that its capacity is known: 100 creates a second, however
/// fast the machine is.
const ROW: &str = "0.01";
/// How many send as fast as they are answered.
const CLIENTS: usize = 16;

/// What came of some seconds of load.
#[derive(Debug, Default)]
struct Seen {
    /// Creates that were acknowledged, each second.
    goodput: f64,
    /// How long each of them took, sorted.
    served: Vec<Duration>,
    /// How long each refusal took, sorted.
    refused: Vec<Duration>,
}

impl Seen {
    fn of(answers: Vec<(u16, Duration)>, within: Duration) -> Self {
        let mut seen = Self::default();
        for (status, took) in answers {
            match status {
                201 => seen.served.push(took),
                _ => seen.refused.push(took),
            }
        }
        seen.served.sort_unstable();
        seen.refused.sort_unstable();
        seen.goodput = seen.served.len() as f64 / within.as_secs_f64();
        seen
    }
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default()
}

/// One create: how it went. A refusal says when to come again.
async fn create(api: Http) -> (u16, Duration) {
    let asked = Instant::now();
    let body = json!({"customerExternalId": "acme-001", "permissions": ["a.b.c"]});
    let answer = api.post("/v1/portal-sessions", body).await;
    if answer.status != 201 {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "unavailable");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    (answer.status, asked.elapsed())
}

/// As much as it can do: each client sends again once it is answered.
async fn at_capacity(api: &Http, time: Duration) -> Seen {
    let started = Instant::now();
    let clients = (0..CLIENTS).map(|_| async {
        let mut answers = Vec::new();
        while started.elapsed() < time {
            answers.push(create(api.clone()).await);
        }
        answers
    });
    let answers = futures_util::future::join_all(clients).await.concat();
    Seen::of(answers, started.elapsed())
}

/// So many a second, whatever becomes of them.
async fn offered(api: &Http, each_second: f64, time: Duration) -> Seen {
    let (started, mut all) = (Instant::now(), JoinSet::new());
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while started.elapsed() < time {
        ticks.tick().await;
        let due = (started.elapsed().as_secs_f64() * each_second) as usize;
        while all.len() < due {
            all.spawn(create(api.clone()));
        }
    }
    // What was sent in time and answered later counts as well, and so does the time it took.
    let answers = stream::unfold(all, |mut all| async { all.join_next().await.map(|next| (next.unwrap(), all)) });
    let answers: Vec<_> = answers.collect().await;
    Seen::of(answers, started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_five_times_its_capacity_it_does_what_it_can() {
    let server =
        Server::with(Store::Postgres).env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0").log_filter("warn").start().await;
    let api = server.http.key(&server.tenant().key);
    let db = Db::open(server.database()).await;
    let body = format!("begin perform pg_sleep({ROW}); return null; end");
    db.execute(&format!("create function slowly() returns trigger language plpgsql as '{body}'")).await;
    db.execute("create trigger slowly after insert on portal_sessions for each row execute function slowly()").await;

    let phase = Duration::from_secs(figure(4, 30));
    let peak = at_capacity(&api, phase).await;
    assert!(peak.refused.is_empty() && peak.goodput > 20.0, "{peak:?}");

    let flood = offered(&api, 5.0 * peak.goodput, phase).await;
    let (served, refused) = (percentile(&flood.served, 0.99), percentile(&flood.refused, 0.99));
    println!(
        "peak {:.0}/s; at five times that {:.0}/s, p99 {served:?}, and {} refused, p99 {refused:?}",
        peak.goodput,
        flood.goodput,
        flood.refused.len()
    );
    assert!(flood.refused.len() > flood.served.len(), "{} were refused", flood.refused.len());
    assert!(flood.goodput >= 0.9 * peak.goodput, "{:.0}/s of {:.0}/s", flood.goodput, peak.goodput);
    assert!(refused < Duration::from_millis(200), "a refusal takes {refused:?}");
    assert!(
        flood.served.iter().chain(&flood.refused).all(|took| *took < Duration::from_secs(5)),
        "answered within 5 s"
    );

    // No queue is left behind.
    let asked = Instant::now();
    api.get("/v1/portals").await.expect(200);
    // As long as the peak was measured: the last batches weigh more in a shorter time.
    let after = at_capacity(&api, phase).await;
    assert!(after.refused.is_empty() && after.goodput >= 0.9 * peak.goodput, "{:.0}/s after the flood", after.goodput);
    assert!(asked.elapsed() < phase * 3 / 2, "{:?}", asked.elapsed());
}
