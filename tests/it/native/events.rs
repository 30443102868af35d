//! `GET /v1/events`: who, from where, what, when.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vestibule::domain::event::EventType;

use crate::support::{EXCHANGE, SESSIONS, World, ids, text, unknown, uuid};

const EVENTS: &str = "/v1/events";

async fn events(world: &World, query: &str) -> Vec<Value> {
    let list = world.api.get(&format!("{EVENTS}?limit=100{query}")).await.expect(200).json();
    assert_eq!((&list["object"], &list["url"], &list["hasMore"]), (&json!("list"), &json!(EVENTS), &json!(false)));
    list["data"].as_array().unwrap().clone()
}

/// The one event of that type.
async fn the(world: &World, kind: &str) -> Value {
    let found = events(world, &format!("&type={kind}")).await;
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    let names: Vec<&str> = found[0].as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "object",
        "id",
        "type",
        "createdAt",
        "livemode",
        "actor",
        "ipAddress",
        "userAgent",
        "portalSessionId",
        "customerId",
        "portalId",
        "data",
    ];
    assert_eq!(names, documented);
    assert_eq!((&found[0]["object"], &found[0]["type"]), (&json!("event"), &json!(kind)));
    assert!(text(&found[0], "id").starts_with("evt_"));
    found[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_sessions_life() {
    for world in World::both().await {
        let backend = world.api.header("user-agent", "acme-backend/2");
        let browser = world.http.header("user-agent", "Firefox/1");
        let created = backend.post(SESSIONS, crate::support::creation(json!({}))).await.expect(201).json();
        let body = json!({"token": created["token"], "transport": "bearer"});
        let opened = browser.post(EXCHANGE, body.clone()).await.expect(200).json();
        browser.header("user-agent", "Thief/1").post(EXCHANGE, body).await.no_session();
        browser.key(text(&opened, "token")).delete("/v1/portal-session").await.expect(204);
        backend.delete(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(204);

        let keys = world.server.cli(&["key", "list", "--tenant", &world.merchant.slug]);
        let key = json!({"type": "key", "id": keys["data"][0]["id"]});
        let person = json!({"type": "end_user", "id": created["customerId"]});
        for (kind, actor, agent) in [
            ("portal_session.created", &key, "acme-backend/2"),
            ("portal_session.exchanged", &person, "Firefox/1"),
            ("portal_session.exchange_refused", &person, "Thief/1"),
            ("portal_session.ended", &person, "Firefox/1"),
            ("portal_session.revoked", &key, "acme-backend/2"),
        ] {
            let event = the(&world, kind).await;
            assert_eq!((&event["actor"], &event["userAgent"]), (actor, &json!(agent)), "{kind}");
            assert_eq!((&event["ipAddress"], &event["livemode"]), (&json!("127.0.0.1"), &json!(false)), "{kind}");
            assert_eq!(event["portalSessionId"], created["id"], "{kind}");
            assert_eq!(event["customerId"], created["customerId"], "{kind}");
            assert_eq!(event["portalId"], created["portalId"], "{kind}");
        }
        let created_event = the(&world, "portal_session.created").await;
        assert_eq!(created_event["createdAt"], created["createdAt"]);
        // They outlive what they tell of, newest first, and are found by the session's id.
        let told = events(&world, &format!("&portalSessionId={}", text(&created, "id"))).await;
        let types: Vec<&str> = told.iter().map(|event| text(event, "type")).collect();
        let expected = [
            "portal_session.revoked",
            "portal_session.ended",
            "portal_session.exchange_refused",
            "portal_session.exchanged",
            "portal_session.created",
        ];
        assert_eq!(types, expected);
        let plain = uuid(text(&created, "id")).hyphenated().to_string();
        assert_eq!(events(&world, &format!("&portalSessionId={plain}")).await, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_keys_portals_and_customers() {
    for world in World::both().await {
        let first = the(&world, "key.created").await;
        assert_eq!((&first["actor"], &first["ipAddress"]), (&json!({"type": "operator", "id": null}), &Value::Null));
        let key = text(&first["data"], "key").to_owned();
        let rolled = world.server.cli(&["key", "roll", &key, "--overlap", "3600"]);
        let told = the(&world, "key.rolled").await;
        assert_eq!(told["data"], json!({"key": key, "successor": rolled["id"]}));
        world.server.cli(&["key", "revoke", text(&rolled, "id")]);
        let told = the(&world, "key.revoked").await;
        assert_eq!((&told["data"], &told["actor"]["type"]), (&json!({"key": rolled["id"]}), &json!("operator")));

        let portal = world.api.post("/v1/portals", json!({"slug": "second"})).await.expect(201).json();
        world.api.patch("/v1/portals/second", json!({"enabled": false})).await.expect(200);
        world.api.delete("/v1/portals/second").await.expect(204);
        for kind in ["portal.created", "portal.updated", "portal.deleted"] {
            let mut told = events(&world, &format!("&type={kind}")).await;
            told.retain(|event| event["portalId"] == portal["id"]);
            assert_eq!(told.len(), 1, "{kind}: {told:?}");
            assert_eq!(told[0]["actor"], json!({"type": "key", "id": key}));
        }
        let customer =
            world.api.post("/v1/customers", json!({"externalId": "c", "name": "N"})).await.expect(201).json();
        let path = format!("/v1/customers/{}", text(&customer, "id"));
        world.api.patch(&path, json!({"name": "M"})).await.expect(200);
        world.api.delete(&path).await.expect(204);
        for kind in ["customer.created", "customer.updated", "customer.deleted"] {
            let event = the(&world, kind).await;
            assert_eq!((&event["customerId"], &event["actor"]), (&customer["id"], &json!({"type": "key", "id": key})));
        }
    }
}

/// The landing page is read by the person, before there is a session.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_landing_page() {
    for world in World::both().await {
        let created = world.mint(json!({"portal": null})).await;
        let path = format!("/r/{}", text(&created, "token"));
        for agent in ["Firefox/1", "Firefox/2"] {
            world.http.header("user-agent", agent).get(&path).await.expect(200);
        }
        let event = the(&world, "portal_session.opened").await;
        assert_eq!(event["actor"], json!({"type": "end_user", "id": created["customerId"]}));
        assert_eq!((&event["ipAddress"], &event["userAgent"]), (&json!("127.0.0.1"), &json!("Firefox/1")), "once");
        for field in ["customerId", "portalId", "livemode"] {
            assert_eq!(event[field], created[field], "{field}");
        }
        assert_eq!(event["portalSessionId"], created["id"]);
    }
}

/// A portal belongs to both modes, so both trails tell of it, whoever made or changed it.
#[tokio::test(flavor = "multi_thread")]
async fn of_portals_in_both_modes() {
    for world in World::both().await {
        let slug = world.merchant.slug.as_str();
        let live = world.with_key("live", &[]);
        let default = world.api.get("/v1/portals/default").await.expect(200).json();
        let by_hand = world.server.cli(&["portal", "create", "--tenant", slug, "--slug", "by-hand"]);
        world.server.cli(&["portal", "update", "--tenant", slug, "by-hand", "--disable"]);
        let by_live = live.post("/v1/portals", json!({"slug": "by-live"})).await.expect(201).json();
        live.patch("/v1/portals/by-live", json!({"name": "N"})).await.expect(200);
        world.api.delete("/v1/portals/by-live").await.expect(204);
        let expected = [
            ("portal.deleted", &by_live, "key"),
            ("portal.updated", &by_live, "key"),
            ("portal.created", &by_live, "key"),
            ("portal.updated", &by_hand, "operator"),
            ("portal.created", &by_hand, "operator"),
            ("portal.created", &default, "operator"),
        ];
        let mut ids = BTreeSet::new();
        for (api, livemode) in [(&world.api, false), (&live, true)] {
            let list = api.get(&format!("{EVENTS}?limit=100")).await.expect(200).json();
            let told =
                list["data"].as_array().unwrap().iter().filter(|event| text(event, "type").starts_with("portal."));
            let told: Vec<&Value> = told.collect();
            let seen =
                told.iter().map(|event| (text(event, "type"), &event["portalId"], text(&event["actor"], "type")));
            let wanted = expected.map(|(kind, portal, actor)| (kind, &portal["id"], actor));
            assert_eq!(seen.collect::<Vec<_>>(), wanted, "livemode: {livemode}");
            assert!(told.iter().all(|event| event["livemode"] == livemode));
            assert_eq!(told[3]["data"], json!({"enabled": false}));
            ids.extend(told.iter().map(|event| text(event, "id").to_owned()));
        }
        assert_eq!(ids.len(), 12, "each entry has an id of its own");
    }
}

#[test]
fn the_documentation_names_every_type() {
    let documented = include_str!("../../../docs/permissions.md");
    let named: BTreeSet<&str> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(named.len(), EventType::ALL.len(), "names are unique");
    for kind in named {
        assert!(documented.contains(&format!("`{kind}`")), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_nothing_is_not_told() {
    for world in World::both().await {
        let before = events(&world, "").await.len();
        world.api.delete(&format!("{SESSIONS}/{}", unknown("ps"))).await.missing();
        world.exchange("pst_nonsense").await.no_session();
        world.api.post(SESSIONS, crate::support::creation(json!({"portal": "nowhere"}))).await.missing();
        world.api.post("/v1/portals", json!({"slug": "default"})).await.conflict();
        world.api.delete("/v1/portals/default").await.conflict();
        assert_eq!(events(&world, "").await.len(), before);
        // A genuine token with a foreign secret is not genuine.
        use vestibule::domain::secret::{Credential, Kind};
        let (created, _) = world.active(json!({})).await;
        world.exchange(&Credential::mint(Kind::Link, uuid(text(&created, "id"))).reveal()).await.no_session();
        assert_eq!(events(&world, "&type=portal_session.exchange_refused").await, [json!(null); 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_pages() {
    for world in World::both().await {
        let mut sessions = Vec::new();
        for _ in 0..6 {
            sessions.push(text(&world.mint(json!({})).await, "id").to_owned());
        }
        let page = async |query: &str| {
            let list = world.api.get(&format!("{EVENTS}?type=portal_session.created&{query}")).await.expect(200).json();
            let about = list["data"].as_array().unwrap().iter().map(|event| text(event, "portalSessionId").to_owned());
            (about.collect::<Vec<_>>(), ids(&list), list["hasMore"] == true)
        };
        sessions.reverse();
        let (about, all, more) = page("limit=100").await;
        assert_eq!((about, more), (sessions.clone(), false));
        assert_eq!(page("limit=2").await, (sessions[..2].to_vec(), all[..2].to_vec(), true));
        assert_eq!(page(&format!("limit=2&startingAfter={}", all[1])).await.0, sessions[2..4]);
        assert_eq!(page(&format!("limit=2&endingBefore={}", all[4])).await.0, sessions[2..4]);
        assert_eq!(page(&format!("portalSessionId={}", sessions[3])).await.0, [sessions[3].clone()]);
        assert_eq!(page(&format!("portalSessionId={}", unknown("ps"))).await.0, [""; 0]);
        let other = world.api.get(&format!("{EVENTS}?type=no.such")).await.expect(200).json();
        assert_eq!(ids(&other), [""; 0]);
        world.api.get(&format!("{EVENTS}?portalSessionId=x")).await.invalid("portalSessionId");
    }
}
