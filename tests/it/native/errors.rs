//! The envelope, from the router's own refusals to a body that is not JSON.

use reqwest::Method;
use serde_json::json;

use crate::support::{EXCHANGE, SESSIONS, Server, Store, World, creation, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_nowhere() {
    let world = World::new(Store::Sqlite).await;
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/portal-sessions/", "/nothing", "/v1/portals/a/b", "/healthz/"] {
        for client in [&world.http, &world.api] {
            client.get(path).await.missing();
            client.post(path, json!({})).await.missing();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_tells_the_right_ones() {
    let world = World::new(Store::Sqlite).await;
    for (path, allowed) in [
        (SESSIONS, "GET,HEAD,POST"),
        ("/v1/portal-sessions/ps_x", "DELETE,GET,HEAD"),
        (EXCHANGE, "POST"),
        ("/v1/portal-session", "DELETE,GET,HEAD,OPTIONS"),
        ("/v1/portals", "GET,HEAD,POST"),
        ("/v1/portals/default", "DELETE,GET,HEAD,PATCH"),
        ("/v1/customers", "GET,HEAD,POST"),
        ("/v1/customers/x", "DELETE,GET,HEAD,PATCH"),
        ("/v1/customers/x/portal-sessions", "DELETE"),
        ("/v1/events", "GET,HEAD"),
        ("/healthz", "GET,HEAD"),
        ("/readyz", "GET,HEAD"),
        ("/openapi.json", "GET,HEAD"),
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            if allowed.split(',').any(|name| name == method.as_str()) {
                continue;
            }
            let answer = world.api.send(method.clone(), path, None).await;
            answer.refused(405, "invalid_request_error", "method_not_allowed");
            let mut names: Vec<&str> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
            names.sort_unstable();
            assert_eq!(names.join(","), allowed, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_of_its_own() {
    let world = World::new(Store::Sqlite).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in
        ["/healthz", "/readyz", "/openapi.json", "/docs", "/nothing", SESSIONS, "/v1/portal-session", "/docs/errors"]
    {
        let answer = world.api.header("request-id", "req_mine").get(path).await;
        let id = answer.header("request-id").expect("a request id").to_owned();
        assert!(id.starts_with("req_") && id.len() == 26, "{id}");
        assert!(seen.insert(id), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_json() {
    for world in World::both().await {
        let good = creation(json!({})).to_string();
        for body in [
            "",
            " ",
            "{",
            "nonsense",
            "{\"customerExternalId\":\"a\"",
            "{'a':1}",
            "{\"portal\":\"a\",}",
            "[",
            "{\"portal\":\"\\ud800\"}",
            "{\"customerExternalId\":NaN}",
            &good[..good.len() - 1],
            &format!("{good}{good}"),
            &format!("{good} x"),
            &format!("\u{feff}{good}"),
        ] {
            let answer = world.api.send(Method::POST, SESSIONS, Some(body.as_bytes().to_vec())).await;
            assert_eq!(answer.status, 400, "{:.60}: {}", body, answer.text());
            let error = answer.refused(400, "invalid_request_error", "invalid_request");
            let message = text(&error, "message");
            assert!(!message.contains(" line ") && !message.contains("struct"), "{error}");
        }
        let answer = world.api.send(Method::POST, SESSIONS, Some(b"{\"customerExternalId\":\"\xff\"}".to_vec())).await;
        answer.malformed("invalid_request", None);
        world.api.send(Method::POST, SESSIONS, None).await.malformed("invalid_request", None);
        world.api.send(Method::PATCH, "/v1/portals/default", None).await.malformed("invalid_request", None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_nested_deeply() {
    let world = World::new(Store::Sqlite).await;
    let arrays = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(8000), "}".repeat(8000));
    for deep in [arrays, objects] {
        for field in ["permissions", "metadata", "portal", "unknown"] {
            let body = format!("{{\"customerExternalId\":\"a\",\"{field}\":{deep}}}");
            let answer = world.api.send(Method::POST, SESSIONS, Some(body.into())).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
        let body = deep.clone().into_bytes();
        world.api.send(Method::POST, SESSIONS, Some(body)).await.expect(400);
    }
}

/// JSON, but no object: nothing that a lenient reader makes of it counts.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_object() {
    let world = World::new(Store::Sqlite).await;
    let mut positional = vec![json!("acme-001")];
    positional.resize(14, json!(null));
    for body in
        [json!(null), json!(1), json!("x"), json!(true), json!([]), json!([creation(json!({}))]), json!(positional)]
    {
        for path in [SESSIONS, "/v1/portals", "/v1/customers", EXCHANGE] {
            let error = world.api.post(path, body.clone()).await.malformed("invalid_request", None);
            assert!(!text(&error, "message").contains("struct"), "{error}");
        }
        world.api.patch("/v1/portals/default", body.clone()).await.malformed("invalid_request", None);
    }
    let link = world.mint(json!({})).await;
    let exchange = json!([link["token"], "bearer", null]);
    world.http.post(EXCHANGE, exchange).await.malformed("invalid_request", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_comes_twice() {
    let world = World::new(Store::Sqlite).await;
    for (body, param) in [
        (r#"{"customerExternalId":"a","customerExternalId":"b"}"#, "customerExternalId"),
        (r#"{"customerExternalId":"a","portal":null,"portal":"default"}"#, "portal"),
        (r#"{"customerExternalId":"a","metadata":{"k":"1","k":"2"}}"#, "metadata.k"),
    ] {
        let answer = world.api.send(Method::POST, SESSIONS, Some(body.into())).await;
        answer.malformed("invalid_request", Some(param));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_types() {
    let world = World::new(Store::Sqlite).await;
    let body = || Some(creation(json!({})).to_string().into_bytes());
    for good in
        ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/merge-patch+json"]
    {
        world.api.header("content-type", good).send(Method::POST, SESSIONS, body()).await.expect(201);
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", "", "text/json"] {
        for (method, path) in
            [(Method::POST, SESSIONS), (Method::PATCH, "/v1/portals/default"), (Method::POST, EXCHANGE)]
        {
            let answer = world.api.header("content-type", bad).send(method, path, body()).await;
            answer.refused(415, "invalid_request_error", "unsupported_media_type");
        }
    }
    let request = format!(
        "POST {SESSIONS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}",
        world.merchant.key
    );
    let answer = world.http.raw(request).await;
    assert!(answer.starts_with("HTTP/1.1 415 "), "a body without any type: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_the_largest_size_and_one_byte_more() {
    let world = World::new(Store::Sqlite).await;
    let padded = |length: usize| {
        let body = creation(json!({})).to_string();
        let spaces = " ".repeat(length - body.len());
        Some(format!("{body}{spaces}").into_bytes())
    };
    world.api.send(Method::POST, SESSIONS, padded(64 * 1024)).await.expect(201);
    let answer = world.api.send(Method::POST, SESSIONS, padded(64 * 1024 + 1)).await;
    answer.refused(413, "invalid_request_error", "body_too_large");
    // In pieces, without a length.
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", " ".repeat(size));
    let head = format!(
        "POST {EXCHANGE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let answer = world.http.raw(format!("{head}{}{}0\r\n\r\n", chunk(40_000), chunk(40_000))).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
}

/// When a length that is too large is announced, the refusal does not wait for the body.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_refused_at_once() {
    use std::io::{Read as _, Write as _};
    let world = World::new(Store::Sqlite).await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let head = format!(
            "POST {SESSIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{expect}content-length: 65537\r\n\r\n"
        );
        let mut stream = world.http.connect();
        let answer = tokio::task::spawn_blocking(move || {
            stream.write_all(head.as_bytes()).unwrap();
            let mut start = [0; 13];
            stream.read_exact(&mut start).unwrap();
            String::from_utf8(start.to_vec()).unwrap()
        });
        assert_eq!(answer.await.unwrap(), "HTTP/1.1 413 ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cause_reaches_the_client() {
    let world = World::new(Store::Postgres).await;
    let names_no_cause = |answer: &crate::support::Answer| {
        let body = answer.text().to_lowercase();
        for word in ["sqlx", "postgres", "select ", "syntax", "relation", "mislaid", "src/"] {
            assert!(!body.contains(word), "{body}");
        }
    };
    for query in ["?portal='", "?customerExternalId=%27%3B--", "?startingAfter=%27", "?status=%27"] {
        let answer = world.api.get(&format!("{SESSIONS}{query}")).await;
        assert!(answer.status < 500, "{}", answer.text());
        names_no_cause(&answer);
    }
    // One of its own, for others share the world's.
    let server = Server::start(Store::Postgres).await;
    let db = crate::support::Db::open(server.database()).await;
    db.execute("alter table portal_sessions rename to mislaid").await;
    let answer = server.http.key(&server.tenant().key).get(SESSIONS).await;
    answer.refused(500, "api_error", "internal_error");
    names_no_cause(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_of_errors_is_where_the_configuration_says() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_DOCS_URL", "https://docs.example/vestibule/").start().await;
    let error = server.http.get(SESSIONS).await.unauthenticated();
    assert_eq!(text(&error, "docUrl"), "https://docs.example/vestibule/docs/errors#unauthenticated");
    let plain = World::new(Store::Sqlite).await;
    let error = plain.http.get(SESSIONS).await.unauthenticated();
    let url = text(&error, "docUrl").strip_prefix(&plain.server.public_url()).expect("the public URL").to_owned();
    let (path, code) = url.split_once('#').unwrap();
    let page = plain.http.get(path).await.expect(200).text();
    assert!(page.contains(&format!("id=\"{code}\"")), "the page explains {code}");
}
