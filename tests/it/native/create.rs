//! `POST /v1/portal-sessions`: what is made, and what is refused.

use serde_json::{Value, json};

use crate::support::{SESSIONS, World, creation, ids, text, unknown, uuid};

/// Milliseconds between two times of the wire.
fn between(object: &Value, from: &str, to: &str) -> i64 {
    let at = |field| chrono::DateTime::parse_from_rfc3339(text(object, field)).expect("a time").timestamp_millis();
    at(to) - at(from)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_whole_object_with_token_and_url() {
    for world in World::both().await {
        let portal = world.api.get("/v1/portals/default").await.expect(200).json();
        let answer = world.api.post(SESSIONS, creation(json!({}))).await.expect(201);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.header("request-id").unwrap().starts_with("req_"));
        let created = answer.json();
        let names: Vec<&str> = created.as_object().unwrap().keys().map(String::as_str).collect();
        let documented = [
            "object",
            "id",
            "status",
            "isUsed",
            "customerId",
            "customerExternalId",
            "portal",
            "portalId",
            "permissions",
            "returnUrl",
            "path",
            "delivery",
            "preview",
            "livemode",
            "locale",
            "metadata",
            "createdAt",
            "expiresAt",
            "openedAt",
            "usedAt",
            "browserSession",
            "token",
            "url",
        ];
        assert_eq!(names, documented);
        let expected = json!({
            "object": "portal_session", "status": "pending", "isUsed": false, "customerExternalId": "acme-001",
            "portal": "default", "portalId": portal["id"], "permissions": ["api.*.read_key"], "returnUrl": null,
            "path": null, "delivery": "message", "preview": false, "livemode": false, "locale": null, "metadata": {},
            "openedAt": null, "usedAt": null, "browserSession": null,
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&created[field], value, "{field}");
        }
        for (field, prefix) in [("id", "ps_"), ("customerId", "cus_"), ("portalId", "ptl_")] {
            let id = text(&created, field);
            assert!(id.starts_with(prefix) && id.len() == prefix.len() + 22, "{id}");
            assert_eq!(uuid(id).get_version_num(), 7);
        }
        let token = text(&created, "token");
        assert!(token.starts_with("pst_") && token.len() == 64, "{token}");
        assert_eq!(text(&created, "url"), format!("{}/r/{token}", world.server.public_url()));
        assert_eq!(between(&created, "createdAt", "expiresAt"), 900_000);
        assert!(text(&created, "createdAt").len() == 24 && text(&created, "createdAt").ends_with('Z'));

        let got = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200);
        assert_eq!(got.header("cache-control"), Some("no-store"));
        let mut without = created.clone();
        without.as_object_mut().unwrap().retain(|field, _| field != "token" && field != "url");
        assert_eq!(got.json(), without, "token and url are never given again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_made_on_first_sight_and_found_again() {
    for world in World::both().await {
        let first = world.mint(json!({"customerExternalId": "new"})).await;
        let second = world.mint(json!({"customerExternalId": "new"})).await;
        assert_eq!(first["customerId"], second["customerId"]);
        let by_id = json!({"customerExternalId": null, "customerId": first["customerId"]});
        let third = world.mint(by_id).await;
        assert_eq!((&third["customerId"], &third["customerExternalId"]), (&first["customerId"], &json!("new")));
        let plain = uuid(text(&first, "customerId")).hyphenated().to_string();
        let fourth = world.mint(json!({"customerExternalId": null, "customerId": plain})).await;
        assert_eq!(fourth["customerId"], first["customerId"]);
        let other = world.mint(json!({"customerExternalId": "New"})).await;
        assert_ne!(other["customerId"], first["customerId"], "the tenant's ids tell case apart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_sights_at_once_make_one_customer() {
    for world in World::both().await {
        let creations = (0..32).map(|_| {
            let (api, body) = (world.api.clone(), creation(json!({"customerExternalId": "at-once"})));
            tokio::spawn(async move { api.post(SESSIONS, body).await.expect(201).json() })
        });
        let mut customers = Vec::new();
        for creation in creations.collect::<Vec<_>>() {
            customers.push(text(&creation.await.unwrap(), "customerId").to_owned());
        }
        customers.dedup();
        assert_eq!(customers.len(), 1, "{customers:?}");
        assert_eq!(ids(&world.api.get("/v1/customers").await.expect(200).json()), customers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_way_to_name_the_customer() {
    for world in World::both().await {
        let known = world.mint(json!({})).await;
        let both = creation(json!({"customerId": known["customerId"]}));
        world.api.post(SESSIONS, both).await.malformed("invalid_request", None);
        world
            .api
            .post(SESSIONS, creation(json!({"customerExternalId": null})))
            .await
            .malformed("invalid_request", None);
        for id in [unknown("cus").as_str(), "cus_", "nonsense", "", text(&known, "id")] {
            let body = creation(json!({"customerExternalId": null, "customerId": id}));
            world.api.post(SESSIONS, body).await.missing();
        }
        let nul = creation(json!({"customerExternalId": null, "customerId": "cus_\u{0}"}));
        world.api.post(SESSIONS, nul).await.invalid("customerId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_refused() {
    for world in World::both().await {
        for field in ["permission", "Portal", "customer_id", "returnURL", "token", "id"] {
            world.api.post(SESSIONS, creation(json!({field: "x"}))).await.malformed("invalid_request", Some(field));
        }
        let answer = world.api.post(&format!("{SESSIONS}?portal=default"), creation(json!({}))).await;
        answer.malformed("invalid_request", Some("portal"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_gives_the_defaults() {
    for world in World::both().await {
        let settings = json!({"slug": "second", "linkTtl": 60, "sessionTtl": 300, "returnUrl": "https://a.example/",
            "defaultPermissions": ["a.b.read_billing"], "allowedReturnOrigins": ["https://a.example"]});
        let portal = world.api.post("/v1/portals", settings).await.expect(201).json();
        let plain = uuid(text(&portal, "id")).hyphenated().to_string();
        for name in ["second", text(&portal, "id"), &plain] {
            let created = world.mint(json!({"portal": name, "permissions": null})).await;
            assert_eq!((&created["portal"], &created["portalId"]), (&json!("second"), &portal["id"]));
            assert_eq!(created["permissions"], json!(["a.b.read_billing"]));
            assert_eq!(created["returnUrl"], Value::Null, "the session's own is none");
            assert_eq!(between(&created, "createdAt", "expiresAt"), 60_000);
            let opened = world.exchange(text(&created, "token")).await.expect(200).json();
            assert_eq!(between(&opened["browserSession"], "startedAt", "expiresAt"), 300_000);
        }
        let own = json!({"portal": "second", "expiresIn": 61, "sessionTtl": 301, "returnUrl": "https://a.example/x"});
        let created = world.mint(own).await;
        assert_eq!(between(&created, "createdAt", "expiresAt"), 61_000);
        for url in
            ["https://b.example/", "https://a.example:8443/", "http://localhost/", "https://a.example.evil.example/"]
        {
            let body = creation(json!({"portal": "second", "returnUrl": url}));
            world.api.post(SESSIONS, body).await.invalid("returnUrl");
        }
        // Of a portal that names no origins any will do.
        world.mint(json!({"returnUrl": "https://b.example/"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_missing_or_disabled() {
    for world in World::both().await {
        for portal in ["nowhere", "", unknown("ptl").as_str(), "DEFAULT", "default "] {
            let error = world.api.post(SESSIONS, creation(json!({"portal": portal}))).await.missing();
            assert_eq!(text(&error, "message"), "Portal configuration not found.", "{portal:?}");
        }
        world.api.patch("/v1/portals/default", json!({"enabled": false})).await.expect(200);
        let answer = world.api.post(SESSIONS, creation(json!({}))).await;
        let error = answer.refused(403, "permission_error", "portal_disabled");
        assert_eq!(text(&error, "message"), "Portal is disabled.");
        world.api.patch("/v1/portals/default", json!({"enabled": true})).await.expect(200);
        world.mint(json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mode_token_gives_a_browser_token_at_once() {
    for world in World::both().await {
        let created = world.mint(json!({"mode": "token", "sessionTtl": 400, "expiresIn": 60})).await;
        assert_eq!(
            (&created["status"], &created["isUsed"], &created["url"]),
            (&json!("active"), &json!(true), &Value::Null)
        );
        assert_eq!(between(&created["browserSession"], "startedAt", "expiresAt"), 400_000);
        assert_eq!(created["usedAt"], created["browserSession"]["startedAt"]);
        let token = text(&created, "token");
        assert!(token.starts_with("bst_"), "{token}");
        let seen = world.who(token).await.expect(200).json();
        assert_eq!((&seen["id"], &seen["tabs"]), (&created["id"], &json!(["keys", "docs"])));
        // There is no link to exchange.
        world.exchange(token).await.no_session();
        world.exchange(&token.replacen("bst_", "pst_", 1)).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_existing_revokes_the_customers_unused_links() {
    for world in World::both().await {
        world.api.post("/v1/portals", json!({"slug": "second"})).await.expect(201);
        let used = world.active(json!({})).await;
        let old = world.mint(json!({})).await;
        let elsewhere = world.mint(json!({"portal": "second"})).await;
        let other = world.mint(json!({"customerExternalId": "somebody-else"})).await;
        let live = world.with_key("live", &[]);
        let in_live = live.post(SESSIONS, creation(json!({}))).await.expect(201).json();

        let new = world.mint(json!({"replaceExisting": true})).await;
        for gone in [&old, &elsewhere] {
            world.api.get(&format!("{SESSIONS}/{}", text(gone, "id"))).await.missing();
            world.exchange(text(gone, "token")).await.no_session();
        }
        world.who(&used.1).await.expect(200);
        let listed = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        assert_eq!(ids(&listed), [text(&new, "id"), text(&other, "id"), text(&used.0, "id")]);
        for kept in [&new, &other, &in_live] {
            world.exchange(text(kept, "token")).await.expect(200);
        }
        let events = world.api.get("/v1/events?type=portal_session.revoked").await.expect(200).json();
        let told: Vec<&Value> =
            events["data"].as_array().unwrap().iter().map(|event| &event["portalSessionId"]).collect();
        assert_eq!(told.len(), 2);
        assert!(told.contains(&&old["id"]) && told.contains(&&elsewhere["id"]), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_existing_spares_what_the_key_may_not_revoke() {
    for world in World::both().await {
        world.api.post("/v1/portals", json!({"slug": "second"})).await.expect(201);
        let here = world.mint(json!({})).await;
        let there = world.mint(json!({"portal": "second"})).await;
        let may = world.permitted(&["portal.*.create_session", "portal.second.revoke_session"]);
        may.post(SESSIONS, creation(json!({"replaceExisting": true}))).await.expect(201);
        world.exchange(text(&there, "token")).await.no_session();
        world.exchange(text(&here, "token")).await.expect(200);
        let may_not = world.permitted(&["portal.*.create_session"]);
        let kept = world.mint(json!({})).await;
        may_not.post(SESSIONS, creation(json!({"replaceExisting": true}))).await.expect(201);
        world.exchange(text(&kept, "token")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_fails_revokes_nothing() {
    for world in World::both().await {
        let old = world.mint(json!({})).await;
        let grants = world.with_key("test", &["--grant", "other.*.*"]);
        grants.post(SESSIONS, creation(json!({"replaceExisting": true}))).await.forbidden();
        world.exchange(text(&old, "token")).await.expect(200);
    }
}
