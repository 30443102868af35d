//! A browser session, as its own browser sees it.

use super::{
    dto::{SessionDto, ViewedDto},
    error::ErrorBody,
    no_content,
    openapi::Holding,
    raw, to_json,
};
use crate::http::{
    App,
    auth::{Browser, Shown},
    client::Client,
    cookie,
    cors::TellsOf,
    refusal::Refusal,
    same_origin,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

/// Who am I
///
/// By cookie or as `Authorization: Bearer` browser token.
#[utoipa::path(get, operation_id = "getOwnPortalSession", path = "/v1/portal-session", tag = "Browser sessions",
    params(("portal" = Option<String>, Query, description = "Which portal's cookie counts, when there are several; else the one started last")),
    responses((status = 200, description = "The session", body = ViewedDto), Holding), security(("browserToken" = []), ("cookie" = [])))]
pub(crate) async fn show(State(app): State<App>, browser: Browser) -> Result<Response, Refusal> {
    let body = browser.user.rendered(|session| {
        let view = SessionDto::new(session, app.service().clock().now());
        to_json(&ViewedDto { session: view, token: None, tabs: session.tabs() })
    });
    let mut response = raw(StatusCode::OK, body);
    response.extensions_mut().insert(TellsOf(browser.user.session().portal_id));
    Ok(response)
}

/// Log out
///
/// Ends the session on the server and clears its cookie. By cookie only from the portal's own pages.
#[utoipa::path(delete, operation_id = "logOut", path = "/v1/portal-session", tag = "Browser sessions",
    params(("portal" = Option<String>, Query, description = "Which portal's cookie counts, when there are several; else the one started last")),
    responses((status = 204, description = "Logged out"), Holding,
        (status = 403, description = "By cookie, and not from the portal's own pages", body = ErrorBody)), security(("browserToken" = []), ("cookie" = [])))]
pub(crate) async fn log_out(
    State(app): State<App>,
    Client(origin): Client,
    headers: HeaderMap,
    browser: Browser,
) -> Result<Response, Refusal> {
    if browser.shown == Shown::Cookie {
        same_origin::require(&app, &headers)?;
    }
    let portal = browser.user.portal().await?;
    browser.user.log_out(&origin).await?;
    let mut response = no_content();
    response.headers_mut().append(header::SET_COOKIE, cookie::clear(&app, &portal));
    response.extensions_mut().insert(TellsOf(portal.id));
    Ok(response)
}
