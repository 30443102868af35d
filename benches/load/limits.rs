//! The limits: one row in PostgreSQL by pgbench, one answer by an axum handler that returns a constant.

use crate::{
    accounts, driver,
    operations::{VERIFY, VIEWERS},
    report::Row,
    support::{
        Database,
        port::free_port,
        postgres::{Cluster, program},
    },
};
use std::{
    fs,
    process::{Command, Stdio},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// A row of the service's own shape and indexes, in a table without partitions.
const TABLE: &str =
    "create table single (like portal_sessions including all); create sequence fresh; create sequence used;";
const ROWS: u32 = 800_000;
/// Keys in the order of time, as the service makes them; everything but the key is a constant.
const INSERT: &str = "insert into single (id, tenant_id, portal_id, customer_id, livemode, permissions, delivery, preview, \
    metadata, created_at, link_hash, link_expires_at, session_ttl) values (lpad(to_hex(nextval('fresh')), 32, '0')::uuid, \
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000003', \
    false, '[\"api.*.read_key\"]', 'message', false, '{}', now(), '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', \
    now() + interval '15 minutes', 86400);";
const UPDATE: &str = "update single set used_at = now(), browser_hash = link_hash, nonce_hash = null, \
    browser_expires_at = now() + session_ttl * interval '1 second', ip_address = '127.0.0.1', user_agent = 'bench' \
    where id = lpad(to_hex((select nextval('used'))), 32, '0')::uuid \
    and link_hash = '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' \
    and used_at is null and link_expires_at > now() returning id;";

/// What can be measured at any time, with the databases for it.
pub(crate) struct Limits<'a> {
    cluster: &'a Cluster,
    inserts: Arc<Database>,
    updates: Arc<Database>,
    time: Duration,
}

impl<'a> Limits<'a> {
    /// Makes ready what each measurement of `time` needs.
    pub(crate) async fn prepare(cluster: &'a Cluster, time: Duration) -> Self {
        let (inserts, updates) = (cluster.database(), cluster.database());
        for database in [&inserts, &updates] {
            let options = vestibule::store::Options {
                url: database.url().into(),
                max_connections: 2,
                busy_timeout: vestibule::store::Options::SERVING,
            };
            let store = vestibule::store::Store::open(&options).await.unwrap();
            store.migrate().await.unwrap();
            store.close().await;
            psql(cluster, database.url(), TABLE);
        }
        let insert = INSERT.trim_end_matches(';').replace("values (", "select ").replace("86400)", "86400");
        let fill = format!("{insert} from generate_series(1, {ROWS}); vacuum analyze single; checkpoint");
        psql(cluster, updates.url(), &fill);
        Self { cluster, inserts, updates, time }
    }

    /// What a create, an exchange or anything else is compared to: its limit, measured for half of the time.
    async fn half(&self, operation: &str, clients: usize) -> Row {
        let half = Duration::from_secs(self.time.as_secs().div_ceil(2));
        match operation {
            "create" => pgbench(self.cluster, self.inserts.url(), "pgbench insert", INSERT, clients, half),
            "exchange" => pgbench(self.cluster, self.updates.url(), "pgbench update", UPDATE, clients, half),
            _ => constant(clients, half).await,
        }
    }

    /// Runs an operation between two halves of its limit, so that both meet the same machine.
    pub(crate) async fn around<T>(
        &self,
        operation: &str,
        clients: usize,
        run: impl Future<Output = (Row, T)>,
    ) -> (Row, T) {
        let before = self.half(operation, clients).await;
        let (row, kept) = run.await;
        let limit = before.mean(&self.half(operation, clients).await);
        (Row { limit: Some(Box::new(limit)), ..row }, kept)
    }
}

fn psql(cluster: &Cluster, url: &str, sql: &str) {
    let mut command = cluster.client("psql");
    for statement in sql.split("; ") {
        command.args(["--command", statement]);
    }
    let done = command.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", url]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn pgbench(cluster: &Cluster, url: &str, name: &'static str, sql: &str, clients: usize, time: Duration) -> Row {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.sql");
    fs::write(&script, sql).unwrap();
    // Also when pgbench runs as another user: it reads the script and writes its log there.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let seconds = time.as_secs().to_string();
    let clients_text = clients.to_string();
    let before = accounts::cpu_micros(&accounts::postgres(&cluster.data()));
    let mut command = program("pgbench");
    command.current_dir(folder.path()).args(["--no-vacuum", "--protocol=prepared", "--log", "--file"]).arg(&script);
    command.args(["--client", &clients_text, "--jobs", if clients > 1 { "2" } else { "1" }, "--time", &seconds, url]);
    let done = command.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    let cpu = accounts::cpu_micros(&accounts::postgres(&cluster.data())) - before;
    let per_second: f64 =
        text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok()).unwrap();
    let mut latencies: Vec<u32> = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgbench_log") {
            let log = fs::read_to_string(entry.path()).unwrap();
            latencies.extend(log.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u32>().ok()));
        }
    }
    latencies.sort_unstable();
    let operations = latencies.len();
    let outcome = driver::Outcome { operations, elapsed: time, latencies, kept: Vec::new() };
    Row {
        per_second,
        postgres_micros: Some(cpu as f64 / operations as f64),
        ..Row::new("limit", name, clients, &outcome)
    }
}

async fn constant(clients: usize, time: Duration) -> Row {
    let port = free_port();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .env("BENCH_CONSTANT_PORT", port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The driver shares the cores, so it has the same to do as for the service: as many tokens, as long.
    let tokens: Rc<[String]> = (0..VIEWERS).map(|n| format!("bst_{n:060}")).collect();
    let request = move |n: usize, out: &mut Vec<u8>| {
        driver::write_request(out, "GET", VERIFY, &tokens[n % VIEWERS], "");
        true
    };
    driver::drive(port, clients, time / 4, 200, request.clone(), |_| None).await;
    let before = accounts::cpu_micros(&[process.id()]);
    let outcome = driver::drive(port, clients, time, 200, request, |_| None).await;
    let cpu = accounts::cpu_micros(&[process.id()]) - before;
    process.kill().unwrap();
    process.wait().unwrap();
    let service_micros = Some(cpu as f64 / outcome.operations as f64);
    Row { service_micros, ..Row::new("limit", "constant", clients, &outcome) }
}

/// An axum handler that returns as many bytes as the answer that tells who a browser is.
pub(crate) fn serve_constant(port: u16) {
    static BODY: &str = include_str!("constant.json");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        let router = axum::Router::new().route(VERIFY, axum::routing::get(async move || (json, BODY)));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        axum::serve(axum::serve::ListenerExt::tap_io(listener, |io| io.set_nodelay(true).unwrap()), router)
            .await
            .unwrap();
    });
}
