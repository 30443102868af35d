//! Who asks: a back end by its key, a browser by its cookie or bearer token.

use super::{App, client, context::Context, cookie, extract::Query, refusal::Refusal};
use crate::{
    domain::{event::ClientInfo, id::PortalId},
    service::{Denied, EndUser, Error, Merchant},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use serde::Deserialize;

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl FromRequestParts<App> for Merchant {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        // The idempotency layer, where it had to know, has asked already.
        if let Some(merchant) = parts.extensions.get::<Self>() {
            return Ok(merchant.clone());
        }
        let secret = presented(&parts.headers)?.ok_or(Error::Unauthenticated(Denied::Missing))?;
        let merchant = app.service().authenticate(secret, client::info(parts, app)).await?;
        let key = merchant.key().id;
        Context::with(|context| context.key.set(key));
        app.limits().count_key(key)?;
        parts.extensions.insert(merchant.clone());
        Ok(merchant)
    }
}

/// The one credential that a request shows in its headers, if any.
///
/// # Errors
/// When it shows two different ones, or an `Authorization` of another scheme.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut found: Option<&str> = None;
    for text in all(headers) {
        let text = text.ok_or(Error::Unauthenticated(Denied::Invalid))?.trim();
        match found {
            _ if text.is_empty() => {}
            Some(other) if other != text => return Err(Error::request("The request shows two different credentials.")),
            _ => found = Some(text),
        }
    }
    Ok(found)
}

/// Every credential that a request shows in its headers; none for one that can't be read as such.
pub(crate) fn all(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| bearer(value.as_bytes()));
    bearers.chain(headers.get_all(&API_KEY).iter().map(|value| value.to_str().ok()))
}

/// The token behind `Bearer`, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    match text.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => Some(token),
        // A scheme alone shows nothing.
        _ => (!text.contains(' ')).then_some(""),
    }
}

/// How a browser showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// By a cookie, which other sites can make it send.
    Cookie,
    /// By a header, which only its own scripts can set.
    Header,
}

/// The browser session that a request belongs to.
pub(crate) struct Browser {
    pub(crate) user: EndUser,
    pub(crate) shown: Shown,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    portal: Option<String>,
}

impl FromRequestParts<App> for Browser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let which = match parts.uri.query() {
            Some(_) => Query::from_request_parts(parts, &()).await.map(|Query(which)| which),
            None => Ok(Which::default()),
        };
        // Whoever shows nothing hears of that first, as at every other call; whoever shows something has it looked at only when
        // the rest of the request is right.
        let shows_none = || cookie::sessions(&parts.headers, app.is_https(), None).next().is_none();
        if which.is_err() && shown(&parts.headers)?.is_none() && shows_none() {
            return Err(Error::SessionInvalid.into());
        }
        let Which { portal } = which?;
        if let Some(browser) = by_header(&parts.headers, app, None).await? {
            return Ok(browser);
        }
        let portal = portal.map(|id| id.parse::<PortalId>()).transpose().map_err(|_| Error::SessionInvalid)?;
        let user = by_cookie(&parts.headers, app, portal).await?;
        Ok(Self { user, shown: Shown::Cookie })
    }
}

/// The browser session of this portal that a request belongs to.
pub(crate) async fn of_portal(parts: &Parts, app: &App, portal: PortalId) -> Result<Browser, Error> {
    match by_header(&parts.headers, app, Some(portal)).await? {
        Some(browser) => Ok(browser),
        None => Ok(Browser { user: by_cookie(&parts.headers, app, Some(portal)).await?, shown: Shown::Cookie }),
    }
}

/// The token that a request shows in its headers, if any.
fn shown(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    presented(headers).map_err(|error| match error {
        Error::Unauthenticated(_) => Error::SessionInvalid,
        other => other,
    })
}

async fn by_header(headers: &HeaderMap, app: &App, portal: Option<PortalId>) -> Result<Option<Browser>, Error> {
    let Some(token) = shown(headers)? else { return Ok(None) };
    Ok(Some(Browser { user: app.service().recognise(token, portal).await?, shown: Shown::Header }))
}

/// Ends the sessions of all cookies of a portal: a browser can hold two (see `cookie::clear`), and signing out of one must not
/// leave it signed in by the other.
///
/// # Errors
/// [`Error::SessionInvalid`] when there was none.
pub(crate) async fn log_out(
    headers: &HeaderMap,
    app: &App,
    portal: PortalId,
    client: &ClientInfo,
) -> Result<(), Error> {
    let mut ended = Err(Error::SessionInvalid);
    for (_, token) in cookie::sessions(headers, app.is_https(), Some(portal)) {
        let done = match app.service().recognise(token, Some(portal)).await {
            Ok(user) => user.log_out(client).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => ended = Ok(()),
            Err(Error::SessionInvalid) => {}
            Err(other) => return Err(other),
        }
    }
    ended
}

/// The session of that portal's cookie, or without a portal the one that started last.
pub(crate) async fn by_cookie(headers: &HeaderMap, app: &App, portal: Option<PortalId>) -> Result<EndUser, Error> {
    let mut newest: Option<EndUser> = None;
    for (owner, token) in cookie::sessions(headers, app.is_https(), portal) {
        // A cookie that says another portal than its session does was planted.
        match app.service().recognise(token, Some(owner)).await {
            Ok(user) => {
                if newest.as_ref().is_none_or(|other| other.session().used_at < user.session().used_at) {
                    newest = Some(user);
                }
            }
            Err(Error::SessionInvalid) => {}
            Err(other) => return Err(other),
        }
    }
    newest.ok_or(Error::SessionInvalid)
}
