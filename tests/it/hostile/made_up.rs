//! Made-up tokens cost the database nothing.

use std::time::Duration;

use vestibule::domain::id::SessionId;
use vestibule::domain::secret::{Credential, Kind};

use super::*;
use crate::support::postgres;

const EXCHANGE: &str = "/v1/portal-sessions/exchange";

/// A token of this kind with a right checksum that was never given out.
fn made_up(kind: Kind) -> String {
    Credential::mint(kind, SessionId::at(1_764_000_000_000_000_000).0).reveal()
}

/// How often PostgreSQL has looked into tables of credentials.
async fn looks(server: &Server) -> i64 {
    // Counts arrive when a connection is idle, at most a second later.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let name = server.database().url().rsplit('/').next().unwrap().to_owned();
    let query = "select coalesce(sum(seq_scan + idx_scan), 0) from pg_stat_user_tables where relname ~ '^(portal_sessions|keys)'";
    let output = postgres::shared().client("psql").args(["-XAtqc", query, &name]).output().unwrap();
    let count = String::from_utf8_lossy(&output.stdout).trim().parse();
    count.unwrap_or_else(|_| panic!("{output:?}"))
}

async fn shower(server: &Server, count: usize, token: impl Fn(usize) -> String) {
    use futures_util::StreamExt as _;
    let asked = (0..count).map(|n| {
        let token = token(n);
        let http = server.http.clone();
        async move {
            match n % 3 {
                0 => http.key(&token).get("/v1/portals").await,
                1 => http.key(&token).get("/v1/portal-session").await,
                _ => http.post(EXCHANGE, json!({"token": token})).await,
            }
        }
    });
    let statuses = futures_util::stream::iter(asked).buffer_unordered(16).map(|answer| answer.status);
    let statuses: std::collections::BTreeSet<_> = statuses.collect().await;
    assert!(statuses.is_subset(&[401, 429].into()), "{statuses:?}");
}

/// Sends the same credential `count` times; how often the database was looked into for it.
async fn looks_for(server: &Server, path: &str, token: &str, count: usize) -> i64 {
    let before = looks(server).await;
    for _ in 0..count {
        server.http.key(token).get(path).await.expect(401);
    }
    looks(server).await - before
}

/// A clock can't tell a wrong secret from an unknown id where both take the same way. The one step
/// that they don't share, the comparison of hashes, is in constant time.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_takes_the_way_of_an_unknown_id() {
    let (server, api) = served(Store::Postgres).await;
    let body = json!({"customerExternalId": "acme-001", "permissions": ["a.b.c"], "mode": "token"});
    let session = api.post("/v1/portal-sessions", body).await.expect(201).json();
    let token = session["token"].as_str().unwrap();
    let key = server.tenant().key;
    for (path, right, kind) in
        [("/v1/portals", &*key, Kind::SecretKey { live: false }), ("/v1/portal-session", token, Kind::Browser)]
    {
        // Both are remembered from here on.
        server.http.key(right).get(path).await.expect(200);
        let wrong = Credential::mint(kind, Credential::parse(right).unwrap().id()).reveal();
        let (wrong, unknown) =
            (looks_for(&server, path, &wrong, 20).await, looks_for(&server, path, &made_up(kind), 20).await);
        assert!(unknown >= 20, "{path}: {unknown} looks for an unknown id");
        assert_eq!(wrong, unknown, "{path}: looks for a wrong secret, and for an unknown id");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_tokens_never_reach_the_database() {
    let count = figure(3_000, 100_000);
    let server = Server::with(Store::Postgres)
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "60")
        .env("VESTIBULE_LIMITS__ADDRESS_BURST", "50")
        .start()
        .await;
    let kinds = [Kind::SecretKey { live: false }, Kind::Browser, Kind::Link];
    // The measure works: each of these is looked up once.
    let before = looks(&server).await;
    shower(&server, 9, |n| made_up(kinds[n % 3])).await;
    let quiet = looks(&server).await;
    assert!(quiet >= before + 9, "{before}, then {quiet}");

    // A wrong checksum, a wrong kind, another length: no look.
    shower(&server, count, |n| {
        let token = made_up(kinds[n % 3]);
        match n / 3 % 4 {
            0 => made_up(kinds[(n + 1) % 3]),
            1 => format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' }),
            2 => token.to_uppercase(),
            _ => format!("{token}0"),
        }
    })
    .await;
    assert_eq!(looks(&server).await, quiet);

    // With a right checksum, an address has its burst and its rate, and no more.
    let started = std::time::Instant::now();
    shower(&server, count / 3, |n| if n % 3 == 2 { made_up(Kind::Link) } else { "x".into() }).await;
    let allowed = 50 + started.elapsed().as_secs() as i64 + 3;
    // An exchange looks at most three times: for each partition that it may be in, and for the trail.
    let looked = looks(&server).await - quiet;
    assert!(looked <= 3 * allowed, "{looked} looks by {allowed} exchanges");
}
