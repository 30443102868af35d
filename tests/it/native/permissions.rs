//! What a key may call, portal by portal, and what it may give away.

use serde_json::{Value, json};

use crate::support::{SESSIONS, World, creation, ids, text, unknown, uuid};

/// A tenant with the portals `default`, `a` and `b`, and a session in each.
struct Scene {
    world: World,
    portals: [Value; 2],
    sessions: [Value; 3],
}

impl Scene {
    async fn both() -> Vec<Self> {
        let mut scenes = Vec::new();
        for world in World::both().await {
            let a = world.api.post("/v1/portals", json!({"slug": "aaa"})).await.expect(201).json();
            let b = world.api.post("/v1/portals", json!({"slug": "bbb"})).await.expect(201).json();
            let sessions = [
                world.mint(json!({})).await,
                world.mint(json!({"portal": "aaa"})).await,
                world.mint(json!({"portal": "bbb"})).await,
            ];
            scenes.push(Self { world, portals: [a, b], sessions });
        }
        scenes
    }

    fn session(&self, n: usize) -> String {
        format!("{SESSIONS}/{}", text(&self.sessions[n], "id"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_named_portal_only() {
    for scene in Scene::both().await {
        let id = text(&scene.portals[0], "id");
        let plain = uuid(id).hyphenated().to_string();
        for name in ["aaa", id, &plain] {
            let all = ["create_session", "read_session", "revoke_session"];
            let all = all.map(|action| format!("portal.{name}.{action}"));
            let key = scene.world.permitted(&all.iter().map(String::as_str).collect::<Vec<_>>());
            let made = key.post(SESSIONS, creation(json!({"portal": "aaa"}))).await.expect(201).json();
            for elsewhere in [json!({}), json!({"portal": "default"}), json!({"portal": "bbb"})] {
                let error = key.post(SESSIONS, creation(elsewhere)).await.missing();
                assert_eq!(text(&error, "message"), "Portal configuration not found.");
            }
            key.get(&scene.session(1)).await.expect(200);
            for foreign in [0, 2] {
                key.get(&scene.session(foreign)).await.missing();
                key.delete(&scene.session(foreign)).await.missing();
            }
            let seen = key.get(SESSIONS).await.expect(200).json();
            assert_eq!(ids(&seen), [text(&made, "id"), text(&scene.sessions[1], "id")]);
            assert_eq!(ids(&key.get(&format!("{SESSIONS}?portal=aaa")).await.expect(200).json()).len(), 2);
            key.get(&format!("{SESSIONS}?portal=bbb")).await.missing();
            key.delete(&format!("{SESSIONS}/{}", text(&made, "id"))).await.expect(204);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_by_itself() {
    for scene in Scene::both().await {
        let actions =
            ["create_session", "read_session", "revoke_session", "read_portal", "update_portal", "delete_portal"];
        for allowed in actions {
            let key = scene.world.permitted(&[&format!("portal.*.{allowed}")]);
            let create = key.post(SESSIONS, creation(json!({}))).await;
            let list = key.get(SESSIONS).await;
            match allowed {
                "create_session" => drop(create.expect(201)),
                _ => drop(create.missing()),
            }
            match allowed {
                "read_session" => assert!(ids(&list.expect(200).json()).len() > 2),
                _ => drop(list.forbidden()),
            }
            let status = async |action: &str, answer: crate::support::Answer, good: u16| {
                if allowed == action { drop(answer.expect(good)) } else { drop(answer.missing()) }
            };
            status("read_session", key.get(&scene.session(0)).await, 200).await;
            let fresh = scene.world.mint(json!({})).await;
            status("revoke_session", key.delete(&format!("{SESSIONS}/{}", text(&fresh, "id"))).await, 204).await;
            let of_customer = format!("/v1/customers/{}/portal-sessions", text(&fresh, "customerId"));
            if allowed != "revoke_session" {
                key.delete(&of_customer).await.missing();
            }
            status("read_portal", key.get("/v1/portals/default").await, 200).await;
            status("update_portal", key.patch("/v1/portals/default", json!({})).await, 200).await;
            let slug = json!({"slug": format!("x-{}", allowed.replace('_', "-"))});
            scene.world.api.post("/v1/portals", slug.clone()).await.expect(201);
            let path = format!("/v1/portals/{}", text(&slug, "slug"));
            status("delete_portal", key.delete(&path).await, 204).await;
            match allowed {
                "read_portal" => drop(key.get("/v1/portals").await.expect(200)),
                _ => drop(key.get("/v1/portals").await.forbidden()),
            }
            key.post("/v1/portals", json!({"slug": "never"})).await.forbidden();
            key.get("/v1/events").await.forbidden();
            key.get("/v1/customers").await.forbidden();
            key.post("/v1/customers", json!({"externalId": "never"})).await.forbidden();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_no_portal() {
    for world in World::both().await {
        let customer = world.api.post("/v1/customers", json!({"externalId": "c"})).await.expect(201).json();
        let path = format!("/v1/customers/{}", text(&customer, "id"));
        let reader = world.permitted(&["customer.*.read"]);
        reader.get(&path).await.expect(200);
        reader.get("/v1/customers").await.expect(200);
        reader.patch(&path, json!({})).await.missing();
        reader.delete(&path).await.missing();
        reader.post("/v1/customers", json!({"externalId": "d"})).await.forbidden();
        reader.get("/v1/events").await.forbidden();
        let writer = world.permitted(&["customer.*.update"]);
        writer.get(&path).await.missing();
        writer.get("/v1/customers").await.forbidden();
        writer.patch(&path, json!({"name": "N"})).await.expect(200);
        writer.post("/v1/customers", json!({"externalId": "d"})).await.expect(201);
        writer.delete(&path).await.expect(204);
        let auditor = world.permitted(&["event.*.read"]);
        auditor.get("/v1/events").await.expect(200);
        auditor.get(SESSIONS).await.forbidden();
        auditor.get("/v1/portals/default").await.missing();
        let founder = world.permitted(&["portal.*.create_portal"]);
        founder.post("/v1/portals", json!({"slug": "founded"})).await.expect(201);
        founder.get("/v1/portals/founded").await.missing();
    }
}

/// A key can revoke a customer's sessions where it may revoke, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn revoking_by_customer_keeps_to_the_keys_portals() {
    for scene in Scene::both().await {
        let key = scene.world.permitted(&["portal.aaa.revoke_session", "portal.bbb.revoke_session"]);
        let path = format!("/v1/customers/{}/portal-sessions", text(&scene.sessions[0], "customerId"));
        assert_eq!(key.delete(&path).await.expect(200).json(), json!({"revoked": 2}));
        scene.world.api.get(&scene.session(0)).await.expect(200);
        scene.world.api.get(&scene.session(1)).await.missing();
        scene.world.api.get(&scene.session(2)).await.missing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absence_and_lack_of_permission_look_alike() {
    for scene in Scene::both().await {
        let key = scene.world.permitted(&["portal.aaa.*"]);
        let alike = async |one: &str, other: &str| {
            assert_eq!(key.get(one).await.but_for_its_id(), key.get(other).await.but_for_its_id(), "{one}");
            assert_eq!(key.delete(one).await.but_for_its_id(), key.delete(other).await.but_for_its_id(), "{one}");
        };
        alike(&scene.session(0), &format!("{SESSIONS}/{}", unknown("ps"))).await;
        alike("/v1/portals/bbb", "/v1/portals/nowhere").await;
        let customer = format!("/v1/customers/{}", text(&scene.sessions[0], "customerId"));
        alike(&customer, &format!("/v1/customers/{}", unknown("cus"))).await;
        let mint = async |portal: &str| key.post(SESSIONS, creation(json!({"portal": portal}))).await.but_for_its_id();
        assert_eq!(mint("bbb").await, mint("nowhere").await);
        let list = async |portal: &str| key.get(&format!("{SESSIONS}?portal={portal}")).await.but_for_its_id();
        assert_eq!(list("bbb").await, list("nowhere").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_grants() {
    for world in World::both().await {
        world.api.patch("/v1/portals/default", json!({"defaultPermissions": ["api.one.read_key"]})).await.expect(200);
        let key = world.with_key("test", &["--grant", "api.*.read_key", "--grant", "*.one.*"]);
        let mint = async |permissions: Value| key.post(SESSIONS, creation(json!({"permissions": permissions}))).await;
        for good in [
            json!(["api.one.read_key"]),
            json!(["api.*.read_key"]),
            json!(["x.one.y", "api.two.read_key"]),
            json!(["*.one.*"]),
            json!(null),
        ] {
            mint(good).await.expect(201);
        }
        for bad in [
            json!(["api.two.write_key"]),
            json!(["*.*.read_key"]),
            json!(["api.one.read_key", "x.two.y"]),
            json!(["*.*.*"]),
            json!(["api.*.*"]),
            json!(["API.two.read_key"]),
            json!(["api.two.read_keys"]),
        ] {
            let error = mint(bad.clone()).await.forbidden();
            assert!(text(&error, "message").contains("permissions["), "{error}");
        }
        // The portal's defaults are given away by the key as well.
        world.api.patch("/v1/portals/default", json!({"defaultPermissions": ["api.two.write_key"]})).await.expect(200);
        mint(json!(null)).await.forbidden();
        assert_eq!(ids(&world.api.get(&format!("{SESSIONS}?limit=100")).await.expect(200).json()).len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_with_stars_in_any_place() {
    for world in World::both().await {
        for (pattern, works) in [
            ("*.*.*", true),
            ("portal.*.*", true),
            ("*.default.read_session", true),
            ("*.*.read_session", true),
            ("portals.*.*", false),
            ("portal.defaul.*", false),
            ("portal.*.read_sessions", false),
            ("portal.def*.*", false),
        ] {
            let key = world.permitted(&[pattern]);
            let created = world.mint(json!({})).await;
            let answer = key.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await;
            assert_eq!(answer.status == 200, works, "{pattern}: {}", answer.text());
        }
    }
}
