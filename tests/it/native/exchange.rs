//! `POST /v1/portal-sessions/exchange`: a link token becomes a browser session.

use serde_json::{Value, json};

use crate::support::{Db, EXCHANGE, SESSIONS, Server, Store, World, mint, text, uuid};

#[tokio::test(flavor = "multi_thread")]
async fn by_bearer_the_token_is_in_the_body() {
    for world in World::both().await {
        let created =
            world.mint(json!({"permissions": ["a.*.read_analytics", "a.*.read_key"], "sessionTtl": 500})).await;
        let agent = world.http.header("user-agent", "Firefox/1 (ä)");
        let answer = agent.post(EXCHANGE, json!({"token": created["token"], "transport": "bearer"})).await.expect(200);
        assert_eq!((answer.cookies().len(), answer.header("cache-control")), (0, Some("no-store")));
        let opened = answer.json();
        let token = text(&opened, "token");
        assert!(token.starts_with("bst_") && token.len() == 64, "{token}");
        assert_eq!(opened["tabs"], json!(["keys", "analytics", "docs"]));
        assert_eq!((&opened["status"], &opened["isUsed"]), (&json!("active"), &json!(true)));
        assert_eq!(opened["expiresAt"], opened["browserSession"]["expiresAt"], "the browser session's");
        assert_eq!(opened["usedAt"], opened["browserSession"]["startedAt"]);

        // All else is the object as it is got.
        let mut got = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200).json();
        assert_eq!(got["expiresAt"], created["expiresAt"], "the link's");
        assert_eq!(text(&got["browserSession"], "ipAddress"), "127.0.0.1");
        assert_eq!(text(&got["browserSession"], "userAgent"), "Firefox/1 (ä)");
        got["expiresAt"] = opened["expiresAt"].clone();
        got["token"] = opened["token"].clone();
        got["tabs"] = opened["tabs"].clone();
        assert_eq!(opened, got);
        let names = opened.as_object().unwrap().keys().map(String::as_str);
        assert!(!names.clone().any(|name| name == "url"), "{opened}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_cookie_it_is_in_the_cookie_only() {
    for world in World::both().await {
        for body in [json!({}), json!({"transport": "cookie"}), json!({"transport": null, "nonce": null})] {
            let created = world.mint(json!({"sessionTtl": 600})).await;
            let mut body = body;
            body["token"] = created["token"].clone();
            let answer = world.http.post(EXCHANGE, body).await.expect(200);
            let opened = answer.json();
            assert_eq!(opened.get("token"), None, "{opened}");
            let cookies = answer.cookies();
            assert_eq!(cookies.len(), 1, "{cookies:?}");
            let (pair, attributes) = cookies[0].split_once("; ").unwrap();
            let (name, token) = pair.split_once('=').unwrap();
            assert_eq!(name, format!("vst_{}", text(&created, "portalId")), "loopback without https: no __Host-");
            assert!(token.starts_with("bst_") && !answer.text().contains(token));
            assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=600");
            let seen = world.http.header("cookie", pair).get("/v1/portal-session").await.expect(200).json();
            assert_eq!(seen["id"], created["id"]);
        }
    }
}

/// What a client sees of a token that is unknown, expired, used or revoked is the same to the byte.
#[tokio::test(flavor = "multi_thread")]
async fn every_spent_token_looks_alike() {
    for world in World::both().await {
        let db = world.db().await;
        let used = world.active(json!({})).await.0;
        let expired = world.mint(json!({})).await;
        db.expire_link(text(&expired, "id")).await;
        let revoked = world.mint(json!({})).await;
        world.api.delete(&format!("{SESSIONS}/{}", text(&revoked, "id"))).await.expect(204);
        world.api.post("/v1/portals", json!({"slug": "off"})).await.expect(201);
        let in_disabled = world.mint(json!({"portal": "off"})).await;
        world.api.patch("/v1/portals/off", json!({"enabled": false})).await.expect(200);
        let logged_out = world.active(json!({})).await;
        world.http.key(&logged_out.1).delete("/v1/portal-session").await.expect(204);

        let good = text(&used, "token");
        let broken = format!("{}{}", &good[..63], if good.ends_with('0') { '1' } else { '0' });
        let forged = {
            use vestibule::domain::secret::{Credential, Kind};
            let fresh = world.mint(json!({})).await;
            Credential::mint(Kind::Link, uuid(text(&fresh, "id"))).reveal()
        };
        let nobody = {
            use vestibule::domain::secret::{Credential, Kind};
            Credential::mint(Kind::Link, vestibule::domain::id::uuid_at(1_700_000_000_000_000_000)).reveal()
        };
        let expected = world.exchange(&nobody).await;
        expected.no_session();
        let expected = expected.but_for_its_id();
        let spent =
            [&used, &expired, &revoked, &in_disabled, &logged_out.0].map(|session| text(session, "token").to_owned());
        let wrong =
            ["", "x", "pst_", &broken, &forged, &logged_out.1, &world.merchant.key, "a\u{0}", &"x".repeat(5000)];
        for token in spent.iter().map(String::as_str).chain(wrong) {
            for body in [
                json!({"token": token, "transport": "bearer"}),
                json!({"token": token}),
                json!({"token": token, "nonce": "0123456789abcdef"}),
            ] {
                assert_eq!(world.http.post(EXCHANGE, body.clone()).await.but_for_its_id(), expected, "{body}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_wrong() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let token = text(&created, "token");
        world.http.post(EXCHANGE, json!({})).await.malformed("invalid_request", Some("token"));
        for bad in [json!(1), json!(null), json!([token]), json!({})] {
            world.http.post(EXCHANGE, json!({"token": bad})).await.invalid("token");
        }
        for transport in [json!("header"), json!("Cookie"), json!(1)] {
            world.http.post(EXCHANGE, json!({"token": token, "transport": transport})).await.invalid("transport");
        }
        let short = [json!(""), json!("a".repeat(15)), json!("a".repeat(129)), json!(1), json!(["a"])];
        for nonce in short {
            world.http.post(EXCHANGE, json!({"token": token, "nonce": nonce})).await.invalid("nonce");
        }
        world.http.post(EXCHANGE, json!({"token": token, "x": 1})).await.malformed("invalid_request", Some("x"));
        let query = format!("{EXCHANGE}?transport=bearer");
        world.http.post(&query, json!({"token": token})).await.malformed("invalid_request", Some("transport"));
        // None of that has spent the link.
        world.exchange(token).await.expect(200);
        for nonce in ["a".repeat(16), "ä".repeat(128)] {
            let created = world.mint(json!({})).await;
            world.exchange_with(text(&created, "token"), &nonce).await.expect(200);
        }
    }
}

/// The link token is the only credential: others neither help nor hinder.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_credential_counts() {
    for world in World::both().await {
        let created = world.mint(json!({})).await;
        let (_, other) = world.active(json!({})).await;
        let client = world.http.key(&other).header("x-api-key", "vst_sk_test_nonsense");
        let answer = client.post(EXCHANGE, json!({"token": created["token"], "transport": "bearer"})).await.expect(200);
        assert_eq!(answer.json()["id"], created["id"]);
        let created = world.mint(json!({})).await;
        let key = world.api.post(EXCHANGE, json!({"token": created["token"]})).await.expect(200);
        assert_eq!(key.json()["id"], created["id"]);
    }
}

/// The very instant is in `store::exchange`.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_link_is_refused_and_an_exchanged_one_outlives_it() {
    for world in World::both().await {
        let db = world.db().await;
        let (soon, over) = (world.mint(json!({"expiresIn": 60})).await, world.mint(json!({"expiresIn": 60})).await);
        db.shift(text(&soon, "id"), &["created_at", "link_expires_at"], -50).await;
        db.shift(text(&over, "id"), &["created_at", "link_expires_at"], -60).await;
        world.exchange(text(&soon, "token")).await.expect(200);
        world.exchange(text(&over, "token")).await.no_session();
        let got = world.api.get(&format!("{SESSIONS}/{}", text(&over, "id"))).await.expect(200).json();
        assert_eq!((&got["status"], &got["usedAt"]), (&json!("expired"), &Value::Null));
        // After the exchange the link's expiry no longer counts.
        let (created, token) = world.active(json!({})).await;
        db.shift(text(&created, "id"), &["link_expires_at"], -10_000).await;
        world.who(&token).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_follow_from_the_permissions() {
    for world in World::both().await {
        for (permissions, tabs) in [
            (json!(["a.b.c"]), json!(["docs"])),
            (json!(["a.b.read_invoice", "a.b.delete_key"]), json!(["keys", "billing", "docs"])),
            (json!(["a.b.read_subscription", "a.b.read_analytics"]), json!(["analytics", "billing", "docs"])),
            (json!(["a.b.cancel_subscription"]), json!(["billing", "docs"])),
            (json!(["a.b.read_billing", "a.b.update_key"]), json!(["keys", "billing", "docs"])),
            (json!(["read_key.read_key.x"]), json!(["docs"])),
            (json!(null), json!([])),
        ] {
            let created = world.mint(json!({"permissions": permissions})).await;
            let opened = world.exchange(text(&created, "token")).await.expect(200).json();
            assert_eq!(opened["tabs"], tabs, "{permissions}");
        }
    }
}

/// The portal is read once more for its cookie's attributes. By then the link is used up, so nothing that goes wrong there may
/// take the session along.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_done_is_not_lost_for_want_of_the_portal() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let (http, db) = (&server.http, Db::open(server.database()).await);
        let api = http.key(&server.tenant().key);
        let spoil = "update portals set settings = 'spoilt'";
        match &db {
            Db::Postgres(_) => {
                let function = "returns trigger language plpgsql as $$ begin";
                db.execute(&format!("create function spoil() {function} {spoil}; return null; end $$")).await;
                db.execute(
                    "create trigger spoil after update on portal_sessions for each row execute function spoil()",
                )
                .await;
            }
            Db::Sqlite(_) => {
                db.execute(&format!("create trigger spoil after update on portal_sessions begin {spoil}; end")).await;
            }
        }
        let [first, second] = [mint(api.clone(), json!({})).await, mint(api, json!({})).await];
        let answer = http.post(EXCHANGE, json!({"token": first["token"]})).await.expect(200);
        assert_eq!(answer.cookies().len(), 1, "{:?}", answer.cookies());
        let bearer = json!({"token": second["token"], "transport": "bearer"});
        http.post(EXCHANGE, bearer).await.expect(200);
        assert!(db.number("select count(*) from portals where settings = 'spoilt'").await > 0);
    }
}
