//! Unkey's envelope of errors and its table.

use super::Meta;
use crate::{
    http::{answer, context::Context, refusal::Refusal},
    service::{Denied, Error},
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

pub(super) const EXCHANGE_SESSION: &str = "/v2/portal.exchangeSession";
pub(super) const EXCHANGE_CODE: &str = "/v2/portal.exchangeCode";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// How the client of a request takes a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Its path is an exchange, for which Unkey's clients know few statuses.
    is_exchange: bool,
    /// It takes `application/problem+json` (RFC 9457).
    takes_problems: bool,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    meta: Meta,
    error: ErrorDto,
}

#[derive(Debug, Serialize)]
struct ErrorDto {
    title: &'static str,
    detail: String,
    status: u16,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[Fault; 1]>,
}

/// What is wrong, and where in the request.
#[derive(Debug, Serialize)]
struct Fault {
    location: String,
    message: String,
}

/// Whether problems are in a range of `Accept` (RFC 9110, section 12.5.1), and not with a weight of nothing.
fn takes_problems(range: &str) -> bool {
    let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, weight) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| weight.trim().parse::<f32>().ok()).flatten()
    });
    let is_one = [PROBLEM, "*/*", "application/*"].iter().any(|one| kind.trim().eq_ignore_ascii_case(one));
    is_one && weight != Some(0.0)
}

impl Manner {
    /// Reads it from the request's head.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let mut ranges =
            headers.get_all(header::ACCEPT).iter().flat_map(|line| line.to_str().unwrap_or_default().split(','));
        Self {
            is_exchange: path == EXCHANGE_SESSION || path == EXCHANGE_CODE,
            takes_problems: ranges.any(takes_problems),
        }
    }

    /// The content type of an answer with that status.
    pub(crate) fn content_type(self, status: StatusCode) -> &'static str {
        let is_error = status.is_client_error() || status.is_server_error();
        let always = status == StatusCode::TOO_MANY_REQUESTS;
        if always || is_error && self.takes_problems { PROBLEM } else { JSON }
    }

    /// The refusal in Unkey's envelope.
    pub(crate) fn refuse(self, refusal: &Refusal) -> Response {
        let status = self.status(refusal);
        let code = refusal.class().2;
        let message = refusal.message();
        let fault = || [Fault { location: location(refusal), message: message.clone() }];
        let error = ErrorDto {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            r#type: Context::with(|context| context.doc_url(code)).unwrap_or_default(),
            errors: (status == StatusCode::BAD_REQUEST).then(fault),
            detail: message,
        };
        let mut response = answer::json(status, &ErrorBody { meta: Meta::current(), error });
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type(status)));
        refusal.add_headers(&mut response);
        response
    }

    /// The table: the status of every refusal.
    fn status(self, refusal: &Refusal) -> StatusCode {
        let status = match refusal {
            Refusal::NotJson(_) => StatusCode::BAD_REQUEST,
            Refusal::NoRoute => return StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed => return StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Service(error) => match error {
                Error::InvalidRequest { .. } | Error::Validation { .. } => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(Denied::Missing) => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(_) | Error::SessionInvalid => return StatusCode::UNAUTHORIZED,
                Error::PermissionDenied(_) | Error::CrossSite | Error::PortalDisabled => StatusCode::FORBIDDEN,
                Error::PortalMissing | Error::Missing(_) => StatusCode::NOT_FOUND,
                Error::Conflict(_) | Error::IdempotencyConflict | Error::IdempotencyInProgress => StatusCode::CONFLICT,
                Error::RateLimited { .. } => return StatusCode::TOO_MANY_REQUESTS,
                Error::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
                Error::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
                Error::Unavailable => return StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal => return StatusCode::INTERNAL_SERVER_ERROR,
            },
        };
        if self.is_exchange { StatusCode::BAD_REQUEST } else { status }
    }
}

/// Where in the request the fault is, in the words of Unkey's validator.
fn location(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Service(Error::Unauthenticated(_)) => "header.Authorization".into(),
        Refusal::UnsupportedMediaType => "header.Content-Type".into(),
        Refusal::Service(Error::Validation { param, .. }) => format!("body.{param}"),
        Refusal::Service(Error::InvalidRequest { param: Some(param), .. }) => format!("body.{param}"),
        _ => "body".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner(path: &str, accept: &[&str]) -> Manner {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(header::ACCEPT, line.parse().unwrap());
        }
        Manner::of(path, &headers)
    }

    #[test]
    fn problems_go_to_those_who_take_them() {
        let of = |accept: &[&str]| manner("/v2/portal.createSession", accept).content_type(StatusCode::NOT_FOUND);
        for accept in [&["*/*"][..], &["application/json, application/problem+json;q=0.5"], &["text/html", "*/*;q=0.1"]]
        {
            assert_eq!(of(accept), PROBLEM, "{accept:?}");
        }
        for accept in [&[][..], &["application/json"], &["application/json;q=1, text/plain; q=0.7"]] {
            assert_eq!(of(accept), JSON, "{accept:?}");
        }
        let plain = manner("/v2/portal.createSession", &["application/json"]);
        assert_eq!(plain.content_type(StatusCode::TOO_MANY_REQUESTS), PROBLEM);
        assert_eq!(manner("/", &["*/*"]).content_type(StatusCode::OK), JSON);
    }

    #[test]
    fn an_exchange_knows_few_statuses() {
        let (exchange, other) = (manner(EXCHANGE_CODE, &[]), manner("/v2/portal.createSession", &[]));
        for refusal in [Refusal::BodyTooLarge, Refusal::BodyTooSlow, Refusal::UnsupportedMediaType] {
            assert_eq!(exchange.status(&refusal), StatusCode::BAD_REQUEST);
            assert_ne!(other.status(&refusal), StatusCode::BAD_REQUEST);
        }
        assert_eq!(exchange.status(&Error::SessionInvalid.into()), StatusCode::UNAUTHORIZED);
        assert_eq!(other.status(&Error::Unauthenticated(Denied::Missing).into()), StatusCode::BAD_REQUEST);
        assert_eq!(other.status(&Error::Unauthenticated(Denied::Invalid).into()), StatusCode::UNAUTHORIZED);
    }
}
