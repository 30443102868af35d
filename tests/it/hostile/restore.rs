//! A backup knows nothing of what was used and revoked since: one command ends what it revives.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::support::{Database, Db, postgres};

/// The database as it is now, restored elsewhere.
async fn restored(server: &Server, store: Store) -> Arc<Database> {
    let copy = store.database();
    match store {
        Store::Sqlite => {
            let file = copy.url().trim_start_matches("sqlite://").to_owned();
            let _ = std::fs::remove_file(Path::new(&file));
            Db::open(server.database()).await.execute(&format!("vacuum into '{file}'")).await;
        }
        Store::Postgres => {
            let name = |url: &str| url.rsplit('/').next().unwrap().to_owned();
            let dump = postgres::shared().client("pg_dump").arg(name(server.database().url())).output().unwrap();
            assert!(dump.status.success(), "{dump:?}");
            let file = server.folder().join("dump.sql");
            std::fs::write(&file, dump.stdout).unwrap();
            let mut psql = postgres::shared().client("psql");
            psql.stdin(std::fs::File::open(&file).unwrap());
            let output = psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", &name(copy.url())]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_revives_is_ended_by_one_command() {
    for store in Store::both() {
        let (server, api) = served(store).await;
        let [used, revoked] = [link(&api).await, link(&api).await];
        let body = json!({"customerExternalId": "acme-001", "permissions": ["a.b.c"], "mode": "token"});
        let signed_in = api.post("/v1/portal-sessions", body).await.expect(201).json();
        let backup = restored(&server, store).await;

        // After the backup: one link is used, one is revoked, somebody logs out.
        let exchange = |link: &Value| json!({"token": link["token"], "transport": "bearer"});
        api.post(EXCHANGE, exchange(&used)).await.expect(200);
        api.delete(&format!("/v1/portal-sessions/{}", revoked["id"].as_str().unwrap())).await.expect(204);
        let browser = signed_in["token"].as_str().unwrap();
        server.http.key(browser).delete("/v1/portal-session").await.expect(204);

        // The backup has heard of none of that.
        let server = Server::on(&backup).start().await;
        server.http.key(browser).get("/v1/portal-session").await.expect(200);
        let key = server.tenant().key;
        let fresh = link(&server.http.key(&key)).await;
        let ended = server.cli(&["session", "revoke", "--before", fresh["createdAt"].as_str().unwrap()]);
        assert_eq!(ended["revoked"], 3, "on {store:?}");
        for link in [&used, &revoked] {
            server.http.post(EXCHANGE, exchange(link)).await.expect(401);
        }
        // A running instance hears of it like of every revocation.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        server.http.key(browser).get("/v1/portal-session").await.expect(401);
        server.http.post(EXCHANGE, exchange(&fresh)).await.expect(200);
    }
}
