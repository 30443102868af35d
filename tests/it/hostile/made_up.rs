//! Credentials that nobody gave out. Whether the database is asked shows when the tables of credentials
//! are locked: who asks gets no answer but 503, everyone else is answered as ever.

use futures_util::StreamExt as _;
use sqlx::{Connection as _, PgConnection};
use vestibule::domain::id::SessionId;
use vestibule::domain::secret::{Credential, Kind};

use super::*;

const KINDS: [Kind; 2] = [Kind::SecretKey { live: false }, Kind::Browser];
const BURST: usize = 50;

/// A credential of this kind with a right checksum.
fn made_up(kind: Kind) -> String {
    Credential::mint(kind, SessionId::at(1_764_000_000_000_000_000).0).reveal()
}

/// Locks the tables of credentials for as long as the connection lives.
async fn locked(server: &Server) -> PgConnection {
    let mut connection = PgConnection::connect(server.database().url()).await.unwrap();
    let lock = "begin; lock table keys, portal_sessions in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
    connection
}

/// Shows each token where its like belongs: how often each status came.
async fn shower(
    server: &Server,
    tokens: impl Iterator<Item = (Kind, String)>,
) -> std::collections::BTreeMap<u16, usize> {
    let asked = tokens.map(|(kind, token)| {
        let http = server.http.clone();
        async move {
            let answer = match kind {
                Kind::Link => http.post(EXCHANGE, json!({"token": token})).await,
                Kind::Browser => http.key(&token).get("/v1/portal-session").await,
                _ => http.key(&token).get("/v1/portals").await,
            };
            answer.status
        }
    });
    let statuses: Vec<u16> = futures_util::stream::iter(asked).buffer_unordered(32).collect().await;
    let mut counts = std::collections::BTreeMap::new();
    statuses.iter().for_each(|status| *counts.entry(*status).or_default() += 1);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_tokens_reach_the_database_at_the_addresss_rate_or_never() {
    let count = figure(3_000, 100_000);
    let server = Server::with(Store::Postgres)
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "60")
        .env("VESTIBULE_LIMITS__ADDRESS_BURST", &BURST.to_string())
        .start()
        .await;
    let _lock = locked(&server).await;

    // With a right checksum: a link token has the address's burst and rate, and no more.
    let started = std::time::Instant::now();
    let counts = shower(&server, (0..count).map(|_| (Kind::Link, made_up(Kind::Link)))).await;
    let allowed = BURST + started.elapsed().as_secs() as usize + 1;
    let asked = counts.get(&503).copied().unwrap_or_default();
    assert!((BURST..=allowed).contains(&asked), "{asked} of at most {allowed} asked the database: {counts:?}");
    assert_eq!(counts.get(&429), Some(&(count - asked)), "{counts:?}");

    // A wrong checksum, a wrong kind, another length, another case: none asks.
    let wrong = (0..count).map(|n| {
        let kind = KINDS[n % 2];
        let token = made_up(kind);
        let wrong = match n / 2 % 4 {
            0 => made_up(KINDS[(n + 1) % 2]),
            1 => format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' }),
            2 => token.to_uppercase(),
            _ => format!("{token}0"),
        };
        (kind, wrong)
    });
    assert_eq!(shower(&server, wrong).await, [(401, count)].into());
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
    let known = [("/v1/portals/default", &*key, KINDS[0]), ("/v1/portal-session", token, KINDS[1])];
    for (path, right, _) in known {
        server.http.key(right).get(path).await.expect(200);
    }
    let _lock = locked(&server).await;
    for (path, right, kind) in known {
        // What is remembered is so for whoever has its secret, and for nobody else.
        server.http.key(right).get(path).await.expect(200);
        let wrong = Credential::mint(kind, Credential::parse(right).unwrap().id()).reveal();
        server.http.key(&wrong).get(path).await.expect(503);
        server.http.key(&made_up(kind)).get(path).await.expect(503);
    }
}

/// The same by a clock: of one and the other, asked in turn, the medians agree within a third. A wrong secret that is
/// refused from what is remembered takes less than half as long as an unknown id.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_does_not_tell_a_wrong_key_from_an_unknown_one() {
    for store in Store::both() {
        let (server, _) = served(store).await;
        let right = server.tenant().key;
        server.http.key(&right).get("/v1/portals/default").await.expect(200);
        let id = Credential::parse(&right).unwrap().id();
        let mut times = [vec![], vec![]];
        for n in 0..figure(400, 20_000) {
            let wrong = Credential::mint(KINDS[0], id).reveal();
            let shown = [wrong, made_up(KINDS[0])];
            // In turn also in their order.
            for which in [n % 2, 1 - n % 2] {
                let started = std::time::Instant::now();
                server.http.key(&shown[which]).get("/v1/portals/default").await.expect(401);
                times[which].push(started.elapsed());
            }
        }
        let [wrong, unknown] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2].as_micros() as f64
        });
        eprintln!("{store:?}: a wrong key takes {wrong} us, an unknown one {unknown} us");
        assert!((0.75..=1.33).contains(&(wrong / unknown)), "{store:?}: {wrong} us and {unknown} us");
    }
}
