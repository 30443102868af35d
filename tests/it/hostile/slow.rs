//! Clients that take their time: each deadline by the clock, while others are served.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;

const HEAD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
const POST: &str = "POST /v1/portal-sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/// Sends `first`, then `drip` twice a second, until the server closes: what it said, and after how long.
async fn outlast(http: &Http, first: String, drip: &'static [u8]) -> (String, Duration) {
    let mut stream = http.connect();
    tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        stream.write_all(first.as_bytes()).unwrap();
        let mut said = Vec::new();
        while started.elapsed() < Duration::from_secs(90) {
            if !is_open(&mut stream, &mut said) {
                return (String::from_utf8(said).unwrap(), started.elapsed());
            }
            // After the server has closed its side this fails sooner or later.
            stream.write_all(drip).ok();
        }
        panic!("open after {:?}", started.elapsed());
    })
    .await
    .unwrap()
}

fn is_open(stream: &mut TcpStream, said: &mut Vec<u8>) -> bool {
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes) {
        Ok(0) => false,
        Ok(count) => {
            said.extend(&bytes[..count]);
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[track_caller]
fn assert_seconds(took: Duration, seconds: u64) {
    let lenient = Duration::from_secs(seconds)..Duration::from_secs(seconds + 3);
    assert!(lenient.contains(&(took + Duration::from_millis(100))), "{took:?}, not {seconds} s");
}

/// Serves honest clients for as long as `others` takes; every answer is prompt.
async fn meanwhile<T>(api: &Http, others: impl Future<Output = T>) -> T {
    let honest = async {
        loop {
            let asked = Instant::now();
            link(api).await;
            assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        never = honest => never,
        result = others => result,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_ten_seconds_and_dripping_does_not_extend_them() {
    let (server, api) = served(Store::Sqlite).await;
    let ends = futures_util::future::join_all((0..100).map(|n| match n % 2 {
        0 => outlast(&server.http, format!("{HEAD}X: "), b"x"),
        _ => outlast(&server.http, HEAD.into(), b""),
    }));
    for (said, took) in meanwhile(&api, ends).await {
        assert_eq!(said, "");
        assert_seconds(took, 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_thirty_seconds_and_an_idle_connection_sixty() {
    let (server, api) = served(Store::Sqlite).await;
    let slow_bodies = futures_util::future::join_all([
        outlast(&server.http, format!("{POST}Content-Length: 1000\r\n\r\n"), b" "),
        outlast(&server.http, format!("{POST}Content-Length: 1000\r\n\r\n"), b""),
        outlast(&server.http, format!("{POST}Transfer-Encoding: chunked\r\n\r\n"), b"1\r\n \r\n"),
    ]);
    let idle = futures_util::future::join_all([
        outlast(&server.http, String::new(), b""),
        outlast(&server.http, format!("{HEAD}\r\n"), b""),
    ]);
    let (bodies, idle) = meanwhile(&api, futures_util::future::join(slow_bodies, idle)).await;
    for (said, took) in bodies {
        assert_eq!(statuses(&said), [408]);
        assert_eq!(error_in(&said)["code"], "invalid_request");
        assert_seconds(took, 30);
    }
    assert_eq!([statuses(&idle[0].0), statuses(&idle[1].0)], [vec![], vec![200]]);
    idle.iter().for_each(|(_, took)| assert_seconds(*took, 60));
}
