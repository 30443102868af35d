//! The documented configuration of nginx, with nginx.

use reqwest::Response;
use serde_json::json;

use super::{link, nginx, portal};
use crate::gateway::claims;
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn nginx_guards_an_application() {
    for store in Store::both() {
        let (port, server) = nginx::server_behind(store).await;
        let merchant = server.tenant();
        let origin = format!("https://portal.example:{port}");
        let id = portal(&server, &merchant, json!({"appUrl": format!("{origin}/app/")})).await["id"].clone();
        let nginx = nginx::Nginx::start(port, &server, nginx::echo(), id.as_str().unwrap());
        let client = nginx::client(port);
        let get = async |path: &str, cookie: &str| -> Response {
            let forged = [
                ("vestibule-customer-external-id", "boss"),
                ("vestibule-permissions", "*.*.*"),
                ("vestibule-assertion", "boss.forged.it"),
            ];
            let request = client.get(format!("{origin}{path}")).header("cookie", cookie).basic_auth("own", Some("x"));
            forged.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
        };
        // Without a session: to where a new link is to be had.
        let answer = get("/app/orders?x=1", "").await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (303, &*format!("{origin}/")));
        portal(&server, &merchant, json!({"returnUrl": "https://shop.example/"})).await;
        let answer = get("/app/orders", "vst_x=y").await;
        assert_eq!(
            (answer.status().as_u16(), location(&answer)),
            (303, "https://shop.example/?reason=session_expired")
        );
        // With one: in, and the application knows who it is.
        let cookie = sign_in(&server, &client, &origin, &merchant.key, json!(["api.*.read_key"])).await;
        let seen = get("/app/orders?x=1", &cookie).await.text().await.unwrap();
        let jwks = server.http.get("/.well-known/jwks.json").await.expect(200).json();
        let claims = claims(assertion(&seen).expect("an assertion"), &jwks);
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("Acme & Sons"), &id));
        let seen = seen.to_ascii_lowercase();
        assert!(seen.starts_with("get /app/orders?x=1 "), "{seen}");
        assert!(seen.contains("vestibule-customer-external-id: acme%20%26%20sons\r\n"), "{seen}");
        assert!(seen.contains("vestibule-permissions: api.*.read_key\r\n"), "{seen}");
        assert!(seen.contains("vestibule-preview: false\r\n"), "{seen}");
        assert!(!seen.contains("boss") && !seen.contains("*.*.*"), "{seen}");
        assert_eq!(get("/app/invoices/7", &cookie).await.status(), 403);
        let all = json!(["billing.*.*"]);
        let cookie = sign_in(&server, &client, &origin, &merchant.key, all).await;
        let seen = get("/app/invoices/7", &cookie).await.text().await.unwrap();
        assert!(!seen.contains("*.*.*") && !seen.contains("boss"), "{seen}");
        assert!(assertion(&seen).is_some(), "{seen}");
        // More permissions than fit: none is told, and none can be forged.
        let many: Vec<_> = (0..50).map(|n| format!("a.b{n}.{}", "c".repeat(100))).collect();
        let cookie = sign_in(&server, &client, &origin, &merchant.key, json!(many)).await;
        let seen = get("/app/", &cookie).await.text().await.unwrap().to_ascii_lowercase();
        assert!(seen.contains("vestibule-session: ps_") && !seen.contains("vestibule-permissions"), "{seen}");
        // Nobody asks the guard directly.
        assert_eq!(get("/_vestibule", &cookie).await.status(), 404);
        // It notes each request, and of a link or a query nothing that opens something.
        get("/?session=pst_x&code=y", "").await;
        let log = nginx.access_log_with(" GET / ").await;
        assert!(log.contains(" GET /r/- 200 ") && log.contains(" POST /r/- 303 "), "{log}");
        assert!(!log.contains("pst_") && !log.contains("code="), "{log}");
        // A body of the gateway's size passes.
        let upload = client.post(format!("{origin}/v1/portals/{}/api/x", id.as_str().unwrap()));
        let answer = upload.body(vec![0; 9 << 20]).send().await.unwrap();
        assert_eq!(answer.status(), 401, "by the service, not 413 by nginx");
    }
}

/// The one assertion that the application received.
fn assertion(seen: &str) -> Option<&str> {
    let mut lines = seen.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.by_ref().filter(|(name, _)| name.eq_ignore_ascii_case("vestibule-assertion"));
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{seen}");
    first.map(|(_, value)| value)
}

fn location(answer: &Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

/// Follows a link of the portal through nginx; the cookie that comes of it.
async fn sign_in(
    server: &Server,
    client: &reqwest::Client,
    origin: &str,
    key: &str,
    permissions: serde_json::Value,
) -> String {
    let merchant = crate::support::Merchant { id: String::new(), slug: String::new(), key: key.into() };
    let more = json!({"customerExternalId": "Acme & Sons", "permissions": permissions});
    let (path, _) = link(server, &merchant, more).await;
    let landing = client.get(format!("{origin}{path}")).send().await.unwrap();
    assert_eq!(landing.status(), 200);
    let redeem =
        client.post(format!("{origin}{path}")).header("sec-fetch-site", "same-origin").header("origin", "null");
    let answer = redeem.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), location(&answer)), (303, &*format!("{origin}/app/")));
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}
