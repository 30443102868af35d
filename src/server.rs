//! Connections: accepted, watched, drained. `axum::serve` gives a client any time it likes; here
//! every connection has deadlines.
//!
//! Hyper's own deadline for a request's head also runs while a connection is idle, so it can't tell
//! the two apart. Here the connection's stream is wrapped and tells what passes through it, and each
//! connection's task looks at that when the next deadline may be over.

mod life;
mod prompt;
mod watched;

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, header},
};
use futures_util::{FutureExt as _, TryFutureExt as _};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use life::Life;
use prompt::Prompt;
use std::{cell::RefCell, convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;
use watched::{AnswerBody, RequestBody, Watched};

/// The most that a request's head may have, in bytes; more is answered 431.
const MAX_HEAD: usize = 64 * 1024;
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

/// Serves until `shutdown`, then answers what it has begun to read, and returns within 27 s. Of connections `most` are
/// open at a time; others wait.
///
/// # Errors
/// When the listener has no address of its own.
pub async fn serve(
    listener: TcpListener,
    most: usize,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_within(Deadlines::default(), listener, most, router, shutdown).await
}

/// The same with other deadlines.
///
/// # Errors
/// When the listener has no address of its own.
pub async fn serve_within(
    deadlines: Deadlines,
    listener: TcpListener,
    most: usize,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(most));
    let address = listener.local_addr()?;
    let (connections, draining) = (TaskTracker::new(), CancellationToken::new());
    let spawn = |(stream, peer), place| {
        let watched = Watched { stream, life: Arc::default() };
        let served = serve_connection(watched, peer, router.clone(), deadlines, draining.child_token());
        connections.spawn(served.map(move |()| drop(place)));
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (accepted, place) = accept_in(&listener, &places) => spawn(accepted, place),
        }
    }
    // The kernel has accepted some for us; closing the listener would reset them.
    while let Some(accepted) = accept(&listener).now_or_never() {
        spawn(accepted, None);
    }
    drop(listener);
    draining.cancel();
    connections.close();
    tracing::info!(%address, connections = connections.len(), "draining");
    connections.wait().await;
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept_in(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> ((TcpStream, SocketAddr), Option<OwnedSemaphorePermit>) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    (accept(listener).await, place)
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
async fn serve_connection(
    stream: Watched,
    peer: SocketAddr,
    router: Router,
    deadlines: Deadlines,
    draining: CancellationToken,
) {
    let life = Arc::clone(&stream.life);
    // Asked in place: a clone for each request would be a counter that all threads write to.
    let (router, its_life) = (RefCell::new(router), Arc::clone(&life));
    let service = service_fn(move |request| answer(request, peer, &mut router.borrow_mut(), Arc::clone(&its_life)));
    let mut http = http1::Builder::new();
    // Hyper's own limit of 100 headers stays: setting one, even the same, makes it clear room for them in each request.
    http.half_close(false).max_buf_size(MAX_HEAD).header_read_timeout(None);
    let mut connection = Prompt::new(http.serve_connection(TokioIo::new(stream), service));
    let mut watchdog = pin!(sleep_until(life.next_look(&deadlines)));
    let mut end = None;
    loop {
        tokio::select! {
            biased;
            // A connection that breaks is its client's business.
            _ = &mut connection => return,
            () = draining.cancelled(), if end.is_none() => {
                end = Some(Instant::now() + deadlines.drain);
                // Hyper would drop what has begun to come; the answer to that closes the connection.
                if !life.drain() {
                    connection.inner().graceful_shutdown();
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
    router: &mut Router,
    life: Arc<Life>,
) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + use<> {
    life.has_begun();
    let mut request = request.map(|body| RequestBody { body, is_read: false, life: Arc::clone(&life) });
    request.extensions_mut().insert(ConnectInfo(peer));
    router.call(request).map_ok(move |mut response| {
        if life.is_draining() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| AnswerBody { body, life })
    })
}

#[cfg(test)]
mod tests;
