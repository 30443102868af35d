//! Connections: accepted, watched, drained. `axum::serve` gives a client any time it likes; here
//! every connection has deadlines.
//!
//! Hyper's own deadline for a request's head also runs while a connection is idle, so it can't tell
//! the two apart. Here the connection's stream is wrapped and tells what passes through it, and each
//! connection's task looks at that when the next deadline may be over.

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, header},
};
use futures_util::{FutureExt as _, TryFutureExt as _};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

/// The most that a request's head may have, in bytes; more is answered 431.
const MAX_HEAD: usize = 64 * 1024;
/// The most headers that a request may have; more are answered 431.
const MAX_HEADERS: usize = 100;
/// How long accepting pauses when there is no room for a connection, in files say.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between requests, and without taking a byte of an answer.
    pub idle: Duration,
    /// For a client to notice that the rest of what it sends is not wanted, and for a new one to ask when the server stops.
    pub linger: Duration,
    /// For everything that runs, when the server stops; the whole process has 30 s.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let [head, idle, linger, drain] = [10, 60, 2, 27].map(Duration::from_secs);
        Self { head, idle, linger, drain }
    }
}

/// Serves until `shutdown`, then answers what it has begun to read, and returns within 27 s.
///
/// # Errors
/// When the listener has no address of its own.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    serve_within(Deadlines::default(), listener, router, shutdown).await
}

/// The same with other deadlines.
///
/// # Errors
/// When the listener has no address of its own.
pub async fn serve_within(
    deadlines: Deadlines,
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (connections, draining) = (TaskTracker::new(), CancellationToken::new());
    let greet = |(stream, peer)| {
        let watched = Watched { stream, life: Arc::default() };
        connections.spawn(converse(watched, peer, router.clone(), deadlines, draining.child_token()));
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener) => greet(accepted),
        }
    }
    // The kernel has accepted some for us; closing the listener would reset them.
    while let Some(accepted) = accept(&listener).now_or_never() {
        greet(accepted);
    }
    drop(listener);
    draining.cancel();
    connections.close();
    tracing::info!(%address, connections = connections.len(), "draining");
    connections.wait().await;
    Ok(())
}

