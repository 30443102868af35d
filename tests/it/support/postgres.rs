//! PostgreSQL clusters of the tests' own.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::guard::{Folder, Guard, signal};
use super::port::free_port;
use super::store::Database;

/// What survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As in production.
    Full,
    /// The files may be lost with the machine, though not with the server:
    /// for the cluster that all tests share.
    Fast,
}

/// A running cluster in a temporary folder, on a port of its own. It ends with
/// this value or with the test process, however that ends.
#[derive(Debug)]
pub(crate) struct Cluster {
    durability: Durability,
    port: u16,
    postmaster: Mutex<Option<Postmaster>>,
    folder: Folder,
}

#[derive(Debug)]
struct Postmaster {
    process: Child,
    guard: Guard,
}

/// The cluster for every test that doesn't hurt it.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(Durability::Fast));
    &SHARED
}

impl Cluster {
    /// Makes a new cluster and starts it.
    pub(crate) fn start(durability: Durability) -> Self {
        let cluster = Self { durability, port: free_port(), postmaster: Mutex::new(None), folder: Folder::new() };
        cluster.owns(cluster.folder.path());
        // Sorted as people do it, like in the official image: a query that
        // needs the order of bytes has to say so.
        let initdb = program("initdb")
            .args(["--pgdata", path(&cluster.data())])
            .args(["--username", "vestibule", "--auth", "trust", "--no-sync"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
            .args(["--locale-provider", "icu", "--icu-locale", "en-US"])
            .output()
            .expect("initdb starts");
        assert!(initdb.status.success(), "initdb: {initdb:?}");
        cluster.restart();
        cluster
    }

    /// A second cluster that follows this one and answers reads; from now on this one acknowledges nothing that the
    /// other has not written down.
    pub(crate) fn replica(&self) -> Self {
        let Self { durability, .. } = *self;
        let replica = Self { durability, port: free_port(), postmaster: Mutex::new(None), folder: Folder::new() };
        replica.owns(replica.folder.path());
        let mut copy = self.client("pg_basebackup");
        copy.args(["--pgdata", path(&replica.data()), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync"]);
        let copied = copy.output().expect("pg_basebackup starts");
        assert!(copied.status.success(), "pg_basebackup: {copied:?}");
        replica.restart();
        self.run("postgres", &["alter system set synchronous_standby_names = '*'", "select pg_reload_conf()"]);
        replica
    }

    /// Makes a replica a server of its own.
    pub(crate) fn promote(&self) {
        let output = program("pg_ctl").args(["promote", "-D", path(&self.data())]).output();
        assert!(output.is_ok_and(|output| output.status.success()), "pg_ctl promote");
    }

    /// Starts the server, on the same port each time, and waits until it
    /// takes connections.
    pub(crate) fn restart(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let mut postmaster = self.spawn();
            while postmaster.process.try_wait().ok().flatten().is_none() {
                if self.is_ready() {
                    *self.slot() = Some(postmaster);
                    return;
                }
                assert!(Instant::now() < deadline, "{}", self.log());
                std::thread::sleep(Duration::from_millis(20));
            }
            // After a SIGKILL the server refuses to start until the last of
            // its old processes is gone.
            postmaster.guard.disarm();
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("PostgreSQL doesn't start: {}", self.log());
    }

    fn spawn(&self) -> Postmaster {
        let port = self.port.to_string();
        let socket = format!("unix_socket_directories={}", path(self.folder.path()));
        let log = fs::File::options().create(true).append(true).open(self.log_file());
        let log = log.expect("a log file");
        let mut command = program("postgres");
        command.args(["-D", path(&self.data()), "-p", &port, "-c", &socket]);
        for setting in ["max_connections=400", "jit=off"] {
            command.args(["-c", setting]);
        }
        if self.durability == Durability::Fast {
            // Not `synchronous_commit`: the service refuses to do without.
            command.args(["-c", "shared_buffers=32MB", "-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("postgres starts");
        let guard = Guard::new(
            // QUIT is the immediate stop, which the server passes on to its
            // children; frozen processes have to wake up for it.
            r#"kill -CONT "$1" $(cat "/proc/$1/task/$1/children"); kill -QUIT "$1""#,
            &[&process.id().to_string()],
        );
        Postmaster { process, guard }
    }

    fn is_ready(&self) -> bool {
        let mut command = self.client("pg_isready");
        command.args(["--quiet", "--dbname", "postgres"]);
        command.status().is_ok_and(|status| status.success())
    }

    /// Pulls the plug: `pg_ctl stop -m immediate`.
    pub(crate) fn stop_immediate(&self) {
        self.end("QUIT");
    }

    /// An orderly stop that ends connections: `pg_ctl stop -m fast`.
    pub(crate) fn stop(&self) {
        self.end("INT");
    }

    /// Kills the server and the processes of its connections.
    pub(crate) fn sigkill(&self) {
        self.signal_all("KILL");
        self.end("KILL");
    }

    /// Freezes every process of it: connections stay open and say nothing.
    pub(crate) fn pause(&self) {
        self.signal_all("STOP");
    }

    /// Goes on after `pause`.
    pub(crate) fn resume(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let slot = self.slot();
        let pid = slot.as_ref().expect("PostgreSQL runs").process.id();
        if name == "STOP" {
            // First the one that would make new ones.
            signal(name, &[pid]);
        }
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let pids: Vec<u32> = std::iter::once(pid).chain(children).collect();
        signal(name, &pids);
    }

    fn end(&self, name: &str) {
        let mut postmaster = self.slot().take().expect("PostgreSQL runs");
        signal(name, &[postmaster.process.id()]);
        postmaster.process.wait().expect("PostgreSQL ends");
        postmaster.guard.disarm();
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Postmaster>> {
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new, empty database, which lives as long as the cluster.
    pub(crate) fn database(&self) -> Arc<Database> {
        Database::at(self.url(&self.create_database()))
    }

    /// Makes a database, and tells its name.
    pub(crate) fn create_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let created = self.client("createdb").arg(&name).output();
        let created = created.expect("createdb starts");
        assert!(created.status.success(), "createdb: {created:?}");
        name
    }

    /// Where one of its databases is reached.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://vestibule@127.0.0.1:{}/{database}", self.port)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its files: `--pgdata`.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Runs statements, each by itself, in one of its databases: what they return, a row a line.
    #[track_caller]
    pub(crate) fn run(&self, database: &str, statements: &[&str]) -> String {
        let mut psql = self.client("psql");
        psql.args([
            "--quiet",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            database,
        ]);
        psql.args(statements.iter().flat_map(|statement| ["--command", statement]));
        let done = psql.output().expect("psql starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }

    /// Gives a folder to the user that it runs as.
    pub(crate) fn owns(&self, folder: &Path) {
        if let Some((uid, gid)) = *USER {
            chown(folder, Some(uid), Some(gid)).expect("chown as root");
        }
    }

    /// One of PostgreSQL's own client programs, set up to reach this cluster.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = program(name);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", "vestibule").env("PGCONNECT_TIMEOUT", "5");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.slot().is_some() {
            self.resume();
            self.stop_immediate();
        }
    }
}

/// One of PostgreSQL's programs, the newest installed, run as somebody whom
/// its server accepts.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(newest_version().join(name));
    command.env_clear().env("LC_ALL", "C").current_dir("/");
    if let Some((uid, gid)) = *USER {
        command.uid(uid).gid(gid);
    }
    command
}

fn newest_version() -> PathBuf {
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let root = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: make test-tools");
    let folders = root.filter_map(|entry| Some(entry.ok()?.path()));
    let installed = folders.filter(|folder| folder.join("bin/initdb").exists());
    installed.max_by_key(version).expect("a PostgreSQL server").join("bin")
}

/// PostgreSQL won't run as root: somebody else, when we are.
static USER: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let mut fields = users
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    root.then(|| ids("postgres").or_else(|| ids("nobody")).expect("an unprivileged user"))
});

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary folder in UTF-8")
}
