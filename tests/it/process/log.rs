//! The log: one line a request, with its id, whatever the level.

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::guard::{Guard, signal};
use crate::support::{EXCHANGE, Http, SESSIONS, Server, Store, creation, text};

#[tokio::test(flavor = "multi_thread")]
async fn one_line_a_request() {
    for store in Store::both() {
        for level in ["", "info", "debug", "trace"] {
            let mut server = Server::with(store).log_filter(level).start().await;
            let merchant = server.tenant();
            let api = server.http.key(&merchant.key);
            let mut expected = Vec::new();
            for n in 0..10 {
                let created = api.post(SESSIONS, creation(json!({}))).await.expect(201);
                expected.push((created.clone(), "POST", "/v1/portal-sessions"));
                let session = created.json();
                let path = format!("{SESSIONS}/{}", text(&session, "id"));
                expected.push((api.get(&path).await.expect(200), "GET", "/v1/portal-sessions/{id}"));
                let answer = server.http.post(EXCHANGE, json!({"token": session["token"]})).await.expect(200);
                expected.push((answer, "POST", "/v1/portal-sessions/exchange"));
                let answer = server.http.get(&format!("/r/{}", text(&session, "token"))).await;
                expected.push((answer, "GET", "/r/{token}"));
                expected.push((server.http.get(&format!("/nothing/{n}")).await, "GET", "-"));
                expected.push((api.get("/v1/portals/nowhere").await.expect(404), "GET", "/v1/portals/{portal}"));
                expected.push((api.delete(&path).await.expect(204), "DELETE", "/v1/portal-sessions/{id}"));
            }
            assert!(server.sigterm().await.success());
            let log = server.log();
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let served: Vec<&Value> = lines.iter().filter(|line| line["message"] == "served").collect();
            for (answer, method, route) in expected {
                let id = answer.header("request-id").unwrap();
                let told: Vec<_> = served.iter().filter(|line| line["request_id"] == id).collect();
                assert_eq!(told.len(), 1, "{level:?}: {method} {route} {}: lines", answer.status);
                let line = told[0];
                assert_eq!((&line["method"], &line["route"]), (&json!(method), &json!(route)));
                assert_eq!(line["status"], answer.status);
                assert!(line["took_ms"].is_number() && line["timestamp"].is_string() && line["level"] == "INFO");
            }
        }
    }
}

/// At `warn` an ordinary request leaves no line.
#[tokio::test(flavor = "multi_thread")]
async fn the_filter_counts() {
    let mut server = Server::with(Store::Sqlite).log_filter("warn").start().await;
    server.http.get("/healthz").await.expect(200);
    assert!(server.sigterm().await.success());
    assert_eq!(server.log(), "");
}

/// Whoever collects the log may stand still: the service goes on, and ends when it is told to.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stands_still_holds_up_nothing() {
    const PIPE: usize = 64 << 10;
    let setup = Server::with(Store::Sqlite);
    let mut service = setup.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
    let guard = Guard::new(r#"kill -KILL "$1""#, &[&service.id().to_string()]);
    let http = Http::new(setup.port());
    let started = Instant::now();
    while !http.try_send(Method::GET, "/readyz", None).await.is_ok_and(|answer| answer.status == 200) {
        assert!(started.elapsed() < Duration::from_secs(30), "not ready");
    }
    // Each tells a line of more than a hundred bytes.
    for _ in 0..PIPE / 100 {
        http.get("/healthz").await.expect(200);
    }
    signal("TERM", &[service.id()]);
    let told = Instant::now();
    let ended = loop {
        if let Some(status) = service.try_wait().unwrap() {
            break status;
        }
        assert!(told.elapsed() < Duration::from_secs(10), "it waits for the reader");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    guard.disarm();
    assert!(ended.success());
    let mut log = Vec::new();
    service.stderr.take().unwrap().read_to_end(&mut log).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("ready") && !log.contains("stopped"), "the pipe was not full: {log}");
}
