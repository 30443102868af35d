//! `portal.exchangeSession` and `portal.exchangeCode`: the link token is the only credential.

use super::Envelope;
use crate::{
    http::{App, answer, client::Client, refusal::Refusal},
    service::ExchangeRequest,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfSession {
    pub(super) session_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfCode {
    pub(super) code: String,
}

/// The browser token under the names of both generations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exchanged<'a> {
    token: &'a str,
    access_token: &'a str,
    expires_at: i64,
}

pub(super) async fn exchange(
    State(app): State<App>,
    Client(client): Client,
    headers: HeaderMap,
    token: String,
) -> Result<Response, Refusal> {
    app.limits().count_address(client.address)?;
    // Unkey's clients send it on every call that they may repeat, in any form that they like.
    let nonce = headers.get("idempotency-key").map(HeaderValue::as_bytes).filter(|nonce| !nonce.is_empty());
    let opened = app.service().exchange(ExchangeRequest { token: &token, nonce, client }).await?;
    let ends = opened.stored.session.browser.as_ref().map_or(0, |browser| browser.expires_at.millis());
    let token = opened.credential.reveal();
    let data = Exchanged { token: &token, access_token: &token, expires_at: ends };
    Ok(answer::json(StatusCode::OK, &Envelope::new(data)))
}
