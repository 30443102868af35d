//! PgBouncer in transaction mode, as the documentation sets it up.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vestibule::domain::time::Timestamp;
use vestibule::store::{Options, Store};

use super::load::Load;
use super::{figure, session, unlimited, until, verify};
use crate::support::guard::{Folder, Guard};
use crate::support::port::free_port;
use crate::support::{Database, Server, postgres};

/// A running PgBouncer before the cluster that the tests share.
struct Pooler {
    port: u16,
    process: Child,
    _guard: Guard,
    _folder: Folder,
}

impl Pooler {
    fn start() -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let settings = folder.path().join("pgbouncer.ini");
        let server = postgres::shared().port();
        // Fewer connections to the server than the instances have to it, so that they do share them.
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=vestibule\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\n"
        );
        fs::write(&settings, text).unwrap();
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if fs::metadata("/root/.").is_ok() {
            // It won't run as root.
            command.args(["--user", "nobody"]);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("PgBouncer starts: make test-tools");
        let _guard = Guard::new(r#"kill -KILL "$1""#, &[&process.id().to_string()]);
        Self { port, process, _guard, _folder: folder }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://vestibule@127.0.0.1:{}/{database}?statement-cache-capacity=0", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A month of partitions in which nothing is left.
struct OldMonth(sqlx::PgPool);

impl OldMonth {
    async fn make(url: String) -> Self {
        let month = Self(sqlx::PgPool::connect(&url).await.unwrap());
        let options = Options { url, max_connections: 1, busy_timeout: Options::SERVING };
        let store = Store::open(&options).await.unwrap();
        let [from, to] =
            ["2020-01-01T00:00:00Z", "2020-01-31T00:00:00Z"].map(|at| Timestamp::parse_rfc3339(at).unwrap());
        store.make_partitions(from, to).await.unwrap();
        assert!(month.days().await >= 31);
        month
    }

    async fn days(&self) -> i64 {
        let query = sqlx::query_scalar("select count(*) from pg_class where relname like 'portal_sessions_202001__'");
        query.fetch_one(&self.0).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_through_pgbouncer_in_transaction_mode() {
    let pooler = Pooler::start();
    let name = postgres::shared().create_database();
    let through = Database::at(pooler.url(&name));
    until("PgBouncer listens", Duration::from_secs(10), async || {
        tokio::net::TcpStream::connect(("127.0.0.1", pooler.port)).await.is_ok()
    })
    .await;

    // Advisory locks are a server connection's, which it gives to others: no migration through it.
    for subcommand in ["serve", "migrate"] {
        let refused = Server::on(&through).cli_output(&[subcommand]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("vestibule migrate"), "{subcommand}: {said}");
    }
    let direct = Server::on(&Database::at(postgres::shared().url(&name)));
    assert!(direct.cli_output(&["migrate"]).status.success());

    let first = unlimited(Server::on(&through)).start().await;
    let others = [Server::join(&first).start().await, Server::join(&first).start().await];
    let key = first.tenant().key;
    let api = first.http.key(&key);
    let one = session(&api, serde_json::json!({})).await;
    assert_eq!(verify(&others[0], &one.token).await, 200);
    let with_key = api.header("idempotency-key", "once");
    let body = serde_json::json!({"customerExternalId": "somebody"});
    let made = with_key.post("/v1/portal-sessions", body.clone()).await.expect(201).json();
    assert_eq!(with_key.post("/v1/portal-sessions", body).await.expect(201).json(), made);
    assert!(!api.get("/v1/events").await.expect(200).json()["data"].as_array().unwrap().is_empty());

    let instances = [&first, &others[0], &others[1]].map(|server| server.http.key(&key)).to_vec();
    let load = Load::start(24, instances, true);
    // Every instance sweeps when it starts; now no two transactions of it are on one server connection.
    let month = OldMonth::make(postgres::shared().url(&name)).await;
    let _sweeper = Server::join(&first).start().await;
    until("the sweeper drops what is over", Duration::from_secs(20), async || month.days().await == 0).await;
    tokio::time::sleep(Duration::from_secs(figure(4, 120))).await;
    assert_eq!(load.unanswered(), Vec::<String>::new());
    let seen = load.finish().await;
    eprintln!("PgBouncer: {} acknowledged by 3 instances on 4 connections", seen.acknowledged);
}
