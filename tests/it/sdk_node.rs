//! The Node SDK in `sdk/node`: its own tests against real servers, and the
//! document that its types are made from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Server, Store};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/node");

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_passes_its_tests() {
    assert!(Path::new(FOLDER).join("node_modules").exists(), "run `make test-tools` first");
    let mut is_built = false;
    for store in Store::both() {
        // One of the tests is a merchant's back end behind the gateway, on this machine.
        let server = Server::with(store).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await;
        let (tenant, other) = (server.tenant(), server.tenant());
        let reader = ["--permission", "portal.*.read_session"];
        let mut npm = Command::new("npm");
        npm.arg("test").current_dir(FOLDER);
        npm.env("VESTIBULE_BASE_URL", server.public_url())
            .env("VESTIBULE_SECRET_KEY", &tenant.key)
            .env("VESTIBULE_OTHER_SECRET_KEY", &other.key)
            .env("VESTIBULE_READING_KEY", server.key(&tenant.slug, "test", "secret", &reader))
            .env("VESTIBULE_PUBLISHABLE_KEY", server.key(&tenant.slug, "test", "publishable", &[]));
        if is_built {
            // Leaves out `pretest`, which builds and looks at types.
            npm.arg("--ignore-scripts");
        }
        let output = tokio::task::spawn_blocking(move || npm.output()).await.expect("no panic").expect("npm starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "on {store:?}:\n{out}\n{err}");
        assert!(out.contains("skipped 0\n"), "on {store:?}:\n{out}");
        is_built = true;
    }
}

#[test]
fn the_node_sdk_has_the_current_document() {
    let printed = Server::with(Store::Sqlite).cli_output(&["openapi"]);
    let kept = fs::read(Path::new(FOLDER).join("openapi.json")).expect("sdk/node/openapi.json");
    assert!(
        printed.stdout == kept,
        "The API has changed. Run:\ncargo run -- openapi >sdk/node/openapi.json && npm run --prefix sdk/node generate"
    );
}
