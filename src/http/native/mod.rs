//! Our own API, `/v1`.

mod customers;
mod dto;
mod error;
pub(crate) mod errors_page;
mod events;
mod exchange;
mod forward_auth;
mod headers;
mod lists;
mod openapi;
mod portals;
mod reading;
mod rules;
mod sessions;
mod viewer;

pub(crate) use error::{ErrorBody, refuse};
pub use openapi::openapi;

use super::{
    App,
    answer::{json as answer, raw, to_json},
    cors,
};
use crate::domain::{portal::Portal, session::Session, time::Timestamp};
use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, options},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What back ends call with a secret key.
fn merchant_api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(sessions::get, sessions::revoke))
        .routes(routes!(portals::create, portals::list))
        .routes(routes!(portals::get, portals::update, portals::delete))
        .routes(routes!(customers::create, customers::list))
        .routes(routes!(customers::get, customers::update, customers::erase))
        .routes(routes!(customers::revoke_sessions))
        .routes(routes!(events::list))
}

/// What browsers and those who act for them call with a session's own tokens.
fn browser_api() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(exchange::exchange)).routes(routes!(forward_auth::authorize))
}

/// What scripts of a portal's own origins may call as well.
fn viewer_api() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(viewer::show, viewer::log_out))
}

/// The routes of [`merchant_api`].
pub(crate) fn merchant_routes() -> Router<App> {
    merchant_api().into()
}

/// The routes of [`browser_api`] and [`viewer_api`].
pub(crate) fn browser_routes() -> Router<App> {
    Router::from(browser_api())
        .merge(viewer_api())
        .route("/v1/portal-session", options(cors::preflight))
        .route("/v1/portals/{portal}/auth/", any(forward_auth::authorize_below))
        .route("/v1/portals/{portal}/auth/{*path}", any(forward_auth::authorize_below))
}

fn no_content() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

/// A session as the wire shows it, for the command line.
pub fn session_json(session: &Session, now: Timestamp) -> serde_json::Value {
    serde_json::to_value(dto::SessionDto::new(session, now)).unwrap_or_default()
}

/// A portal as the wire shows it, for the command line.
pub fn portal_json(portal: &Portal) -> serde_json::Value {
    serde_json::to_value(dto::PortalDto::new(portal)).unwrap_or_default()
}
