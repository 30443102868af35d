//! The load: connections that each wait for an answer before they send again, lean enough that the
//! service and not the driver is measured. Every answer is checked.

use memchr::memmem;
use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};

/// What a run brought.
pub(crate) struct Outcome {
    pub(crate) operations: usize,
    pub(crate) elapsed: Duration,
    /// Of each operation, in microseconds, sorted.
    pub(crate) latencies: Vec<u32>,
    /// What `keep` kept of the answers.
    pub(crate) kept: Vec<String>,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of operations does not exceed, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let at = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Runs `clients` connections until `next` has no request left or `time` is over. `next` writes the
/// n-th request; an answer must have `status`; `keep` picks something out of its body.
pub(crate) async fn drive(
    port: u16,
    clients: usize,
    time: Duration,
    status: u16,
    next: impl Fn(usize, &mut Vec<u8>) -> bool + 'static,
    keep: impl Fn(&[u8]) -> Option<String> + 'static,
) -> Outcome {
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::new(RefCell::new(Vec::new()));
    let counter = Rc::new(RefCell::new(0usize));
    let (next, keep) = (Rc::new(next), Rc::new(keep));
    let local = LocalSet::new();
    let started = Instant::now();
    for _ in 0..clients {
        let (latencies, kept, counter) = (Rc::clone(&latencies), Rc::clone(&kept), Rc::clone(&counter));
        let (next, keep) = (Rc::clone(&next), Rc::clone(&keep));
        local.spawn_local(async move {
            let mut connection = Connection::open(port).await;
            while started.elapsed() < time {
                let n = counter.replace_with(|n| *n + 1);
                connection.request.clear();
                if !next(n, &mut connection.request) {
                    break;
                }
                let asked = Instant::now();
                let (got, body) = connection.exchange().await;
                assert_eq!(got, status, "{}", String::from_utf8_lossy(body));
                latencies.borrow_mut().push(asked.elapsed().as_micros() as u32);
                kept.borrow_mut().extend(keep(body));
            }
        });
    }
    local.await;
    let elapsed = started.elapsed();
    let mut latencies = latencies.take();
    latencies.sort_unstable();
    Outcome { operations: latencies.len(), elapsed, latencies, kept: kept.take() }
}

/// One HTTP/1.1 connection.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, request: Vec::new(), answer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends the request and reads the whole answer: status and body.
    async fn exchange(&mut self) -> (u16, &[u8]) {
        self.stream.write_all(&self.request).await.unwrap();
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            if let Some((head, length)) = whole(&self.answer)
                && self.answer.len() >= head + length
            {
                let status = std::str::from_utf8(&self.answer[9..12]).unwrap().parse().unwrap();
                return (status, &self.answer[head..head + length]);
            }
        }
    }
}

/// Where the head ends and how long the body is, once the head is there.
fn whole(answer: &[u8]) -> Option<(usize, usize)> {
    let end = memmem::find(answer, b"\r\n\r\n")? + 4;
    let name = memmem::find(&answer[..end], b"\r\ncontent-length: ");
    let length = name.map_or(0, |at| {
        let digits = answer[at + 18..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    });
    Some((end, length))
}

/// A request's text.
pub(crate) fn write_request(out: &mut Vec<u8>, method: &str, path: &str, token: &str, body: &str) {
    use std::io::Write;
    write!(out, "{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\n").unwrap();
    if !token.is_empty() {
        write!(out, "authorization: Bearer {token}\r\n").unwrap();
    }
    if !body.is_empty() {
        write!(out, "content-type: application/json\r\ncontent-length: {}\r\n", body.len()).unwrap();
    }
    write!(out, "\r\n{body}").unwrap();
}
