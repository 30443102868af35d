//! A portal in a frame.

use serde_json::json;

use super::{Guest, link, portal, portal_of};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_portal_with_frame_ancestors_can_be_framed() {
    let setup = Server::with(Store::Sqlite).env("VESTIBULE_PUBLIC_URL", "https://portal.example");
    let server = setup.start().await;
    let (merchant, plain) = (server.tenant(), server.tenant());
    portal(&server, &merchant, json!({"frameAncestors": ["https://a.example", "https://b.example:8443"]})).await;
    for (merchant, reach, ancestors) in [
        (
            &merchant,
            "; Secure; SameSite=None; Partitioned;",
            "frame-ancestors https://a.example https://b.example:8443",
        ),
        (&plain, "; Secure; SameSite=Lax;", "frame-ancestors 'none'"),
    ] {
        let (path, session) = link(&server, merchant, json!({})).await;
        let mut guest = Guest::new(&server);
        let page = guest.open(&path).await.expect(200);
        assert!(page.header("content-security-policy").unwrap().ends_with(ancestors));
        let nonce = page.header("set-cookie").unwrap();
        assert!(nonce.starts_with("__Host-vst_nonce_ps_") && nonce.contains(reach), "{nonce}");
        let answer = guest.submit(&path).await.expect(303);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("__Host-vst_{}=bst_", portal_of(&session))), "{cookie}");
        assert!(cookie.contains(reach), "{cookie}");
        let keys = guest.open(&format!("/p/{}/keys", portal_of(&session))).await.expect(200);
        assert!(keys.header("content-security-policy").unwrap().ends_with(ancestors));
        assert!(keys.header("strict-transport-security").is_some());
        let answer = guest.submit(&format!("/p/{}/sign-out", portal_of(&session))).await.expect(303);
        let ended = |cookie: &&str| cookie.contains(reach) && cookie.ends_with("Max-Age=0");
        assert!(answer.cookies().iter().any(ended), "or the browser keeps it: {answer:?}");
        let (path, _) = link(&server, merchant, json!({})).await;
        let token = json!({"token": path.strip_prefix("/r/").unwrap()});
        let answer = server.http.post("/v1/portal-sessions/exchange", token).await.expect(200);
        assert!(answer.header("set-cookie").unwrap().contains(reach));
    }
}
