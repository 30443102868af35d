//! The way to merchants' back ends.

use crate::support::{Http, Merchant, Server, Store, Upstream};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Place {
    server: Server,
    merchant: Merchant,
    upstream: Upstream,
    portal: String,
}

impl Place {
    async fn new(store: Store) -> Self {
        Self::with(Server::with(store).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await).await
    }

    async fn with(server: Server) -> Self {
        let (merchant, upstream) = (server.tenant(), Upstream::start().await);
        let api = server.http.key(&merchant.key);
        let portal = api.patch("/v1/portals/default", json!({"upstreamUrl": upstream.url})).await.expect(200).json();
        let portal = portal["id"].as_str().unwrap().to_owned();
        Self { server, merchant, upstream, portal }
    }

    /// A browser's bearer token.
    async fn token(&self) -> String {
        let body = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"], "mode": "token"});
        let made = self.server.http.key(&self.merchant.key).post("/v1/portal-sessions", body).await.expect(201).json();
        made["token"].as_str().unwrap().to_owned()
    }

    async fn browser(&self) -> Http {
        self.server.http.key(&self.token().await)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/portals/{}/api/{rest}", self.portal)
    }
}

/// What an assertion claims, once its signature is checked.
pub(crate) fn claims(token: &str, jwks: &Value) -> Value {
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&decode(head)).unwrap();
    assert_eq!((&head["alg"], &head["typ"]), (&json!("EdDSA"), &json!("JWT")));
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).expect("its key");
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    let key = UnparsedPublicKey::new(&ED25519, decode(key["x"].as_str().unwrap()));
    key.verify(signed.as_bytes(), &decode(signature)).expect("a good signature");
    serde_json::from_slice(&decode(body)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_merchant_is_told_who_asks() {
    for store in Store::both() {
        let place = Place::new(store).await;
        let token = place.token().await;
        let browser = place
            .server
            .http
            .key(&token)
            .header("x-api-key", &token)
            .header("cookie", "secret=1")
            .header("x-forwarded-for", "1.2.3.4")
            .header("forwarded", "for=1.2.3.4")
            .header("vestibule-assertion", "forged")
            .header("vestibule_assertion", "forged")
            .header("accept", "application/json");
        let answer = browser.get(&place.path("keys/7?limit=2&q=%27a%2Fb&portal=x&portal=y")).await.expect(200);
        assert_eq!(answer.json()["data"][0]["path"], "/keys/7");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let seen = place.upstream.last();
        assert_eq!(seen.head.uri.to_string(), "/base/keys/7?limit=2&q=%27a%2Fb&portal=x&portal=y");
        assert_eq!(seen.header("accept"), Some("application/json"));
        for name in ["cookie", "authorization", "x-api-key", "x-forwarded-for", "forwarded", "vestibule_assertion"] {
            assert_eq!(seen.header(name), None);
        }
        let jwks = place.server.http.get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(jwks.header("cache-control"), Some("public, max-age=3600"));
        let claims = claims(seen.header("vestibule-assertion").unwrap(), &jwks.json());
        assert_eq!(claims["iss"], place.server.public_url());
        assert_eq!((&claims["aud"], &claims["sub"]), (&json!(place.portal), &json!("acme-001")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
        assert_eq!((&claims["preview"], &claims["livemode"]), (&json!(false), &json!(false)));
        assert_eq!(claims["permissions"], json!(["api.*.read_key"]));
        assert_eq!(claims["tenant"], place.merchant.id);
        for name in ["jti", "customer", "session"] {
            assert!(claims[name].is_string(), "{claims}");
        }
        // Another instance signs with the same key.
        let other = Server::join(&place.server).start().await;
        assert_eq!(other.http.get("/.well-known/jwks.json").await.expect(200).json(), jwks.json());
        assert!(!place.server.log().contains(&token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_are_sealed_under_the_secret() {
    for store in Store::both() {
        let server = Server::with(store)
            .env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true")
            .env("VESTIBULE_GATEWAY__SECRET", "correct horse battery staple")
            .start()
            .await;
        let place = Place::with(server).await;
        place.browser().await.get(&place.path("keys")).await.expect(200);
        let other = Server::join(&place.server).start().await;
        other.http.get("/.well-known/jwks.json").await.expect(200);
        // Who can't open them does not start: all that needs an assertion would fail.
        for secret in ["another secret altogether", ""] {
            let stranger = Server::join(&place.server).env("VESTIBULE_GATEWAY__SECRET", secret);
            let mut stranger = stranger.spawn();
            assert_eq!(stranger.ended().await.code(), Some(1), "{}", stranger.log());
            assert!(stranger.log().contains("VESTIBULE_GATEWAY__SECRET"), "{}", stranger.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_both_ways_up_to_10_mib() {
    let place = Place::new(Store::Sqlite).await;
    let browser = place.browser().await;
    const MIB_10: usize = 10 * 1024 * 1024;
    let body = vec![b'z'; MIB_10];
    let answer =
        browser.header("content-type", "text/csv").send(Method::PUT, &place.path("files"), Some(body.clone())).await;
    assert_eq!(answer.expect(200).json()["data"][0]["bytes"], MIB_10);
    let seen = place.upstream.last();
    assert_eq!((seen.head.method.clone(), seen.header("content-type")), (Method::PUT, Some("text/csv")));
    assert!(seen.body == body);
    // Without a body its length is told all the same where one may be expected.
    for (method, told) in
        [(Method::POST, Some("0")), (Method::PATCH, Some("0")), (Method::GET, None), (Method::DELETE, None)]
    {
        browser.send(method, &place.path("files"), None).await.expect(200);
        assert_eq!(place.upstream.last().header("content-length"), told);
    }
    let answer = browser.send(Method::POST, &place.path("files"), Some(vec![0; MIB_10 + 1])).await.expect(413);
    assert_eq!(answer.json()["error"]["code"], "body_too_large");
    let chunked = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        place.path("files"),
        place.token().await,
        format!("100000\r\n{}\r\n", "x".repeat(0x100000)).repeat(11),
    );
    assert!(place.server.http.raw(chunked).await.starts_with("HTTP/1.1 413"));
    assert_eq!(browser.get(&place.path("long")).await.expect(200).body.len(), MIB_10);
    browser.get(&place.path("longer")).await.expect(502);
    assert_eq!(browser.get(&place.path("stream")).await.expect(200).body.len(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_can_do_no_harm() {
    let place = Place::new(Store::Sqlite).await;
    let browser = place.browser().await;
    let answer = browser.get(&place.path("page")).await.expect(200);
    assert_eq!((answer.header("content-type"), answer.header("etag")), (Some("text/html"), Some("\"1\"")));
    assert!(answer.cookies().is_empty());
    // A cache keeps apart what different credentials get, wherever they are shown.
    let vary = answer.header("vary").unwrap().to_ascii_lowercase();
    assert!(["authorization", "cookie", "x-api-key"].iter().all(|name| vary.contains(name)), "{vary}");
    assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox"));
    let moved = browser.get(&place.path("moved")).await.expect(302);
    assert_eq!(moved.header("location"), None);
    browser.get(&place.path("missing")).await.expect(404);
    let before = place.upstream.count();
    for bad in ["../x", "a/../../x", "%2e%2e/x", ".%2E/x", "/evil", "a%2f..%2fb", "%5c..%5c", "a/%2e%2e", "..;/x"] {
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            place.path(bad),
            place.token().await
        );
        assert!(place.server.http.raw(request).await.starts_with("HTTP/1.1 400"), "{bad}");
    }
    assert_eq!(place.upstream.count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_session_of_this_portal_passes() {
    let place = Place::new(Store::Sqlite).await;
    let (token, path) = (place.token().await, place.path("keys"));
    let http = &place.server.http;
    http.get(&path).await.expect(401);
    http.key(&place.merchant.key).get(&path).await.expect(401);
    let other = Place::new(Store::Sqlite).await;
    http.key(&token).get(&other.path("keys")).await.expect(401);
    http.key(&token).get("/v1/portals/default/api/keys").await.expect(401);

    let cookie = http.header("cookie", &format!("vst_{}={token}", place.portal));
    cookie.get(&path).await.expect(200);
    let json = Some(b"{}".to_vec());
    cookie.send(Method::POST, &path, json.clone()).await.expect(403);
    let elsewhere = cookie.header("origin", "https://evil.example");
    elsewhere.send(Method::DELETE, &path, None).await.expect(403);
    cookie.header("sec-fetch-site", "cross-site").send(Method::POST, &path, json.clone()).await.expect(403);
    cookie.header("sec-fetch-site", "same-origin").send(Method::POST, &path, json.clone()).await.expect(200);
    cookie.header("origin", &place.server.public_url()).send(Method::PATCH, &path, json).await.expect(200);

    let api = http.key(&place.merchant.key);
    api.patch("/v1/portals/default", json!({"upstreamUrl": null})).await.expect(200);
    let answer = http.key(&token).get(&path).await.expect(404);
    assert_eq!(answer.json()["error"]["code"], "resource_missing");
    http.key(&token).delete("/v1/portal-session").await.expect(204);
    http.key(&token).get(&path).await.expect(401);
}

/// An upstream would send the assertion back, or take it for a tunnel to somewhere else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_those_on_the_way_is_not_passed_on() {
    let place = Place::new(Store::Sqlite).await;
    let token = place.token().await;
    for method in ["TRACE", "CONNECT"] {
        let head = format!("{method} {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}", place.path("x"));
        let answer = place.server.http.raw(format!("{head}\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("\r\nallow: GET, HEAD, POST"), "{answer}");
        assert!(answer.contains("method_not_allowed"), "{answer}");
    }
    assert_eq!(place.upstream.count(), 0);
    place.server.http.key(&token).send(Method::OPTIONS, &place.path("x"), None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_away_or_slow_is_told_of() {
    let place = Place::new(Store::Sqlite).await;
    let browser = place.browser().await;
    let started = Instant::now();
    let slow = browser.post(&place.path("slow"), json!({})).await.expect(504);
    assert_eq!(slow.json()["error"]["code"], "upstream_timeout");
    assert!((9..13).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let api = place.server.http.key(&place.merchant.key);
    api.patch("/v1/portals/default", json!({"upstreamUrl": "http://127.0.0.1:1/"})).await.expect(200);
    let away = browser.get(&place.path("keys")).await.expect(502);
    assert_eq!(away.json()["error"]["code"], "upstream_unavailable");
}

/// What no well-behaved upstream answers, each on a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_breaks_the_rules_breaks_no_client() {
    let place = Place::new(Store::Sqlite).await;
    let browser = place.browser().await;
    let api = place.server.http.key(&place.merchant.key);
    for (said, status) in [
        ("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", 502),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nno", 204),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        api.patch("/v1/portals/default", json!({"upstreamUrl": url})).await.expect(200);
        for _ in 0..3 {
            let answer = browser.get(&place.path("x")).await.expect(status);
            assert!(status != 204 || answer.header("content-length").is_none(), "{answer:?}");
            assert!(status != 200 || answer.body == b"hello", "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused() {
    let place = Place::with(Server::start(Store::Sqlite).await).await;
    let (api, browser) = (place.server.http.key(&place.merchant.key), place.browser().await);
    let port = place.upstream.url.trim_end_matches("/base").rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://{host}:{port}/base");
        api.patch("/v1/portals/default", json!({"upstreamUrl": url})).await.expect(200);
        browser.get(&place.path("keys")).await.expect(502);
    }
    for host in ["10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "[fd00::1]", "[64:ff9b::7f00:1]", "0.0.0.0"] {
        let url = format!("https://{host}/");
        api.patch("/v1/portals/default", json!({"upstreamUrl": url})).await.expect(200);
        let started = Instant::now();
        browser.get(&place.path("keys")).await.expect(502);
        assert!(started.elapsed() < Duration::from_secs(1), "{host} was tried");
    }
    assert_eq!(place.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosted_tabs_show_the_merchants_data() {
    let place = Place::new(Store::Sqlite).await;
    let api = place.server.http.key(&place.merchant.key);
    let permissions = ["api.*.read_key", "api.*.read_analytics", "billing.*.read_billing"];
    let body = json!({"customerExternalId": "acme-001", "permissions": permissions, "mode": "token"});
    let made = api.post("/v1/portal-sessions", body).await.expect(201).json();
    let cookie = format!("vst_{}={}", place.portal, made["token"].as_str().unwrap());
    let reader = place.server.http.header("cookie", &cookie);
    let page = async |rest: &str| reader.get(&format!("/p/{}/{rest}", place.portal)).await.expect(200).text();

    let keys = page("keys").await;
    assert!(keys.contains("key_1") && keys.contains("key_2") && !keys.contains("rel=\"first\""), "{keys}");
    assert!(keys.contains("keys?startingAfter=key_2"), "{keys}");
    assert_eq!(place.upstream.last().header("accept"), Some("application/json"));
    assert_eq!(place.upstream.last().header("cookie"), None);
    let second = page("keys?startingAfter=key_2").await;
    assert_eq!(place.upstream.last().head.uri, "/base/keys?startingAfter=key_2");
    assert!(second.contains("rel=\"first\""), "{second}");
    let billing = page("billing").await;
    assert!(billing.contains("Subscriptions") && billing.contains("Invoices"), "{billing}");
    assert!(page("docs").await.contains("Docs"));

    api.patch("/v1/portals/default", json!({"upstreamUrl": "http://127.0.0.1:1/"})).await.expect(200);
    assert!(page("keys").await.contains("could not be loaded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_auth_asserts_the_same() {
    let place = Place::new(Store::Sqlite).await;
    let answer = place.browser().await.get(&format!("/v1/portals/{}/auth", place.portal)).await.expect(200);
    let jwks = place.server.http.get("/.well-known/jwks.json").await.expect(200).json();
    let claims = claims(answer.header("vestibule-assertion").unwrap(), &jwks);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("acme-001"), &json!(place.portal)));
}
