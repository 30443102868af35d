//! Forward-auth: a reverse proxy asks whether a request to the merchant's own portal may pass.

use super::openapi::ReadErrors;
use crate::{
    domain::{id::PortalId, permission::Permission, portal::Portal, return_url::WebUrl, session::Session},
    http::{
        App,
        auth::{self, Browser},
        extract::{Query, field},
        refusal::Refusal,
    },
    service::Error,
};
use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// The most that `Vestibule-Permissions` may hold: proxies give all headers together 4 to 8 KiB.
const MAX_PERMISSIONS: usize = 2048;
/// All but the unreserved characters (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthQuery {
    permission: Option<String>,
}

/// May this request pass
///
/// For the forward-auth of nginx, Traefik and Caddy: a browser session of this portal, by cookie or
/// as `Authorization: Bearer` browser token, gets 200 with who it is in the headers.
#[utoipa::path(get, operation_id = "authorizeRequest", path = "/v1/portals/{portal}/auth", tag = "Browser sessions",
    params(("portal" = String, Path, description = "The portal's id"),
        ("permission" = Option<String>, Query, description = "A tuple that the session must have, else 403")),
    responses((status = 200, description = "It may", headers(
        ("Vestibule-Session" = String, description = "The session's id"),
        ("Vestibule-Tenant" = String, description = "The tenant's id"),
        ("Vestibule-Portal" = String, description = "The portal's id"),
        ("Vestibule-Customer" = String, description = "The customer's id"),
        ("Vestibule-Customer-External-Id" = String, description = "Your own id of the customer, percent-encoded"),
        ("Vestibule-Permissions" = Option<String>, description = "The session's tuples, separated by spaces; left out above 2 KiB"),
        ("Vestibule-Preview" = String, description = "`true` or `false`"),
        ("Vestibule-Assertion" = String, description = "The same as a signed JWT, as the gateway sends it"))), ReadErrors),
    security(("browserToken" = []), ("cookie" = [])))]
pub(crate) async fn authorize(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let asked = asked_for(&mut parts).await;
    decide(&app, &mut parts, asked).await
}

/// The same for Envoy, which asks with the method, path and query of the request itself: none of
/// them counts, or whoever makes the request would have a say in what is asked.
pub(crate) async fn authorize_below(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    decide(&app, &mut parts, Ok(None)).await
}

async fn asked_for(parts: &mut Parts) -> Result<Option<Permission>, Refusal> {
    let Query(AuthQuery { permission }) = Query::from_request_parts(parts, &()).await?;
    Ok(permission.map(|text| field("permission", Permission::parse(text))).transpose()?)
}

/// Whoever has no session hears of that first.
async fn decide(app: &App, parts: &mut Parts, asked: Result<Option<Permission>, Refusal>) -> Result<Response, Refusal> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::PortalMissing)?;
    let id = params.iter().find_map(|(name, value)| (name == "portal").then_some(value));
    let id: PortalId = id.and_then(|id| id.parse().ok()).ok_or(Error::PortalMissing)?;
    let user = match auth::of_portal(parts, app, id).await {
        Ok(Browser { user, .. }) => user,
        Err(Error::SessionInvalid) => return refuse(app, id).await,
        Err(other) => return Err(other.into()),
    };
    let session = user.session();
    match asked?.filter(|asked| !session.permissions.iter().any(|own| own.covers(asked))) {
        Some(asked) => {
            Err(Error::PermissionDenied(format!("The session lacks the permission {}.", asked.as_str())).into())
        }
        None => Ok(admit(session, user.assertion(app.public_url()).await?)),
    }
}

/// 200, and who it is; the same signed, for a back end that must not believe its proxy.
fn admit(session: &Session, assertion: String) -> Response {
    let external_id = utf8_percent_encode(&session.customer_external_id, ENCODED).to_string();
    let permissions: Vec<_> = session.permissions.iter().map(Permission::as_str).collect();
    let permissions = permissions.join(" ");
    let told = [
        ("vestibule-session", session.id.to_string()),
        ("vestibule-tenant", session.tenant_id.to_string()),
        ("vestibule-portal", session.portal_id.to_string()),
        ("vestibule-customer", session.customer_id.to_string()),
        ("vestibule-customer-external-id", external_id),
        ("vestibule-preview", session.preview.to_string()),
        ("vestibule-assertion", assertion),
    ];
    let permissions = (permissions.len() <= MAX_PERMISSIONS).then_some(("vestibule-permissions", permissions));
    let mut response = (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response();
    for (name, value) in told.into_iter().chain(permissions) {
        let value = HeaderValue::from_str(&value).map(|value| (HeaderName::from_static(name), value));
        response.headers_mut().extend(value);
    }
    response
}

/// 401, and where the reader may get a new link.
async fn refuse(app: &App, id: PortalId) -> Result<Response, Refusal> {
    let portal = app.service().public_portal(id).await?.ok_or(Error::PortalMissing)?;
    let mut response = Refusal::from(Error::SessionInvalid).into_response();
    let to =
        HeaderValue::from_str(&way_back(app, &portal)).map(|to| (HeaderName::from_static("vestibule-redirect"), to));
    response.headers_mut().extend(to);
    Ok(response)
}

fn way_back(app: &App, portal: &Portal) -> String {
    let url = portal.settings.return_url.as_deref().and_then(|url| WebUrl::parse(url).ok());
    url.map_or_else(|| format!("{}/", app.public_url()), |url| url.with_query("reason", "session_expired"))
}
