//! `DELETE /v1/portal-sessions/{id}`, and what revokes many at once.

use serde_json::json;

use crate::support::{SESSIONS, World, text, unknown, uuid};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_link_opens_nothing() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let path = format!("{SESSIONS}/{}", text(&created, "id"));
        let answer = world.api.delete(&path).await.expect(204);
        assert_eq!((answer.text().as_str(), answer.header("cache-control")), ("", Some("no-store")));
        world.api.delete(&path).await.missing();
        world.api.get(&path).await.missing();
        world.exchange(text(&created, "token")).await.no_session();
        let left = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        assert_eq!(left["data"], json!([]), "a hard delete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_session_stops_at_once() {
    for world in World::both().await {
        let (created, token) = world.active(json!({})).await;
        // Twice, so that it is remembered.
        world.who(&token).await.expect(200);
        world.who(&token).await.expect(200);
        let plain = uuid(text(&created, "id")).hyphenated().to_string();
        world.api.delete(&format!("{SESSIONS}/{plain}")).await.expect(204);
        world.who(&token).await.no_session();
        world.http.key(&token).delete("/v1/portal-session").await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_every_state_and_with_a_body_or_none() {
    for world in World::both().await {
        let db = world.db().await;
        let expired = world.mint(json!({})).await;
        db.expire_link(text(&expired, "id")).await;
        let (ended, token) = world.active(json!({})).await;
        world.http.key(&token).delete("/v1/portal-session").await.expect(204);
        let opened = world.mint(json!({})).await;
        world.http.get(&format!("/r/{}", text(&opened, "token"))).await.expect(200);
        let (active, _) = world.active(json!({})).await;
        let (pending, at_once) = (world.mint(json!({})).await, world.mint(json!({"mode": "token"})).await);
        for (n, session) in [expired, ended, opened, active, pending, at_once].into_iter().enumerate() {
            let (path, body) = (format!("{SESSIONS}/{}", text(&session, "id")), (n % 2 == 0).then(|| b"{}".to_vec()));
            world.api.send(reqwest::Method::DELETE, &path, body).await.expect(204);
            world.api.get(&path).await.missing();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_revokes_at_once_one_wins() {
    for world in World::both().await {
        let (created, _) = world.active(json!({})).await;
        let revokes = (0..16).map(|_| {
            let (api, path) = (world.api.clone(), format!("{SESSIONS}/{}", text(&created, "id")));
            tokio::spawn(async move { api.delete(&path).await.status })
        });
        let mut statuses = Vec::new();
        for revoke in revokes.collect::<Vec<_>>() {
            statuses.push(revoke.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses[1], statuses[15]), (204, 404, 404));
        let told = world.api.get("/v1/events?type=portal_session.revoked").await.expect(200).json();
        assert_eq!(told["data"].as_array().unwrap().len(), 1, "and is told of once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_of_a_customer() {
    for world in World::both().await {
        let first = world.mint(json!({})).await;
        let (_, token) = world.active(json!({})).await;
        world.who(&token).await.expect(200);
        let (_, other) = world.active(json!({"customerExternalId": "other"})).await;
        let path = format!("/v1/customers/{}/portal-sessions", text(&first, "customerId"));
        assert_eq!(world.api.delete(&path).await.expect(200).json(), json!({"revoked": 2}));
        assert_eq!(world.api.delete(&path).await.expect(200).json(), json!({"revoked": 0}));
        world.who(&token).await.no_session();
        world.exchange(text(&first, "token")).await.no_session();
        world.who(&other).await.expect(200);
        world.api.delete(&format!("/v1/customers/{}/portal-sessions", unknown("cus"))).await.missing();
        let told = world.api.get("/v1/events?type=portal_session.revoked").await.expect(200).json();
        assert_eq!(told["data"].as_array().unwrap().len(), 2);
    }
}

/// A portal takes its sessions along, so they are not revoked once more.
#[tokio::test(flavor = "multi_thread")]
async fn those_of_a_portal_that_is_gone_are_gone() {
    for world in World::both().await {
        world.api.post("/v1/portals", json!({"slug": "short-lived"})).await.expect(201);
        let of_it = world.mint(json!({"portal": "short-lived"})).await;
        world.mint(json!({"portal": "short-lived"})).await;
        world.api.delete("/v1/portals/short-lived").await.expect(204);
        world.mint(json!({"replaceExisting": true})).await;
        let path = format!("/v1/customers/{}/portal-sessions", text(&of_it, "customerId"));
        assert_eq!(world.api.delete(&path).await.expect(200).json(), json!({"revoked": 1}));
        let told = world.api.get("/v1/events?type=portal_session.revoked").await.expect(200).json();
        assert_eq!(told["data"].as_array().unwrap().len(), 1);
    }
}
