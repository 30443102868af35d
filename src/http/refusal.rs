//! Every way in which a request can be refused, before or by the service.

use super::context::{Context, Dialect};
use crate::service::Error;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::time::Duration;

/// Why a request gets no answer of the kind that it asked for.
#[derive(Debug)]
pub enum Refusal {
    /// The service refused it.
    Service(Error),
    /// Nothing is served there.
    NoRoute,
    /// Something is served there, by another method.
    MethodNotAllowed,
    /// The body is longer than it may be there.
    BodyTooLarge,
    /// The body took longer than it may to arrive.
    BodyTooSlow,
    /// The body is there, and not of a type that is read here.
    UnsupportedMediaType,
    /// The body is not what its type says; the message tells where.
    NotJson(String),
}

impl Refusal {
    /// The table: status, type and code of every refusal, in our own and RevKeen's words.
    pub(crate) fn class(&self) -> (StatusCode, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const AUTHENTICATION: &str = "authentication_error";
        const PERMISSION: &str = "permission_error";
        const IDEMPOTENCY: &str = "idempotency_error";
        match self {
            Self::NotJson(_) => (StatusCode::BAD_REQUEST, INVALID, "invalid_request"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, INVALID, "invalid_request"),
            Self::NoRoute => (StatusCode::NOT_FOUND, INVALID, "resource_missing"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "body_too_large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type"),
            Self::Service(error) => match error {
                Error::InvalidRequest { .. } => (StatusCode::BAD_REQUEST, INVALID, "invalid_request"),
                Error::Validation { .. } => (StatusCode::BAD_REQUEST, INVALID, "validation_error"),
                Error::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "unauthenticated"),
                Error::SessionInvalid => (StatusCode::UNAUTHORIZED, AUTHENTICATION, "session_invalid"),
                Error::PermissionDenied(_) | Error::CrossSite => {
                    (StatusCode::FORBIDDEN, PERMISSION, "permission_denied")
                }
                Error::PortalDisabled => (StatusCode::FORBIDDEN, PERMISSION, "portal_disabled"),
                Error::PortalMissing | Error::Missing(_) => (StatusCode::NOT_FOUND, INVALID, "resource_missing"),
                Error::Conflict(_) => (StatusCode::CONFLICT, INVALID, "conflict"),
                Error::IdempotencyConflict => (StatusCode::CONFLICT, IDEMPOTENCY, "idempotency_conflict"),
                Error::IdempotencyInProgress => (StatusCode::CONFLICT, IDEMPOTENCY, "idempotency_in_progress"),
                Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded"),
                Error::UpstreamUnavailable => (StatusCode::BAD_GATEWAY, "api_error", "upstream_unavailable"),
                Error::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "api_error", "upstream_timeout"),
                Error::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "api_error", "unavailable"),
                Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "api_error", "internal_error"),
            },
        }
    }

    /// What happened, for people.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Service(error) => error.to_string(),
            Self::NoRoute => "Nothing is served at this path.".into(),
            Self::MethodNotAllowed => "This path does not know that method; see the Allow header.".into(),
            Self::BodyTooLarge => "The body is too long: 64 KiB at most, through the gateway 10 MiB.".into(),
            Self::BodyTooSlow => "The body did not arrive within 30 seconds.".into(),
            Self::UnsupportedMediaType => "Send the body as Content-Type: application/json.".into(),
            Self::NotJson(message) => message.clone(),
        }
    }

    /// The headers that go with a refusal in every dialect.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        match self {
            Self::Service(Error::Unauthenticated(_) | Error::SessionInvalid) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // The rest of the body is not read, so the connection can't serve another request.
            Self::BodyTooLarge | Self::BodyTooSlow => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Service(Error::Unavailable) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Service(Error::RateLimited { retry_after, burst, window }) => {
                let wait = whole_seconds(*retry_after);
                headers.insert(header::RETRY_AFTER, wait.into());
                let policy = format!("\"default\";q={burst};w={}", whole_seconds(*window));
                let left = format!("\"default\";r=0;t={wait}");
                for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
                    headers.extend(HeaderValue::from_str(&value).map(|value| (HeaderName::from_static(name), value)));
                }
            }
            _ => {}
        }
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_millis().div_ceil(1000).max(1) as u64
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Context::with(|context| context.dialect).unwrap_or(Dialect::Native).refuse(&self)
    }
}
