//! Credentials of back ends: which count, which don't, and what is said of them.

use reqwest::Method;
use serde_json::json;
use vestibule::domain::secret::{Credential, Kind};

use crate::support::{SESSIONS, World, text, uuid};

/// Every call that needs a key.
pub(super) const CALLS: [(&str, &str); 15] = [
    ("POST", "/v1/portal-sessions"),
    ("GET", "/v1/portal-sessions"),
    ("GET", "/v1/portal-sessions/ps_0000000000000000000000"),
    ("DELETE", "/v1/portal-sessions/ps_0000000000000000000000"),
    ("POST", "/v1/portals"),
    ("GET", "/v1/portals"),
    ("GET", "/v1/portals/default"),
    ("PATCH", "/v1/portals/default"),
    ("DELETE", "/v1/portals/default"),
    ("POST", "/v1/customers"),
    ("GET", "/v1/customers"),
    ("GET", "/v1/customers/cus_0000000000000000000000"),
    ("PATCH", "/v1/customers/cus_0000000000000000000000"),
    ("DELETE", "/v1/customers/cus_0000000000000000000000"),
    ("GET", "/v1/events"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_call_without_a_key() {
    for world in World::both().await {
        for (method, path) in
            CALLS.into_iter().chain([("DELETE", "/v1/customers/cus_0000000000000000000000/portal-sessions")])
        {
            let method: Method = method.parse().unwrap();
            for body in [None, Some(b"{}".to_vec()), Some(b"nonsense".to_vec())] {
                let plain = world.http.send(method.clone(), path, body.clone()).await;
                let message = text(&plain.unauthenticated(), "message").to_owned();
                assert!(message.contains("Authorization: Bearer"), "{message}");
                let again = world.http.header("idempotency-key", "k").send(method.clone(), path, body).await;
                again.unauthenticated();
            }
        }
        // Also where nothing would be found, and with a query that is wrong.
        world.http.get("/v1/portal-sessions/nonsense").await.unauthenticated();
        world.http.get("/v1/portals/%ff").await.unauthenticated();
        world.http.get(&format!("{SESSIONS}?limit=x&nonsense=1")).await.unauthenticated();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_headers_are_good() {
    for world in World::both().await {
        let key = &world.merchant.key;
        let http = &world.http;
        for client in [
            http.key(key),
            http.header("x-api-key", key),
            http.header("authorization", &format!("bearer {key}")),
            http.header("authorization", &format!("BEARER  {key} ")),
            http.key(key).header("x-api-key", key),
            http.key(key).header("x-api-key", ""),
            http.header("authorization", "Bearer ").header("x-api-key", key),
            http.header("authorization", "Bearer").header("x-api-key", key),
        ] {
            client.get(SESSIONS).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_credentials_are_one_too_many() {
    for world in World::both().await {
        let (key, other) = (&world.merchant.key, world.new_key("test", &[]));
        for (one, two) in [(key.as_str(), other.as_str()), (key, "nonsense"), ("nonsense", key)] {
            world.http.key(one).header("x-api-key", two).get(SESSIONS).await.malformed("invalid_request", None);
        }
        let raw = |first: &str, second: &str| {
            format!("GET {SESSIONS} HTTP/1.1\r\nhost: x\r\n{first}\r\n{second}\r\nconnection: close\r\n\r\n")
        };
        let (one, two) = (format!("authorization: Bearer {key}"), format!("authorization: Bearer {other}"));
        assert!(world.http.raw(raw(&one, &two)).await.starts_with("HTTP/1.1 400 "));
        assert!(world.http.raw(raw(&one, &one)).await.starts_with("HTTP/1.1 200 "));
        let (one, two) = (format!("x-api-key: {key}"), format!("x-api-key: {other}"));
        assert!(world.http.raw(raw(&one, &two)).await.starts_with("HTTP/1.1 400 "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_open_nothing() {
    for world in World::both().await {
        let key = &world.merchant.key;
        let publishable = world.server.key(&world.merchant.slug, "test", "publishable", &[]);
        let error = world.http.key(&publishable).get(SESSIONS).await.unauthenticated();
        assert!(text(&error, "message").contains("publishable"), "{error}");
        let error = world.http.key("nonsense").get(SESSIONS).await.unauthenticated();
        assert!(!text(&error, "message").contains("publishable"), "{error}");

        let keys = world.server.cli(&["key", "list", "--tenant", &world.merchant.slug]);
        let id = uuid(text(&keys["data"][0], "id"));
        let of = |kind, id| Credential::mint(kind, id).reveal();
        let elsewhere = vestibule::domain::id::uuid_at(1_700_000_000_000_000_000);
        let changed = |at: usize| {
            let with = if &key[at..=at] == "0" { "1" } else { "0" };
            format!("{}{with}{}", &key[..at], &key[at + 1..])
        };
        let browser = world.mint(json!({"mode": "token"})).await;
        let link = world.mint(json!({})).await;
        for wrong in [
            "",
            " ",
            "nonsense",
            "vst_sk_test_",
            text(&browser, "token"),
            text(&link, "token"),
            &of(Kind::SecretKey { live: false }, id),
            &of(Kind::SecretKey { live: true }, id),
            &of(Kind::SecretKey { live: false }, elsewhere),
            &of(Kind::PublishableKey { live: false }, id),
            &of(Kind::Bearer, id),
            &changed(20),
            &changed(key.len() - 1),
            &changed(key.len() - 10),
            &key[..key.len() - 1],
            &format!("{key}0"),
            &key.replace("_test_", "_live_"),
            &key.to_uppercase(),
        ] {
            world.http.key(wrong).get(SESSIONS).await.unauthenticated();
            world.http.header("x-api-key", wrong).get(SESSIONS).await.unauthenticated();
        }
        for scheme in [format!("Basic {key}"), key.clone(), format!("Bearer={key}"), format!("Token {key}")] {
            world.http.header("authorization", &scheme).get(SESSIONS).await.unauthenticated();
        }
        world.http.header("cookie", &format!("vst_x={key}; key={key}")).get(SESSIONS).await.unauthenticated();
        world.http.get(&format!("{SESSIONS}?key={key}")).await.unauthenticated();
        world.api.get(SESSIONS).await.expect(200);
    }
}

/// The checksum tells a typo apart before the database is asked: a secret whose hash fits is refused
/// all the same when its last six characters don't.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_is_refused_whatever_the_secret() {
    for world in World::both().await {
        let (created, browser) = world.active(json!({})).await;
        let link = world.mint(json!({})).await;
        let swap = |text: &str| {
            let (head, sum) = text.split_at(text.len() - 6);
            let other: String = sum.chars().rev().collect();
            if other == sum { format!("{head}000000") } else { format!("{head}{other}") }
        };
        world.http.key(&swap(&world.merchant.key)).get(SESSIONS).await.unauthenticated();
        world.who(&swap(&browser)).await.no_session();
        world.exchange(&swap(text(&link, "token"))).await.no_session();
        world.who(&browser).await.expect(200);
        world.exchange(text(&link, "token")).await.expect(200);
        assert!(text(&created, "id").starts_with("ps_"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_and_rolled() {
    for world in World::both().await {
        let made = world.server.cli(&["key", "create", "--tenant", &world.merchant.slug]);
        let client = world.http.key(text(&made, "key"));
        client.get(SESSIONS).await.expect(200);
        world.server.cli(&["key", "revoke", text(&made, "id")]);
        until_unauthenticated(&client).await;

        let made = world.server.cli(&["key", "create", "--tenant", &world.merchant.slug]);
        let old = world.http.key(text(&made, "key"));
        let rolled = world.server.cli(&["key", "roll", text(&made, "id"), "--overlap", "3600"]);
        let new = world.http.key(text(&rolled, "key"));
        for good in [&old, &new] {
            good.get(SESSIONS).await.expect(200);
        }
        let last = world.server.cli(&["key", "roll", text(&rolled, "id")]);
        world.http.key(text(&last, "key")).get(SESSIONS).await.expect(200);
        until_unauthenticated(&new).await;
        // A key is rolled once: what is dead stays dead, whatever overlap is asked for.
        let again = world.server.cli_output(&["key", "roll", text(&rolled, "id"), "--overlap", "3600"]);
        let said = String::from_utf8(again.stderr).unwrap();
        assert!(again.status.code() == Some(1) && said.contains("was rolled before"), "{said}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        new.get(SESSIONS).await.unauthenticated();
        // And one that still works can be revoked before its time.
        world.server.cli(&["key", "revoke", text(&made, "id")]);
        until_unauthenticated(&old).await;
    }
}

/// The command line is another process, of which the server hears within a second.
async fn until_unauthenticated(client: &crate::support::Http) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while client.get(SESSIONS).await.status == 200 {
        assert!(std::time::Instant::now() < deadline, "still good after a second");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    client.get(SESSIONS).await.unauthenticated();
}
