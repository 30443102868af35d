//! Nothing that a stranger sends stays in memory.

use reqwest::Method;

use super::*;

/// What the server holds in memory, in KiB.
fn resident(server: &Server) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A round of everything that is refused, with names that were never there before.
async fn round(server: &Server, n: usize) {
    let http = &server.http;
    let method = Method::from_bytes(format!("X{n}").as_bytes()).unwrap();
    let big = vec![b'['; 65_536];
    let path = format!("/v1/portals/{n}-{}", "x".repeat(1_000));
    let bearer = http.key(&format!("vst_sk_test_{n:060}"));
    let once = bearer.header("idempotency-key", &n.to_string());
    let odd = http
        .header("x-forwarded-for", &format!("2001:db8:{:x}:{:x}::1", n % 65_536, n / 65_536))
        .header("cookie", &format!("__Host-vst_{n}={n}; vst_{n}={n}"));
    futures_util::join!(
        http.send(method, "/healthz", None),
        http.send(Method::POST, "/v1/portal-sessions/exchange", Some(big)),
        http.get(&path),
        bearer.get(&path),
        once.post("/v1/portals", json!({})),
        odd.post("/v1/portal-sessions/exchange", json!({"token": n.to_string()})),
        odd.get("/v1/portal-session"),
    );
}

async fn rounds(server: &Server, numbers: std::ops::Range<usize>) {
    use futures_util::StreamExt as _;
    let all = futures_util::stream::iter(numbers.map(|n| round(server, n)));
    all.buffer_unordered(8).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_flat_under_fourteen_thousand_refusals() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_TRUSTED_PROXIES", "127.0.0.1").start().await;
    rounds(&server, 0..500).await;
    let before = resident(&server);
    rounds(&server, 500..2_500).await;
    let grown = resident(&server) - before;
    assert!(grown < 8 * 1024, "{before} KiB at first, then {grown} more");

    let numbers = Http::new(server.ops_port()).get("/metrics").await.expect(200).text();
    let lines = numbers.lines().count();
    assert!(!numbers.contains("X17") && lines < 200, "{lines} lines: a stranger's words count");
}
