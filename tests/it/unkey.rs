//! Unkey's API, as its own clients speak it.

mod fields;

use crate::support::{Answer, Http, Merchant, Server, Store};
use reqwest::Method;
use serde_json::{Value, json};

async fn create(api: &Http, body: Value) -> Value {
    api.post("/v2/portal.createSession", body).await.expect(200).json()
}

fn old(external_id: &str) -> Value {
    json!({"slug": "default", "externalId": external_id, "permissions": ["api.*.read_key", "api.*.read_analytics"]})
}

fn new(external_id: &str) -> Value {
    json!({"portal": "default", "externalId": external_id, "scopes": ["keys:read", "analytics:read"], "returnUrl": ""})
}

/// Checks an error's envelope and content type, and returns the error.
#[track_caller]
fn refused(answer: Answer, status: u16, title: &str, kind: &str) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some(kind)), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["meta"]["requestId"].as_str(), answer.header("request-id"));
    let error = &body["error"];
    assert_eq!((error["status"].as_u64(), error["title"].as_str()), (Some(status.into()), Some(title)), "{error}");
    assert!(error["detail"].is_string() && error["type"].as_str().unwrap().starts_with("http"), "{error}");
    assert_eq!(error["errors"].is_array(), status == 400, "{error}");
    error.clone()
}

