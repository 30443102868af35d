//! The OpenAPI document, made from the handlers' own types.

use super::{browser_api, error::ErrorBody, headers, merchant_api, rules, viewer_api};
use crate::http::{gateway, ops};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Vestibule", description = "Portal sessions: a one-time link becomes a guarded browser session.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    modifiers(&Schemes),
    paths(gateway::proxy, gateway::keys, ops::alive, ops::ready),
    tags(
        (name = "Portal sessions", description = "Links and the sessions that they become; for back ends with a secret key."),
        (name = "Browser sessions", description = "What a browser, or who acts for it, does with a session's own tokens."),
        (name = "Portals", description = "What a tenant configures once."),
        (name = "Customers", description = "The tenant's end users."),
        (name = "Events", description = "The audit trail."),
        (name = "Health", description = "For whoever runs the service."),
    )
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = |about: &str| {
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
        };
        let header = ApiKey::Header(ApiKeyValue::with_description("x-api-key", "A secret key, `vst_sk_…`."));
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            "__Host-vst_{portal id}",
            "The browser token, as the exchange set it.",
        ));
        components.add_security_scheme("secretKey", bearer("A secret key, `vst_sk_…`."));
        components.add_security_scheme("browserToken", bearer("A browser token, `bst_…`."));
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(header));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// What every call may answer beside its success.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum ReadErrors {
    /// The request is malformed.
    #[response(status = 400)]
    Malformed(ErrorBody<'static>),
    /// No valid credential.
    #[response(status = 401)]
    Unauthenticated(ErrorBody<'static>),
    /// Not permitted.
    #[response(status = 403)]
    Forbidden(ErrorBody<'static>),
    /// There is no such thing that this credential may see.
    #[response(status = 404)]
    Missing(ErrorBody<'static>),
    /// The body did not arrive within 30 seconds.
    #[response(status = 408)]
    TooSlow(ErrorBody<'static>),
    /// The body is longer than 64 KiB.
    #[response(status = 413)]
    TooLarge(ErrorBody<'static>),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody<'static>),
    /// A defect of ours.
    #[response(status = 500)]
    Internal(ErrorBody<'static>),
    /// Try again after `Retry-After`.
    #[response(status = 503)]
    Unavailable(ErrorBody<'static>),
}

/// What a call with a session's own tokens may answer beside its success: whatever opens nothing gets the same 401.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum Holding {
    /// The request is malformed.
    #[response(status = 400)]
    Malformed(ErrorBody<'static>),
    /// No live session, or a link that opens nothing.
    #[response(status = 401)]
    Unauthenticated(ErrorBody<'static>),
    /// The body did not arrive within 30 seconds.
    #[response(status = 408)]
    TooSlow(ErrorBody<'static>),
    /// The body is longer than 64 KiB.
    #[response(status = 413)]
    TooLarge(ErrorBody<'static>),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody<'static>),
    /// A defect of ours.
    #[response(status = 500)]
    Internal(ErrorBody<'static>),
    /// Try again after `Retry-After`.
    #[response(status = 503)]
    Unavailable(ErrorBody<'static>),
}

/// What every call with a body may answer beside its success.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum WriteErrors {
    /// The request is malformed.
    #[response(status = 400)]
    Malformed(ErrorBody<'static>),
    /// No valid credential.
    #[response(status = 401)]
    Unauthenticated(ErrorBody<'static>),
    /// Not permitted.
    #[response(status = 403)]
    Forbidden(ErrorBody<'static>),
    /// There is no such thing that this credential may see.
    #[response(status = 404)]
    Missing(ErrorBody<'static>),
    /// Taken, or an idempotency key that is in use.
    #[response(status = 409)]
    Conflict(ErrorBody<'static>),
    /// The body did not arrive within 30 seconds.
    #[response(status = 408)]
    TooSlow(ErrorBody<'static>),
    /// The body is longer than 64 KiB.
    #[response(status = 413)]
    TooLarge(ErrorBody<'static>),
    /// The body is not JSON by its content type.
    #[response(status = 415)]
    MediaType(ErrorBody<'static>),
    /// Too many requests.
    #[response(status = 429)]
    TooMany(ErrorBody<'static>),
    /// A defect of ours.
    #[response(status = 500)]
    Internal(ErrorBody<'static>),
    /// Try again after `Retry-After`.
    #[response(status = 503)]
    Unavailable(ErrorBody<'static>),
}

/// The OpenAPI 3.1 document of the native API.
pub fn openapi() -> serde_json::Value {
    let mut document = Document::openapi();
    document.merge(merchant_api().into_openapi());
    document.merge(browser_api().into_openapi());
    document.merge(viewer_api().into_openapi());
    let mut document = serde_json::to_value(document).unwrap_or_default();
    rules::add(&mut document);
    headers::add(&mut document);
    name_items(&mut document);
    document
}

/// A list's entries are written out where it is described; they have a name, and go by it.
fn name_items(document: &mut serde_json::Value) {
    let schemas = document["components"]["schemas"].as_object_mut();
    for (name, schema) in schemas.into_iter().flatten() {
        if let Some(entry) = name.strip_prefix("List_") {
            schema["properties"]["data"]["items"] =
                serde_json::json!({"$ref": format!("#/components/schemas/{entry}")});
        }
    }
}
