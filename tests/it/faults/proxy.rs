//! A TCP forwarder between the service and its database: a virtual IP that moves, a cable that is cut.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Pass,
    /// Connections break, new ones as well.
    Refuse,
    /// Nothing passes and nobody is told, as when packets are dropped.
    Silent,
    /// What the server answers is held back; what it is asked passes.
    Unanswered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    mode: Mode,
    target: u16,
}

/// Forwards connections to a port of 127.0.0.1.
pub(super) struct Proxy {
    pub(super) port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    pub(super) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State { mode: Mode::Pass, target });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, seen.clone()));
            }
        });
        Self { port, state: Arc::new(state) }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Leads elsewhere from now on; connections to the old target break.
    pub(super) fn switch(&self, target: u16) {
        self.state.send_modify(|state| state.target = target);
    }

    /// The URL of a database, through this.
    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://vestibule@127.0.0.1:{}/{database}", self.port)
    }
}

async fn forward(client: TcpStream, mut seen: watch::Receiver<State>) {
    let Ok(first) = seen.wait_for(|state| state.mode != Mode::Silent).await.map(|state| *state) else { return };
    if first.mode == Mode::Refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", first.target)).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let watching = seen.clone();
    tokio::select! {
        () = pump(from_client, to_server, watching.clone(), &[Mode::Pass, Mode::Unanswered]) => {}
        () = pump(from_server, to_client, watching, &[Mode::Pass]) => {}
        _ = seen.wait_for(|state| state.mode == Mode::Refuse || state.target != first.target) => {}
    }
}

async fn pump(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mut seen: watch::Receiver<State>,
    passes: &[Mode],
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        // What is under way when the cable is cut arrives when it is mended, as TCP has it.
        if seen.wait_for(|state| passes.contains(&state.mode)).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
