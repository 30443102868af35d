//! The vendors' own clients, as their registries have them, against the real server: a changed
//! base URL and a changed key, and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::support::{Merchant, Server, Store, Upstream};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A program with a suite, and what the suite is told of its server.
async fn run(program: PathBuf, arguments: &[&str], server: &Server, merchant: &Merchant, more: &[(&str, &str)]) {
    assert!(program.is_absolute() || program == Path::new("node"), "{program:?}");
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(Path::new(ROOT).join("tests/clients"));
    command.env("BASE_URL", server.public_url()).env("KEY", &merchant.key).envs(more.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.unwrap_or_else(|error| panic!("run `make test-tools` first: {program:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} on {:?}:\n{told}", server.database().store());
}

/// All steps of a suite for one version of Unkey's client, on both stores.
async fn unkey(program: PathBuf, suite: &str, version: &str) {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let closed = ["portal", "create", "--tenant", &merchant.slug, "--slug", "closed", "--disabled"];
        server.cli(&closed);
        let more = [("DISABLED_PORTAL", "closed")];
        let usual = [suite, version, "flow", "errors", "concurrent", "lost"];
        run(program.clone(), &usual, &server, &merchant, &more).await;
        let limited =
            Server::join(&server).env("VESTIBULE_LIMITS__KEY_BURST", "1").env("VESTIBULE_LIMITS__KEY_PER_SECOND", "1");
        let limited = limited.start().await;
        run(program.clone(), &[suite, version, "limited"], &limited, &merchant, &more).await;
        break_database(&server).await;
        run(program.clone(), &[suite, version, "broken"], &server, &merchant, &more).await;
    }
}

/// Makes a defect of ours out of every creation.
async fn break_database(server: &Server) {
    let (url, sql) = (server.database().url(), "alter table portal_sessions rename to mislaid");
    match server.database().store() {
        Store::Postgres => {
            let mut link = PgConnection::connect(url).await.unwrap();
            sqlx::query(sql).execute(&mut link).await.unwrap();
        }
        Store::Sqlite => {
            let mut link = SqliteConnection::connect(url).await.unwrap();
            sqlx::query(sql).execute(&mut link).await.unwrap();
        }
    }
}

fn python(version: &str) -> PathBuf {
    Path::new(ROOT).join(format!(".tools/python-unkey-py-{version}/bin/python"))
}

#[tokio::test(flavor = "multi_thread")]
async fn unkeys_node_client_2_4_0_passes() {
    unkey("node".into(), "node/unkey.mjs", "2.4.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unkeys_node_client_2_5_1_passes() {
    unkey("node".into(), "node/unkey.mjs", "2.5.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unkeys_python_client_3_0_3_passes() {
    unkey(python("3.0.3"), "unkey.py", "3.0.3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unkeys_python_client_3_2_2_passes() {
    unkey(python("3.2.2"), "unkey.py", "3.2.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revkeens_client_passes() {
    for store in Store::both() {
        let server = Server::with(store).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await;
        let (merchant, upstream) = (server.tenant(), Upstream::start().await);
        let api = server.http.key(&merchant.key);
        api.patch("/v1/portals/default", json!({"upstreamUrl": upstream.url})).await.expect(200);
        let customer = api.post("/v1/customers", json!({"externalId": "acme-001", "name": "Ada"})).await.expect(201);
        let id = customer.json()["id"].as_str().unwrap().to_owned();
        run("node".into(), &["node/revkeen.mjs"], &server, &merchant, &[("CUSTOMER", &id)]).await;
    }
}