/// The next connection; what goes wrong in between passes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A connection that is gone already shows when it is read.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {}
            Err(error) => {
                tracing::error!(%error, "can't accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn converse(
    stream: Watched,
    peer: SocketAddr,
    router: Router,
    deadlines: Deadlines,
    draining: CancellationToken,
) {
    let life = Arc::clone(&stream.life);
    let service = service_fn(|request| answer(request, peer, router.clone(), Arc::clone(&life)));
    let mut http = http1::Builder::new();
    http.half_close(false).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS).header_read_timeout(None);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut watchdog = pin!(sleep_until(life.next_look(&deadlines)));
    let mut end = None;
    loop {
        tokio::select! {
            biased;
            // A connection that breaks is its client's business.
            _ = connection.as_mut() => return,
            () = draining.cancelled(), if end.is_none() => {
                end = Some(Instant::now() + deadlines.drain);
                // Hyper would drop what has begun to come; the answer to that closes the connection.
                if !life.drain() {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = watchdog.as_mut() => {}
        }
        let over = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if over(life.deadline(&deadlines)) || over(end) {
            return;
        }
        let next = life.next_look(&deadlines);
        watchdog.as_mut().reset(end.map_or(next, |end| end.min(next)));
    }
}

/// Answers one request.
fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
    life: Arc<Life>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> {
    life.has_begun();
    let mut request = request.map(|body| Asked { body, is_read: false, life: Arc::clone(&life) });
    request.extensions_mut().insert(ConnectInfo(peer));
    router.call(request).map_ok(move |mut response| {
        if life.is_draining() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Answer { body, life })
    })
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// Some of a request's head has come.
    Head,
    /// A request is being served; the service sees to its time.
    Busy,
    /// All is said, but the client goes on sending.
    Lingering,
}

/// What is known of a connection. Only its own task touches it, so the lock is never waited for.
#[derive(Debug)]
struct Life(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began; in `Idle`, when the client last took a byte.
    since: Instant,
    /// Since when the client has taken nothing of what is ready for it.
    stalled: Option<Instant>,
    /// Whether the last request's body was given up before its end.
    unread: bool,
    /// Whether nothing was asked yet.
    fresh: bool,
    draining: bool,
}

impl Default for Life {
    fn default() -> Self {
        let (phase, since) = (Phase::Idle, Instant::now());
        Self(Mutex::new(State { phase, since, stalled: None, unread: false, fresh: true, draining: false }))
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
    }
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came.
    fn has_read(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    /// A request's head is complete.
    fn has_begun(&self) {
        let mut state = self.state();
        state.enter(Phase::Busy);
        (state.unread, state.fresh) = (false, false);
    }

    /// Bytes went, or could not.
    fn has_written(&self, written: &Poll<io::Result<usize>>) {
        let mut state = self.state();
        match written {
            Poll::Pending => state.stalled = state.stalled.or_else(|| Some(Instant::now())),
            Poll::Ready(_) => {
                state.stalled = None;
                if state.phase == Phase::Idle {
                    state.since = Instant::now();
                }
            }
        }
    }

    /// The service has given all of its answer.
    fn has_answered(&self) {
        self.state().enter(Phase::Idle);
    }

    /// The last byte has gone; whether to wait for the client to stop sending.
    fn has_finished(&self) -> bool {
        let mut state = self.state();
        // Hyper refuses a bad head by itself, and the rest of that one is not wanted either.
        let lingers = state.unread || matches!(state.phase, Phase::Head | Phase::Lingering);
        if lingers && state.phase != Phase::Lingering {
            state.enter(Phase::Lingering);
        }
        lingers
    }

    /// From now on answers close the connection; whether to wait for a request: its head has begun to come, or it may
    /// be under way, since whoever has just connected did so to ask something.
    fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining = true;
        if state.phase == Phase::Idle {
            state.since = Instant::now();
        }
        state.phase == Phase::Head || state.fresh
    }

    fn is_draining(&self) -> bool {
        self.state().draining
    }

    /// When the connection is to be closed, as things stand.
    fn deadline(&self, deadlines: &Deadlines) -> Option<Instant> {
        let state = self.state();
        let phase = match state.phase {
            // One that asks nothing must not hold up the stop.
            Phase::Idle if state.draining => Some(state.since + deadlines.linger),
            Phase::Idle => Some(state.since + deadlines.idle),
            Phase::Head => Some(state.since + deadlines.head),
            Phase::Busy => None,
            Phase::Lingering => Some(state.since + deadlines.linger),
        };
        let stalled = state.stalled.map(|since| since + deadlines.idle);
        phase.into_iter().chain(stalled).min()
    }

    /// The earliest instant at which a deadline may be over, whatever happens until then.
    fn next_look(&self, deadlines: &Deadlines) -> Instant {
        let any = Instant::now() + deadlines.head.min(deadlines.idle).min(deadlines.linger);
        self.deadline(deadlines).map_or(any, |known| known.min(any))
    }
}

/// A request's body, which tells when it is given up before its end.
struct Asked {
    body: Incoming,
    is_read: bool,
    life: Arc<Life>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.is_read && !self.body.is_end_stream() {
            self.life.state().unread = true;
        }
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.is_read |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; it ends when it is given up, sent or not.
struct Answer {
    body: Body,
    life: Arc<Life>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.life.has_answered();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection's stream, which tells what passes.
struct Watched {
    stream: TcpStream,
    life: Arc<Life>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.life.has_read();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.life.has_written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.life.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// A socket that is closed with bytes unread is reset, and the answer with it: so what still
    /// comes of a refused request is read and thrown away.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        while self.life.has_finished() {
            let mut waste = [0; 4096];
            let mut waste = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut waste))?;
            if waste.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
