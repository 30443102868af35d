//! `Idempotency-Key`: a repeated POST gets the first one's answer.

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, Db, Http, SESSIONS, Server, World, creation, ids, mint, text};

fn named(api: &Http, key: &str) -> Http {
    api.header("idempotency-key", key)
}

#[track_caller]
fn replayed(first: &Answer, again: &Answer) {
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{}", again.text());
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    for header in ["content-type", "cache-control"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_ne!(again.header("request-id"), first.header("request-id"));
}

#[track_caller]
fn idempotency(answer: &Answer, code: &str) {
    answer.refused(409, "idempotency_error", code);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_again() {
    for world in World::both().await {
        for (n, (path, body)) in [
            (SESSIONS, creation(json!({}))),
            (SESSIONS, creation(json!({"replaceExisting": true}))),
            (SESSIONS, creation(json!({"mode": "token"}))),
            ("/v1/portals", json!({"slug": "once"})),
            ("/v1/customers", json!({"externalId": "once"})),
        ]
        .into_iter()
        .enumerate()
        {
            let api = named(&world.api, &format!("key-{n}"));
            let first = api.post(path, body.clone()).await.expect(201);
            for _ in 0..3 {
                replayed(&first, &api.post(path, body.clone()).await);
            }
        }
        let sessions = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        assert_eq!(ids(&sessions).len(), 2, "the second one replaced the first, and repeats made nothing");
        let events = world.api.get("/v1/events?type=portal_session.created").await.expect(200).json();
        assert_eq!(ids(&events).len(), 3);
        // Also after the state moved on: the answer is the first one's.
        let link = named(&world.api, "link").post(SESSIONS, creation(json!({}))).await;
        world.exchange(text(&link.json(), "token")).await.expect(200);
        replayed(&link, &named(&world.api, "link").post(SESSIONS, creation(json!({}))).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn also_on_another_instance_and_after_a_restart() {
    for store in crate::support::Store::both() {
        let mut server = Server::start(store).await;
        let merchant = server.tenant();
        let other = Server::join(&server).start().await;
        let first = named(&server.http.key(&merchant.key), "k").post(SESSIONS, creation(json!({}))).await.expect(201);
        let there = named(&other.http.key(&merchant.key), "k").post(SESSIONS, creation(json!({}))).await;
        replayed(&first, &there);
        server.sigkill();
        server.restart().await;
        replayed(&first, &named(&server.http.key(&merchant.key), "k").post(SESSIONS, creation(json!({}))).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_is_a_conflict() {
    for world in World::both().await {
        let api = named(&world.api, "k");
        let body = creation(json!({})).to_string();
        let first = api.send(Method::POST, SESSIONS, Some(body.clone().into())).await.expect(201);
        for other in
            [creation(json!({"preview": true})).to_string(), format!("{body} "), String::new(), "nonsense".into()]
        {
            idempotency(&api.send(Method::POST, SESSIONS, Some(other.into())).await, "idempotency_conflict");
        }
        replayed(&first, &api.send(Method::POST, SESSIONS, Some(body.into())).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_path_and_query_are_apart() {
    for world in World::both().await {
        let body = json!({"externalId": "same-body"});
        let first = named(&world.api, "k").post("/v1/customers", body.clone()).await.expect(201);
        // Another Idempotency-Key, another secret key, another path: each runs.
        named(&world.api, "K").post("/v1/customers", body.clone()).await.conflict();
        named(&world.with_key("test", &[]), "k").post("/v1/customers", body.clone()).await.conflict();
        let elsewhere = named(&world.api, "k").post("/v1/portals", body.clone()).await;
        elsewhere.malformed("invalid_request", Some("externalId"));
        let live = named(&world.with_key("live", &[]), "k").post("/v1/customers", body.clone()).await.expect(201);
        assert_ne!(live.json()["id"], first.json()["id"]);
        let query = named(&world.api, "k").post("/v1/customers?x=1", body.clone()).await;
        query.malformed("invalid_request", Some("x"));
        let stranger = World::new(world.store).await;
        named(&stranger.api, "k").post("/v1/customers", body.clone()).await.expect(201);
        replayed(&first, &named(&world.api, "k").post("/v1/customers", body).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_will_be_the_same_are_kept() {
    for world in World::both().await {
        let weak = world.permitted(&["portal.*.create_session"]);
        for (n, (api, path, body, status)) in [
            (&world.api, SESSIONS, "{".to_owned(), 400),
            (&world.api, SESSIONS, creation(json!({"expiresIn": 1})).to_string(), 400),
            (&weak, "/v1/portals", json!({"slug": "xyz"}).to_string(), 403),
            (&world.api, SESSIONS, creation(json!({"portal": "later"})).to_string(), 404),
        ]
        .into_iter()
        .enumerate()
        {
            let api = named(api, &format!("r-{n}"));
            let first = api.send(Method::POST, path, Some(body.clone().into())).await.expect(status);
            replayed(&first, &api.send(Method::POST, path, Some(body.into())).await);
        }
        // Also when it would no longer be refused.
        world.api.post("/v1/portals", json!({"slug": "later"})).await.expect(201);
        let again = named(&world.api, "r-3").post(SESSIONS, creation(json!({"portal": "later"}))).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (404, Some("true")));
        named(&world.api, "r-4").post(SESSIONS, creation(json!({"portal": "later"}))).await.expect(201);
        let api = named(&world.api, "r-5").header("content-type", "text/plain");
        let first = api.send(Method::POST, SESSIONS, Some(b"{}".to_vec())).await.expect(415);
        replayed(&first, &api.send(Method::POST, SESSIONS, Some(b"{}".to_vec())).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_may_pass_are_not() {
    for world in World::both().await {
        let api = named(&world.api, "taken");
        world.api.post("/v1/portals", json!({"slug": "taken"})).await.expect(201);
        api.post("/v1/portals", json!({"slug": "taken"})).await.conflict();
        world.api.delete("/v1/portals/taken").await.expect(204);
        api.post("/v1/portals", json!({"slug": "taken"})).await.expect(201);
        // Before the authentication nothing is kept.
        let nobody = named(&world.http.key("nonsense"), "k");
        nobody.post(SESSIONS, creation(json!({}))).await.unauthenticated();
        let again = nobody.post(SESSIONS, creation(json!({}))).await;
        again.unauthenticated();
        assert_eq!(again.header("idempotency-replayed"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_429_and_503() {
    let server = Server::with(crate::support::Store::Sqlite)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "1")
        .env("VESTIBULE_LIMITS__KEY_BURST", "1");
    let server = server.start().await;
    let merchant = server.tenant();
    let api = named(&server.http.key(&merchant.key), "k");
    server.http.key(&merchant.key).get(SESSIONS).await.expect(200);
    api.post(SESSIONS, creation(json!({}))).await.expect(429);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let first = loop {
        let answer = api.post(SESSIONS, creation(json!({}))).await;
        assert_eq!(answer.header("idempotency-replayed"), None);
        if answer.status != 429 {
            break answer.expect(201);
        }
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(text(&first.json(), "token").starts_with("pst_"));

    // A database that lets nobody write; not the one that other tests share.
    let busy = Server::start(crate::support::Store::Sqlite).await;
    let api = busy.http.key(&busy.tenant().key);
    let link = mint(api.clone(), json!({})).await;
    let lock = Db::open(busy.database()).await.lock_session(text(&link, "id")).await;
    let api = named(&api, "busy");
    let refused = api.post(SESSIONS, creation(json!({}))).await;
    lock.release().await;
    refused.refused(503, "api_error", "unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // The write that was given up waiting for may still be under way, and then says so.
    let made = loop {
        let answer = api.post(SESSIONS, creation(json!({}))).await;
        if answer.status != 409 {
            break answer.expect(201);
        }
        answer.refused(409, "idempotency_error", "idempotency_in_progress");
        assert!(std::time::Instant::now() < deadline + std::time::Duration::from_secs(10));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(text(&made.json(), "token").starts_with("pst_"));
}

/// Of many at once one runs; the others are told that it does, or get its answer.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one() {
    for world in World::both().await {
        let other = Server::join(world.server).start().await;
        for clients in [vec![world.http.clone()], vec![world.http.clone(), other.http.clone()]] {
            let key = format!("at-once-{}", clients.len());
            let mut all = JoinSet::new();
            for n in 0..32 {
                let api = named(&clients[n % clients.len()].key(&world.merchant.key), &key);
                all.spawn(async move { api.post(SESSIONS, creation(json!({"customerExternalId": "at-once"}))).await });
            }
            let answers = all.join_all().await;
            let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
            let ran = made.iter().filter(|answer| answer.header("idempotency-replayed").is_none());
            assert_eq!(ran.count(), 1);
            assert!(made.iter().all(|answer| answer.body == made[0].body));
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                idempotency(answer, "idempotency_in_progress");
            }
        }
        let made = world.api.get(&format!("{SESSIONS}?customerExternalId=at-once")).await.expect(200).json();
        assert_eq!(ids(&made).len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_runs_it_is_in_progress() {
    let world = World::new(crate::support::Store::Postgres).await;
    // A row that the request has to wait for: its customer's unused link is locked.
    let link = world.mint(json!({})).await;
    let lock = world.db().await.lock_session(text(&link, "id")).await;
    let api = named(&world.api, "slow");
    let body = creation(json!({"replaceExisting": true}));
    let running = tokio::spawn({
        let (api, body) = (api.clone(), body.clone());
        async move { api.post(SESSIONS, body).await }
    });
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let db = world.db().await;
    while db.number(waits).await == 0 {
        assert!(!running.is_finished(), "{}", running.await.unwrap().text());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    idempotency(&api.post(SESSIONS, body.clone()).await, "idempotency_in_progress");
    lock.release().await;
    let first = running.await.unwrap().expect(201);
    replayed(&first, &api.post(SESSIONS, body).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none() {
    for world in World::both().await {
        for bad in ["", "a b", "ä", &"k".repeat(256), "a\tb"] {
            named(&world.api, bad).post(SESSIONS, creation(json!({}))).await.malformed("invalid_request", None);
        }
        for good in ["k", "!~", &"k".repeat(255)] {
            named(&world.api, good).post(SESSIONS, creation(json!({}))).await.expect(201);
        }
        // Ignored on GET, PATCH and DELETE, and where no key is shown.
        let api = named(&world.api, "ignored");
        assert_eq!(api.get(SESSIONS).await.expect(200).header("idempotency-replayed"), None);
        let created = world.mint(json!({})).await;
        let path = format!("{SESSIONS}/{}", text(&created, "id"));
        api.delete(&path).await.expect(204);
        api.delete(&path).await.missing();
        for _ in 0..2 {
            let answer = api.patch("/v1/portals/default", json!({"name": "N"})).await.expect(200);
            assert_eq!(answer.header("idempotency-replayed"), None);
        }
        let link = world.mint(json!({})).await;
        let exchange = named(&world.http, "ignored");
        exchange.post(crate::support::EXCHANGE, json!({"token": link["token"]})).await.expect(200);
        exchange.post(crate::support::EXCHANGE, json!({"token": link["token"]})).await.no_session();
    }
}

/// A day later the key is free again.
#[tokio::test(flavor = "multi_thread")]
async fn kept_for_a_day() {
    for world in World::both().await {
        let db = world.db().await;
        let api = named(&world.api, "daily");
        let first = api.post(SESSIONS, creation(json!({}))).await.expect(201);
        let shift = match &db {
            crate::support::Db::Postgres(_) => "expires_at = expires_at - interval '86390 seconds'",
            crate::support::Db::Sqlite(_) => "expires_at = expires_at - 86390000",
        };
        let row = row_of(&db, &world, "daily").await;
        db.execute(&format!("update idempotency set {shift} where id = {row}")).await;
        replayed(&first, &api.post(SESSIONS, creation(json!({}))).await);
        db.execute(&format!("update idempotency set {shift} where id = {row}")).await;
        let anew = api.post(SESSIONS, creation(json!({}))).await.expect(201);
        assert_eq!(anew.header("idempotency-replayed"), None);
        assert_ne!(anew.json()["id"], first.json()["id"]);
        replayed(&anew, &api.post(SESSIONS, creation(json!({}))).await);
    }
}

/// The literal of the id under which an answer is kept: a hash over key, method, target and name.
async fn row_of(db: &crate::support::Db, world: &World, name: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for part in [world.merchant.key.as_str(), "POST", SESSIONS, name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let literal = match db {
        crate::support::Db::Postgres(_) => format!("'\\x{hex}'"),
        crate::support::Db::Sqlite(_) => format!("x'{hex}'"),
    };
    let found = db.number(&format!("select count(*) from idempotency where id = {literal}")).await;
    assert_eq!(found, 1);
    literal
}
