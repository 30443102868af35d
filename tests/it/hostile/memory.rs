//! Nothing that a stranger sends stays in memory.

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

/// Long lists that nobody reads: those for which there is room wait, the others are refused, and short answers come as ever.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_nobody_reads_fill_no_memory() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0").start().await;
    let key = server.tenant().key;
    let api = server.http.key(&key);
    let metadata: serde_json::Map<_, _> = (0..50).map(|n| (n.to_string(), json!("é".repeat(500)))).collect();
    let body = json!({"customerExternalId": "acme-001", "metadata": metadata});
    futures_util::future::join_all((0..100).map(|_| api.post("/v1/portal-sessions", body.clone()))).await;
    let list = "/v1/portal-sessions?limit=100";
    let size = api.get(list).await.expect(200).text().len() as i64 / 1024;
    assert!(size > 4800, "{size} KiB");
    let before = resident(&server);
    let ask = || async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], server.port()).into()).await.unwrap();
        let head = format!("GET {list} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8_lossy(&status[9..]).parse::<u16>().unwrap())
    };
    let asked = futures_util::future::join_all((0..120).map(|_| ask())).await;
    let count = |wanted: u16| asked.iter().filter(|(_, status)| *status == wanted).count();
    let (waiting, refused) = (count(200), count(503));
    assert!(waiting > 10 && refused > 10 && waiting + refused == 120, "{waiting} wait, {refused} are refused");
    let grown = resident(&server) - before;
    assert!(grown < 300 * 1024, "{before} KiB at first, then {grown} more for {waiting} answers of {size}");
    api.get("/v1/portal-sessions?limit=1").await.expect(200);
    drop(asked);
    let mut patience = 100;
    while api.get(list).await.status != 200 {
        patience -= 1;
        assert!(patience > 0, "there is no room again");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
