//! The page behind every error's `docUrl`.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// Code, status, and what to do about it.
const CODES: [(&str, &str, &str); 18] = [
    (
        "invalid_request",
        "400, 408",
        "The body is not JSON, or a field or parameter is missing, unknown or given twice: compare the request with /docs. \
         With 408 the body did not arrive within 30 seconds.",
    ),
    ("validation_error", "400", "A field has a wrong value or type; `param` names it."),
    (
        "unauthenticated",
        "401",
        "No key came along, or it is malformed, revoked, or a publishable one. Send a secret key as Authorization: Bearer or x-api-key.",
    ),
    (
        "session_invalid",
        "401",
        "The link or browser token opens nothing: it is unknown, expired, used, revoked, or its portal is disabled. Make a new link.",
    ),
    (
        "permission_denied",
        "403",
        "The key lacks the permission, or may not grant what the session asks for; or an unsafe request by cookie came from another site.",
    ),
    ("portal_disabled", "403", "The portal starts no sessions while it is disabled."),
    (
        "resource_missing",
        "404",
        "There is no such thing that this key may see, in its mode; or nothing is served at this path.",
    ),
    ("method_not_allowed", "405", "The path does not know this method; the Allow header tells which it knows."),
    (
        "conflict",
        "409",
        "Something with this slug or external id exists, or the default portal was to be renamed or deleted.",
    ),
    ("idempotency_conflict", "409", "The Idempotency-Key was used with another body. Use a new key for a new request."),
    (
        "idempotency_in_progress",
        "409",
        "The first request with this Idempotency-Key is still running. Try again in a moment.",
    ),
    ("body_too_large", "413", "A body has at most 64 KiB, through the gateway 10 MiB."),
    ("unsupported_media_type", "415", "Send the body as Content-Type: application/json."),
    ("rate_limit_exceeded", "429", "Too many requests for this key or address. Wait as long as Retry-After says."),
    ("internal_error", "500", "A defect of the service. Tell its operator the request id."),
    (
        "unavailable",
        "503",
        "The service or its database is overloaded or away. Try again after Retry-After; with an Idempotency-Key that is safe.",
    ),
    ("upstream_unavailable", "502", "The merchant's back end behind the gateway can't be reached."),
    ("upstream_timeout", "504", "The merchant's back end behind the gateway did not answer in time."),
];

/// Every error code, what it means and what to do.
pub(crate) async fn show() -> Response {
    let row = |(code, status, text): &(&str, &str, &str)| {
        format!("<tr id=\"{code}\"><td><code>{code}</code></td><td>{status}</td><td>{text}</td></tr>")
    };
    let rows: String = CODES.iter().map(row).collect();
    let page = include_str!("errors.html").replace("{rows}", &rows);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}

/// The page's style sheet.
pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("errors.css")).into_response()
}
