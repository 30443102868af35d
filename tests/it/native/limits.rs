//! Limits of rate, and the addresses that they and the trail go by.

use serde_json::json;

use crate::support::{Answer, EXCHANGE, SESSIONS, Server, Store, creation, text};

#[track_caller]
fn limited(answer: &Answer, burst: u32, window: u32) {
    answer.refused(429, "rate_limit_error", "rate_limit_exceeded");
    let wait: u32 = answer.header("retry-after").unwrap().parse().expect("whole seconds");
    assert!((1..=window).contains(&wait), "{wait}");
    assert_eq!(answer.header("ratelimit-policy"), Some(format!("\"default\";q={burst};w={window}").as_str()));
    assert_eq!(answer.header("ratelimit"), Some(format!("\"default\";r=0;t={wait}").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_key() {
    let server = Server::with(Store::Sqlite)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "1")
        .env("VESTIBULE_LIMITS__KEY_BURST", "3")
        .start()
        .await;
    let merchant = server.tenant();
    let other = server.http.key(&server.key(&merchant.slug, "test", "secret", &[]));
    let api = server.http.key(&merchant.key);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = api.get(SESSIONS).await;
        if answer.status != 200 {
            limited(&answer, 3, 3);
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 3, "{statuses:?}");
    other.get(SESSIONS).await.expect(200);
    // One who is not authenticated counts for nobody.
    server.http.key("nonsense").get(SESSIONS).await.unauthenticated();
    // And once the bucket has filled, it goes on.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while api.get(SESSIONS).await.status != 200 {
        assert!(std::time::Instant::now() < deadline, "never again");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_address_on_exchange() {
    let server = Server::with(Store::Sqlite)
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "1")
        .env("VESTIBULE_LIMITS__ADDRESS_BURST", "2")
        .env("VESTIBULE_TRUSTED_PROXIES", "127.0.0.0/8")
        .start()
        .await;
    let merchant = server.tenant();
    let created = server.http.key(&merchant.key).post(SESSIONS, creation(json!({}))).await.expect(201).json();
    let from = |address: &str| server.http.header("x-forwarded-for", address);
    let nothing = json!({"token": "nonsense"});
    for _ in 0..2 {
        from("203.0.113.1").post(EXCHANGE, nothing.clone()).await.no_session();
    }
    let refused = from("203.0.113.1").post(EXCHANGE, json!({"token": created["token"]})).await;
    limited(&refused, 2, 120);
    from("203.0.113.2").post(EXCHANGE, nothing.clone()).await.no_session();
    // IPv6 counts by /64, as it is handed out.
    for _ in 0..2 {
        from("2001:db8::1").post(EXCHANGE, nothing.clone()).await.no_session();
    }
    limited(&from("2001:db8::ffff:1").post(EXCHANGE, nothing.clone()).await, 2, 120);
    from("2001:db8:0:1::1").post(EXCHANGE, nothing).await.no_session();
    // The refused one has spent nothing.
    from("203.0.113.3").post(EXCHANGE, json!({"token": created["token"]})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_is_no_limit() {
    for zero in ["VESTIBULE_LIMITS__KEY_PER_SECOND", "VESTIBULE_LIMITS__KEY_BURST"] {
        let server = Server::with(Store::Sqlite);
        let server = server.env("VESTIBULE_LIMITS__KEY_PER_SECOND", "1").env("VESTIBULE_LIMITS__KEY_BURST", "1");
        let server = server.env(zero, "0").start().await;
        let api = server.http.key(&server.tenant().key);
        for _ in 0..20 {
            api.get("/v1/portals/default").await.expect(200);
        }
    }
}

/// The peer's address counts, unless it is a proxy that the configuration trusts.
#[tokio::test(flavor = "multi_thread")]
async fn whom_forwarded_headers_are_believed() {
    for (trusted, expected) in [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1,10.0.0.0/8", "203.0.113.9")]
    {
        let server = Server::with(Store::Sqlite).env("VESTIBULE_TRUSTED_PROXIES", trusted).start().await;
        let api = server.http.key(&server.tenant().key).header("x-forwarded-for", "1.2.3.4, 203.0.113.9, 10.1.2.3");
        let created = api.post(SESSIONS, creation(json!({}))).await.expect(201).json();
        let event = api.get("/v1/events?type=portal_session.created").await.expect(200).json();
        assert_eq!(text(&event["data"][0], "ipAddress"), expected, "{trusted}");
        let browser = server.http.header("x-forwarded-for", "203.0.113.9").header("forwarded", "for=1.2.3.4");
        let opened = browser.header("x-real-ip", "1.2.3.4").post(EXCHANGE, json!({"token": created["token"]})).await;
        assert_eq!(text(&opened.expect(200).json()["browserSession"], "ipAddress"), expected, "{trusted}");
    }
}
