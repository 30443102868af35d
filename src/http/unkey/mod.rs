//! Unkey's portal sessions, in both generations of its API: what its own clients call and expect.

mod error;
mod exchange;
mod list;
mod sessions;

pub(crate) use error::Manner;

use super::{
    App,
    context::Context,
    extract::{Json, field},
};
use crate::{
    domain::{Invalid, text},
    service::Error,
};
use axum::{Router, routing::post};
use serde::Serialize;

/// What back ends call with a secret key.
pub(crate) fn merchant_routes() -> Router<App> {
    Router::new()
        .route("/v2/portal.createSession", post(sessions::create))
        .route("/v2/portal.listSessions", post(list::list))
        .route("/v2/portal.revokeSession", post(sessions::revoke))
}

/// What is called with nothing but a link token.
pub(crate) fn browser_routes() -> Router<App> {
    Router::new()
        .route(
            error::EXCHANGE_SESSION,
            post(|app, client, headers, Json(exchange::OfSession { session_id })| {
                exchange::exchange(app, client, headers, session_id)
            }),
        )
        .route(
            error::EXCHANGE_CODE,
            post(|app, client, headers, Json(exchange::OfCode { code })| {
                exchange::exchange(app, client, headers, code)
            }),
        )
}

/// Whether a path is one of Unkey's, also when nothing is served there.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/v2/portal.")
}

/// Every answer's envelope.
#[derive(Debug, Serialize)]
struct Envelope<T> {
    meta: Meta,
    data: T,
}

impl<T> Envelope<T> {
    fn new(data: T) -> Self {
        Self { meta: Meta::current(), data }
    }
}

/// What every body tells of its request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    request_id: Option<Box<str>>,
}

impl Meta {
    fn current() -> Self {
        Self { request_id: Context::with(|context| context.id.clone()) }
    }
}

/// The slug or id of a portal in a request.
fn portal_name(name: &str, value: String) -> Result<String, Error> {
    field(name, text::bounded(value, 256))
}

/// The end user's id in the merchant's own system.
fn external_id(value: String) -> Result<String, Error> {
    field("externalId", text::bounded(value, 256))
}

/// A number within its bounds.
fn limit(value: Option<u32>) -> Result<u32, Error> {
    let value = value.unwrap_or(100);
    let within = (1..=100).contains(&value).then_some(value);
    field("limit", within.ok_or_else(|| Invalid::new("Give a limit between 1 and 100.")))
}
