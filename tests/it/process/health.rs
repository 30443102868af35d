//! `/healthz`, `/readyz` and the metrics.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::postgres::{Cluster, Durability};
use crate::support::{Http, Server, Store, World};

#[tokio::test(flavor = "multi_thread")]
async fn alive_and_ready() {
    for world in World::both().await {
        assert_eq!(world.http.get("/healthz").await.expect(200).json(), json!({"status": "ok"}));
        assert_eq!(world.http.get("/readyz").await.expect(200).json(), json!({"status": "ready"}));
    }
}

/// Without its database it is alive, not ready, and says so of every request; with it, it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away() {
    let cluster = Cluster::start(Durability::Fast);
    let server = Server::on(&cluster.database()).start().await;
    let api = server.http.key(&server.tenant().key);
    let sessions = crate::support::SESSIONS;
    let body = || crate::support::creation(json!({"customerExternalId": "acme"}));
    let created = api.post(sessions, body()).await.expect(201).json();
    cluster.stop();
    until(&server.http, 503).await;
    server.http.get("/healthz").await.expect(200);
    let ready = server.http.get("/readyz").await.expect(503);
    assert!(ready.header("retry-after").is_some());
    for answer in [
        api.get(sessions).await,
        api.post(sessions, body()).await,
        server.http.post(crate::support::EXCHANGE, json!({"token": created["token"]})).await,
    ] {
        answer.refused(503, "api_error", "unavailable");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().is_ok());
    }
    cluster.restart();
    until(&server.http, 200).await;
    server.http.post(crate::support::EXCHANGE, json!({"token": created["token"]})).await.expect(200);
}

async fn until(http: &Http, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while http.get("/readyz").await.status != status {
        assert!(Instant::now() < deadline, "never {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_on_their_own_address_and_name_no_one() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let api = server.http.key(&merchant.key);
    let created = api.post(crate::support::SESSIONS, crate::support::creation(json!({}))).await.expect(201).json();
    server.http.get(&format!("/r/{}", crate::support::text(&created, "token"))).await;
    server.http.get("/nothing/here").await.missing();
    let operators = Http::new(server.ops_port());
    operators.get("/healthz").await.expect(200);
    let numbers = operators.get("/metrics").await.expect(200).text();
    assert!(
        numbers.contains("http_requests_total{route=\"/v1/portal-sessions\",method=\"POST\",status=\"201\"} 1"),
        "{numbers}"
    );
    for name in ["pst_", "vst_", "acme-001", "/nothing/here", crate::support::text(&created, "id")] {
        assert!(!numbers.contains(name), "{name} in the metrics");
    }
    server.http.get("/metrics").await.missing();
}

/// However few files the system allows, connections leave some of them to the database and the operators' address.
#[tokio::test(flavor = "multi_thread")]
async fn connections_do_not_take_all_files() {
    const SERVICE: &str = env!("CARGO_BIN_EXE_vestibule");
    let setup = Server::with(Store::Sqlite);
    let (soft, hard) = (setup.folder().join("soft"), setup.folder().join("hard"));
    for (script, limit) in [(&soft, "ulimit -Sn 100"), (&hard, "ulimit -n 100")] {
        std::fs::write(script, format!("#!/bin/sh\n{limit}\nexec {SERVICE} \"$@\"\n")).unwrap();
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    for (script, is_bound) in [(soft, false), (hard, true)] {
        let server = setup.clone().program(script).start().await;
        assert_eq!(server.log().contains("open files"), is_bound, "{}", server.log());
        let _idle: Vec<_> = (0..120).map(|_| server.http.connect()).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        Http::new(server.ops_port()).get("/metrics").await.expect(200);
        assert!(!server.log().contains("can't accept"), "{}", server.log());
    }
}
