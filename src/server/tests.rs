//! Every deadline, shortened, against real sockets.

use super::*;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::StatusCode,
    routing::{get, post},
};
use futures_util::stream;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
    time::timeout,
};

const DEADLINES: Deadlines = Deadlines {
    head: Duration::from_millis(300),
    idle: Duration::from_millis(700),
    linger: Duration::from_millis(300),
    drain: Duration::from_millis(1500),
};
/// A good deal more than any of them.
const LONG: Duration = Duration::from_secs(5);

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl Served {
    async fn start(router: Router) -> Self {
        Self::start_for(1000, router).await
    }

    async fn start_for(most: usize, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let server = tokio::spawn(serve_within(DEADLINES, listener, most, router, stop.clone().cancelled_owned()));
        Self { address, stop, server }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that has sent this.
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn ended(self) {
        timeout(LONG, self.server).await.unwrap().unwrap().unwrap();
    }
}

fn router() -> Router {
    let slow = || async {
        sleep(DEADLINES.idle * 3 / 2).await;
        "slow"
    };
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let refuse = |_: Request| async { StatusCode::PAYLOAD_TOO_LARGE };
    Router::new()
        .route("/", get("hello"))
        .route("/slow", get(slow))
        .route("/peer", get(peer))
        .route("/refuse", post(refuse))
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_SLOW: &str = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

/// What came until the connection was closed, and after which time.
async fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let (started, mut text) = (Instant::now(), Vec::new());
    // A reset closes, too.
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.expect("it is closed");
    (String::from_utf8(text).unwrap(), started.elapsed())
}

/// The next answer of a connection that stays open.
async fn next(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut bytes = [0; 1024];
        let read = timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    text
}

fn assert_about(took: Duration, expected: Duration) {
    assert!(
        took + Duration::from_millis(50) > expected && took < expected + Duration::from_millis(350),
        "{took:?}, not {expected:?}"
    );
}

#[tokio::test]
async fn a_head_that_drips_is_cut_and_a_silent_connection_later() {
    let served = Served::start(router()).await;
    let mut silent = served.connect().await;
    let silence = tokio::spawn(async move { rest(&mut silent).await });
    let (mut from, mut to) = served.connect().await.into_split();
    let drip = async {
        for byte in GET.bytes().cycle().take(20) {
            let _ = to.write_all(&[if byte == b'\n' { b'x' } else { byte }]).await;
            sleep(Duration::from_millis(30)).await;
        }
        std::future::pending::<()>().await;
    };
    let started = Instant::now();
    tokio::select! {
        () = drip => {}
        read = from.read_u8() => assert!(read.is_err()),
    }
    assert_about(started.elapsed(), DEADLINES.head);
    assert_about(silence.await.unwrap().1, DEADLINES.idle);
}

#[tokio::test]
async fn between_requests_a_connection_may_idle() {
    let served = Served::start(router()).await;
    let mut stream = served.connect().await;
    for _ in 0..2 {
        // Longer than a head may take, shorter than idleness.
        sleep(DEADLINES.head * 3 / 2).await;
        stream.write_all(GET.as_bytes()).await.unwrap();
        assert!(next(&mut stream, "hello").await.starts_with("HTTP/1.1 200 "));
    }
    assert_about(rest(&mut stream).await.1, DEADLINES.idle);
}

#[tokio::test]
async fn a_slow_service_is_waited_for() {
    let served = Served::start(router()).await;
    let mut stream = served.send(GET_SLOW).await;
    assert!(next(&mut stream, "slow").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn whoever_does_not_read_is_cut() {
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let gone = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&gone);
    let endless = move || async move {
        let guard = OnDrop(flag);
        Body::from_stream(stream::repeat_with(move || {
            assert!(!guard.0.load(Ordering::SeqCst));
            Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 65536]))
        }))
    };
    let served = Served::start(Router::new().route("/", get(endless))).await;
    let stream = served.send(GET).await;
    sleep(DEADLINES.idle / 2).await;
    assert!(!gone.load(Ordering::SeqCst));
    sleep(DEADLINES.idle * 3 / 2).await;
    assert!(gone.load(Ordering::SeqCst));
    drop(stream);
}

#[tokio::test]
async fn the_peer_is_known() {
    let served = Served::start(router()).await;
    let mut stream = served.send("GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let own = stream.local_addr().unwrap().to_string();
    assert!(rest(&mut stream).await.0.ends_with(&own));
}

#[tokio::test]
async fn a_refusal_arrives_before_the_body_is_sent() {
    let served = Served::start(router()).await;
    let body = vec![b'x'; 8 << 20];
    let mut stream =
        served.send(&format!("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len())).await;
    stream.write_all(&body).await.unwrap();
    assert!(rest(&mut stream).await.0.starts_with("HTTP/1.1 413 "));
    let mut stream = served.send("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n").await;
    let (mut from, _to) = stream.split();
    let started = Instant::now();
    from.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(started.elapsed() < DEADLINES.linger, "the end of the answer does not wait");
}

#[tokio::test]
async fn draining_answers_what_has_begun() {
    let served = Served::start(router()).await;
    let mut idle = served.send(GET).await;
    next(&mut idle, "hello").await;
    let mut fresh = served.connect().await;
    let mut busy = served.send(GET_SLOW).await;
    let (start, end) = GET.split_at(10);
    let mut begun = served.send(start).await;
    let mut again = served.send(GET).await;
    next(&mut again, "hello").await;
    again.write_all(start.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;

    served.stop.cancel();
    let (text, took) = rest(&mut idle).await;
    assert_eq!(text, "");
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert!(TcpStream::connect(served.address).await.is_err());
    fresh.write_all(start.as_bytes()).await.unwrap();
    for stream in [&mut begun, &mut again, &mut fresh] {
        stream.write_all(end.as_bytes()).await.unwrap();
        let text = rest(stream).await.0;
        assert!(text.ends_with("hello") && text.contains("connection: close"), "{text}");
    }
    let text = rest(&mut busy).await.0;
    assert!(text.ends_with("slow") && text.contains("connection: close"), "{text}");
    served.ended().await;
}

#[tokio::test]
async fn draining_waits_a_moment_for_who_has_just_connected() {
    let served = Served::start(router()).await;
    let mut fresh = served.connect().await;
    sleep(DEADLINES.linger).await;
    served.stop.cancel();
    let (text, took) = rest(&mut fresh).await;
    assert_eq!(text, "");
    assert_about(took, DEADLINES.linger);
    served.ended().await;
}

#[tokio::test]
async fn draining_ends() {
    let never = || async { std::future::pending::<()>().await };
    let served = Served::start(Router::new().route("/", get(never))).await;
    let mut stream = served.send(GET).await;
    sleep(Duration::from_millis(100)).await;
    served.stop.cancel();
    assert_about(rest(&mut stream).await.1, DEADLINES.drain);
    served.ended().await;
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let served = Served::start(router()).await;
    let mut stream = served.send(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(MAX_HEAD))).await;
    assert!(rest(&mut stream).await.0.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn one_connection_too_many_waits_for_another_to_close() {
    let served = Served::start_for(2, router()).await;
    let (first, _second) = (served.connect().await, served.connect().await);
    // They have been accepted once a third could be.
    sleep(DEADLINES.linger).await;
    let mut third = served.send(GET).await;
    assert!(timeout(DEADLINES.linger, third.read_u8()).await.is_err(), "it is served beside two others");
    drop(first);
    assert_eq!(timeout(LONG, third.read_u8()).await.unwrap().unwrap(), b'H');
}
