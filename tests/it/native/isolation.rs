//! Tenants that can't see each other: for a foreign id the answer is, to the byte, that for a missing one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, EXCHANGE, Http, SESSIONS, World, creation, ids, text, unknown, uuid};

/// What a tenant has, all of which somebody else will ask for.
struct Belongings {
    portal: Value,
    customer: Value,
    session: Value,
    event: String,
}

impl Belongings {
    async fn of(api: &Http) -> Self {
        let slug = json!({"slug": "private-portal", "name": "Private"});
        let found = api.get("/v1/portals/private-portal").await;
        let portal = if found.status == 200 { found } else { api.post("/v1/portals", slug).await.expect(201) }.json();
        let customer =
            api.post("/v1/customers", json!({"externalId": "private-customer", "email": "p@x.example"})).await;
        let customer = customer.expect(201).json();
        let body = creation(json!({"customerExternalId": "private-customer", "portal": "private-portal"}));
        let session = api.post(SESSIONS, body).await.expect(201).json();
        let events = api.get("/v1/events").await.expect(200).json();
        Self { portal, customer, session, event: ids(&events)[0].clone() }
    }
}

/// Every call that names something, with the name as `{}`.
fn calls(kind: &str) -> Vec<(Method, String, Option<Value>)> {
    let call = |method: Method, path: &str, body: Option<Value>| (method, path.to_owned(), body);
    match kind {
        "session" => vec![
            call(Method::GET, "/v1/portal-sessions/{}", None),
            call(Method::DELETE, "/v1/portal-sessions/{}", None),
            call(Method::GET, "/v1/portal-sessions?startingAfter={}", None),
            call(Method::GET, "/v1/portal-sessions?endingBefore={}", None),
            call(Method::GET, "/v1/events?portalSessionId={}", None),
        ],
        "portal" => vec![
            call(Method::GET, "/v1/portals/{}", None),
            call(Method::PATCH, "/v1/portals/{}", Some(json!({"name": "Mine"}))),
            call(Method::DELETE, "/v1/portals/{}", None),
            call(Method::GET, "/v1/portals?startingAfter={}", None),
            call(Method::GET, "/v1/portal-sessions?portal={}", None),
            call(Method::POST, "/v1/portal-sessions", Some(creation(json!({"portal": "{}"})))),
        ],
        "slug" => vec![
            call(Method::GET, "/v1/portals/{}", None),
            call(Method::PATCH, "/v1/portals/{}", Some(json!({"enabled": false}))),
            call(Method::DELETE, "/v1/portals/{}", None),
            call(Method::GET, "/v1/portal-sessions?portal={}", None),
            call(Method::POST, "/v1/portal-sessions", Some(creation(json!({"portal": "{}"})))),
        ],
        "customer" => vec![
            call(Method::GET, "/v1/customers/{}", None),
            call(Method::PATCH, "/v1/customers/{}", Some(json!({"name": "Mine"}))),
            call(Method::DELETE, "/v1/customers/{}", None),
            call(Method::DELETE, "/v1/customers/{}/portal-sessions", None),
            call(Method::GET, "/v1/customers?startingAfter={}", None),
            call(Method::GET, "/v1/portal-sessions?customerId={}&includeExpired=true", None),
            call(
                Method::POST,
                "/v1/portal-sessions",
                Some(creation(json!({"customerExternalId": null, "customerId": "{}"}))),
            ),
        ],
        "external id" => vec![
            call(Method::GET, "/v1/customers?externalId={}", None),
            call(Method::GET, "/v1/portal-sessions?customerExternalId={}&includeExpired=true", None),
        ],
        _ => vec![call(Method::GET, "/v1/events?startingAfter={}&type=none", None)],
    }
}

async fn ask(api: &Http, (method, path, body): &(Method, String, Option<Value>), name: &str) -> Answer {
    let body = body.as_ref().map(|body| body.to_string().replace("{}", name).into_bytes());
    api.send(method.clone(), &path.replace("{}", name), body).await
}

