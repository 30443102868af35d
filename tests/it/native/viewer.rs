//! `GET` and `DELETE /v1/portal-session`: a browser session as its own browser sees it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{EXCHANGE, Http, SESSIONS, Server, Store, World, creation, text, uuid};

const ME: &str = "/v1/portal-session";

/// Exchanges a new link by cookie: the creation's answer, and the cookie's pair.
async fn cookie(http: &Http, api: &Http, fields: Value) -> (Value, String) {
    let created = api.post(SESSIONS, creation(fields)).await.expect(201).json();
    let answer = http.post(EXCHANGE, json!({"token": created["token"]})).await.expect(200);
    let pair = answer.cookies()[0].split_once(';').expect("attributes").0.to_owned();
    (created, pair)
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_the_object_and_its_tabs() {
    for world in World::both().await {
        let (created, token) = world.active(json!({"metadata": {"a": "b"}})).await;
        let answer = world.who(&token).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let mut seen = answer.json();
        assert_eq!(seen["tabs"], json!(["keys", "docs"]));
        seen.as_object_mut().unwrap().remove("tabs");
        let got = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200).json();
        assert_eq!(seen, got);
        assert_eq!(world.http.header("x-api-key", &token).get(ME).await.expect(200).body, answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_a_session() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let (_, token) = world.active(json!({})).await;
        world.http.get(ME).await.no_session();
        world.http.header("cookie", "vst_nonsense=1; a=b").get(ME).await.no_session();
        let broken = format!("{}0", &token[..63]);
        let broken = if broken == token { format!("{}1", &token[..63]) } else { broken };
        for wrong in [text(&created, "token"), &world.merchant.key, &broken, "x", "", &token[..63]] {
            world.who(wrong).await.no_session();
            world.http.key(wrong).delete(ME).await.no_session();
        }
        world.http.header("authorization", "Basic dXNlcjpwdw==").get(ME).await.no_session();
        let two = world.http.key(&token).header("x-api-key", &world.active(json!({})).await.1);
        two.get(ME).await.malformed("invalid_request", None);
        // And a browser token opens nothing that a key does.
        world.http.key(&token).get(SESSIONS).await.unauthenticated();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ran_out() {
    for world in World::both().await {
        let db = world.db().await;
        let (created, token) = world.active(json!({"sessionTtl": 300})).await;
        db.shift(text(&created, "id"), &["used_at", "browser_expires_at"], -299).await;
        world.who(&token).await.expect(200);
        let (created, token) = world.active(json!({"sessionTtl": 300})).await;
        db.shift(text(&created, "id"), &["used_at", "browser_expires_at"], -300).await;
        world.who(&token).await.no_session();
        world.http.key(&token).delete(ME).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_runs_out_while_it_is_remembered() {
    for world in World::both().await {
        let (created, token) = world.active(json!({"sessionTtl": 300})).await;
        world.db().await.shift(text(&created, "id"), &["used_at", "browser_expires_at"], -295).await;
        let began = Instant::now();
        let mut last = world.who(&token).await.expect(200);
        while last.status == 200 && began.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            last = world.who(&token).await;
        }
        last.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_out_ends_it_on_the_server() {
    for world in World::both().await {
        let (created, token) = world.active(json!({})).await;
        world.who(&token).await.expect(200);
        let answer = world.http.key(&token).delete(ME).await.expect(204);
        assert_eq!((answer.text().as_str(), answer.header("cache-control")), ("", Some("no-store")));
        world.who(&token).await.no_session();
        world.http.key(&token).delete(ME).await.no_session();
        let got = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200).json();
        assert_eq!(got["status"], "ended");
        assert!(got["browserSession"]["endedAt"].is_string(), "{got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_out_by_cookie_is_same_origin_only() {
    for world in World::both().await {
        let own = world.server.public_url();
        let (created, pair) = cookie(&world.http, &world.api, json!({})).await;
        let browser = world.http.header("cookie", &pair);
        for foreign in [
            browser.clone(),
            browser.header("origin", "https://evil.example"),
            browser.header("origin", "null"),
            browser.header("origin", &format!("{own}/")),
            browser.header("origin", &format!("{own}.evil.example")),
            browser.header("sec-fetch-site", "cross-site"),
            browser.header("sec-fetch-site", "same-site"),
            browser.header("sec-fetch-site", "none"),
            browser.header("sec-fetch-site", "cross-site").header("origin", &own),
        ] {
            foreign.delete(ME).await.forbidden();
        }
        browser.get(ME).await.expect(200);
        let answer =
            browser.header("sec-fetch-site", "same-origin").header("origin", "null").delete(ME).await.expect(204);
        let cleared = format!("vst_{}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0", text(&created, "portalId"));
        assert_eq!(answer.cookies(), [cleared]);
        browser.get(ME).await.no_session();
        browser.header("sec-fetch-site", "same-origin").delete(ME).await.no_session();

        let (_, pair) = cookie(&world.http, &world.api, json!({})).await;
        world.http.header("cookie", &pair).header("origin", &own).delete(ME).await.expect(204);
        // A header is nothing that another site's page could send.
        let (_, token) = world.active(json!({})).await;
        world.http.key(&token).header("origin", "https://evil.example").delete(ME).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_of_several_cookies() {
    for world in World::both().await {
        let second = world.api.post("/v1/portals", json!({"slug": "second"})).await.expect(201).json();
        let (first, one) = cookie(&world.http, &world.api, json!({})).await;
        let (other, two) = cookie(&world.http, &world.api, json!({"portal": "second"})).await;
        for order in [format!("{one}; {two}; theme=dark"), format!("theme=dark;{two};{one}")] {
            let browser = world.http.header("cookie", &order);
            assert_eq!(browser.get(ME).await.expect(200).json()["id"], other["id"], "the one started last");
            let of = async |portal: &str| browser.get(&format!("{ME}?portal={portal}")).await;
            assert_eq!(of(text(&first, "portalId")).await.expect(200).json()["id"], first["id"]);
            let plain = uuid(text(&second, "id")).hyphenated().to_string();
            assert_eq!(of(&plain).await.expect(200).json()["id"], other["id"]);
            for nowhere in ["default", "x", &crate::support::unknown("ptl")] {
                of(nowhere).await.no_session();
            }
            of("").await.invalid("portal");
            browser.get(&format!("{ME}?portals=x")).await.malformed("invalid_request", Some("portals"));
        }
        // A cookie that says another portal than its session does was planted.
        let planted = one.split_once('=').unwrap().1;
        let planted = format!("vst_{}={planted}", text(&second, "id"));
        world.http.header("cookie", &planted).get(ME).await.no_session();
        // Logging out of one leaves the other.
        let browser = world.http.header("cookie", &format!("{one}; {two}"));
        browser
            .header("sec-fetch-site", "same-origin")
            .delete(&format!("{ME}?portal={}", text(&second, "id")))
            .await
            .expect(204);
        assert_eq!(browser.get(ME).await.expect(200).json()["id"], first["id"]);
    }
}

/// A browser that sets a cookie again leaves it where it was, so their order tells nothing.
#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_cookies_those_of_the_newest_sessions_count() {
    for world in World::both().await {
        let several = async || {
            let mut others = Vec::new();
            for _ in 0..16 {
                let token = text(&world.mint(json!({"mode": "token"})).await, "token").to_owned();
                others.push(format!("vst_{}={token}", crate::support::unknown("ptl")));
            }
            others.join("; ")
        };
        let older = several().await;
        let (session, own) = cookie(&world.http, &world.api, json!({})).await;
        let newer = several().await;
        let junk =
            (0..40).map(|n| format!("vst_{}=bst_{n}", crate::support::unknown("ptl"))).collect::<Vec<_>>().join("; ");
        for others in [older, junk] {
            for line in [format!("{own}; {others}"), format!("{others}; {own}")] {
                let answer = world.http.header("cookie", &line).get(ME).await.expect(200).json();
                assert_eq!(answer["id"], session["id"]);
            }
        }
        world.http.header("cookie", &format!("{own}; {newer}")).get(ME).await.no_session();
    }
}

/// Whatever else on this host sets a cookie writes into it what it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_is_no_text_hides_no_other() {
    for world in World::both().await {
        let ask = async |method: &str, line: Vec<u8>| {
            let head =
                format!("{method} {ME} HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n");
            world.http.raw([head.as_bytes(), b"cookie: ", &line, b"\r\n\r\n"].concat()).await
        };
        for odd in [&b"name=Jos\xe9"[..], "name=José".as_bytes(), b"\xff\xfe", b"a=\x80; =; ;"] {
            let (_, pair) = cookie(&world.http, &world.api, json!({})).await;
            let before = [odd, b"; ", pair.as_bytes()].concat();
            let after = [pair.as_bytes(), b"; ", odd].concat();
            for line in [&before, &after] {
                assert!(ask("GET", line.clone()).await.starts_with("HTTP/1.1 200"), "{odd:?}");
            }
            assert!(ask("DELETE", before.clone()).await.starts_with("HTTP/1.1 204"), "{odd:?}");
            assert!(ask("GET", after).await.starts_with("HTTP/1.1 401"), "{odd:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_https_the_cookie_is_bound_to_the_host() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_PUBLIC_URL", "https://portal.example").start().await;
    let merchant = server.tenant();
    let api = server.http.key(&merchant.key);
    let created = api.post(SESSIONS, creation(json!({}))).await.expect(201).json();
    assert!(text(&created, "url").starts_with("https://portal.example/r/pst_"), "{created}");
    let answer = server.http.post(EXCHANGE, json!({"token": created["token"]})).await.expect(200);
    assert!(answer.header("strict-transport-security").is_some());
    let (pair, attributes) = answer.cookies()[0].split_once("; ").unwrap();
    assert!(pair.starts_with(&format!("__Host-vst_{}=bst_", text(&created, "portalId"))), "{pair}");
    assert_eq!(attributes, "HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=86400");
    let browser = server.http.header("cookie", pair);
    browser.get(ME).await.expect(200);
    server.http.header("cookie", pair.strip_prefix("__Host-").unwrap()).get(ME).await.no_session();
    browser.header("origin", "http://portal.example").delete(ME).await.forbidden();
    let answer = browser.header("origin", "https://portal.example").delete(ME).await.expect(204);
    let cleared = format!("__Host-vst_{}=; HttpOnly; Secure; ", text(&created, "portalId"));
    let kinds = ["SameSite=Lax", "SameSite=None; Partitioned"];
    assert_eq!(answer.cookies(), kinds.map(|kind| format!("{cleared}{kind}; Path=/; Max-Age=0")));
}

/// A portal that became framed sets a cookie of another kind, beside the one from before.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_out_is_in_no_other_session_of_the_portal() {
    for world in World::both().await {
        for page in [false, true] {
            let (first, one) = cookie(&world.http, &world.api, json!({"customerExternalId": "one"})).await;
            let (second, two) = cookie(&world.http, &world.api, json!({"customerExternalId": "two"})).await;
            let browser = world.http.header("cookie", &format!("{one}; {two}")).header("sec-fetch-site", "same-origin");
            match page {
                true => {
                    let sign_out = format!("/p/{}/sign-out", text(&first, "portalId"));
                    browser.send(reqwest::Method::POST, &sign_out, None).await.expect(303);
                }
                false => drop(browser.delete(ME).await.expect(204)),
            }
            for (session, cookie) in [(first, one), (second, two)] {
                world.http.header("cookie", &cookie).get(ME).await.no_session();
                let path = format!("{SESSIONS}/{}", text(&session, "id"));
                assert_eq!(world.api.get(&path).await.expect(200).json()["status"], "ended");
            }
        }
    }
}
