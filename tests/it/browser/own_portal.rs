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

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_link_tells_another_host_nothing() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        portal(&server, &merchant, json!({"appUrl": "https://app.example/portal"})).await;
        let person = json!({"externalId": "acme-001"});
        let person = server.http.key(&merchant.key).post("/v1/customers", person).await.expect(201).json();
        let minted = server.http.header("x-api-key", &merchant.key);
        let body = json!({"customer_id": person["id"]});
        let minted = minted.post("/v2/customer-portal/sessions", body).await.expect(201).json();
        let token = minted["data"]["token"].as_str().unwrap();
        let path = minted["data"]["url"].as_str().unwrap().strip_prefix(&server.public_url()).unwrap().to_owned();
        let mut guest = Guest::new(&server);
        let page = guest.open(&path).await.expect(200);
        assert!(!page.header("content-security-policy").unwrap().contains("app.example"));
        let answer = guest.submit(&path).await.expect(303);
        assert!(answer.header("set-cookie").unwrap().contains(&format!("={token};")));
        let billing = place(&answer);
        assert!(billing.starts_with("/p/ptl_") && billing.ends_with("/billing"), "{billing}");
        guest.open(&billing).await.expect(200);
        assert_eq!(place(&guest.open(&path).await.expect(303)), billing);
    }
}
