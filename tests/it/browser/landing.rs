//! A link is opened, and redeemed.

use reqwest::Method;
use serde_json::json;

use super::{Guest, link, place, portal, portal_of, seen};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_into_the_portal_and_comes_back_to_it() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let mut guest = Guest::new(&server);
        let page = guest.open(&path).await.expect(200);
        assert!(page.text().contains("acme-001"), "{}", page.text());
        assert!(page.text().contains(&format!(r#"<form method="post" action="{path}">"#)), "{}", page.text());
        let first_tab = format!("/p/{}/keys", portal_of(&session));
        let answer = guest.submit(&path).await.expect(303);
        assert_eq!(place(&answer), first_tab);
        let cookie = answer.header("set-cookie").unwrap();
        let name = format!("vst_{}=bst_", portal_of(&session));
        assert!(cookie.starts_with(&name), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400"), "{cookie}");
        guest.open(&first_tab).await.expect(200);
        // The second click, Back, a reload of the form.
        assert_eq!(place(&guest.open(&path).await.expect(303)), first_tab);
        assert_eq!(place(&guest.submit(&path).await.expect(303)), first_tab);
        // Somebody else, with the same link.
        let page = Guest::new(&server).open(&path).await.expect(410);
        assert!(page.text().contains("<h1>"), "{}", page.text());
        Guest::new(&server).submit(&path).await.expect(410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_consumes_nothing_and_only_a_real_get_counts() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({"delivery": "redirect"})).await;
        let mut scanner = Guest::new(&server);
        scanner.send(Method::HEAD, &path, &[]).await.expect(200);
        for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
            scanner.send(Method::GET, &path, &[(name, value)]).await.expect(200);
        }
        assert_eq!(seen(&server, &merchant, &session).await["openedAt"], json!(null));
        for n in 0..50 {
            let token = path.strip_prefix("/r/").unwrap();
            let path = [path.clone(), format!("/?session={token}"), format!("/?utm_source=mail&code={token}")];
            Guest::new(&server).open(&path[n % 3]).await.expect(200);
        }
        let opened = seen(&server, &merchant, &session).await;
        assert_eq!(opened["status"], "opened");
        assert_eq!(opened["isUsed"], false);
        scanner.open(&path).await.expect(200);
        assert_eq!(seen(&server, &merchant, &session).await["openedAt"], opened["openedAt"]);
        assert!(scanner.sign_in(&path).await.status == 200);
        let events = server.http.key(&merchant.key);
        let events = events.get("/v1/events?type=portal_session.opened").await.expect(200).json();
        assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_page_can_redeem() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let own = server.public_url();
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())][..],
            &[("sec-fetch-site", "same-site"), ("origin", own.as_str())],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[],
        ] {
            let mut guest = Guest::new(&server);
            guest.open(&path).await.expect(200);
            let page = guest.send(Method::POST, &path, headers).await.expect(403);
            assert!(page.text().starts_with("<!doctype html>"), "{headers:?}");
            assert_eq!(page.cookies(), Vec::<&str>::new());
        }
        assert_eq!(seen(&server, &merchant, &session).await["isUsed"], false);
        let mut old_browser = Guest::new(&server);
        let page = old_browser.send(Method::GET, &path, &[]).await.expect(200);
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "or its Origin would be null");
        old_browser.send(Method::POST, &path, &[("origin", &own)]).await.expect(303);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_burns_nothing() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let mut guest = Guest::new(&server);
        guest.open(&path).await.expect(200);
        let nonce = guest.cookies.clone();
        assert_eq!(nonce.len(), 1);
        assert!(nonce.keys().next().unwrap().starts_with("vst_nonce_ps_"), "{nonce:?}");
        guest.submit(&path).await.expect(303);
        let lost = std::mem::replace(&mut guest.cookies, nonce.clone());
        // Another browser never gets in, with or without a nonce of its own.
        let mut other = Guest::new(&server);
        other.open(&path).await.expect(410);
        other.cookies = nonce.keys().map(|name| (name.clone(), "x".repeat(32))).collect();
        other.open(&path).await.expect(410);
        other.submit(&path).await.expect(410);
        // The same one sees the button again, keeps its nonce, and gets in.
        guest.open(&path).await.expect(200);
        assert_eq!(guest.cookies, nonce);
        assert_eq!(guest.sign_in(&path).await.status, 200);
        other.cookies = lost;
        other.open(&format!("/p/{}/keys", portal_of(&session))).await.expect(401);
        // From the first use on, the nonce is worth nothing.
        guest.cookies = nonce;
        guest.open(&path).await.expect(410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_two_tabs_both_work() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let (one, two) = (server.tenant(), server.tenant());
        let mut guest = Guest::new(&server);
        let (first, a) = link(&server, &one, json!({})).await;
        let (second, b) = link(&server, &two, json!({})).await;
        let (third, _) = link(&server, &one, json!({"customerExternalId": "acme-002"})).await;
        for path in [&first, &second, &third] {
            guest.open(path).await.expect(200);
        }
        for path in [&first, &second] {
            guest.submit(path).await.expect(303);
        }
        for session in [&a, &b] {
            guest.open(&format!("/p/{}/keys", portal_of(session))).await.expect(200);
        }
        // Another link of the same portal takes its place, and no other's.
        guest.submit(&third).await.expect(303);
        let page = guest.open(&format!("/p/{}/keys", portal_of(&a))).await.expect(200);
        assert!(page.text().contains("acme-002"));
        guest.open(&format!("/p/{}/keys", portal_of(&b))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_link_of_the_same_customer_leads_into_the_portal_as_well() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (first, session) = link(&server, &merchant, json!({"path": "/billing"})).await;
        let (second, _) = link(&server, &merchant, json!({})).await;
        let (others, _) = link(&server, &merchant, json!({"customerExternalId": "acme-002"})).await;
        let mut guest = Guest::new(&server);
        guest.open(&first).await.expect(200);
        let billing = place(&guest.submit(&first).await.expect(303));
        guest.open(&billing).await;
        guest.sign_in(&second).await.expect(200);
        let second_only = guest.cookies.clone();
        // A reload of the older one's page, Back and its button.
        assert_eq!(place(&guest.open(&first).await.expect(303)), billing);
        assert_eq!(place(&guest.submit(&first).await.expect(303)), billing);
        assert_eq!(guest.cookies, second_only, "and the session stays the later one");
        // Another customer's link is as over as ever.
        Guest::new(&server).sign_in(&others).await.expect(200);
        guest.open(&others).await.expect(410);
        guest.submit(&format!("/p/{}/sign-out", portal_of(&session))).await.expect(303);
        guest.open(&first).await.expect(410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_link_that_is_redeemed_again_is_told_of() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let refused = async || {
            let events = server.http.key(&merchant.key).get("/v1/events?type=portal_session.exchange_refused").await;
            let events = events.expect(200).json()["data"].as_array().unwrap().clone();
            events.iter().map(|event| event["portalSessionId"].clone()).collect::<Vec<_>>()
        };
        let (path, session) = link(&server, &merchant, json!({})).await;
        let mut guest = Guest::new(&server);
        guest.sign_in(&path).await.expect(200);
        guest.submit(&path).await.expect(303);
        let mut thief = Guest::new(&server);
        thief.open(&path).await.expect(410);
        assert_eq!(refused().await, [json!(null); 0], "who is inside or only looks has tried nothing");
        let page = thief.submit(&path).await.expect(410);
        assert!(page.text().contains("This link no longer works") && page.cookies().is_empty());
        assert_eq!(refused().await, [session["id"].clone()]);
        // As well where the app is elsewhere, which is not bothered with it.
        portal(&server, &merchant, json!({"appUrl": "https://app.example/"})).await;
        thief.submit(&path).await.expect(410);
        assert_eq!(refused().await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_outlives_its_link_by_the_time_for_a_repeat() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, _) = link(&server, &merchant, json!({"expiresIn": 60})).await;
        let page = Guest::new(&server).open(&path).await.expect(200);
        let seconds = page.header("set-cookie").unwrap().rsplit_once("Max-Age=").unwrap().1.to_owned();
        let seconds: u32 = seconds.parse().unwrap();
        assert!((110..=120).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_opens_nothing_says_why_and_where_to_go() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let mut guest = Guest::new(&server);
        guest.sign_in(&path).await.expect(200);
        let back = json!({"returnUrl": "https://shop.example/account?a=1#x"});
        portal(&server, &merchant, back).await;
        let answer = Guest::new(&server).open(&path).await.expect(303);
        assert_eq!(place(&answer), "https://shop.example/account?a=1&reason=link_expired#x");
        let answer = Guest::new(&server).submit(&path).await.expect(303);
        assert_eq!(place(&answer), "https://shop.example/account?a=1&reason=link_expired#x");
        let (own, _) = link(&server, &merchant, json!({"returnUrl": "https://own.example/back"})).await;
        Guest::new(&server).sign_in(&own).await.expect(200);
        let answer = Guest::new(&server).open(&own).await.expect(303);
        assert_eq!(place(&answer), "https://own.example/back?reason=link_expired");
        // Revoked, or never there: nothing is known of it.
        let revoke = format!("/v1/portal-sessions/{}", session["id"].as_str().unwrap());
        server.http.key(&merchant.key).delete(&revoke).await.expect(204);
        guest.open(&path).await.expect(404);
        for path in ["/r/pst_nothing", "/?session=", "/?code=x", "/r/x", &path[..path.len() - 1]] {
            let page = Guest::new(&server).open(path).await.expect(404);
            assert!(page.text().contains("<h1>"), "{path}");
        }
        Guest::new(&server).submit("/r/pst_nothing").await.expect(404);
        Guest::new(&server).open("/").await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn landing_and_redemption_are_counted_by_address() {
    let setup = Server::with(Store::Sqlite).env("VESTIBULE_LIMITS__ADDRESS_BURST", "5");
    let server = setup.env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "1").start().await;
    let merchant = server.tenant();
    let (path, _) = link(&server, &merchant, json!({})).await;
    let mut guest = Guest::new(&server);
    for _ in 0..5 {
        guest.open(&path).await.expect(200);
    }
    let page = guest.submit(&path).await.expect(429);
    assert!(page.header("retry-after").is_some());
    assert!(page.header("ratelimit").is_some());
    assert!(page.text().starts_with("<!doctype html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_speaks_the_sessions_language_or_the_readers() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let japanese = [("accept-language", "ja, en;q=0.5")];
    for (locale, expected) in [(json!(null), "ja"), (json!("de-AT"), "de"), (json!("pt"), "ja"), (json!("fr"), "fr")] {
        let (path, _) = link(&server, &merchant, json!({"locale": locale})).await;
        let page = Guest::new(&server).send(Method::GET, &path, &japanese).await.expect(200);
        assert_eq!(page.header("content-language"), Some(expected));
        assert!(page.text().contains(&format!(r#"<html lang="{expected}">"#)));
    }
    let page = Guest::new(&server).send(Method::GET, "/r/nothing", &japanese).await.expect(404);
    assert_eq!(page.header("content-language"), Some("ja"));
    let page = Guest::new(&server).send(Method::GET, "/r/nothing", &[]).await.expect(404);
    assert_eq!(page.header("content-language"), Some("en"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_link_puts_its_token_into_the_cookie_again_and_again() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let person = json!({"externalId": "acme-001"});
        let person = server.http.key(&merchant.key).post("/v1/customers", person).await.expect(201).json();
        let body = json!({"customer_id": person["id"]});
        let minted = server.http.header("x-api-key", &merchant.key).post("/v2/customer-portal/sessions", body).await;
        let minted = minted.expect(201).json();
        let token = minted["data"]["token"].as_str().unwrap();
        let path = minted["data"]["url"].as_str().unwrap().strip_prefix(&server.public_url()).unwrap().to_owned();
        for _ in 0..2 {
            let mut guest = Guest::new(&server);
            guest.open(&path).await.expect(200);
            assert_eq!(guest.cookies.len(), 0, "there is nothing to repeat, so there is no nonce");
            let answer = guest.submit(&path).await.expect(303);
            assert!(answer.header("set-cookie").unwrap().contains(&format!("={token};")));
            let portal = place(&answer);
            assert!(portal.ends_with("/billing"), "{portal}");
            guest.open(&portal).await.expect(200);
            assert_eq!(place(&guest.open(&path).await.expect(303)), portal);
        }
        let id = person["id"].as_str().unwrap();
        let revoked = server.http.key(&merchant.key).delete(&format!("/v1/customers/{id}/portal-sessions")).await;
        revoked.expect(200);
        Guest::new(&server).open(&path).await.expect(404);
    }
}
