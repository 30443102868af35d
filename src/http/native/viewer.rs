//! A browser session, as its own browser sees it.

use super::{
    dto::{SessionDto, ViewedDto},
    error::ErrorBody,
    no_content,
    openapi::Holding,
    raw, to_json,
};
use crate::{
    domain::{event::ClientInfo, id::PortalId},
    http::{
        App,
        auth::{self, Browser, Shown},
        client::Client,
        cookie,
        cors::Asking,
        refusal::Refusal,
        same_origin,
    },
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

/// Who am I
///
/// By cookie or as `Authorization: Bearer` browser token.
#[utoipa::path(get, operation_id = "getOwnPortalSession", path = "/v1/portal-session", tag = "Browser sessions",
    params(("portal" = Option<String>, Query, description = "Which portal's cookie counts, when there are several; else the one started last")),
    responses((status = 200, description = "The session", body = ViewedDto), Holding), security(("browserToken" = []), ("cookie" = [])))]
// The smallest extractor is the last: axum keeps room for another copy of the request beside it.
pub(crate) async fn show(State(app): State<App>, browser: Result<Browser, Refusal>, asking: Asking) -> Response {
    let answer = browser.map(|browser| {
        let body = browser.user.rendered(|session| {
            let view = SessionDto::new(session, app.service().clock().now());
            to_json(&ViewedDto { session: view, token: None, tabs: session.tabs() })
        });
        (browser.user.portal_id(), raw(StatusCode::OK, body))
    });
    asking.share(&app, answer).await
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
    Client(client): Client,
    headers: HeaderMap,
    asking: Asking,
    browser: Result<Browser, Refusal>,
) -> Response {
    let answer = match browser {
        Ok(browser) => end(&app, &client, &headers, browser).await,
        Err(refusal) => Err(refusal),
    };
    asking.share(&app, answer).await
}

async fn end(
    app: &App,
    client: &ClientInfo,
    headers: &HeaderMap,
    browser: Browser,
) -> Result<(PortalId, Response), Refusal> {
    let portal = browser.user.portal_id();
    match browser.shown {
        Shown::Header => browser.user.log_out(client).await?,
        Shown::Cookie => {
            same_origin::require(app, headers)?;
            auth::log_out(headers, app, portal, client).await?;
        }
    }
    let mut response = no_content();
    response.headers_mut().extend(cookie::clear(app, portal));
    Ok((portal, response))
}
