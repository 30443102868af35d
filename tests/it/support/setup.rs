//! Settings of a server, and its command line, which shares them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::guard::Folder;
use super::port::free_port;
use super::server::Server;
use super::store::Database;

/// A server's settings; `start` makes it one.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    database: Arc<Database>,
    program: PathBuf,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    port: u16,
    ops_port: u16,
    folder: Arc<Folder>,
}

/// A tenant with a secret test key that may do everything.
#[derive(Clone, Debug)]
pub(crate) struct Merchant {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) key: String,
}

impl Setup {
    pub(super) fn new(database: &Arc<Database>) -> Self {
        Self {
            database: Arc::clone(database),
            program: env!("CARGO_BIN_EXE_vestibule").into(),
            arguments: Vec::new(),
            env: Vec::new(),
            port: free_port(),
            ops_port: free_port(),
            folder: Arc::new(Folder::new()),
        }
    }

    /// The same with ports and a folder of its own.
    pub(super) fn elsewhere(&self) -> Self {
        let Self { program, arguments, env, .. } = self.clone();
        Self { program, arguments, env, ..Self::new(&self.database) }
    }

    /// Sets an environment variable, for the command line as well.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets `RUST_LOG`; what it lets through is in `Server::log`.
    pub(crate) fn log_filter(self, filter: &str) -> Self {
        self.env("RUST_LOG", filter)
    }

    /// Adds an argument to `serve`.
    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs another version of the service.
    pub(crate) fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Starts the server, and waits until it is ready.
    pub(crate) async fn start(self) -> Server {
        let mut server = self.spawn();
        // Somebody may have taken a port since it was seen free.
        for _ in 0..3 {
            if server.ready().await {
                return server;
            }
            if server.log().contains("in use") {
                server = server.elsewhere().spawn();
            }
        }
        panic!("the server ended before it was ready");
    }

    /// Starts the server and doesn't wait, for one not meant to come up.
    pub(crate) fn spawn(self) -> Server {
        Server::launch(self)
    }

    /// A run of the binary with these settings and nothing else around it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder()).env_clear();
        if arguments.first() == Some(&"serve") {
            command.args(&self.arguments);
        }
        command
            .env("DATABASE_URL", self.database.url())
            .env("VESTIBULE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("VESTIBULE_OPS_LISTEN", format!("127.0.0.1:{}", self.ops_port))
            .env("VESTIBULE_PUBLIC_URL", self.public_url())
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a subcommand: what it printed, as JSON.
    #[track_caller]
    pub(crate) fn cli(&self, arguments: &[&str]) -> Value {
        let output = self.cli_output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON on standard output")
    }

    /// Runs a subcommand that may fail.
    pub(crate) fn cli_output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the service starts")
    }

    /// Makes a new tenant.
    #[track_caller]
    pub(crate) fn tenant(&self) -> Merchant {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let slug = format!("tenant-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let tenant = self.cli(&["tenant", "create", "--name", "A Tenant", "--slug", &slug]);
        let key = self.key(&slug, "test", "secret", &[]);
        Merchant { id: text(&tenant, "id"), slug, key }
    }

    /// Makes a key for a tenant: `more` is `["--permission", P, "--grant", G]`.
    #[track_caller]
    pub(crate) fn key(&self, tenant: &str, mode: &str, kind: &str, more: &[&str]) -> String {
        let create = ["key", "create", "--tenant", tenant, "--mode", mode, "--kind", kind];
        text(&self.cli(&[&create, more].concat()), "key")
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// What `VESTIBULE_PUBLIC_URL` is unless set otherwise.
    pub(crate) fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn ops_port(&self) -> u16 {
        self.ops_port
    }

    /// The server's working folder, private and empty.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[track_caller]
fn text(object: &Value, field: &str) -> String {
    let value = object[field].as_str();
    value.unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
