//! Input made by a machine from the OpenAPI document.

use std::path::Path;
use std::process::Command;

use super::*;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs Schemathesis with every check; `examples` for each call and kind of input.
async fn schemathesis_finds_nothing(store: Store, examples: &str) {
    let program = Path::new(ROOT).join(".tools/python/bin/schemathesis");
    assert!(program.exists(), "run `make test-tools` first");
    let (server, api) = served(store).await;
    let body = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"], "mode": "token"});
    let session = api.post("/v1/portal-sessions", body).await.expect(201).json();
    let mut command = Command::new(program);
    command.current_dir(ROOT).args(["--config-file", "tests/schemathesis/schemathesis.toml", "run"]);
    command.arg(server.http.url("/openapi.json"));
    command.args(["--checks", "all", "--max-examples", examples, "--continue-on-failure", "--no-color"]);
    // Whether a change may go in must not hang on chance; the long form looks further every time.
    match figure(false, true) {
        true => command.args(["--generation-database", "none"]),
        false => command.arg("--generation-deterministic"),
    };
    command.env("VESTIBULE_SECRET_KEY", server.tenant().key);
    command.env("VESTIBULE_BROWSER_TOKEN", session["token"].as_str().unwrap());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "on {store:?}: {told}\n{}", String::from_utf8_lossy(&output.stderr));
    // A run that tested nothing would find nothing.
    let tested = told.lines().find_map(|line| line.trim().strip_prefix("Selected: "));
    let (selected, all) = tested.and_then(|line| line.split_once('/')).expect("a summary");
    assert!(selected == all && all.parse::<u32>().unwrap() >= 19, "{selected} of {all} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_with_every_check() {
    schemathesis_finds_nothing(Store::Postgres, figure("3", "200")).await;
    if figure(false, true) {
        schemathesis_finds_nothing(Store::Sqlite, "200").await;
    }
}
