//! The hosted pages.

use reqwest::Method;
use serde_json::json;

use sqlx::{Connection as _, PgConnection};
use vestibule::domain::id::PortalId;

use super::{Guest, link, place, portal, portal_of, seen};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn tabs_are_shown_by_permission_and_guarded() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        for (permissions, allowed) in [
            (json!(["api.*.read_key"]), &["keys", "docs"][..]),
            (json!(["x.*.read_invoice", "y.*.read_analytics"]), &["analytics", "billing", "docs"]),
            (json!(["a.b.other"]), &["docs"]),
            (json!(["a.b.*"]), &["keys", "analytics", "billing", "docs"]),
        ] {
            let (path, session) = link(&server, &merchant, json!({"permissions": permissions})).await;
            let home = format!("/p/{}/", portal_of(&session));
            let mut guest = Guest::new(&server);
            guest.sign_in(&path).await.expect(200);
            assert_eq!(place(&guest.open(&home).await.expect(303)), format!("{home}{}", allowed[0]));
            assert_eq!(
                place(&guest.open(home.trim_end_matches('/')).await.expect(303)),
                format!("{home}{}", allowed[0])
            );
            for tab in ["keys", "analytics", "billing", "docs"] {
                let page = guest.open(&format!("{home}{tab}")).await;
                assert_eq!(page.status, if allowed.contains(&tab) { 200 } else { 403 }, "{tab}: {permissions}");
                let links = ["keys", "analytics", "billing", "docs"];
                let links = links.into_iter().filter(|tab| page.text().contains(&format!(r#"href="{home}{tab}""#)));
                assert_eq!(links.collect::<Vec<_>>(), allowed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn your_access_tells_who_is_signed_in() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let person = json!({"externalId": "acme-001", "name": "Ada Lovelace", "email": "ada@example.org"});
        server.http.key(&merchant.key).post("/v1/customers", person).await.expect(201);
        let (path, session) = link(&server, &merchant, json!({"preview": true})).await;
        let mut guest = Guest::new(&server);
        let page = guest.sign_in(&path).await.expect(200).text();
        assert!(page.contains("Preview mode") && page.contains("acme-001"), "{page}");
        let page = guest.open(&format!("/p/{}/access", portal_of(&session))).await.expect(200).text();
        for text in ["Ada Lovelace", "ada@example.org", "acme-001", "api.*.read_key", "127.0.0.1", "Preview mode"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        let (path, _) = link(&server, &merchant, json!({})).await;
        assert!(!guest.sign_in(&path).await.text().contains("Preview mode"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_without_scripts() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let home = format!("/p/{}", portal_of(&session));
        let mut guest = Guest::new(&server);
        guest.sign_in(&path).await.expect(200);
        let stolen = guest.cookies.clone();
        let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        guest.send(Method::POST, &format!("{home}/sign-out"), &foreign).await.expect(403);
        guest.open(&format!("{home}/keys")).await.expect(200);
        assert_eq!(place(&guest.open(&format!("{home}/signed-out")).await.expect(303)), format!("{home}/keys"));
        let answer = guest.submit(&format!("{home}/sign-out")).await.expect(303);
        assert_eq!(place(&answer), format!("{home}/signed-out"));
        assert!(!guest.cookies.keys().any(|name| name.starts_with("vst_ptl_")));
        guest.open(&format!("{home}/signed-out")).await.expect(200);
        guest.cookies = stolen;
        guest.open(&format!("{home}/keys")).await.expect(401);
        assert_eq!(seen(&server, &merchant, &session).await["status"], "ended");
        // Twice is as good as once, and the link stays spent.
        guest.submit(&format!("{home}/sign-out")).await.expect(303);
        guest.open(&path).await.expect(410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_leads_back() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({"returnUrl": "https://own.example/?a=1"})).await;
        let keys = format!("/p/{}/keys", portal_of(&session));
        let mut guest = Guest::new(&server);
        let page = guest.open(&keys).await.expect(401).text();
        assert!(page.contains("Session expired"), "{page}");
        guest.sign_in(&path).await.expect(200);
        let cookies = guest.cookies.clone();
        guest.submit(&format!("/p/{}/sign-out", portal_of(&session))).await.expect(303);
        // A browser that still shows the cookie is sent where its session came from.
        guest.cookies = cookies.clone();
        assert_eq!(place(&guest.open(&keys).await.expect(303)), "https://own.example/?a=1&reason=session_expired");
        portal(&server, &merchant, json!({"returnUrl": "https://shop.example/"})).await;
        assert_eq!(place(&Guest::new(&server).open(&keys).await), "https://shop.example/?reason=session_expired");
        let revoke = format!("/v1/portal-sessions/{}", session["id"].as_str().unwrap());
        server.http.key(&merchant.key).delete(&revoke).await.expect(204);
        guest.cookies = cookies;
        assert_eq!(place(&guest.open(&keys).await), "https://shop.example/?reason=session_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_a_portal_closes_its_pages_at_once() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let (path, session) = link(&server, &merchant, json!({})).await;
        let (open, _) = link(&server, &merchant, json!({})).await;
        let keys = format!("/p/{}/keys", portal_of(&session));
        let mut guest = Guest::new(&server);
        guest.sign_in(&path).await.expect(200);
        portal(&server, &merchant, json!({"enabled": false})).await;
        guest.open(&keys).await.expect(401);
        guest.open(&open).await.expect(410);
        portal(&server, &merchant, json!({"enabled": true})).await;
        guest.open(&keys).await.expect(200);
        guest.open(&open).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_lead_nowhere() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let (path, session) = link(&server, &merchant, json!({"path": "/invoices/7?x=1"})).await;
    let home = format!("/p/{}", portal_of(&session));
    let mut guest = Guest::new(&server);
    guest.open(&path).await.expect(200);
    assert_eq!(place(&guest.submit(&path).await), format!("{home}/invoices/7?x=1"));
    let page = guest.open(&format!("{home}/invoices/7?x=1")).await.expect(404).text();
    assert!(page.contains("sign-out"), "the reader keeps the navigation: {page}");
    let page = Guest::new(&server).open(&format!("{home}/nothing/here")).await.expect(404).text();
    assert!(!page.contains("sign-out"), "{page}");
    for path in ["/p/ptl_0000000000000000000000/keys", "/p/default/keys", "/p/x", "/p/", "/r/", "/assets/x.css"] {
        let page = Guest::new(&server).open(path).await.expect(404);
        assert!(page.text().starts_with("<!doctype html>"), "{path}");
    }
    let page = guest.send(Method::DELETE, &format!("{home}/keys"), &[]).await.expect(405);
    assert_eq!(page.header("allow"), Some("GET,HEAD"));
    assert!(page.text().starts_with("<!doctype html>"));
    let page = guest.send(Method::PUT, &path, &[]).await.expect(405);
    assert!(page.text().starts_with("<!doctype html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_tells_of_a_database_that_does_not_answer() {
    let server = Server::start(Store::Postgres).await;
    let merchant = server.tenant();
    let (path, session) = link(&server, &merchant, json!({})).await;
    let nowhere = format!("/p/{}/nothing", portal_of(&session));
    let mut guest = Guest::new(&server);
    guest.open(&path).await.expect(200);
    guest.submit(&path).await.expect(303);
    // The portal is remembered from here on, the session not yet.
    Guest::new(&server).open(&nowhere).await.expect(404);
    let mut lock = PgConnection::connect(server.database().url()).await.unwrap();
    sqlx::raw_sql("begin; lock table portal_sessions in access exclusive mode").execute(&mut lock).await.unwrap();
    for _ in 0..2 {
        let page = guest.open(&nowhere).await.expect(503);
        assert!(page.text().starts_with("<!doctype html>") && page.header("retry-after").is_some());
    }
    lock.close().await.unwrap();
    guest.open(&nowhere).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_may_have_many_portals() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let (path, session) = link(&server, &merchant, json!({})).await;
    let mut guest = Guest::new(&server);
    guest.sign_in(&path).await.expect(200);
    // Of as many other portals, all of which come first.
    let others: Vec<_> = (1..=30).map(|n| format!("vst_{}=bst_{n}", PortalId::at(n))).collect();
    let own = guest.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    let cookies = others.into_iter().chain(own).collect::<Vec<_>>().join("; ");
    let id = portal_of(&session);
    let http = server.http.header("cookie", &cookies);
    http.get(&format!("/p/{id}/keys")).await.expect(200);
    http.get(&format!("/v1/portals/{id}/auth")).await.expect(200);
    let seen = http.get(&format!("/v1/portal-session?portal={id}")).await.expect(200).json();
    assert_eq!(seen["id"], session["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn style_sheets_are_cached_until_they_change() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let id = portal(&server, &merchant, json!({"branding": {"primaryColor": "#ffd600"}})).await["id"].clone();
    let page = Guest::new(&server).open(&format!("/p/{}/keys", id.as_str().unwrap())).await.expect(401).text();
    let hrefs: Vec<_> = page.split(['"']).filter(|text| text.starts_with('/') && text.contains(".")).collect();
    assert!(hrefs.len() >= 4, "{hrefs:?}");
    for href in hrefs {
        let file = server.http.get(href).await.expect(200);
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"), "{href}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    let old = server.http.get(&format!("/p/{}/brand.css?v=0", id.as_str().unwrap())).await.expect(200);
    assert_eq!(old.header("cache-control"), Some("no-cache"));
    assert!(old.text().contains("#ffd600"));
}
