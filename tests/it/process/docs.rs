//! The OpenAPI document and the page to read it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::{Store, World, text};

async fn document() -> Value {
    let world = World::new(Store::Sqlite).await;
    let answer = world.http.get("/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_what_it_was() {
    let mut document = document().await;
    assert_eq!(document["info"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    document["info"]["version"] = "[version]".into();
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!("openapi", document);
    });
}

/// Each path and method of the document is served, and each needs what the document says.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_lists_is_served() {
    let world = World::new(Store::Sqlite).await;
    let document = document().await;
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            count += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let real = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
            let real = real.collect::<Vec<_>>().join("/");
            let answer = world.http.send(method.clone(), &real, None).await;
            eprintln!("{method} {path} {}", answer.text());
            let needs = operation["security"].to_string();
            if needs.contains("secretKey") {
                answer.unauthenticated();
            } else if path.ends_with("/auth") {
                // Whom it may let in depends on the portal, and there is none called x.
                assert_eq!(answer.status, 404, "{}", answer.text());
            } else if needs.contains("browserToken") {
                answer.no_session();
            } else {
                assert_ne!(answer.status, 404, "{method} {path}: {}", answer.text());
                assert_ne!(answer.status, 405, "{method} {path}: {}", answer.text());
            }
            let headers = operation["responses"][answer.status.to_string()]["headers"].as_object().unwrap();
            assert!(headers.contains_key("Request-Id"), "{method} {path}");
            for name in headers.keys().filter(|name| document["components"]["headers"][*name]["required"] == true) {
                assert!(answer.header(name).is_some(), "{method} {path} lacks {name}");
            }
            // What the gateway passes on is the merchant's to describe.
            if path.contains("/api/") || path.contains("jwks") || operation["tags"][0] == "Health" {
                continue;
            }
            // Complete: a word of its own, every kind of refusal, an example for what it takes.
            assert!(!text(operation, "summary").is_empty() && !text(operation, "operationId").is_empty(), "{path}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "408", "429", "500", "503"] {
                assert!(responses.contains_key(status), "{method} {path} lacks {status}");
            }
            for (status, header) in [("401", "WWW-Authenticate"), ("429", "RateLimit"), ("503", "Retry-After")] {
                assert!(
                    responses.get(status).is_none_or(|one| one["headers"].get(header).is_some()),
                    "{path} {status}"
                );
            }
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ErrorBody", "{method} {path} {status}");
            }
            if let Some(body) = operation.get("requestBody") {
                let name = text(&body["content"]["application/json"]["schema"], "$ref").rsplit('/').next().unwrap();
                let schema = document["components"]["schemas"][name].to_string();
                assert!(schema.contains("example"), "{name} has no example");
            }
        }
    }
    assert!(count >= 19, "{count} calls");
    let schemes: Vec<&str> =
        document["components"]["securitySchemes"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(BTreeSet::from_iter(schemes), BTreeSet::from(["secretKey", "browserToken", "apiKey", "cookie"]));
}

/// Who calls with a link or a browser token learns nothing but that it is no good.
#[tokio::test(flavor = "multi_thread")]
async fn it_lists_the_answers_that_there_are() {
    let document = document().await;
    let answers = |path: &str, method: &str| -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object();
        let mut answers: Vec<_> = responses.unwrap_or_else(|| panic!("{method} {path}")).keys().cloned().collect();
        answers.sort();
        answers
    };
    let exchange = ["200", "400", "401", "408", "413", "415", "429", "500", "503"];
    assert_eq!(answers("/v1/portal-sessions/exchange", "post"), exchange);
    assert_eq!(answers("/v1/portal-session", "get"), ["200", "400", "401", "408", "413", "429", "500", "503"]);
    assert_eq!(answers("/healthz", "get"), ["200"]);
    assert_eq!(answers("/readyz", "get"), ["200", "503"]);
    let slug = &document["components"]["schemas"]["UpdatePortal"]["properties"]["slug"];
    assert_eq!(slug["type"], "string", "null is no slug");
    let customer = &document["components"]["schemas"]["CreateCustomer"];
    assert_eq!(
        (&customer["required"][0], &customer["properties"]["externalId"]["type"]),
        (&"externalId".into(), &"string".into())
    );
}

/// Every `$ref` leads somewhere, and no schema or header is there for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn its_references_hold() {
    let document = document().await;
    let whole = document.to_string();
    for kind in ["schemas", "headers"] {
        let known = document["components"][kind].as_object().unwrap();
        let known: BTreeSet<&str> = known.keys().map(String::as_str).collect();
        let prefix = format!("\"#/components/{kind}/");
        let uses = whole.split(&prefix).skip(1);
        let used: BTreeSet<&str> = uses.map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), [&""; 0], "used and not there");
        assert_eq!(known.difference(&used).collect::<Vec<_>>(), [&""; 0], "there and not used");
    }
}

/// Answers have the fields that the document says, no more and no fewer.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_documented() {
    let world = World::new(Store::Sqlite).await;
    let document = document().await;
    let created = world.mint(serde_json::json!({})).await;
    let opened = world.exchange(text(&created, "token")).await.expect(200).json();
    let get = async |path: &str| world.api.get(path).await.expect(200).json();
    let events = get("/v1/events").await;
    for (schema, answer) in [
        ("PortalSession", get(&format!("/v1/portal-sessions/{}", text(&created, "id"))).await),
        ("BrowserSession", opened["browserSession"].clone()),
        ("Portal", get("/v1/portals/default").await),
        ("Branding", get("/v1/portals/default").await["branding"].clone()),
        ("Customer", get(&format!("/v1/customers/{}", text(&created, "customerId"))).await),
        ("Event", events["data"][0].clone()),
        ("Actor", events["data"][0]["actor"].clone()),
    ] {
        let described = &document["components"]["schemas"][schema]["properties"];
        let described: BTreeSet<&String> = described.as_object().unwrap_or_else(|| panic!("{schema}")).keys().collect();
        assert_eq!(described, answer.as_object().unwrap().keys().collect(), "{schema}");
    }
}

/// The page and all that it loads come from here, relative to where the page really is.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_with_nothing_from_elsewhere() {
    let world = World::new(Store::Sqlite).await;
    for page in ["/docs", "/docs/errors"] {
        let answer = world.http.get(page).await.expect(200);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-"), "{policy}");
        let html = answer.text();
        assert!(!html.contains("<style") && !html.contains("<script>") && !html.contains(" style="), "{html}");
        let base = reqwest::Url::parse(&world.http.url(page)).unwrap();
        let mut loaded = 0;
        for attribute in ["src=\"", "href=\""] {
            for rest in html.split(attribute).skip(1) {
                let reference = rest.split('"').next().unwrap();
                let url = base.join(reference).unwrap();
                assert_eq!((url.host_str(), url.port()), (base.host_str(), base.port()), "{reference}");
                let asset = world.http.get(url.path()).await;
                assert_eq!(asset.status, 200, "{reference} of {page}");
                assert!(!asset.body.is_empty());
                loaded += 1;
            }
        }
        assert!(loaded > 0, "{html}");
    }
    let script = world.http.get("/docs/swagger-initializer.js").await.expect(200).text();
    assert!(script.contains("\"/openapi.json\"") && !script.contains("petstore"), "{script}");
    for nothing in ["/docs/nothing.js", "/docs/..%2fCargo.toml", "/docs/%00"] {
        world.http.get(nothing).await.missing();
    }
}
