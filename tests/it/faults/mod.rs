//! What breaks, and what must hold all the same. Each file is about one promise of
//! `docs/reliability.md`, which names the tests and their figures.
//!
//! `make test` runs each in a short form, `make soak` with the full figures.

mod coalescing;
mod crashes;
mod drain;
mod failover;
mod full_disk;
mod histories;
mod history;
mod instances;
mod load;
mod outage;
mod pooler;
mod proxy;
mod revocation;

use std::future::Future;
use std::time::{Duration, Instant};

use crate::support::{Http, Server, Setup};

/// The short form's figure or the full one.
pub(crate) fn figure<T>(short: T, full: T) -> T {
    if std::env::var_os("VESTIBULE_SOAK").is_some() { full } else { short }
}

/// Settings under which nothing but the database and the processor sets limits.
fn unlimited(setup: Setup) -> Setup {
    setup
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0")
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0")
        .log_filter("warn")
}

/// Asks again and again until it is so: how long it took from now on. Panics after `patience`.
async fn until<F: Future<Output = bool>>(what: &str, patience: Duration, is_so: impl Fn() -> F) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}

/// A session that a browser has started.
#[derive(Clone, Debug)]
struct Session {
    id: String,
    customer: String,
    /// Shows the browser token.
    token: String,
}

/// Makes a session for somebody and exchanges its link.
async fn session(api: &Http, more: serde_json::Value) -> Session {
    let mut body = serde_json::json!({"customerExternalId": "somebody"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = api.post("/v1/portal-sessions", body).await.expect(201).json();
    let exchange = serde_json::json!({"token": made["token"], "transport": "bearer"});
    let opened = api.post("/v1/portal-sessions/exchange", exchange).await.expect(200).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Session { id: text(&made["id"]), customer: text(&made["customerId"]), token: text(&opened["token"]) }
}

/// The status that a browser gets which asks who it is.
async fn verify(server: &Server, token: &str) -> u16 {
    server.http.key(token).get("/v1/portal-session").await.status
}
