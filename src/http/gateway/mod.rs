//! The way to merchants' back ends: an identity-aware proxy in front of each portal's upstream.

mod address;
mod forward;
mod json;
mod places;

pub(crate) use forward::forward;
pub(crate) use json::{Fault, fetch_json};

use super::{
    App,
    auth::{self, Shown},
    body,
    native::ErrorBody,
    refusal::Refusal,
    same_origin,
};
use crate::{config::Config, domain::id::PortalId, service::Error};
use address::Resolver;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use places::Places;
use reqwest::{Client, redirect};
use std::{sync::Arc, time::Duration};

const PORTALS: &str = "/v1/portals/";
const API: &str = "/api/";
/// The longest that an upstream may pause within its answer.
const PAUSE: Duration = Duration::from_secs(30);
/// Below the upstream servers' usual 60 s, so that a connection is seldom gone when it is used again.
const IDLE: Duration = Duration::from_secs(20);

/// What requests to upstreams share.
pub(crate) struct Gateway {
    /// None when this machine has no root certificates: then nobody can be reached.
    client: Option<Client>,
    /// Requests under way have places of their own: slow upstreams take none from what is answered here.
    places: Arc<Places>,
    /// A hosted page that waits for an upstream keeps its place among what is answered here: few may.
    for_pages: Arc<Places>,
}

impl Gateway {
    pub(crate) fn new(config: &Config) -> Self {
        // Fails when a provider is installed already: any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .dns_resolver(Resolver { allow_private: config.gateway.allow_private })
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(forward::ANSWER)
            .read_timeout(PAUSE)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.inspect_err(|error| tracing::error!(%error, "the gateway can't reach any upstream")).ok();
        let places = config.limits.concurrent_requests;
        Self { client, places: Places::new(places), for_pages: Places::new(places.div_ceil(4)) }
    }
}

/// What takes bodies as they come.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v1/portals/{portal}/api/{*path}", any(proxy).trace(not_passed_on).connect(not_passed_on))
}

/// Methods for whoever is on the way: an upstream would send the assertion back, or be asked for a tunnel.
async fn not_passed_on() -> impl IntoResponse {
    ([(header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")], Refusal::MethodNotAllowed)
}

/// What is read by those who check assertions.
pub(crate) fn key_routes() -> Router<App> {
    Router::new().route("/.well-known/jwks.json", get(keys))
}

/// Call the merchant's own API
///
/// Sends the request on to `{upstreamUrl}/{path}` with its method, query, body (10 MiB at most, each way)
/// and content type, and with `Vestibule-Assertion`: a JWT that says who asks, signed by a key of
/// `/.well-known/jwks.json`. Any method but `TRACE` and `CONNECT`; an unsafe one by cookie only from the portal's own pages.
#[utoipa::path(get, operation_id = "callPortalApi", path = "/v1/portals/{portal}/api/{path}", tag = "Browser sessions",
    params(("portal" = String, Path, description = "The portal's id"), ("path" = String, Path, description = "Where to in the merchant's API")),
    responses(
        (status = "default", description = "The merchant's answer: its status, content type, caching headers and body"),
        (status = 401, description = "No live session of this portal", body = ErrorBody),
        (status = 404, description = "The portal has no `upstreamUrl`", body = ErrorBody),
        (status = 502, description = "`upstream_unavailable`", body = ErrorBody),
        (status = 504, description = "`upstream_timeout`: no answer within 10 seconds", body = ErrorBody)),
    security(("browserToken" = []), ("cookie" = [])))]
pub(crate) async fn proxy(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    // The path is read as it was sent: what is decoded once too often may become another one.
    let rest = parts.uri.path().strip_prefix(PORTALS).and_then(|rest| rest.split_once(API));
    let (portal, path) = rest.ok_or(Refusal::NoRoute)?;
    let portal = portal.parse::<PortalId>().map_err(|_| Error::SessionInvalid)?;
    let browser = body::admitted(&app, auth::of_portal(&parts, &app, portal)).await?;
    if browser.shown == Shown::Cookie && !parts.method.is_safe() {
        same_origin::require(&app, &parts.headers)?;
    }
    forward(&app, &browser.user, &format!("/{path}"), &parts, body).await
}

/// The keys that sign assertions
///
/// A JWK set (RFC 7517). A new key is published a day before it signs.
#[utoipa::path(get, operation_id = "listSigningKeys", path = "/.well-known/jwks.json", tag = "Browser sessions",
    responses((status = 200, description = "The keys", body = Object), (status = 503, description = "Try again after `Retry-After`", body = ErrorBody)))]
pub(crate) async fn keys(State(app): State<App>) -> Result<Response, Refusal> {
    let keys = app.service().published_keys().await?;
    Ok(([(header::CACHE_CONTROL, "public, max-age=3600")], Json(keys)).into_response())
}
