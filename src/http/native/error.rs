//! The native envelope and its table.

use super::to_json;
use crate::{
    http::{context::Context, refusal::Refusal},
    service::Error,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Every error's body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorDto<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
struct ErrorDto<'a> {
    /// The class of the error.
    #[schema(example = "invalid_request_error")]
    r#type: &'static str,
    /// What happened, for programs.
    #[schema(example = "validation_error")]
    code: &'static str,
    /// What happened, for people.
    message: String,
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "permissions[0]", nullable = false)]
    param: Option<&'a str>,
    /// The same as in the `Request-Id` header.
    #[schema(example = "req_06FFNIzBqHtoj7vIDMNL9X")]
    request_id: String,
    /// Where the code is explained.
    doc_url: String,
}

/// The table: status, type and code of every refusal.
fn table(refusal: &Refusal) -> (StatusCode, &'static str, &'static str) {
    const INVALID: &str = "invalid_request_error";
    const AUTHENTICATION: &str = "authentication_error";
    const PERMISSION: &str = "permission_error";
    const IDEMPOTENCY: &str = "idempotency_error";
    match refusal {
        Refusal::NotJson(_) => (StatusCode::BAD_REQUEST, INVALID, "invalid_request"),
        Refusal::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, INVALID, "invalid_request"),
        Refusal::NoRoute => (StatusCode::NOT_FOUND, INVALID, "resource_missing"),
        Refusal::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
        Refusal::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "body_too_large"),
        Refusal::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type"),
        Refusal::Service(error) => match error {
            Error::InvalidRequest { .. } => (StatusCode::BAD_REQUEST, INVALID, "invalid_request"),
            Error::Validation { .. } => (StatusCode::BAD_REQUEST, INVALID, "validation_error"),
            Error::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "unauthenticated"),
            Error::SessionInvalid => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "session_invalid"),
            Error::PermissionDenied(_) => (StatusCode::FORBIDDEN, PERMISSION, "permission_denied"),
            Error::PortalDisabled => (StatusCode::FORBIDDEN, PERMISSION, "portal_disabled"),
            Error::PortalMissing | Error::Missing(_) => (StatusCode::NOT_FOUND, INVALID, "resource_missing"),
            Error::Conflict(_) => (StatusCode::CONFLICT, INVALID, "conflict"),
            Error::IdempotencyConflict => (StatusCode::CONFLICT, IDEMPOTENCY, "idempotency_conflict"),
            Error::IdempotencyInProgress => (StatusCode::CONFLICT, IDEMPOTENCY, "idempotency_in_progress"),
            Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded"),
            Error::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "api_error", "unavailable"),
            Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "api_error", "internal_error"),
        },
    }
}

fn message(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Service(error) => error.to_string(),
        Refusal::NoRoute => "Nothing is served at this path.".into(),
        Refusal::MethodNotAllowed => "This path does not know that method; see the Allow header.".into(),
        Refusal::BodyTooLarge => "A body has at most 64 KiB.".into(),
        Refusal::BodyTooSlow => "The body did not arrive within 30 seconds.".into(),
        Refusal::UnsupportedMediaType => "Send the body as Content-Type: application/json.".into(),
        Refusal::NotJson(message) => message.clone(),
    }
}

/// The refusal in the native envelope.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let (status, kind, code) = table(refusal);
    let (request_id, docs_url) =
        Context::read(|context| (context.id.to_string(), context.docs_url.clone())).unwrap_or_default();
    let param = match refusal {
        Refusal::Service(Error::Validation { param, .. }) => Some(param.as_str()),
        Refusal::Service(Error::InvalidRequest { param, .. }) => param.as_deref(),
        _ => None,
    };
    let doc_url = format!("{docs_url}/docs/errors#{code}");
    let error = ErrorDto { r#type: kind, code, message: message(refusal), param, request_id, doc_url };
    let mut response = super::raw(status, to_json(&ErrorBody { error }));
    add_headers(refusal, &mut response);
    response
}

/// The headers that go with a refusal in every dialect.
pub(crate) fn add_headers(refusal: &Refusal, response: &mut Response) {
    let headers = response.headers_mut();
    match refusal {
        Refusal::Service(Error::Unauthenticated(_) | Error::SessionInvalid) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refusal::Service(Error::Unavailable) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Refusal::Service(Error::RateLimited { retry_after, burst, window }) => {
            let wait = whole_seconds(*retry_after);
            headers.insert(header::RETRY_AFTER, wait.into());
            let policy = format!("\"default\";q={burst};w={}", whole_seconds(*window));
            let left = format!("\"default\";r=0;t={wait}");
            for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
                headers
                    .extend(HeaderValue::from_str(&value).map(|value| (header::HeaderName::from_static(name), value)));
            }
        }
        _ => {}
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_millis().div_ceil(1000).max(1) as u64
}