/// Asks a stranger's way for each belonging and for something that never was.
async fn looks_absent(stranger: &Http, theirs: &Belongings) {
    let plain = |id: &str| uuid(id).hyphenated().to_string();
    let (session, portal, customer) =
        (text(&theirs.session, "id"), text(&theirs.portal, "id"), text(&theirs.customer, "id"));
    for (kind, foreign, missing) in [
        ("session", session.to_owned(), unknown("ps")),
        ("session", plain(session), plain(&unknown("ps"))),
        ("portal", portal.to_owned(), unknown("ptl")),
        ("portal", plain(portal), plain(&unknown("ptl"))),
        ("slug", "private-portal".into(), "missing-portal".into()),
        ("customer", customer.to_owned(), unknown("cus")),
        ("customer", plain(customer), plain(&unknown("cus"))),
        ("external id", "private-customer".into(), "missing-customer".into()),
        ("event", theirs.event.clone(), unknown("evt")),
    ] {
        for call in calls(kind) {
            let seen = ask(stranger, &call, &foreign).await;
            let absent = ask(stranger, &call, &missing).await;
            if call.1.contains("endingBefore") || call.1.contains("startingAfter") {
                // A cursor tells only of time; what comes is the stranger's own.
                assert_eq!(seen.status, 200, "{call:?}");
                continue;
            }
            assert_eq!(seen.but_for_its_id(), absent.but_for_its_id(), "{kind}: {call:?}");
        }
    }
}

async fn untouched(api: &Http, http: &Http, belongings: &Belongings) {
    let path = format!("{SESSIONS}/{}", text(&belongings.session, "id"));
    assert_eq!(api.get(&path).await.expect(200).json()["status"], "pending");
    let portal = api.get("/v1/portals/private-portal").await.expect(200).json();
    assert_eq!(portal, belongings.portal);
    let path = format!("/v1/customers/{}", text(&belongings.customer, "id"));
    assert_eq!(api.get(&path).await.expect(200).json(), belongings.customer);
    http.post(EXCHANGE, json!({"token": belongings.session["token"]})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tenants_things_are_missing() {
    for world in World::both().await {
        let theirs = Belongings::of(&world.api).await;
        let stranger = World::new(world.store).await;
        looks_absent(&stranger.api, &theirs).await;
        for list in [SESSIONS, "/v1/customers", "/v1/events?type=portal_session.created"] {
            assert_eq!(ids(&stranger.api.get(list).await.expect(200).json()), [""; 0], "{list}");
        }
        assert_eq!(ids(&stranger.api.get("/v1/portals").await.expect(200).json()).len(), 1, "its own default");
        untouched(&world.api, &world.http, &theirs).await;
    }
}

/// The same key text is no way round: permissions that name a foreign portal reach nothing.
#[tokio::test(flavor = "multi_thread")]
async fn permissions_on_a_foreign_portal_reach_nothing() {
    for world in World::both().await {
        let theirs = Belongings::of(&world.api).await;
        let stranger = World::new(world.store).await;
        let key = stranger.permitted(&[&format!("portal.{}.*", text(&theirs.portal, "id")), "portal.private-portal.*"]);
        key.get(&format!("{SESSIONS}/{}", text(&theirs.session, "id"))).await.missing();
        key.delete(&format!("{SESSIONS}/{}", text(&theirs.session, "id"))).await.missing();
        assert_eq!(ids(&key.get(SESSIONS).await.expect(200).json()), [""; 0]);
        assert_eq!(ids(&key.get("/v1/portals").await.expect(200).json()), [""; 0]);
        key.get("/v1/portals/private-portal").await.missing();
        untouched(&world.api, &world.http, &theirs).await;
    }
}

/// Live and test mode know nothing of each other's customers, sessions and events; portals they share.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_modes_things_are_missing() {
    for world in World::both().await {
        let live = world.with_key("live", &[]);
        for (here, there) in [(&world.api, &live), (&live, &world.api)] {
            let mine = Belongings::of(here).await;
            let plain = |id: &str| uuid(id).hyphenated().to_string();
            for (kind, own, missing) in [
                ("session", text(&mine.session, "id"), unknown("ps")),
                ("session", &plain(text(&mine.session, "id")), plain(&unknown("ps"))),
                ("customer", text(&mine.customer, "id"), unknown("cus")),
                ("external id", "private-customer", "missing-customer".into()),
            ] {
                for call in calls(kind)
                    .into_iter()
                    .filter(|call| !call.1.contains("startingAfter") && !call.1.contains("endingBefore"))
                {
                    let (seen, absent) = (ask(there, &call, own).await, ask(there, &call, &missing).await);
                    assert_eq!(seen.but_for_its_id(), absent.but_for_its_id(), "{call:?}");
                }
            }
            assert_eq!(ids(&there.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json()), [""; 0]);
            untouched(here, &world.http, &mine).await;
            // Out of the way for the other direction.
            here.delete(&format!("/v1/customers/{}", text(&mine.customer, "id"))).await.expect(204);
        }
    }
}
