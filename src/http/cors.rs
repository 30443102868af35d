//! Which other origins' scripts may read `/v1/portal-session`: the portal's own, which are that of
//! its `appUrl` and its `frameAncestors`. Everything else of the API is not for scripts elsewhere.

use super::{App, client};
use crate::domain::id::PortalId;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Left on an answer by a handler that knows whose session it tells of.
#[derive(Clone, Copy)]
pub(crate) struct TellsOf(pub(crate) PortalId);

/// `OPTIONS`: whether a script may ask. The answer can't depend on a session, as no cookie comes
/// along: it is yes for the origins of any portal, and what they may read is decided by [`share`].
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

/// Lets a script of the portal's own origins read the answer, and learn that there is no session.
pub(crate) async fn share(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.headers.contains_key(header::ORIGIN).then(|| parts.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let tells_of = response.extensions().get::<TellsOf>().copied();
    if let Some(asked) = asked
        && may_read(&app, &asked, tells_of, response.status()).await
    {
        allow(response.headers_mut(), &asked.headers);
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

async fn may_read(app: &App, asked: &Parts, tells_of: Option<TellsOf>, status: StatusCode) -> bool {
    match (tells_of, origin(&asked.headers)) {
        (Some(TellsOf(portal)), Some(origin)) => {
            let portal = app.service().public_portal(portal).await.ok().flatten();
            portal.is_some_and(|portal| portal.owns_origin(origin))
        }
        (None, Some(_)) if status == StatusCode::UNAUTHORIZED => may_ask(app, asked).await,
        _ => false,
    }
}

/// Whether the origin belongs to any portal. Costs more than most requests, so it is counted.
async fn may_ask(app: &App, parts: &Parts) -> bool {
    let Some(origin) = origin(&parts.headers) else { return false };
    app.inner.limits.count_address(client::origin(parts, app).address).is_ok()
        && app.service().is_portal_origin(origin).await.unwrap_or(false)
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
