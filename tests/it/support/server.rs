//! The service as its users run it: the real binary, on free ports.

use std::fs::{self, File};
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;

use super::guard::{Guard, signal};
use super::http::Http;
use super::setup::Setup;
use super::store::{Database, Store};

/// A running server. It ends with this value or with the test process; when
/// the test fails, it shows the end of its log.
#[derive(Debug)]
pub(crate) struct Server {
    /// A client of it, without a credential.
    pub(crate) http: Http,
    setup: Setup,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    guard: Guard,
}

impl Server {
    /// One on a new database, ready to serve.
    pub(crate) async fn start(store: Store) -> Self {
        Self::on(&store.database()).start().await
    }

    /// One to be set up, on a new database of this store.
    pub(crate) fn with(store: Store) -> Setup {
        Self::on(&store.database())
    }

    /// One to be set up, on this database.
    pub(crate) fn on(database: &Arc<Database>) -> Setup {
        Setup::new(database)
    }

    /// One more on the database of another, with the same settings.
    pub(crate) fn join(other: &Self) -> Setup {
        other.setup.elsewhere()
    }

    pub(super) fn launch(setup: Setup) -> Self {
        let mut server = Self { http: Http::new(setup.port()), setup, process: None };
        server.spawn();
        server
    }

    fn spawn(&mut self) {
        let output = |file| {
            let file = File::options().create(true).append(true).open(file);
            file.expect("a file for the output")
        };
        let mut command = self.setup.command(&["serve"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(output(self.stdout_file()))
            .stderr(output(self.log_file()))
            .process_group(0)
            .spawn()
            .expect("the service starts");
        let guard = Guard::new(r#"kill -KILL "$1""#, &[&child.id().to_string()]);
        self.process = Some(Process { child, guard });
        // The old one's connections died with their server.
        self.http = Http::new(self.setup.port());
    }

    /// Starts it again after it ended, on its old ports, and waits until it is
    /// ready.
    pub(crate) async fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        self.spawn();
        assert!(self.ready().await, "not ready after a restart");
    }

    /// Waits until it is ready: false when it ends before it is.
    pub(crate) async fn ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.is_running() {
            let answer = self.http.try_send(Method::GET, "/readyz", None).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return true;
            }
            assert!(Instant::now() < deadline, "not ready for 30 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// False once it ended by itself, or was ended.
    pub(crate) fn is_running(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| matches!(process.child.try_wait(), Ok(None)))
    }

    /// Asks it to stop, waits until it has: within a minute.
    pub(crate) async fn sigterm(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits until it ends by itself: within a minute.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.is_running() {
            assert!(Instant::now() < deadline, "it goes on running");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.reap()
    }

    /// Kills it on the spot.
    pub(crate) fn sigkill(&mut self) {
        self.signal("KILL");
        self.reap();
    }

    /// Freezes it: connections stay open, nothing answers.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Goes on after `pause`.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Sends any signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, &[self.pid()]);
    }

    /// Its process id, to look under `/proc`.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").child.id()
    }

    fn reap(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        let status = process.child.wait().expect("it ends");
        process.guard.disarm();
        status
    }

    /// All it logged so far, over restarts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// All it wrote to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.stdout_file()).unwrap_or_default()
    }

    fn log_file(&self) -> std::path::PathBuf {
        self.setup.folder().join("log")
    }

    fn stdout_file(&self) -> std::path::PathBuf {
        self.setup.folder().join("stdout")
    }
}

/// What needs no running server, its command line above all.
impl Deref for Server {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.sigkill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let end = &lines[lines.len().saturating_sub(40)..];
            eprintln!("---- end of the server's log\n{}", end.join("\n"));
        }
    }
}
