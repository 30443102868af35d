//! The configuration: where it comes from, and errors that name the key.

use crate::support::{Server, Store, guard::Folder};
use std::{os::unix::fs::PermissionsExt as _, path::Path};

#[test]
fn a_wrong_value_is_named() {
    let setup = || Server::with(Store::Sqlite);
    for (variable, value, key) in [
        ("VESTIBULE_LISTEN", "nonsense", "listen"),
        ("VESTIBULE_OPS_LISTEN", "127.0.0.1", "ops_listen"),
        ("VESTIBULE_PUBLIC_URL", "http://portal.example", "public_url"),
        ("VESTIBULE_PUBLIC_URL", "https://portal.example/path", "public_url"),
        ("VESTIBULE_PUBLIC_URL", "https://user:hunter2@portal.example", "public_url"),
        ("VESTIBULE_DOCS_URL", "javascript:x", "docs_url"),
        ("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8,nonsense", "trusted_proxies"),
        ("VESTIBULE_LIMITS__KEY_PER_SECOND", "many", "limits.key_per_second"),
        ("VESTIBULE_LIMITS__KEY_BURST", "-1", "limits.key_burst"),
        ("VESTIBULE_LIMITS__WAITING_WRITES", "0", "limits.waiting_writes"),
        ("VESTIBULE_DATABASE__MAX_CONNECTIONS", "0", "database.max_connections"),
        ("VESTIBULE_CACHE__SESSIONS", "0", "cache.sessions"),
        ("VESTIBULE_RETENTION__SESSION_DAYS", "0", "retention.session_days"),
        ("VESTIBULE_RETENTION__SWEEP_MINUTES", "1.5", "retention.sweep_minutes"),
        ("VESTIBULE_RETENTION__SWEEP_MINUTES", "1441", "retention.sweep_minutes"),
        ("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "perhaps", "gateway.allow_private"),
        ("VESTIBULE_LOG__FORMAT", "xml", "log.format"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "database_url"),
    ] {
        for command in [&["serve"][..], &["migrate"], &["tenant", "list"]] {
            let output = setup().env(variable, value).cli_output(command);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{variable}={value}: {said}");
            let named = format!("{key} ({variable} in the environment)");
            assert!(said.contains(&named), "{variable}={value}: {said}");
            assert!(output.stdout.is_empty() && !said.contains("panicked"), "{said}");
            assert!(key != "database_url" || !said.contains("hunter2"), "a secret in an error: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_lies_over_the_file() {
    let folder = Folder::new();
    let file = folder.path().join("vestibule.toml");
    std::fs::write(&file, "docs_url = \"https://file.example\"\n[limits]\nkey_burst = 5\n").unwrap();
    let file = file.to_str().unwrap();
    let server = Server::with(Store::Sqlite).env("VESTIBULE_CONFIG", file).start().await;
    let error = server.http.get("/v1/events").await.unauthenticated();
    assert!(error["docUrl"].as_str().unwrap().starts_with("https://file.example/"), "{error}");
    let over = Server::with(Store::Sqlite).env("VESTIBULE_CONFIG", file);
    let over = over.env("VESTIBULE_DOCS_URL", "https://environment.example").start().await;
    let error = over.http.get("/v1/events").await.unauthenticated();
    assert!(error["docUrl"].as_str().unwrap().starts_with("https://environment.example/"), "{error}");

    for (text, named) in [
        ("[limits]\nkey_brust = 5\n", "key_brust"),
        ("nonsense = 1\n", "nonsense"),
        ("[limits]\nkey_burst = \"x\"\n", "limits.key_burst"),
        ("listen = \n", "line 1"),
    ] {
        let path = folder.path().join("wrong.toml");
        std::fs::write(&path, text).unwrap();
        let output =
            Server::with(Store::Sqlite).env("VESTIBULE_CONFIG", path.to_str().unwrap()).cli_output(&["migrate"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(named), "{text}: {said}");
    }
    let missing = Server::with(Store::Sqlite).env("VESTIBULE_CONFIG", "/nonexistent.toml").cli_output(&["migrate"]);
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("VESTIBULE_CONFIG") && said.contains("/nonexistent.toml"), "{said}");
}

#[test]
fn the_database_url_comes_from_a_file_as_well() {
    for store in Store::both() {
        let database = store.database();
        let folder = Folder::new();
        let file = folder.path().join("database-url");
        std::fs::write(&file, format!("{}\n", database.url())).unwrap();
        // The file comes first, since an image may set the other.
        let setup = Server::on(&database).env("DATABASE_URL_FILE", file.to_str().unwrap());
        let setup = setup.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
        setup.cli(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
        let listed = Server::on(&database).cli(&["tenant", "list"]);
        assert_eq!(listed["data"][0]["slug"], "acme");
        let wrong = setup.env("DATABASE_URL_FILE", "/nonexistent").cli_output(&["tenant", "list"]);
        let said = String::from_utf8(wrong.stderr).unwrap();
        assert!(wrong.status.code() == Some(1) && said.contains("DATABASE_URL_FILE"), "{said}");
    }
}

/// The default: a SQLite file under data/, made when missing.
#[test]
fn without_any_setting_it_works() {
    let setup = Server::with(Store::Sqlite);
    let output = setup.command(&["tenant", "create", "--name", "Acme", "--slug", "acme"]).env_clear().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(mode(&setup.folder().join("data")), 0o700);
    assert_eq!(mode(&setup.folder().join("data/vestibule.db")), 0o600);
}

/// Who may read, write and enter it. The database holds keys that sign assertions.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_database_that_keeps_nothing_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x.db?mode=memory"] {
        let output = Server::with(Store::Sqlite).env("DATABASE_URL", url).cli_output(&["tenant", "list"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("in memory"), "{url}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_means_nothing_is_told_of() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_LIMIT__KEY_BURST", "5").start().await;
    assert!(server.log().contains("VESTIBULE_LIMIT__KEY_BURST"), "{}", server.log());
}

#[test]
fn a_port_that_is_taken_and_a_database_that_is_away() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for variable in ["VESTIBULE_LISTEN", "VESTIBULE_OPS_LISTEN"] {
        let output = Server::with(Store::Sqlite).env(variable, &address).cli_output(&["serve"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(variable) && said.contains(&address), "{said}");
    }
    let away = Server::with(Store::Sqlite).env("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/nothing");
    for command in [&["serve"][..], &["migrate"], &["tenant", "list"]] {
        let output = away.cli_output(command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("database"), "{said}");
        assert!(said.contains("refused"), "the cause is named: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let misspelt = "postgres://nobody@127.0.0.1:1/nothing?sslmod=require&sslpassword=hunter2";
    let output = Server::with(Store::Sqlite).env("DATABASE_URL", misspelt).cli_output(&["migrate"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("sslmod") && said.contains("sslpassword") && !said.contains("hunter2"), "{said}");
    for wrong in ["postgres://u:hunter2@127.0.0.1:99999/x", "sqlite:///tmp/x.db?mode=hunter2"] {
        let output = Server::with(Store::Sqlite).env("DATABASE_URL", wrong).cli_output(&["serve"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("DATABASE_URL: "), "{said}");
        assert!(!said.contains("u:hunter2"), "{said}");
    }
}
