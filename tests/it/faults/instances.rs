//! Many instances on one database: starting at once, and of two versions.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use super::load::Load;
use super::{figure, session, unlimited, verify};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn five_start_at_once_on_an_empty_database() {
    for store in Store::both() {
        for _ in 0..figure(2, 20) {
            let database = store.database();
            let mut servers: Vec<Server> = (0..5).map(|_| unlimited(Server::on(&database)).spawn()).collect();
            for server in &mut servers {
                assert!(server.ready().await, "{store:?}: it ended: {}", server.log());
            }
            let api = servers[0].http.key(&servers[0].tenant().key);
            let session = session(&api, serde_json::json!({})).await;
            for server in &servers {
                assert_eq!(verify(server, &session.token).await, 200);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_may_take_longer_than_a_request() {
    let first = unlimited(Server::with(Store::Postgres)).start().await;
    let mut slow = PgConnection::connect(first.database().url()).await.unwrap();
    let lock = "begin; lock table _sqlx_migrations in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut slow).await.unwrap();
    let mut second = Server::join(&first).spawn();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(second.is_running(), "it did not wait: {}", second.log());
    // Who is told to stop does not wait for it.
    let mut third = Server::join(&first).spawn();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = Instant::now();
    assert!(third.sigterm().await.success(), "{}", third.log());
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    slow.close().await.unwrap();
    assert!(second.ready().await, "{}", second.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_gives_way_to_those_who_use_its_table() {
    let first = unlimited(Server::with(Store::Postgres)).start().await;
    let api = first.http.key(&first.tenant().key);
    let mut user = PgConnection::connect(first.database().url()).await.unwrap();
    let not_yet = "drop index portal_sessions_long_lives; delete from _sqlx_migrations where version = 3";
    sqlx::raw_sql(not_yet).execute(&mut user).await.unwrap();
    // As a backup does it, or whoever forgot a transaction.
    let using = "begin; lock table portal_sessions in row exclusive mode";
    sqlx::raw_sql(using).execute(&mut user).await.unwrap();
    let mut second = Server::join(&first).spawn();
    let waiting = Instant::now();
    while waiting.elapsed() < Duration::from_secs(3) || !second.log().contains("is in use") {
        let asked = Instant::now();
        session(&api, serde_json::json!({})).await;
        // Behind the migration it would wait for its own limit, 2.5 s, and be refused.
        assert!(asked.elapsed() < Duration::from_secs(2), "it waited behind the migration");
        assert!(second.is_running(), "it did not wait: {}", second.log());
        assert!(waiting.elapsed() < Duration::from_secs(30), "{}", second.log());
    }
    user.close().await.unwrap();
    assert!(second.ready().await, "{}", second.log());
}

/// What the next version of the schema may add: the program of today must run on with it.
const EXPAND: [&str; 4] = [
    "alter table portal_sessions add column of_tomorrow text",
    "alter table customers add column of_tomorrow text not null default 'none'",
    "alter table keys add column of_tomorrow text",
    "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
     values (9999, 'of tomorrow', true, '\\x00', 0)",
];

/// As the first instance of the new version does it: whoever is in a deadlock with a request gives up first, and tries again.
async fn expand(url: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("set lock_timeout = '200ms'").execute(&mut conn).await.unwrap();
    for migration in EXPAND {
        while let Err(refused) = sqlx::raw_sql(migration).execute(&mut conn).await {
            let code = refused.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
            assert_eq!(code.as_deref(), Some("55P03"), "{migration}: {refused}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// The version to update from: the one that `VESTIBULE_PREVIOUS` names, or this one.
fn previous() -> PathBuf {
    std::env::var_os("VESTIBULE_PREVIOUS").map_or_else(|| env!("CARGO_BIN_EXE_vestibule").into(), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_with_an_expand_migration_shows_nobody_an_error() {
    let first = unlimited(Server::with(Store::Postgres)).program(previous()).start().await;
    let database = std::sync::Arc::clone(first.database());
    let key = first.tenant().key;
    let mut servers = vec![first];
    for _ in 0..2 {
        servers.push(Server::join(&servers[0]).start().await);
    }
    let serving = |servers: &[Server], from: u8| {
        let numbered = servers.iter().enumerate();
        numbered.map(|(n, server)| (from + n as u8, server.http.key(&key))).collect::<Vec<_>>()
    };
    let load = Load::start(8, vec![servers[0].http.key(&key)], false);
    load.serve_by(serving(&servers, 0));
    for round in 1..=figure(1, 10) {
        load.more(100).await;
        if round == 1 {
            expand(database.url()).await;
        }
        load.more(100).await;
        // Forth, and back again: a rollback is an update to an older version.
        let program = if round % 2 == 1 { env!("CARGO_BIN_EXE_vestibule").into() } else { previous() };
        for n in 0..servers.len() {
            let next = Server::join(&servers[n]).program(&program).start().await;
            let mut old = std::mem::replace(&mut servers[n], next);
            // The load balancer notices first; then the old one gets its signal.
            load.serve_by(serving(&servers, (round * 10) as u8));
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(old.sigterm().await.success());
            load.more(50).await;
        }
    }
    assert_eq!(load.unanswered(), Vec::<String>::new());
    let seen = load.finish().await;
    eprintln!("rolling update: {} acknowledged, {} unanswered", seen.acknowledged, seen.unanswered);
}
