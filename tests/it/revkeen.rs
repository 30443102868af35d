//! RevKeen's customer portal.

use crate::support::{Http, Merchant, Server, Store, Upstream, uuid};
use reqwest::Method;
use serde_json::{Value, json};

const SESSIONS: &str = "/v2/customer-portal/sessions";
const CUSTOMER: &str = "/v2/customer-portal/customer";

struct Place {
    server: Server,
    merchant: Merchant,
    api: Http,
    customer: Value,
}

impl Place {
    async fn new(store: Store) -> Self {
        let server = Server::with(store).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await;
        let merchant = server.tenant();
        let api = server.http.header("x-api-key", &merchant.key);
        let body = json!({"externalId": "acme-001", "name": "Ada", "defaultCurrency": "EUR"});
        let customer = api.post("/v1/customers", body).await.expect(201).json();
        Self { server, merchant, api, customer }
    }

    fn id(&self) -> &str {
        self.customer["id"].as_str().unwrap()
    }

    async fn session(&self) -> Value {
        self.api.post(SESSIONS, json!({"customer_id": self.id()})).await.expect(201).json()["data"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_shows_its_customer_until_it_is_revoked() {
    for store in Store::both() {
        let place = Place::new(store).await;
        let body = json!({"customer_id": place.id(), "ttl_minutes": 5});
        let answer = place.api.post(SESSIONS, body).await.expect(201);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let made = &answer.json()["data"];
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("rkcps_"));
        assert_eq!(made["url"], format!("{}/r/{token}", place.server.public_url()));
        assert_eq!((&made["customer_id"], &made["merchant_id"]), (&json!(place.id()), &json!(place.merchant.id)));
        for (snake, camel) in [
            ("customer_id", "customerId"),
            ("merchant_id", "merchantId"),
            ("expires_at", "expiresAt"),
            ("created_at", "createdAt"),
        ] {
            assert!(made[snake].is_string() && made[snake] == made[camel], "{made}");
        }
        let both = place.server.http.header("x-api-key", &place.merchant.key).key(token);
        for client in [place.server.http.key(token), place.server.http.header("x-api-key", token), both] {
            let shown = client.get(CUSTOMER).await.expect(200).json()["data"].clone();
            assert_eq!((&shown["id"], &shown["object"]), (&json!(place.id()), &json!("customer")));
            assert_eq!((&shown["name"], &shown["email"]), (&json!("Ada"), &Value::Null));
            assert_eq!((&shown["default_currency"], &shown["defaultCurrency"]), (&json!("EUR"), &json!("EUR")));
            assert_eq!((&shown["external_id"], &shown["externalId"]), (&json!("acme-001"), &json!("acme-001")));
        }
        let session = place.server.http.key(token).get("/v1/portal-session").await.expect(200).json();
        assert_eq!(session["permissions"], json!(["customer.*.read_billing"]));
        assert_eq!(session["portal"], "default");
        let path = format!("/v1/customers/{}/portal-sessions", place.id());
        place.api.delete(&path).await.expect(200);
        let gone = place.server.http.key(token).get(CUSTOMER).await.expect(401).json();
        assert_eq!(gone["error"]["code"], "session_invalid");
        assert_eq!(gone["error"].as_object().unwrap().keys().collect::<Vec<_>>(), ["type", "code", "message"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_wear_revkeens_envelope() {
    let place = Place::new(Store::Sqlite).await;
    let code = |answer: crate::support::Answer, status: u16| {
        let answer = answer.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let error = answer.json()["error"].clone();
        assert!(error["type"].is_string() && error["message"].is_string(), "{error}");
        error["code"].as_str().unwrap().to_owned()
    };
    let api = &place.api;
    for ttl in [json!(4), json!(241), json!("60"), json!(-1)] {
        let body = json!({"customer_id": place.id(), "ttl_minutes": ttl});
        assert_eq!(code(api.post(SESSIONS, body).await, 400), "validation_error");
    }
    for missing in ["cus_0000000000000000000000", "nonsense", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_eq!(code(api.post(SESSIONS, json!({"customer_id": missing})).await, 404), "resource_missing");
    }
    assert_eq!(code(api.send(Method::POST, SESSIONS, None).await, 400), "invalid_request");
    assert_eq!(code(api.send(Method::POST, SESSIONS, Some(b"{".into())).await, 400), "invalid_request");
    assert_eq!(code(place.server.http.post(SESSIONS, json!({})).await, 401), "unauthenticated");
    assert_eq!(code(api.get(SESSIONS).await, 405), "method_not_allowed");
    assert_eq!(code(api.get("/v2/customer-portal/nothing").await, 404), "resource_missing");
    assert_eq!(code(api.get(CUSTOMER).await, 401), "session_invalid");
    let token = place.session().await["token"].as_str().unwrap().to_owned();
    let holder = place.server.http.key(&token);
    assert_eq!(code(holder.post("/v2/customer-portal/invoices", json!({})).await, 405), "method_not_allowed");
    assert_eq!(code(holder.get("/v2/customer-portal/invoices").await, 404), "resource_missing");

    let keyed = api.header("idempotency-key", "once");
    let body = json!({"customer_id": place.id()});
    let first = keyed.post(SESSIONS, body.clone()).await.expect(201).json();
    let second = keyed.post(SESSIONS, body).await.expect(201);
    assert_eq!((second.header("idempotency-replayed"), second.json()), (Some("true"), first));
    let other = keyed.post(SESSIONS, json!({"customer_id": place.id(), "ttl_minutes": 9})).await;
    assert_eq!(code(other, 409), "idempotency_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_and_invoices_come_from_the_merchant() {
    for store in Store::both() {
        let place = Place::new(store).await;
        let upstream = Upstream::start().await;
        place.api.patch("/v1/portals/default", json!({"upstreamUrl": upstream.url})).await.expect(200);
        let token = place.session().await["token"].as_str().unwrap().to_owned();
        let holder = place.server.http.header("x-api-key", &place.merchant.key).key(&token);
        for path in ["subscriptions", "subscriptions/7", "invoices?limit=3", "invoices/9"] {
            holder.get(&format!("/v2/customer-portal/{path}")).await.expect(200);
            let seen = upstream.last();
            assert_eq!(seen.head.uri.to_string(), format!("/base/{path}"));
            assert!(seen.header("vestibule-assertion").is_some());
            assert_eq!((seen.header("x-api-key"), seen.header("authorization")), (None, None));
        }
        holder.send(Method::POST, "/v2/customer-portal/subscriptions/7/cancel", None).await.expect(200);
        assert_eq!(upstream.last().head.uri, "/base/subscriptions/7/cancel");
        assert_eq!(place.server.http.get("/v2/customer-portal/invoices").await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_its_defaults() {
    for store in Store::both() {
        let place = Place::new(store).await;
        let millis =
            |time: &Value| vestibule::domain::time::Timestamp::parse_rfc3339(time.as_str().unwrap()).unwrap().millis();
        let made = place.session().await;
        assert_eq!(millis(&made["expires_at"]) - millis(&made["created_at"]), 60 * 60_000, "an hour");
        // The plain form of an id is good as well, for a customer that exists.
        let uuid = uuid(place.id()).hyphenated().to_string();
        let body = json!({"customer_id": uuid, "ttl_minutes": 240});
        let made = place.api.post(SESSIONS, body).await.expect(201).json()["data"].clone();
        assert_eq!(made["customer_id"], place.id());
        assert_eq!(millis(&made["expires_at"]) - millis(&made["created_at"]), 240 * 60_000);

        let permissions = json!(["billing.*.read_invoice", "billing.*.read_subscription"]);
        place.api.patch("/v1/portals/default", json!({"defaultPermissions": permissions})).await.expect(200);
        let token = place.session().await["token"].as_str().unwrap().to_owned();
        let session = place.server.http.key(&token).get("/v1/portal-session").await.expect(200).json();
        assert_eq!(session["permissions"], permissions, "the portal's own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_every_field() {
    let place = Place::new(Store::Sqlite).await;
    let changes = json!({"email": "a@b.example", "phone": "+49 30 1", "companyName": "Acme", "locale": "de-DE"});
    place.api.patch(&format!("/v1/customers/{}", place.id()), changes).await.expect(200);
    let token = place.session().await["token"].as_str().unwrap().to_owned();
    let shown = place.server.http.key(&token).get(CUSTOMER).await.expect(200).json()["data"].clone();
    for (snake, camel, value) in [
        ("id", "id", json!(place.id())),
        ("object", "object", json!("customer")),
        ("external_id", "externalId", json!("acme-001")),
        ("email", "email", json!("a@b.example")),
        ("name", "name", json!("Ada")),
        ("phone", "phone", json!("+49 30 1")),
        ("company_name", "companyName", json!("Acme")),
        ("default_currency", "defaultCurrency", json!("EUR")),
        ("locale", "locale", json!("de-DE")),
        ("created_at", "createdAt", place.customer["createdAt"].clone()),
    ] {
        assert_eq!((&shown[snake], &shown[camel]), (&value, &value), "{snake}");
    }
    assert_eq!(shown.as_object().unwrap().len(), 14, "{shown}");
}

/// Subscriptions and invoices are the `default` portal's: another portal's session does not reach them, whatever
/// upstream its own portal has.
#[tokio::test(flavor = "multi_thread")]
async fn another_portals_session_reaches_no_resource() {
    for store in Store::both() {
        let place = Place::new(store).await;
        let upstream = Upstream::start().await;
        place.api.patch("/v1/portals/default", json!({"upstreamUrl": upstream.url})).await.expect(200);
        place.api.post("/v1/portals", json!({"slug": "second", "upstreamUrl": upstream.url})).await.expect(201);
        for (portal, status) in [("second", 401), ("default", 200)] {
            let body = json!({"customerId": place.id(), "portal": portal, "permissions": ["a.b.c"], "mode": "token"});
            let made = place.api.post("/v1/portal-sessions", body).await.expect(201).json();
            let holder = place.server.http.key(made["token"].as_str().unwrap());
            holder.get(CUSTOMER).await.expect(200);
            let answer = holder.get("/v2/customer-portal/invoices").await.expect(status);
            assert!(status == 200 || answer.json()["error"]["code"] == "session_invalid", "{}", answer.text());
            holder.get(&format!("/v1/portals/{}/api/invoices", made["portalId"].as_str().unwrap())).await.expect(200);
        }
        assert_eq!(upstream.count(), 3);
    }
}
