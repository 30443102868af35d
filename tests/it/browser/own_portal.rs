//! The merchant's own portal, in place of the hosted pages.

use reqwest::Method;
use serde_json::json;

use super::{Guest, link, place, portal, seen};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn on_our_host_it_gets_the_cookie() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        portal(&server, &merchant, json!({"appUrl": "http://127.0.0.1:9/app?x=1"})).await;
        let (path, session) = link(&server, &merchant, json!({"path": "/billing?y=2"})).await;
        let mut guest = Guest::new(&server);
        guest.open(&path).await.expect(200);
        assert_eq!(place(&guest.submit(&path).await.expect(303)), "http://127.0.0.1:9/app/billing?x=1&y=2");
        assert_eq!(seen(&server, &merchant, &session).await["status"], "active");
        assert_eq!(guest.send(Method::GET, "/v1/portal-session", &[]).await.expect(200).json()["id"], session["id"]);
        assert_eq!(place(&guest.open(&path).await.expect(303)), "http://127.0.0.1:9/app/billing?x=1&y=2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_host_it_gets_the_link() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        portal(&server, &merchant, json!({"appUrl": "https://app.example/portal?x=1"})).await;
        let (path, session) = link(&server, &merchant, json!({})).await;
        let token = path.strip_prefix("/r/").unwrap();
        let mut guest = Guest::new(&server);
        let page = guest.open(&path).await.expect(200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        let answer = guest.submit(&path).await.expect(303);
        assert_eq!(place(&answer), format!("https://app.example/portal?x=1&session={token}"));
        assert_eq!(answer.cookies(), Vec::<&str>::new());
        assert_eq!(seen(&server, &merchant, &session).await["status"], "opened");
        let exchange = json!({"token": token, "transport": "bearer"});
        server.http.post("/v1/portal-sessions/exchange", exchange).await.expect(200);
        // The same browser's second click ends in the portal; it has nothing to exchange.
        assert_eq!(place(&guest.open(&path).await.expect(303)), "https://app.example/portal?x=1");
        Guest::new(&server).open(&path).await.expect(410);
    }
}
