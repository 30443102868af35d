//! `serve --dev`: what it prints works when pasted.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Server, Store, text};

/// What it printed, once that is all.
async fn greeting(server: &mut Server, nth: usize) -> String {
    assert!(server.ready().await, "{}", server.log());
    printed(server, nth).await
}

async fn printed(server: &Server, nth: usize) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let printed = server.stdout();
        if printed.matches("/r/pst_").count() >= nth && printed.ends_with("\n\n") {
            return printed;
        }
        assert!(Instant::now() < deadline, "nothing printed: {printed}{}", server.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The last command that it printed, as somebody copies it.
fn command(printed: &str) -> String {
    let start = printed.rfind("curl ").expect("a command");
    let end = printed[start..].find("\n\n").expect("an empty line behind it");
    printed[start..start + end].to_owned()
}

/// Pastes a command into a shell.
fn paste(command: &str) -> Value {
    let output = Command::new("sh").args(["-c", command]).env("NO_PROXY", "*").output().expect("sh starts");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Port 0 lets the system choose one.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_works_on_a_port_of_the_systems_choice() {
    let any =
        Server::with(Store::Sqlite).env("VESTIBULE_LISTEN", "127.0.0.1:0").env("VESTIBULE_OPS_LISTEN", "127.0.0.1:0");
    let server = any.env("VESTIBULE_PUBLIC_URL", "").arg("--dev").spawn();
    let created = paste(&command(&printed(&server, 1).await));
    assert_eq!(text(&created, "status"), "pending", "{created}");
    assert!(!server.log().contains(":0\""), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_and_the_link_work() {
    for store in Store::both() {
        let mut server = Server::with(store).arg("--dev").spawn();
        let printed = greeting(&mut server, 1).await;
        let created = paste(&command(&printed));
        assert_eq!((text(&created, "status"), &created["livemode"]), ("pending", &Value::Bool(false)), "{created}");
        server
            .http
            .post("/v1/portal-sessions/exchange", serde_json::json!({"token": created["token"]}))
            .await
            .expect(200);
        let link = printed.split_whitespace().find(|word| word.contains("/r/pst_")).expect("a link").to_owned();
        let path = link.strip_prefix(&server.public_url()).expect("the public URL");
        server.http.get(path).await.expect(200);
        let token = path.strip_prefix("/r/").unwrap();
        server.http.post("/v1/portal-sessions/exchange", serde_json::json!({"token": token})).await.expect(200);

        // At the next start there is another key; the first one still works.
        assert!(server.sigterm().await.success());
        server.restart().await;
        let again = greeting(&mut server, 2).await;
        assert_ne!(command(&again), command(&printed));
        for command in [command(&again), command(&printed)] {
            assert_eq!(text(&paste(&command), "object"), "portal_session");
        }
        let tenants = server.cli(&["tenant", "list"]);
        assert_eq!(tenants["data"].as_array().unwrap().len(), 1);
        assert!(!server.log().contains("vst_sk_"), "a key in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tenants_of_ones_own_nothing_is_made() {
    let setup = Server::with(Store::Sqlite).arg("--dev");
    setup.cli(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
    let mut server = setup.spawn();
    assert!(server.ready().await, "{}", server.log());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("none with the slug dev") {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.stdout(), "");
    assert_eq!(server.cli(&["tenant", "list"])["data"].as_array().unwrap().len(), 1);
}

#[test]
fn it_stays_on_this_machine() {
    for (variable, value) in [
        ("VESTIBULE_LISTEN", "0.0.0.0:0"),
        ("VESTIBULE_OPS_LISTEN", "0.0.0.0:0"),
        ("VESTIBULE_PUBLIC_URL", "https://portal.example"),
    ] {
        let output = Server::with(Store::Sqlite).env(variable, value).cli_output(&["serve", "--dev"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("loopback"), "{said}");
    }
}
