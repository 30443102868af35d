//! The exchange of a link token for a browser session.

use super::{
    answer,
    dto::{SessionDto, ViewedDto},
    error::ErrorBody,
    openapi::Holding,
    reading::word,
};
use crate::{
    domain::Invalid,
    http::{
        App,
        client::Client,
        cookie,
        extract::{Json, NoQuery},
        refusal::Refusal,
    },
    service::{Error, ExchangeRequest},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A link token to be exchanged. The token is the only credential.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "pst_…", "transport": "bearer"}))]
pub(crate) struct ExchangeToken {
    /// The link token.
    token: String,
    /// `cookie` (default): the browser token comes as a cookie. `bearer`: it comes in the answer.
    #[serde(default, deserialize_with = "word")]
    transport: Option<Transport>,
    /// A random text of your own: a repeat with the same within 60 seconds gets a new browser
    /// token as long as the first one is unused, so that a lost answer does not burn the link.
    #[schema(min_length = 16, max_length = 128)]
    nonce: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Transport {
    #[default]
    Cookie,
    Bearer,
}

/// Exchange a link token
///
/// Exactly one of any number of calls gets 200; every other gets the same 401.
#[utoipa::path(post, operation_id = "exchangePortalSession", path = "/v1/portal-sessions/exchange", tag = "Browser sessions", request_body = ExchangeToken,
    responses((status = 200, description = "A browser session has started", body = ViewedDto,
        headers(("Set-Cookie" = Option<String>, description = "The browser token, unless `transport` is `bearer`"))),
        Holding, (status = 415, description = "The body is not JSON by its content type", body = ErrorBody)))]
pub(crate) async fn exchange(
    State(app): State<App>,
    Client(client): Client,
    _: NoQuery,
    Json(body): Json<ExchangeToken>,
) -> Result<Response, Refusal> {
    app.limits().count_address(client.address)?;
    if body.nonce.as_ref().is_some_and(|nonce| !(16..=128).contains(&nonce.chars().count())) {
        return Err(Error::field("nonce", Invalid::new("Give between 16 and 128 characters.")).into());
    }
    let request = ExchangeRequest { token: &body.token, nonce: body.nonce.as_deref().map(str::as_bytes), client };
    let opened = app.service().exchange(request).await?;
    let session = &opened.stored.session;
    let now = app.service().clock().now();
    let ends = session.browser.as_ref().map_or(now, |browser| browser.expires_at);
    let token = opened.credential.reveal();
    let cookie = match body.transport.unwrap_or_default() {
        Transport::Bearer => None,
        Transport::Cookie => {
            // The link is used up by now. If only the portal can't be read, the cookie must not be lost with it.
            let portal = app.service().public_portal(session.portal_id).await;
            let is_framed = portal.is_ok_and(|portal| portal.is_some_and(|portal| portal.is_framed()));
            Some(cookie::start(&app, session.portal_id, is_framed, &token, ends))
        }
    };
    let token = cookie.is_none().then_some(token);
    let mut body = ViewedDto { session: SessionDto::new(session, now), token, tabs: session.tabs() };
    body.session.expires_at = ends;
    let mut response = answer(StatusCode::OK, &body);
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}
