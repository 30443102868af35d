//! Forward-auth, as reverse proxies ask.

use reqwest::Method;
use serde_json::{Value, json};

use super::{link, portal};
use crate::support::{Http, Merchant, Server, Store};

async fn bearer(server: &Server, merchant: &Merchant, more: Value) -> (Http, Value) {
    let mut more = more;
    more["mode"] = json!("token");
    let (_, session) = link(server, merchant, more).await;
    (server.http.key(session["token"].as_str().unwrap()), session)
}

fn auth(session: &Value) -> String {
    format!("/v1/portals/{}/auth", super::portal_of(session))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_the_portal_may_pass() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let permissions = json!(["api.*.read_key", "db.main.query"]);
        let more = json!({"customerExternalId": "Ä/b c%\"", "permissions": permissions, "preview": true});
        let (browser, session) = bearer(&server, &merchant, more).await;
        let answer = browser.get(&auth(&session)).await.expect(200);
        for (name, value) in [
            ("vestibule-session", session["id"].as_str().unwrap()),
            ("vestibule-tenant", &merchant.id),
            ("vestibule-portal", super::portal_of(&session)),
            ("vestibule-customer", session["customerId"].as_str().unwrap()),
            ("vestibule-customer-external-id", "%C3%84%2Fb%20c%25%22"),
            ("vestibule-permissions", "api.*.read_key db.main.query"),
            ("vestibule-preview", "true"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        let cookie = format!("vst_{}={}", super::portal_of(&session), session["token"].as_str().unwrap());
        server.http.header("cookie", &cookie).get(&auth(&session)).await.expect(200);
        for (asked, status) in [
            ("api.1.read_key", 200),
            ("api.*.read_key", 200),
            ("db.main.query", 200),
            ("db.other.query", 403),
            ("x", 400),
        ] {
            let answer = browser.get(&format!("{}?permission={asked}", auth(&session))).await.expect(status);
            assert_eq!(answer.header("vestibule-session").is_some(), status == 200);
        }
        browser.get(&format!("{}?permision=a.b.c", auth(&session))).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let (merchant, other) = (server.tenant(), server.tenant());
        let (browser, session) = bearer(&server, &merchant, json!({})).await;
        let (stranger, _) = bearer(&server, &other, json!({})).await;
        let (path, _) = link(&server, &merchant, json!({})).await;
        let key = server.http.key(&merchant.key);
        let x_key = server.http.header("x-api-key", &merchant.key);
        let unused = server.http.key(path.strip_prefix("/r/").unwrap());
        for http in [&server.http, &stranger, &key, &x_key, &unused] {
            let answer = http.get(&auth(&session)).await.expect(401);
            assert_eq!(answer.json()["error"]["code"], "session_invalid");
            assert_eq!(answer.header("vestibule-redirect"), Some(&*format!("{}/", server.public_url())));
        }
        // A browser token in another portal's cookie is not that portal's.
        let planted = format!("vst_{}={}", super::portal_of(&session), path.strip_prefix("/r/").unwrap());
        server.http.header("cookie", &planted).get(&auth(&session)).await.expect(401);
        portal(&server, &merchant, json!({"returnUrl": "https://shop.example/?a=1"})).await;
        let answer = server.http.get(&auth(&session)).await.expect(401);
        assert_eq!(answer.header("vestibule-redirect"), Some("https://shop.example/?a=1&reason=session_expired"));
        browser.delete("/v1/portal-session").await.expect(204);
        browser.get(&auth(&session)).await.expect(401);
        server.http.get("/v1/portals/ptl_0000000000000000000000/auth").await.expect(404);
        server.http.get("/v1/portals/default/auth").await.expect(404);
        browser.send(Method::POST, &auth(&session), None).await.expect(405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_permissions_are_left_out() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    for (last, is_told) in [(155, true), (156, false)] {
        // With a space between each two, 2048 bytes and one more.
        let lengths = [255, 255, 255, 255, 255, 255, 255, 100, last];
        let tuples: Vec<_> = lengths.iter().map(|length| format!("a.b.{}", "c".repeat(length - 4))).collect();
        let (browser, session) = bearer(&server, &merchant, json!({"permissions": tuples})).await;
        let told = browser.get(&auth(&session)).await.expect(200);
        assert_eq!(told.header("vestibule-permissions").map(str::len), is_told.then_some(2048));
        assert!(told.header("vestibule-session").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoys_way_of_asking_works_too() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let (browser, session) = bearer(&server, &merchant, json!({})).await;
    for path in ["/", "/orders/7", "/orders?permission=x&anything=1"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let path = format!("{}{path}", auth(&session));
            assert!(browser.send(method.clone(), &path, None).await.expect(200).header("vestibule-session").is_some());
            server.http.send(method, &path, None).await.expect(401);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_proxies_pass_on_all_that_is_told() {
    let server = Server::start(Store::Sqlite).await;
    let merchant = server.tenant();
    let (browser, session) = bearer(&server, &merchant, json!({})).await;
    let answer = browser.get(&auth(&session)).await.expect(200);
    let told: Vec<_> =
        answer.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("vest")).collect();
    assert_eq!(told.len(), 8, "{told:?}");
    let lower = |text: &str| text.to_ascii_lowercase();
    let nginx = lower(include_str!("../../../docs/forward-auth/nginx.conf"));
    let traefik = lower(include_str!("../../../docs/forward-auth/traefik-routes.yml"));
    let caddy = lower(include_str!("../../../docs/forward-auth/Caddyfile"));
    let caddy = caddy.lines().find(|line| line.trim_start().starts_with("copy_headers ")).unwrap();
    let envoy = include_str!("../../../docs/forward-auth/envoy.yaml");
    let readme = lower(include_str!("../../../docs/forward-auth/README.md"));
    for name in told {
        // Both places that lead to the application.
        assert_eq!(nginx.matches(&format!("proxy_set_header {name} ")).count(), 2, "{name}");
        assert!(traefik.contains(&format!("- {name}\n")), "{name}");
        assert!(caddy.split_whitespace().any(|copied| copied == name), "{name}");
        assert!(envoy.contains("- { prefix: vestibule- }"));
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}
