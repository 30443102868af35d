//! `/v1/portals`: made, read, changed, switched off and on, deleted.

use serde_json::{Value, json};

use crate::support::{SESSIONS, World, creation, ids, text, unknown, uuid};

const PORTALS: &str = "/v1/portals";

fn fresh() -> Value {
    json!({
        "object": "portal", "slug": "plain", "name": null, "enabled": true, "returnUrl": null,
        "allowedReturnOrigins": [], "appUrl": null,
        "branding": {"primaryColor": "#2563eb", "logoUrl": null, "displayName": null},
        "linkTtl": 900, "sessionTtl": 86_400, "defaultPermissions": [], "frameAncestors": [], "upstreamUrl": null,
    })
}

/// Without what differs from portal to portal.
fn settings(portal: &Value) -> Value {
    let mut portal = portal.clone();
    assert!(text(&portal, "id").starts_with("ptl_") && text(&portal, "createdAt").ends_with('Z'), "{portal}");
    portal.as_object_mut().unwrap().retain(|field, _| field != "id" && field != "createdAt");
    portal
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_but_a_slug() {
    for world in World::both().await {
        let made = world.api.post(PORTALS, json!({"slug": "plain"})).await.expect(201).json();
        assert_eq!(settings(&made), fresh());
        let id = text(&made, "id");
        for name in ["plain", id, &uuid(id).hyphenated().to_string()] {
            assert_eq!(world.api.get(&format!("{PORTALS}/{name}")).await.expect(200).json(), made);
        }
        let default = world.api.get("/v1/portals/default").await.expect(200).json();
        assert_eq!((&default["name"], &default["enabled"]), (&json!("A Tenant"), &json!(true)));
        for nowhere in [unknown("ptl").as_str(), "nowhere", "PLAIN", "%00", "%ff", "a%2Fb", "%20", &"a".repeat(300)] {
            for answer in [
                world.api.get(&format!("{PORTALS}/{nowhere}")).await,
                world.api.patch(&format!("{PORTALS}/{nowhere}"), json!({})).await,
                world.api.delete(&format!("{PORTALS}/{nowhere}")).await,
            ] {
                assert_eq!(text(&answer.missing(), "message"), "Portal configuration not found.", "{nowhere}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_field_and_each_changed_by_itself() {
    let full = json!({
        "slug": "full", "name": "Full", "enabled": false, "returnUrl": "https://a.example/back",
        "allowedReturnOrigins": ["https://a.example", "http://localhost:3000"], "appUrl": "https://app.example/portal",
        "branding": {"primaryColor": "#ff0000", "logoUrl": "https://a.example/logo.svg", "displayName": "Acme"},
        "linkTtl": 60, "sessionTtl": 300, "defaultPermissions": ["a.b.c"],
        "frameAncestors": ["https://a.example"], "upstreamUrl": "https://api.example",
    });
    for world in World::both().await {
        let made = world.api.post(PORTALS, full.clone()).await.expect(201).json();
        let mut expected = full.clone();
        expected["object"] = json!("portal");
        assert_eq!(settings(&made), expected);
        let path = format!("{PORTALS}/{}", text(&made, "id"));
        let nothing = world.api.patch(&path, json!({})).await.expect(200).json();
        assert_eq!(nothing, made, "an empty change changes nothing");

        // null clears, one field at a time, and touches no other.
        for field in full.as_object().unwrap().keys().filter(|field| *field != "slug") {
            let changed = world.api.patch(&path, json!({field: null})).await.expect(200).json();
            let mut wanted = made.clone();
            wanted[field] = fresh()[field].clone();
            assert_eq!(changed, wanted, "{field}: null");
            let restored = world.api.patch(&path, json!({field: full[field]})).await.expect(200).json();
            assert_eq!(restored, made, "{field} again");
            assert_eq!(world.api.get(&path).await.expect(200).json(), made);
        }
        // Branding merges by field.
        let changed =
            world.api.patch(&path, json!({"branding": {"displayName": null, "primaryColor": "#00FF00"}})).await;
        let branding = json!({"primaryColor": "#00ff00", "logoUrl": "https://a.example/logo.svg", "displayName": null});
        assert_eq!(changed.expect(200).json()["branding"], branding);
        let changed = world.api.patch(&path, json!({"branding": {"primaryColor": null}})).await.expect(200).json();
        assert_eq!(changed["branding"]["primaryColor"], "#2563eb");
        // The slug can be changed, and has no value to be cleared to.
        let changed = world.api.patch(&path, json!({"slug": "renamed", "enabled": true})).await.expect(200).json();
        assert_eq!((&changed["slug"], &changed["enabled"]), (&json!("renamed"), &json!(true)));
        world.api.get(&format!("{PORTALS}/full")).await.missing();
        assert_eq!(world.api.get(&format!("{PORTALS}/renamed")).await.expect(200).json(), changed);
        world.api.patch(&path, json!({"slug": null})).await.invalid("slug");
        world.api.patch(&path, json!({"slug": null, "name": "Other"})).await.invalid("slug");
        assert_eq!(world.api.get(&path).await.expect(200).json(), changed);
        let made = world.api.post(PORTALS, json!({"slug": "with-nulls", "enabled": null, "name": null})).await;
        assert_eq!(made.expect(201).json()["enabled"], true, "on creation null is as left out");
    }
}

/// What looks like an id may be a slug all the same: ids come first.
#[tokio::test(flavor = "multi_thread")]
async fn a_slug_that_looks_like_an_id() {
    const SLUG: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    for world in World::both().await {
        let made = world.api.post(PORTALS, json!({"slug": SLUG})).await.expect(201).json();
        let path = format!("{PORTALS}/{SLUG}");
        assert_eq!(world.api.get(&path).await.expect(200).json(), made);
        world.api.get(&path.to_uppercase().replace("/V1/PORTALS", PORTALS)).await.missing();
        let changed = world.api.patch(&path, json!({"name": "N"})).await.expect(200).json();
        assert_eq!((&changed["id"], &changed["name"]), (&made["id"], &json!("N")));
        let session = world.mint(json!({"portal": SLUG})).await;
        assert_eq!((&session["portal"], &session["portalId"]), (&json!(SLUG), &made["id"]));
        let listed = world.api.get(&format!("{SESSIONS}?portal={SLUG}")).await.expect(200).json();
        assert_eq!(ids(&listed), [text(&session, "id")]);
        let few = world.permitted(&[&format!("portal.{SLUG}.read_portal")]);
        assert_eq!(ids(&few.get(PORTALS).await.expect(200).json()), [text(&made, "id")]);
        // Another tenant's portal is not reached by it.
        World::new(world.store).await.api.get(&path).await.missing();
        // A portal of that id comes before one of that slug.
        let default = world.api.get("/v1/portals/default").await.expect(200).json();
        let id = uuid(text(&default, "id")).hyphenated().to_string();
        world.api.patch(&format!("{PORTALS}/{}", text(&made, "id")), json!({"slug": id})).await.expect(200);
        assert_eq!(world.api.get(&format!("{PORTALS}/{id}")).await.expect(200).json(), default);
        world.api.get(&path).await.missing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_that_is_taken() {
    for world in World::both().await {
        let made = world.api.post(PORTALS, json!({"slug": "taken"})).await.expect(201).json();
        world.api.post(PORTALS, json!({"slug": "taken"})).await.conflict();
        world.api.post(PORTALS, json!({"slug": "default"})).await.conflict();
        let other = world.api.post(PORTALS, json!({"slug": "other"})).await.expect(201).json();
        let path = format!("{PORTALS}/{}", text(&other, "id"));
        world.api.patch(&path, json!({"slug": "taken"})).await.conflict();
        world.api.patch(&path, json!({"slug": "other"})).await.expect(200);
        world.api.patch("/v1/portals/default", json!({"slug": "another"})).await.conflict();
        // Another tenant's slugs are its own business.
        let stranger = World::new(world.store).await;
        stranger.api.post(PORTALS, json!({"slug": "taken"})).await.expect(201);
        // A deleted one is free again.
        world.api.delete(&format!("{PORTALS}/{}", text(&made, "id"))).await.expect(204);
        world.api.post(PORTALS, json!({"slug": "taken"})).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_them() {
    for world in World::both().await {
        let mut all = ids(&world.api.get(PORTALS).await.expect(200).json());
        for n in 0..4 {
            let made = world.api.post(PORTALS, json!({"slug": format!("p-{n}")})).await.expect(201).json();
            all.insert(0, text(&made, "id").to_owned());
        }
        let page = async |query: &str| {
            let list = world.api.get(&format!("{PORTALS}{query}")).await.expect(200).json();
            assert_eq!((&list["object"], &list["url"]), (&json!("list"), &json!(PORTALS)));
            (ids(&list), list["hasMore"] == true)
        };
        assert_eq!(page("").await, (all.clone(), false));
        assert_eq!(page("?limit=2").await, (all[..2].to_vec(), true));
        assert_eq!(page(&format!("?limit=2&startingAfter={}", all[1])).await, (all[2..4].to_vec(), true));
        assert_eq!(page(&format!("?limit=2&endingBefore={}", all[4])).await, (all[2..4].to_vec(), true));
        assert_eq!(page(&format!("?endingBefore={}", all[2])).await, (all[..2].to_vec(), false));
        let (one, two) = (&all[0], &all[3]);
        let few = world.permitted(&[&format!("portal.{two}.read_portal"), &format!("portal.{one}.read_portal")]);
        let list = few.get(&format!("{PORTALS}?limit=1")).await.expect(200).json();
        assert_eq!((ids(&list), &list["hasMore"]), (vec![one.clone()], &json!(true)), "what the key may read");
        let list = few.get(&format!("{PORTALS}?startingAfter={one}")).await.expect(200).json();
        assert!(ids(&list) == [two.as_str()]);
    }
}

/// Disabling stops new sessions, open links and live sessions at once; enabling revives them.
#[tokio::test(flavor = "multi_thread")]
async fn switched_off_and_on() {
    for world in World::both().await {
        let link = world.mint(json!({})).await;
        let short = world.mint(json!({})).await;
        let (_, token) = world.active(json!({})).await;
        world.who(&token).await.expect(200);
        world.api.patch("/v1/portals/default", json!({"enabled": false})).await.expect(200);
        world.who(&token).await.no_session();
        world.exchange(text(&link, "token")).await.no_session();
        world.api.post(SESSIONS, creation(json!({}))).await.refused(403, "permission_error", "portal_disabled");
        // They are still there to be seen and revoked.
        let got = world.api.get(&format!("{SESSIONS}/{}", text(&link, "id"))).await.expect(200).json();
        assert_eq!((&got["status"], &got["isUsed"]), (&json!("pending"), &json!(false)));
        world.db().await.expire_link(text(&short, "id")).await;
        world.api.patch("/v1/portals/default", json!({"enabled": true})).await.expect(200);
        world.who(&token).await.expect(200);
        world.exchange(text(&link, "token")).await.expect(200);
        world.exchange(text(&short, "token")).await.no_session();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_its_sessions_end() {
    for world in World::both().await {
        world.api.post(PORTALS, json!({"slug": "gone"})).await.expect(201);
        let link = world.mint(json!({"portal": "gone"})).await;
        let (active, token) = world.active(json!({"portal": "gone"})).await;
        world.who(&token).await.expect(200);
        let answer = world.api.delete("/v1/portals/gone").await.expect(204);
        assert_eq!(answer.text(), "");
        world.api.delete("/v1/portals/gone").await.missing();
        world.who(&token).await.no_session();
        world.exchange(text(&link, "token")).await.no_session();
        for session in [&link, &active] {
            world.api.get(&format!("{SESSIONS}/{}", text(session, "id"))).await.missing();
            world.api.delete(&format!("{SESSIONS}/{}", text(session, "id"))).await.missing();
        }
        let left = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        assert_eq!(ids(&left), [""; 0]);
        world.api.post(SESSIONS, creation(json!({"portal": "gone"}))).await.missing();
        // Another of the same name does not bring them back.
        world.api.post(PORTALS, json!({"slug": "gone"})).await.expect(201);
        world.exchange(text(&link, "token")).await.no_session();
        world.who(&token).await.no_session();

        let default = world.api.get("/v1/portals/default").await.expect(200).json();
        world.api.delete("/v1/portals/default").await.conflict();
        world.api.delete(&format!("{PORTALS}/{}", text(&default, "id"))).await.conflict();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_kept() {
    for world in World::both().await {
        let fields = [
            json!({"name": "N"}),
            json!({"linkTtl": 61}),
            json!({"sessionTtl": 301}),
            json!({"branding": {"displayName": "D"}}),
        ];
        let changes = fields.map(|change| {
            let api = world.api.clone();
            tokio::spawn(async move { api.patch("/v1/portals/default", change).await })
        });
        for change in changes {
            change.await.unwrap().expect(200);
        }
        let portal = world.api.get("/v1/portals/default").await.expect(200).json();
        assert_eq!((&portal["name"], &portal["linkTtl"]), (&json!("N"), &json!(61)));
        assert_eq!((&portal["sessionTtl"], &portal["branding"]["displayName"]), (&json!(301), &json!("D")));
    }
}
