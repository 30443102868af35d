//! What Unkey's fields become in a session.

use super::{create, new, old, server};
use crate::support::{Http, Store, uuid};
use serde_json::{Value, json};
use vestibule::domain::time::Timestamp;

/// The session as the native API shows it.
async fn seen(api: &Http, made: &Value) -> Value {
    api.get(&format!("/v1/portal-sessions/{}", made["data"]["id"].as_str().unwrap())).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_is_kept_as_its_permission() {
    for store in Store::both() {
        let (_server, _, api) = server(store).await;
        for (scope, permission) in [
            ("keys:read", "key.*.read_key"),
            ("keys:create", "key.*.create_key"),
            ("keys:reroll", "key.*.update_key"),
            ("analytics:read", "key.*.read_analytics"),
        ] {
            let body = json!({"portal": "default", "externalId": scope, "scopes": [scope]});
            let made = create(&api, body).await;
            assert_eq!(seen(&api, &made).await["permissions"], json!([permission]), "{scope}");
            let listed = api.post("/v2/portal.listSessions", json!({"portal": "default", "search": scope})).await;
            assert_eq!(listed.expect(200).json()["data"][0]["sessions"][0]["scopes"], json!([scope]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preview_and_return_url_reach_the_session() {
    for store in Store::both() {
        let (_server, _, api) = server(store).await;
        for body in [old("u"), new("u")] {
            let plain = seen(&api, &create(&api, body.clone()).await).await;
            assert_eq!((&plain["preview"], &plain["returnUrl"]), (&json!(false), &Value::Null));
            let mut more = body;
            more["preview"] = json!(true);
            more["returnUrl"] = json!("https://app.example/back?a=b");
            let made = create(&api, more).await;
            let session = seen(&api, &made).await;
            assert_eq!(
                (&session["preview"], &session["returnUrl"]),
                (&json!(true), &json!("https://app.example/back?a=b"))
            );
        }
    }
}

/// Unkey's links live for 15 minutes and its sessions for a day, whatever the portal says for others.
#[tokio::test(flavor = "multi_thread")]
async fn a_portal_by_its_id_and_lifetimes_that_are_not_its_own() {
    for store in Store::both() {
        let (server, _, api) = server(store).await;
        let portal = json!({"slug": "short", "linkTtl": 60, "sessionTtl": 300});
        let portal = api.post("/v1/portals", portal).await.expect(201).json();
        let id = portal["id"].as_str().unwrap();
        let plain = uuid(id).hyphenated().to_string();
        for (field, name) in [("slug", "short"), ("slug", id), ("portal", "short"), ("portal", id), ("portal", &plain)]
        {
            let body = json!({field: name, "externalId": "u", "permissions": ["a.b.c"]});
            let made = create(&api, body).await;
            let session = seen(&api, &made).await;
            assert_eq!(session["portalId"], portal["id"], "{field}: {name}");
            let token = &made["data"]["sessionId"];
            let opened = server.http.post("/v2/portal.exchangeCode", json!({"code": token})).await.expect(200).json();
            let link = made["data"]["expiresAt"].as_i64().unwrap();
            let created = seen(&api, &made).await["createdAt"].as_str().unwrap().to_owned();
            let created = Timestamp::parse_rfc3339(&created).unwrap().millis();
            assert_eq!(link - created, 15 * 60_000, "{field}: {name}");
            let lives = opened["data"]["expiresAt"].as_i64().unwrap() - created;
            assert!((86_400_000..86_400_000 + 20_000).contains(&lives), "{lives}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_opened_is_still_pending() {
    for store in Store::both() {
        let (server, _, api) = server(store).await;
        let made = create(&api, new("u")).await;
        server.http.get(&format!("/r/{}", made["data"]["sessionId"].as_str().unwrap())).await.expect(200);
        assert_eq!(seen(&api, &made).await["status"], "opened");
        let listed = api.post("/v2/portal.listSessions", json!({"portal": "default"})).await.expect(200).json();
        assert_eq!(listed["data"][0]["sessions"][0]["status"], "pending");
    }
}
