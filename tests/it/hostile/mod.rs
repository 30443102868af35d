//! Input that means harm, or was made by nobody who read the documentation.

mod attacks;
mod bodies;
mod fuzzed;
mod generated;
mod heads;
mod made_up;
mod memory;
mod overload;
mod pages;
mod restore;
mod slow;

use serde_json::{Value, json};

use crate::faults::figure;
use crate::support::{Answer, EXCHANGE, Http, Server, Store, text};

/// A server without limits of rate, a tenant on it, and its client.
async fn served(store: Store) -> (Server, Http) {
    let server = Server::with(store)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0")
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0")
        .start()
        .await;
    let api = server.http.key(&server.tenant().key);
    (server, api)
}

/// Makes a link; gives the whole answer.
async fn link(api: &Http) -> Value {
    let body = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"]});
    api.post("/v1/portal-sessions", body).await.expect(201).json()
}

/// An error of the native API, complete and from the table in the contract.
#[track_caller]
fn assert_envelope(answer: &Answer, what: &str) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}: {}", answer.text());
    let body = answer.json();
    let error = &body["error"];
    let code = error["code"].as_str().unwrap_or_else(|| panic!("{what}: {body}"));
    let kind = match (answer.status, code) {
        (400, "invalid_request" | "validation_error") => "invalid_request_error",
        (401, "unauthenticated" | "session_invalid") => "authentication_error",
        (404, "resource_missing") | (405, "method_not_allowed") => "invalid_request_error",
        (408, "invalid_request") | (413, "body_too_large") => "invalid_request_error",
        (415, "unsupported_media_type") => "invalid_request_error",
        other => panic!("{what}: {other:?} is not in the table"),
    };
    assert_eq!(error["type"], kind, "{what}");
    assert_eq!(error["requestId"].as_str(), answer.header("request-id"), "{what}");
    assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{what}: {body}");
    assert!(error["docUrl"].as_str().is_some_and(|url| url.ends_with(code)), "{what}: {body}");
    let known = ["type", "code", "message", "param", "requestId", "docUrl"];
    assert!(error.as_object().unwrap().keys().all(|key| known.contains(&&**key)), "{what}: {body}");
}

/// The status of each answer in what came over a connection.
fn statuses(text: &str) -> Vec<u16> {
    let lines = text.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1));
    lines.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// The envelope in the body of the only answer over a connection.
#[track_caller]
fn error_in(text: &str) -> Value {
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{error}: {text}"))["error"].clone()
}
