//! The repeat of an exchange whose answer was lost, by its nonce.

use serde_json::json;

use crate::support::{Answer, EXCHANGE, World, text};

const NONCE: &str = "0123456789abcdef";

#[track_caller]
fn token(answer: Answer) -> String {
    text(&answer.expect(200).json(), "token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_a_new_secret_and_the_old_one_is_dead() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        let first = token(world.exchange_with(link, NONCE).await);
        let again = world.exchange_with(link, NONCE).await.expect(200).json();
        let second = text(&again, "token").to_owned();
        assert_ne!(first, second);
        assert_eq!(again["id"], created["id"], "the same session");
        world.who(&first).await.no_session();
        let seen = world.who(&second).await.expect(200).json();
        assert_eq!(seen["browserSession"], again["browserSession"], "it started when it first did");
        world.who(&first).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn also_by_cookie() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let body = json!({"token": created["token"], "nonce": NONCE});
        let cookie = async || {
            let answer = world.http.post(EXCHANGE, body.clone()).await.expect(200);
            answer.cookies()[0].split_once(';').unwrap().0.to_owned()
        };
        let (first, second) = (cookie().await, cookie().await);
        world.http.header("cookie", &first).get("/v1/portal-session").await.no_session();
        world.http.header("cookie", &second).get("/v1/portal-session").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn needs_the_same_nonce_and_the_same_token() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        let first = token(world.exchange_with(link, NONCE).await);
        world.exchange(link).await.no_session();
        world.exchange_with(link, "fedcba9876543210").await.no_session();
        let other = world.mint(json!({})).await;
        token(world.exchange_with(text(&other, "token"), NONCE).await);
        world.who(&first).await.expect(200);

        // An exchange without a nonce can't be repeated by any.
        let plain = world.mint(json!({})).await;
        token(world.exchange(text(&plain, "token")).await);
        world.exchange_with(text(&plain, "token"), NONCE).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_after_the_first_use() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        let first = token(world.exchange_with(link, NONCE).await);
        world.who(&first).await.expect(200);
        world.exchange_with(link, NONCE).await.no_session();
        world.who(&first).await.expect(200);

        // A first use that is a log-out counts as well.
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        let first = token(world.exchange_with(link, NONCE).await);
        world.http.key(&first).delete("/v1/portal-session").await.expect(204);
        world.exchange_with(link, NONCE).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_elsewhere_is_no_use() {
    for world in World::both().await {
        let other = json!({"slug": format!("elsewhere-{}", uuid::Uuid::now_v7().simple())});
        let other = world.api.post("/v1/portals", other).await.expect(201).json();
        let (own, other) = (text(&world.mint(json!({})).await, "portalId").to_owned(), text(&other, "id").to_owned());
        let auth = |portal: &str| format!("/v1/portals/{portal}/auth");
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        let first = token(world.exchange_with(link, NONCE).await);
        world.http.key(&first).get(&auth(&other)).await.expect(401);
        let cookie = format!("vst_{other}={first}");
        world.http.header("cookie", &cookie).get("/v1/portal-session").await.no_session();
        world.http.key(&first).get("/v1/portal-sessions").await.expect(401);
        world.http.key(&first).get("/v1/portal-session?foo=1").await.malformed("invalid_request", Some("foo"));
        let again = token(world.exchange_with(link, NONCE).await);
        world.http.key(&again).get(&auth(&own)).await.expect(200);
        world.exchange_with(link, NONCE).await.no_session();
        world.http.key(&again).get(&auth(&other)).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_after_sixty_seconds() {
    for world in World::both().await {
        let db = world.db().await;
        for (seconds, works) in [(50, true), (61, false)] {
            let created = world.mint(json!({})).await;
            let link = text(&created, "token");
            let first = token(world.exchange_with(link, NONCE).await);
            db.shift(text(&created, "id"), &["used_at"], -seconds).await;
            let again = world.exchange_with(link, NONCE).await;
            assert_eq!(again.status == 200, works, "{seconds} s: {}", again.text());
            assert_eq!(world.who(&first).await.status == 401, works);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outlives_the_links_own_expiry_but_no_revocation() {
    for world in World::both().await {
        let db = world.db().await;
        let created = world.mint(json!({})).await;
        let link = text(&created, "token");
        token(world.exchange_with(link, NONCE).await);
        db.expire_link(text(&created, "id")).await;
        token(world.exchange_with(link, NONCE).await);
        world.api.patch("/v1/portals/default", json!({"enabled": false})).await.expect(200);
        world.exchange_with(link, NONCE).await.no_session();
        world.api.patch("/v1/portals/default", json!({"enabled": true})).await.expect(200);
        token(world.exchange_with(link, NONCE).await);
        world.api.delete(&format!("/v1/portal-sessions/{}", text(&created, "id"))).await.expect(204);
        world.exchange_with(link, NONCE).await.no_session();
    }
}
