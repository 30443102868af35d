//! Which origins' scripts may read who is signed in.

use reqwest::Method;
use serde_json::json;

use super::{link, portal};
use crate::support::{Answer, Http, Server, Store};

const OWN: &str = "https://my_app.example";
const FRAME: &str = "https://frame.example:8443";

fn allowed(answer: &Answer) -> Option<&str> {
    let origin = answer.header("access-control-allow-origin");
    assert_eq!(answer.header("access-control-allow-credentials"), origin.map(|_| "true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    origin
}

async fn preflight(http: &Http, origin: &str) -> Answer {
    let http = http.header("origin", origin).header("access-control-request-method", "GET");
    http.send(Method::OPTIONS, "/v1/portal-session", None).await.expect(204)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portals_own_origins_may_read_its_sessions_and_no_others() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let (merchant, other) = (server.tenant(), server.tenant());
        portal(&server, &merchant, json!({"appUrl": "HTTPS://My_App.example:443/x", "frameAncestors": [FRAME]})).await;
        portal(&server, &other, json!({"appUrl": "https://other.example/"})).await;
        let (_, session) = link(&server, &merchant, json!({"mode": "token"})).await;
        let browser = server.http.key(session["token"].as_str().unwrap());
        for (origin, may) in [
            (OWN, true),
            (FRAME, true),
            ("https://other.example", false),
            ("https://my_app.example.evil.example", false),
            ("https://my-app.example", false),
            ("http://my_app.example", false),
            ("null", false),
        ] {
            let answer = browser.header("origin", origin).get("/v1/portal-session").await.expect(200);
            assert_eq!(allowed(&answer), may.then_some(origin));
        }
        for (origin, may) in
            [(OWN, true), (FRAME, true), ("https://other.example", true), ("https://evil.example", false)]
        {
            let answer = preflight(&server.http, origin).await;
            assert_eq!(allowed(&answer), may.then_some(origin));
            assert_eq!(answer.header("access-control-allow-methods"), may.then_some("GET, DELETE"));
            let answer = server.http.header("origin", origin).get("/v1/portal-session").await.expect(401);
            assert_eq!(allowed(&answer), may.then_some(origin), "that there is no session is no secret");
        }
        let cookie = format!("vst_{}={}", super::portal_of(&session), session["token"].as_str().unwrap());
        let foreign =
            server.http.header("cookie", &cookie).header("origin", OWN).header("sec-fetch-site", "cross-site");
        foreign.get("/v1/portal-session").await.expect(200);
        foreign.delete("/v1/portal-session").await.expect(403);
        let answer = browser.header("origin", OWN).delete("/v1/portal-session").await.expect(204);
        assert_eq!(allowed(&answer), Some(OWN));
        let answer = browser.header("origin", OWN).get("/v1/portals").await.expect(401);
        assert_eq!(answer.header("access-control-allow-origin"), None, "the rest of the API is not for scripts");
    }
}
