//! Which other origins' scripts may read `/v1/portal-session`: the portal's own, which are that of
//! its `appUrl` and its `frameAncestors`. Everything else of the API is not for scripts elsewhere.

use super::{App, client, refusal::Refusal};
use crate::domain::{id::PortalId, return_url::parse_origin};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use std::convert::Infallible;

/// `OPTIONS`: whether a script may ask. The answer can't depend on a session, as no cookie comes
/// along: it is yes for the origins of any portal, and what they may read is decided by [`Asking::share`].
pub(crate) async fn preflight(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let mut response = StatusCode::NO_CONTENT.into_response();
    if may_ask(&app, &parts).await {
        let names: [(HeaderName, &str); 3] = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, DELETE"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, x-api-key"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        response.headers_mut().extend(names.map(|(name, value)| (name, HeaderValue::from_static(value))));
        allow(response.headers_mut(), &parts.headers);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// The request, when a script tells from where it asks.
pub(crate) struct Asking(Option<Box<Parts>>);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.contains_key(header::ORIGIN).then(|| Box::new(parts.clone()))))
    }
}

impl Asking {
    /// Lets a script of the origins of the portal that the answer tells of read it, and learn that there is no session.
    pub(crate) async fn share(self, app: &App, answer: Result<(PortalId, Response), Refusal>) -> Response {
        let (portal, mut response) = match answer {
            Ok((portal, response)) => (Some(portal), response),
            Err(refusal) => (None, refusal.into_response()),
        };
        if let Some(asked) = self.0
            && Box::pin(may_read(app, &asked, portal, response.status())).await
        {
            allow(response.headers_mut(), &asked.headers);
        }
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        response
    }
}

async fn may_read(app: &App, asked: &Parts, portal: Option<PortalId>, status: StatusCode) -> bool {
    match (portal, origin(&asked.headers)) {
        (Some(portal), Some(origin)) => {
            let portal = app.service().public_portal(portal).await.ok().flatten();
            portal.is_some_and(|portal| portal.owns_origin(origin))
        }
        (None, Some(_)) if status == StatusCode::UNAUTHORIZED => may_ask(app, asked).await,
        _ => false,
    }
}

/// Whether the origin belongs to any portal. Costs more than most requests, so it is counted.
async fn may_ask(app: &App, parts: &Parts) -> bool {
    let Some(Ok(origin)) = origin(&parts.headers).map(parse_origin) else { return false };
    app.limits().count_address(client::info(parts, app).address).is_ok()
        && app.service().is_portal_origin(&origin).await.unwrap_or(false)
}

fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN)?.to_str().ok()
}

fn allow(headers: &mut HeaderMap, asked: &HeaderMap) {
    let origin = asked.get(header::ORIGIN).cloned();
    headers.extend(origin.map(|origin| (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
    let more: [(HeaderName, &str); 2] =
        [(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"), (header::ACCESS_CONTROL_EXPOSE_HEADERS, "request-id")];
    headers.extend(more.map(|(name, value)| (name, HeaderValue::from_static(value))));
}
