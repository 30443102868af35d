//! The table of refusals for people: what a page says, and its status.

use super::{page, view::Problem};
use crate::{http::refusal::Refusal, service::Error};
use axum::{http::StatusCode, response::Response};

/// The page for a refusal, and the status when that is not the page's own.
fn table(refusal: &Refusal) -> (Problem, Option<StatusCode>) {
    match refusal {
        Refusal::NoRoute => (Problem::NotFound, None),
        Refusal::MethodNotAllowed => (Problem::NotFound, Some(StatusCode::METHOD_NOT_ALLOWED)),
        Refusal::BodyTooLarge => (Problem::Internal, Some(StatusCode::PAYLOAD_TOO_LARGE)),
        Refusal::BodyTooSlow => (Problem::Internal, Some(StatusCode::REQUEST_TIMEOUT)),
        Refusal::UnsupportedMediaType => (Problem::Internal, Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        Refusal::NotJson(_) => (Problem::Internal, Some(StatusCode::BAD_REQUEST)),
        Refusal::Service(error) => match error {
            Error::SessionInvalid | Error::Unauthenticated(_) | Error::PortalDisabled => {
                (Problem::SessionExpired, None)
            }
            Error::CrossSite => (Problem::CrossSite, None),
            Error::PermissionDenied(_) => (Problem::Internal, Some(StatusCode::FORBIDDEN)),
            Error::PortalMissing | Error::Missing(_) => (Problem::NotFound, None),
            Error::InvalidRequest { .. } | Error::Validation { .. } => {
                (Problem::NotFound, Some(StatusCode::BAD_REQUEST))
            }
            Error::RateLimited { .. } => (Problem::TooManyRequests, None),
            Error::Unavailable => (Problem::Unavailable, None),
            Error::UpstreamUnavailable => (Problem::Internal, Some(StatusCode::BAD_GATEWAY)),
            Error::UpstreamTimeout => (Problem::Internal, Some(StatusCode::GATEWAY_TIMEOUT)),
            Error::Conflict(_) | Error::IdempotencyConflict | Error::IdempotencyInProgress | Error::Internal => {
                (Problem::Internal, None)
            }
        },
    }
}

/// The refusal as a page.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let (problem, status) = table(refusal);
    let mut response = page::problem(problem, None, None);
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    refusal.add_headers(&mut response);
    response
}
