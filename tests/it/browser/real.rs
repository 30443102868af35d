//! A real browser: the suite in tests/browser, against servers of this test's own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{nginx, portal};
use crate::support::{Server, Store};

/// One after the other: each has a browser, and the machine has few cores.
const SUITES: [&str; 5] = ["https", "flow", "pages", "data", "scanner"];

#[tokio::test(flavor = "multi_thread")]
async fn it_works_in_a_real_browser() {
    // A browser counts as one address, and a scanner is meant to come often.
    let plain = Server::with(Store::Sqlite).env("VESTIBULE_LIMITS__ADDRESS_BURST", "0");
    // The suite `data` is a merchant's back end as well.
    let plain = plain.env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await;
    let (port, server) = nginx::server_behind(Store::Postgres).await;
    let tenants = [server.tenant(), server.tenant()];
    let guarded = portal(&server, &tenants[0], json!({})).await["id"].clone();
    let _nginx = nginx::Nginx::start(port, &server, nginx::echo(), guarded.as_str().unwrap());
    let keys = |tenants: [crate::support::Merchant; 2]| tenants.map(|tenant| json!({"key": tenant.key}));
    let servers = json!({
        "http": {"url": plain.public_url(), "api": plain.public_url(), "tenants": keys([plain.tenant(), plain.tenant()])},
        "https": {"url": format!("https://portal.example:{port}"), "api": server.public_url(), "tenants": keys(tenants)},
    });
    for suite in SUITES {
        run(suite, &servers);
    }
}

fn run(suite: &str, servers: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(folder.join("node_modules").exists(), "scripts/install-test-tools.sh has not run");
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", &format!("{suite}.test.js")]).current_dir(&folder);
    if let Some(pictures) = std::env::var_os("VESTIBULE_PICTURES") {
        fs::create_dir_all(&pictures).expect("a folder for pictures");
    }
    let output = node.env("VESTIBULE_SERVERS", servers.to_string()).stdin(Stdio::null()).output().expect("node starts");
    assert!(output.status.success(), "{suite}:\n{}", String::from_utf8_lossy(&output.stdout));
}