async fn server(store: Store) -> (Server, Merchant, Http) {
    let server = Server::start(store).await;
    let merchant = server.tenant();
    let api = server.http.key(&merchant.key);
    (server, merchant, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_generations_create_and_exchange() {
    for store in Store::both() {
        let (server, _, api) = server(store).await;
        for (body, parameter, path, name) in [
            (old("user_123"), "session", "/v2/portal.exchangeSession", "sessionId"),
            (new("user_123"), "code", "/v2/portal.exchangeCode", "code"),
        ] {
            let made = create(&api, body).await;
            let data = &made["data"];
            let token = data["sessionId"].as_str().unwrap();
            assert!(token.starts_with("pst_") && data["id"].as_str().unwrap().starts_with("ps_"));
            assert_eq!(data["url"], format!("{}/?{parameter}={token}", server.public_url()));
            let native =
                api.get(&format!("/v1/portal-sessions/{}", data["id"].as_str().unwrap())).await.expect(200).json();
            assert_eq!(native["delivery"], "redirect");
            let answer = server.http.post(path, json!({name: token})).await.expect(200);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.cookies().is_empty());
            let (body, bearer) = (answer.json(), answer.json()["data"]["token"].as_str().unwrap().to_owned());
            assert_eq!(body["data"]["accessToken"], bearer);
            let session = server.http.key(&bearer).get("/v1/portal-session").await.expect(200).json();
            assert_eq!(session["permissions"][0].as_str().unwrap().split('.').next_back(), Some("read_key"));
            let lives = body["data"]["expiresAt"].as_i64().unwrap() - data["expiresAt"].as_i64().unwrap();
            assert!((86_400_000 - 900_000 - 20_000..=86_400_000).contains(&lives), "{lives}");
            let again = server.http.post(path, json!({name: token})).await;
            let error = refused(again, 401, "Unauthorized", "application/problem+json");
            assert_eq!(error["detail"], "Session is invalid, expired, or has already been used.");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_wears_the_envelope() {
    let (server, merchant, api) = server(Store::Sqlite).await;
    let (json, problem) = ("application/json", "application/problem+json");
    let path = "/v2/portal.createSession";
    let plain = api.header("accept", json);
    let bodies = [
        json!({}),
        json!([]),
        json!({"slug": "default", "externalId": "u"}),
        json!({"slug": "default", "externalId": "u", "permissions": []}),
        json!({"slug": "default", "externalId": "u", "permissions": ["nope"]}),
        json!({"slug": "default", "externalId": "", "permissions": ["a.b.c"]}),
        json!({"slug": "default", "externalId": "u".repeat(257), "permissions": ["a.b.c"]}),
        json!({"slug": "-x-", "externalId": "u", "permissions": ["a.b.c"]}),
        json!({"slug": "default", "portal": "default", "externalId": "u", "permissions": ["a.b.c"]}),
        json!({"portal": "default", "externalId": "u", "permissions": ["a.b.c"], "scopes": ["keys:read"]}),
        json!({"portal": "default", "externalId": "u", "scopes": []}),
        json!({"portal": "default", "externalId": "u", "scopes": ["keys:write"]}),
        json!({"portal": "default", "externalId": "u", "scopes": [{"keys:read": null}]}),
        json!({"portal": "default\0", "externalId": "u", "scopes": ["keys:read"]}),
        json!({"portal": "default", "externalId": "u", "scopes": ["keys:read"], "returnUrl": "javascript:1"}),
        json!({"portal": "default", "externalId": "u", "scopes": ["keys:read"], "extra": 1}),
    ];
    for body in bodies {
        let error = refused(plain.post(path, body).await, 400, "Bad Request", json);
        assert!(error["errors"][0]["location"].as_str().unwrap().starts_with("body"), "{error}");
        assert!(error["errors"][0]["message"].is_string(), "{error}");
    }
    for scope in [json!(null), json!(5), json!(true), json!(["keys:read"]), json!({})] {
        let body = json!({"portal": "default", "externalId": "u", "scopes": ["keys:read", scope]});
        let error = refused(plain.post(path, body).await, 400, "Bad Request", json);
        assert_eq!(error["errors"][0]["location"], "body.scopes[1]");
    }
    for accept in
        ["Application/Problem+JSON", "text/html;q=0, */*; q=0.1", "application/*", "application/problem+json;q=0.5"]
    {
        refused(api.header("accept", accept).post(path, json!({})).await, 400, "Bad Request", problem);
    }
    for accept in ["application/problem+json;q=0", "application/json, */*; Q=0.0", "text/html"] {
        refused(api.header("accept", accept).post(path, json!({})).await, 400, "Bad Request", json);
    }
    refused(api.send(Method::POST, path, Some(b"{".into())).await, 400, "Bad Request", problem);
    refused(api.send(Method::POST, path, None).await, 400, "Bad Request", problem);
    refused(server.http.post(path, old("u")).await, 400, "Bad Request", problem);
    refused(server.http.key("nonsense").post(path, old("u")).await, 401, "Unauthorized", problem);
    let missing = json!({"slug": "missing", "externalId": "u", "permissions": ["a.b.c"]});
    let error = refused(plain.post(path, missing).await, 404, "Not Found", json);
    assert_eq!(error["detail"], "Portal configuration not found.");
    refused(api.get(path).await, 405, "Method Not Allowed", problem);
    refused(api.post("/v2/portal.nothing", json!({})).await, 404, "Not Found", problem);
    let big = Some(vec![b' '; 70_000]);
    refused(api.send(Method::POST, path, big.clone()).await, 413, "Payload Too Large", problem);
    let text = api.header("content-type", "text/plain");
    refused(text.send(Method::POST, path, Some(b"x".into())).await, 415, "Unsupported Media Type", problem);

    let exchange = "/v2/portal.exchangeCode";
    refused(server.http.send(Method::POST, exchange, big).await, 400, "Bad Request", problem);
    let text = server.http.header("content-type", "text/plain");
    refused(text.send(Method::POST, exchange, Some(b"x".into())).await, 400, "Bad Request", problem);
    refused(server.http.post(exchange, json!({"sessionId": "x"})).await, 400, "Bad Request", problem);

    let made = create(&api, old("u")).await;
    server.cli(&["portal", "update", "--tenant", &merchant.slug, "default", "--disable"]);
    // The command line's change reaches the server by its poll.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let error = refused(plain.post(path, old("u")).await, 403, "Forbidden", json);
    assert_eq!(error["detail"], "Portal is disabled.");
    let token = &made["data"]["sessionId"];
    refused(server.http.post(exchange, json!({"code": token})).await, 401, "Unauthorized", problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_a_problem_for_everybody() {
    let server = Server::with(Store::Sqlite)
        .env("VESTIBULE_LIMITS__KEY_BURST", "1")
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "1");
    let server = server.start().await;
    let api = server.http.key(&server.tenant().key).header("accept", "application/json");
    let mut last = api.post("/v2/portal.createSession", old("u")).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = api.post("/v2/portal.createSession", old("u")).await;
    }
    assert!(last.header("retry-after").is_some());
    refused(last, 429, "Too Many Requests", "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_of_any_length_repeats_an_exchange() {
    for store in Store::both() {
        let (server, _, api) = server(store).await;
        for nonce in ["x", &"long".repeat(300)] {
            let made = create(&api, new("u")).await;
            let body = json!({"code": made["data"]["sessionId"]});
            let client = server.http.header("idempotency-key", nonce);
            let first = client.post("/v2/portal.exchangeCode", body.clone()).await.expect(200).json();
            let second = client.post("/v2/portal.exchangeCode", body.clone()).await.expect(200).json();
            let (first, second) = (&first["data"]["token"], &second["data"]["token"]);
            assert_ne!(first, second);
            server.http.key(first.as_str().unwrap()).get("/v1/portal-session").await.expect(401);
            server.http.key(second.as_str().unwrap()).get("/v1/portal-session").await.expect(200);
            client.post("/v2/portal.exchangeCode", body).await.expect(401);
        }
        // A nonce is its bytes, whatever they say: these two are no text.
        let code = create(&api, new("u")).await["data"]["sessionId"].as_str().unwrap().to_owned();
        let body = json!({"code": code}).to_string();
        let exchange = async |nonce: u8| {
            let head = format!(
                "POST /v2/portal.exchangeCode HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\nidempotency-key: x",
                body.len()
            );
            server.http.raw([head.as_bytes(), &[nonce], b"\r\n\r\n", body.as_bytes()].concat()).await
        };
        for (nonce, status) in [(0xe4, "200"), (0xf6, "401"), (0xe4, "200")] {
            let answer = exchange(nonce).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
        let keyed = api.header("idempotency-key", "abc");
        let (one, two) = (create(&keyed, new("u")).await, create(&keyed, new("u")).await);
        assert_eq!(one, two);
        keyed.post("/v2/portal.createSession", new("v")).await.expect(409);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_are_listed_by_their_bytes_and_revoked() {
    for store in Store::both() {
        let (server, merchant, api) = server(store).await;
        // An ICU collation would put these in another order, and LIKE would find more.
        for name in ["b", "a", "B", "A", "a_1", "ab1", "é", "a%", "日本"] {
            create(&api, new(name)).await;
        }
        let made = create(&api, old("a")).await;
        server
            .http
            .post("/v2/portal.exchangeSession", json!({"sessionId": made["data"]["sessionId"]}))
            .await
            .expect(200);
        let list = async |body: Value| api.post("/v2/portal.listSessions", body).await.expect(200).json();
        let names = |page: &Value| {
            let data = page["data"].as_array().unwrap().iter();
            data.map(|holder| holder["externalId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = list(json!({"portal": "default"})).await;
        assert_eq!(names(&all), ["A", "B", "a", "a%", "a_1", "ab1", "b", "é", "日本"]);
        assert_eq!(all["pagination"], json!({"hasMore": false}));
        let sessions = all["data"][2]["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 2);
        assert_eq!((&sessions[0]["status"], &sessions[1]["status"]), (&json!("active"), &json!("pending")));
        assert_eq!(sessions[0]["scopes"], json!(["api.*.read_key", "api.*.read_analytics"]));
        assert_eq!(sessions[1]["scopes"], json!(["keys:read", "analytics:read"]));
        let lives = |session: &Value| session["expiresAt"].as_i64().unwrap() - session["createdAt"].as_i64().unwrap();
        assert!(lives(&sessions[0]) >= 86_400_000 && lives(&sessions[1]) == 900_000);

        assert_eq!(names(&list(json!({"portal": "default", "search": "a"})).await), ["a", "a%", "a_1", "ab1"]);
        assert_eq!(names(&list(json!({"portal": "default", "search": "a_"})).await), ["a_1"]);
        assert_eq!(names(&list(json!({"portal": "default", "search": "a%"})).await), ["a%"]);
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = list(json!({"portal": "default", "limit": 2, "cursor": cursor})).await;
            seen.extend(names(&page));
            cursor = page["pagination"]["cursor"].clone();
            assert_eq!(page["pagination"]["hasMore"], !cursor.is_null());
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(seen, names(&all));
        for bad in [json!({"limit": 0}), json!({"limit": 101}), json!({"cursor": "?"}), json!({"search": "\0"})] {
            let mut body = json!({"portal": "default"});
            body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
            api.post("/v2/portal.listSessions", body).await.expect(400);
        }

        let revoke = async |name: &str| {
            let body = json!({"portal": "default", "externalId": name});
            api.post("/v2/portal.revokeSession", body).await.expect(200).json()["data"]["sessionsRevoked"].clone()
        };
        assert_eq!((revoke("a").await, revoke("a").await, revoke("nobody").await), (json!(2), json!(0), json!(0)));
        assert_eq!(names(&list(json!({"portal": "default", "search": "a"})).await), ["a%", "a_1", "ab1"]);
        for path in ["/v2/portal.listSessions", "/v2/portal.revokeSession"] {
            let mut body = json!({"portal": "missing", "externalId": "a"});
            if path.ends_with("listSessions") {
                body = json!({"portal": "missing"});
            }
            refused(api.post(path, body).await, 404, "Not Found", "application/problem+json");
        }
        let may_create =
            server.key(&merchant.slug, "test", "secret", &["--permission", "portal.default.create_session"]);
        let other = server.http.key(&may_create);
        create(&other, new("u")).await;
        other.post("/v2/portal.listSessions", json!({"portal": "default"})).await.expect(404);
        other.post("/v2/portal.revokeSession", json!({"portal": "default", "externalId": "u"})).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_exchanges_wins() {
    for store in Store::both() {
        let (server, _, api) = server(store).await;
        let made = create(&api, new("u")).await;
        let body = json!({"code": made["data"]["sessionId"]});
        let calls = (0..16).map(|_| server.http.post("/v2/portal.exchangeCode", body.clone()));
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 15);
    }
}
