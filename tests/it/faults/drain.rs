//! SIGTERM under load: what was accepted is answered.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::{figure, unlimited};
use crate::support::{Server, Store};

async fn count(url: &str) -> i64 {
    let sql = "select count(*) from portal_sessions";
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(url).await.unwrap();
        return sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    }
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Connections refused, and those closed before a request on them was read.
    not_accepted: AtomicU64,
}

/// The ids of the requests of which the log tells so.
fn told(log: &str, what: &str) -> BTreeSet<String> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let told = lines.filter(|line| line["message"] == what);
    told.map(|line| line["request_id"].as_str().unwrap().to_owned()).collect()
}

/// A request that the server carried out but did not answer would be a session that nobody was told of; one that it has
/// read and not served would be told of in the log by its beginning alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_accepted_request_is_dropped_by_restarts_under_load() {
    for store in Store::both() {
        let mut server = unlimited(Server::with(store)).log_filter("vestibule=debug").start().await;
        let key = server.tenant().key;
        let (api, seen) = (server.http.key(&key), Arc::new(Seen::default()));
        let clients: Vec<_> = (0..16)
            .map(|_| {
                let (api, seen) = (api.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let body = json!({"customerExternalId": "somebody"}).to_string();
                    while !seen.stop.load(Ordering::Relaxed) {
                        let sent = api.try_send(Method::POST, "/v1/portal-sessions", Some(body.clone().into()));
                        if let Ok(answer) = sent.await {
                            answer.expect(201);
                            seen.acknowledged.fetch_add(1, Ordering::Relaxed);
                        } else {
                            seen.not_accepted.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                })
            })
            .collect();
        let mut longest = Duration::ZERO;
        for n in 0..figure(4, 100) {
            tokio::time::sleep(Duration::from_millis(200 + n * 37 % 100)).await;
            let asked = Instant::now();
            assert!(server.sigterm().await.success(), "exit code");
            longest = longest.max(asked.elapsed());
            server.restart().await;
        }
        assert!(longest <= Duration::from_secs(30), "{longest:?} to stop");
        seen.stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.unwrap();
        }
        let [acknowledged, not_accepted] =
            [&seen.acknowledged, &seen.not_accepted].map(|it| it.load(Ordering::Relaxed));
        eprintln!("{store:?}: {acknowledged} answered, {not_accepted} not accepted, stopped within {longest:?}");
        assert!(acknowledged > 100 && not_accepted > 0, "no load, or no restart under it");
        assert_eq!(count(server.database().url()).await, acknowledged as i64, "carried out and not answered");
        assert!(server.sigterm().await.success());
        let (asked, served) = (told(&server.log(), "asked"), told(&server.log(), "served"));
        assert!(served.len() as u64 >= acknowledged);
        let dropped: Vec<_> = asked.difference(&served).collect();
        assert!(dropped.is_empty(), "{} of {} requests were read and dropped: {dropped:?}", dropped.len(), asked.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_yet_may_still_ask_and_holds_up_nobody() {
    let mut server = unlimited(Server::with(Store::Sqlite)).start().await;
    let (mut asks, silent) = (server.http.connect(), server.http.connect());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = tokio::task::spawn_blocking(move || {
        asks.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        asks.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(server.ended().await.success());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?} to stop", asked.elapsed());
    drop(silent);
}
