//! Every command, the JSON that it prints, and what it says when it fails.

use serde_json::{Value, json};

use crate::support::{Db, SESSIONS, Server, Setup, Store, creation, mint, text, unknown};

/// A database with nothing running on it.
fn both() -> [Setup; 2] {
    Store::both().map(Server::with)
}

/// What a command that fails says, with exit code 1; nothing goes to standard output.
#[track_caller]
fn failure(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.cli_output(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn tenants() {
    for setup in both() {
        let list = || setup.cli(&["tenant", "list"]);
        assert_eq!(list(), json!({"object": "list", "data": [], "hasMore": false}), "it migrates an empty database");
        let acme = setup.cli(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
        assert_eq!(names(&acme), ["object", "id", "slug", "name", "createdAt"]);
        assert!(text(&acme, "id").starts_with("ten_"));
        assert_eq!((&acme["object"], &acme["slug"], &acme["name"]), (&json!("tenant"), &json!("acme"), &json!("Acme")));
        let other = setup.cli(&["tenant", "create", "--name", "Other", "--slug", "other"]);
        assert_eq!(list()["data"], json!([acme, other]));
        assert!(failure(&setup, &["tenant", "create", "--name", "Again", "--slug", "acme"]).contains("slug exists"));
        let portals = setup.cli(&["portal", "list", "--tenant", "acme"]);
        assert_eq!((&portals["data"][0]["slug"], &portals["data"][0]["name"]), (&json!("default"), &json!("Acme")));
    }
}

#[test]
fn keys() {
    for setup in both() {
        setup.cli(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
        let create = ["key", "create", "--tenant", "acme"];
        let plain = setup.cli(&create);
        let documented = [
            "object",
            "id",
            "tenantId",
            "name",
            "mode",
            "kind",
            "permissions",
            "grants",
            "createdAt",
            "expiresAt",
            "revokedAt",
            "key",
        ];
        assert_eq!(names(&plain), documented);
        assert!(text(&plain, "id").starts_with("key_") && text(&plain, "key").starts_with("vst_sk_test_"));
        assert_eq!((&plain["permissions"], &plain["grants"]), (&json!(["*.*.*"]), &json!(["*.*.*"])));
        for (mode, kind, prefix) in [
            ("test", "secret", "vst_sk_test_"),
            ("live", "secret", "vst_sk_live_"),
            ("test", "publishable", "vst_pk_test_"),
            ("live", "publishable", "vst_pk_live_"),
        ] {
            let key = setup.cli(&[&create[..], &["--mode", mode, "--kind", kind]].concat());
            assert!(text(&key, "key").starts_with(prefix), "{key}");
            assert_eq!((&key["mode"], &key["kind"]), (&json!(mode), &json!(kind)));
        }
        let more = ["--name", "N", "--permission", "a.*.b", "--permission", "c.*.d", "--grant", "e.*.f"];
        let narrow = setup.cli(&[&create[..], &more].concat());
        assert_eq!((&narrow["permissions"], &narrow["grants"]), (&json!(["a.*.b", "c.*.d"]), &json!(["e.*.f"])));
        let listed = setup.cli(&["key", "list", "--tenant", "acme"]);
        assert_eq!(listed["data"].as_array().unwrap().len(), 6);
        assert!(!listed.to_string().contains("vst_"), "a key is shown once");

        let id = text(&narrow, "id");
        let rolled = setup.cli(&["key", "roll", id, "--overlap", "60"]);
        assert_ne!(rolled["id"], narrow["id"]);
        for field in ["permissions", "grants", "name", "mode", "kind", "tenantId"] {
            assert_eq!(rolled[field], narrow[field], "{field}");
        }
        let listed = setup.cli(&["key", "list", "--tenant", "acme"]);
        assert!(listed["data"][5]["expiresAt"].is_string() && listed["data"][5]["revokedAt"].is_null());
        assert!(failure(&setup, &["key", "roll", id, "--overlap", "3600"]).contains("was rolled before"));
        assert_eq!(setup.cli(&["key", "list", "--tenant", "acme"]), listed, "no second successor, and no later end");
        let revoked = setup.cli(&["key", "revoke", id]);
        assert_eq!((&revoked["id"], revoked["revokedAt"].is_string()), (&narrow["id"], true));
        assert!(failure(&setup, &["key", "revoke", id]).contains("No such live key"));
        // As somebody finds it in a log; it is not shown again.
        let leaked = setup.key("acme", "live", "secret", &[]);
        assert!(setup.cli(&["key", "revoke", &leaked])["revokedAt"].is_string());
        let again = failure(&setup, &["key", "revoke", &leaked]);
        assert!(again.contains("No such live key") && !again.contains(&leaked), "{again}");
        assert!(failure(&setup, &["key", "roll", id]).contains("No such live key"));
        assert!(failure(&setup, &["key", "revoke", &unknown("key")]).contains("No such live key"));
        assert!(failure(&setup, &["key", "create", "--tenant", "nobody"]).contains("No such tenant"));
        assert!(failure(&setup, &["key", "list", "--tenant", "nobody"]).contains("No such tenant"));
    }
}

#[test]
fn portals() {
    for setup in both() {
        setup.cli(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
        let create = ["portal", "create", "--tenant", "acme", "--slug", "my-portal"];
        let made =
            setup.cli(&[&create[..], &["--name", "N", "--return-url", "https://a.example/", "--disabled"]].concat());
        assert_eq!(
            (&made["object"], &made["slug"], &made["name"]),
            (&json!("portal"), &json!("my-portal"), &json!("N"))
        );
        assert_eq!((&made["returnUrl"], &made["enabled"]), (&json!("https://a.example/"), &json!(false)));
        assert!(failure(&setup, &create).contains("slug exists"));
        let update = ["portal", "update", "--tenant", "acme", "my-portal"];
        let changed =
            setup.cli(&[&update[..], &["--enable", "--return-url=", "--app-url", "https://app.example/"]].concat());
        assert_eq!((&changed["enabled"], &changed["returnUrl"]), (&json!(true), &Value::Null));
        assert_eq!((&changed["appUrl"], &changed["name"]), (&json!("https://app.example/"), &json!("N")));
        let by_id = ["portal", "update", "--tenant", "acme", text(&made, "id"), "--disable"];
        assert_eq!(setup.cli(&by_id)["enabled"], false);
        let listed = setup.cli(&["portal", "list", "--tenant", "acme", "--limit", "1"]);
        assert_eq!((&listed["data"][0]["id"], &listed["hasMore"]), (&made["id"], &json!(true)));
        let rest = setup.cli(&["portal", "list", "--tenant", "acme", "--starting-after", text(&made, "id")]);
        assert_eq!((&rest["data"][0]["slug"], &rest["hasMore"]), (&json!("default"), &json!(false)));
        assert!(failure(&setup, &["portal", "update", "--tenant", "acme", "nowhere"]).contains("not found"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let api = server.http.key(&merchant.key);
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(api.post(SESSIONS, creation(json!({}))).await.expect(201).json());
        }
        let list = ["session", "list", "--tenant", &merchant.slug, "--mode", "test"];
        let listed = server.cli(&[&list[..], &["--limit", "2"]].concat());
        assert_eq!((&listed["data"][0]["id"], &listed["hasMore"]), (&made[2]["id"], &json!(true)));
        let got = api.get(&format!("{SESSIONS}/{}", text(&made[2], "id"))).await.expect(200).json();
        assert_eq!(listed["data"][0], got, "as the wire shows it");
        let live = server.cli(&["session", "list", "--tenant", &merchant.slug, "--mode", "live"]);
        assert_eq!(live["data"], json!([]));
        let first = text(&made[0], "id");
        assert_eq!(server.cli(&["session", "revoke", first]), json!({"revoked": 1}));
        api.get(&format!("{SESSIONS}/{first}")).await.missing();
        assert!(failure(&server, &["session", "revoke", first]).contains("No such portal session"));
        let told = api.get("/v1/events?type=portal_session.revoked").await.expect(200).json();
        assert_eq!(told["data"][0]["actor"], json!({"type": "operator", "id": null}));
        // After a restore: all that were made before a time, of every tenant and mode.
        let other = server.tenant();
        let theirs = server.http.key(&server.key(&other.slug, "live", "secret", &[]));
        theirs.post(SESSIONS, creation(json!({}))).await.expect(201);
        let before = |time: &str| server.cli(&["session", "revoke", "--before", time]);
        assert_eq!(before("2020-01-01T00:00:00Z"), json!({"revoked": 0}));
        assert_eq!(before(text(&made[2], "createdAt")), json!({"revoked": 1}), "exactly then is not before");
        assert_eq!(before("2999-01-01T00:00:00+02:00"), json!({"revoked": 2}));
        assert_eq!(server.cli(&list)["data"], json!([]));
    }
}

/// After a restore nothing may stop it half way: each that it revokes takes another one along, as somebody else might.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_vanishes_meanwhile_does_not_spare_the_others() {
    let server = Server::start(Store::Sqlite).await;
    let api = server.http.key(&server.tenant().key);
    for _ in 0..6 {
        mint(api.clone(), json!({})).await;
    }
    let db = Db::open(server.database()).await;
    let newest = "delete from portal_sessions where id = (select max(id) from portal_sessions)";
    db.execute(&format!("create trigger along after delete on portal_sessions begin {newest}; end")).await;
    let revoked = server.cli(&["session", "revoke", "--before", "2999-01-01T00:00:00Z"]);
    assert_eq!(revoked, json!({"revoked": 3}));
    assert_eq!(db.number("select count(*) from portal_sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_healthcheck_and_openapi() {
    for setup in both() {
        let output = setup.cli_output(&["migrate"]);
        assert!(output.status.success(), "{output:?}");
        assert!(setup.cli_output(&["migrate"]).status.success(), "again");
        let silent = failure(&setup, &["healthcheck"]);
        assert!(silent.contains("is not alive"), "{silent}");
        let document = setup.cli(&["openapi"]);
        assert!(text(&document, "openapi").starts_with("3.1"));
        let server = setup.start().await;
        assert!(server.cli_output(&["healthcheck"]).status.success());
        assert_eq!(server.http.get("/openapi.json").await.expect(200).json(), document, "the same as is served");
    }
}

#[test]
fn wrong_usage_is_two() {
    let setup = Server::with(Store::Sqlite);
    for arguments in [
        &["nonsense"][..],
        &[],
        &["serve", "--port", "1"],
        &["tenant", "create", "--name", "A"],
        &["tenant", "create", "--name", "A", "--slug", "A b"],
        &["key", "create", "--tenant", "a", "--mode", "prod"],
        &["key", "revoke", "nonsense"],
        &["session", "revoke"],
    ] {
        let output = setup.cli_output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let output = setup.cli_output(&["--version"]);
    assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().starts_with("vestibule "));
}

/// Logs go to standard error, whatever their level: the document stays one.
#[test]
fn standard_output_is_the_document_alone() {
    for setup in both() {
        let setup = setup.log_filter("trace");
        let output = setup.cli_output(&["tenant", "create", "--name", "Acme", "--slug", "acme"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        assert_eq!(document["slug"], "acme");
    }
}
