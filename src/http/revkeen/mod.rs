//! RevKeen's customer portal: sessions and customer here, everything else by way of the gateway.

mod auth;
mod customer;
mod resources;
mod sessions;

use super::{App, answer, refusal::Refusal};
use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use serde::Serialize;
use serde_json::{Map, Value};

const BASE: &str = "/v2/customer-portal";

/// What back ends call with a secret key.
pub(crate) fn merchant_routes() -> Router<App> {
    Router::new().route("/v2/customer-portal/sessions", post(sessions::create))
}

/// What is called with a portal token and answered here.
pub(crate) fn browser_routes() -> Router<App> {
    Router::new().route("/v2/customer-portal/customer", get(customer::show))
}

/// What is called with a portal token and answered by the merchant; takes bodies as they come.
pub(crate) fn resource_routes() -> Router<App> {
    Router::new()
        .route("/v2/customer-portal/subscriptions", get(resources::forward))
        .route("/v2/customer-portal/subscriptions/{id}", get(resources::forward))
        .route("/v2/customer-portal/subscriptions/{id}/cancel", post(resources::forward))
        .route("/v2/customer-portal/invoices", get(resources::forward))
        .route("/v2/customer-portal/invoices/{id}", get(resources::forward))
}

/// Whether a path is one of RevKeen's, also when nothing is served there.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    error: ErrorDto,
}

#[derive(Debug, Serialize)]
struct ErrorDto {
    r#type: &'static str,
    code: &'static str,
    message: String,
}

/// The refusal in RevKeen's envelope, with our own codes.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let (status, kind, code) = refusal.class();
    let error = ErrorDto { r#type: kind, code, message: refusal.message() };
    let mut response = answer::json(status, &ErrorBody { error });
    refusal.add_headers(&mut response);
    response
}

/// The envelope of answers: fields in both casings, since RevKeen changed from one to the other.
fn data(fields: Value) -> Value {
    let mut both = Map::new();
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            both.insert(camel(&name), value.clone());
            both.insert(name, value);
        }
    }
    serde_json::json!({"data": both})
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_ascii_uppercase() + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_come_in_both_casings() {
        let both = data(json!({"id": 1, "default_currency": null}));
        assert_eq!(both, json!({"data": {"id": 1, "default_currency": null, "defaultCurrency": null}}));
    }

    #[test]
    fn its_paths_are_its_own() {
        assert!(owns("/v2/customer-portal") && owns("/v2/customer-portal/x") && !owns("/v2/customer-portals"));
    }
}
