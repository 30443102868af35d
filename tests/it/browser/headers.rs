//! What guards every page.

use reqwest::Method;
use serde_json::json;

use super::{Guest, link, portal, portal_of};
use crate::support::{Answer, Server, Store};

/// A page's policy by directive.
fn directive<'a>(page: &'a Answer, name: &str) -> &'a str {
    let policy = page.header("content-security-policy").expect("a policy");
    let found = policy.split("; ").find_map(|rule| rule.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in {policy}"))
}

fn check(page: &Answer, what: &str) {
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{what}");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"), "{what}: {policy}");
    for (name, value) in
        [("default-src", "'none'"), ("script-src", "'self'"), ("style-src", "'self'"), ("base-uri", "'none'")]
    {
        assert_eq!(directive(page, name), value, "{what}");
    }
    assert!(directive(page, "form-action").starts_with("'self'"), "{what}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(page.header("strict-transport-security"), Some("max-age=63072000; includeSubDomains"), "{what}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(page.header("content-language"), Some("en"), "{what}");
    assert!(page.header("vary").is_some_and(|vary| vary.contains("Accept-Language")), "{what}");
    assert!(page.header("request-id").is_some_and(|id| id.starts_with("req_")), "{what}");
    let html = page.text();
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="), "{what}: {html}");
    assert!(!html.contains("<script>"), "{what}: {html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_the_headers_of_the_contract() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_PUBLIC_URL", "https://portal.example").start().await;
    let merchant = server.tenant();
    let logo =
        json!({"branding": {"logoUrl": "https://cdn.example/logo.svg"}, "frameAncestors": ["https://f.example"]});
    let id = portal(&server, &merchant, logo).await["id"].as_str().unwrap().to_owned();
    let (path, session) = link(&server, &merchant, json!({"returnUrl": "https://shop.example/back"})).await;
    assert_eq!(portal_of(&session), id);
    let (unused, _) = link(&server, &merchant, json!({})).await;
    let (spent, _) = link(&server, &merchant, json!({})).await;
    let spent_token = spent.strip_prefix("/r/").unwrap().to_owned();
    Guest::new(&server).sign_in(&spent).await.expect(200);
    let (mut guest, mut stranger) = (Guest::new(&server), Guest::new(&server));
    let landing = guest.open(&path).await.expect(200);
    assert_eq!(directive(&landing, "form-action"), "'self' https://shop.example");
    check(&landing, "landing");
    guest.submit(&path).await.expect(303);
    let home = format!("/p/{id}");
    // With a session: all pages of the portal, and the same addresses with a method that they don't know.
    for page in ["keys", "analytics", "billing", "docs", "access", "nothing"] {
        let page = format!("{home}/{page}");
        let answer = guest.open(&page).await;
        check(&answer, &page);
        assert_eq!(directive(&answer, "img-src"), "'self' https://cdn.example", "{page}");
        assert_eq!(directive(&answer, "frame-ancestors"), "https://f.example", "{page}");
        check(&guest.send(Method::PUT, &page, &[("sec-fetch-site", "none")]).await.expect(405), &page);
    }
    // Without one.
    for (page, status) in [
        ("/".to_owned(), 401),
        (unused, 200),
        (spent, 410),
        (format!("/?session={spent_token}"), 410),
        (format!("/?code={spent_token}"), 410),
        ("/r/nothing".to_owned(), 404),
        ("/r/".to_owned(), 404),
        ("/r/%ff".to_owned(), 404),
        ("/p/%ff/".to_owned(), 404),
        ("/p/nothing".to_owned(), 404),
        ("/assets/nothing".to_owned(), 404),
        (format!("{home}/keys"), 401),
        (format!("{home}/access"), 401),
        (format!("{home}/"), 401),
        (home.clone(), 401),
        (format!("{home}/sign-out"), 401),
        (format!("{home}/signed-out"), 200),
        (format!("{home}/nothing"), 404),
    ] {
        check(&stranger.open(&page).await.expect(status), &page);
    }
    for page in [&path, &format!("{home}/sign-out")] {
        let foreign = [("sec-fetch-site", "cross-site")];
        check(&stranger.send(Method::POST, page, &foreign).await.expect(403), page);
    }
    let away = guest.submit(&format!("{home}/sign-out")).await.expect(303);
    for (name, value) in [("referrer-policy", "no-referrer"), ("cache-control", "no-store")] {
        assert_eq!(away.header(name), Some(value));
    }
}
