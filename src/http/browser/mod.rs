//! The pages that people see.

pub mod view;

use super::{App, client::Client, cookie, refusal::Refusal, same_origin};
use crate::{
    domain::{portal::Portal, secret, time::Seconds},
    service::{Error, ExchangeRequest, Landing},
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/r/{token}", get(land).post(redeem))
}

pub(crate) fn refuse(_: &Refusal) -> Response {
    StatusCode::NOT_FOUND.into_response()
}

async fn land(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Refusal> {
    let _ = (&app, &token);
    Ok("".into_response())
}

async fn redeem(
    State(app): State<App>,
    Client(origin): Client,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Refusal> {
    same_origin::require(&app, &headers)?;
    let _ = origin;
    Ok("".into_response())
}
