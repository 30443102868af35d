//! What the hosted pages show of the merchant's data.

use super::forward;
use crate::{
    http::{App, refusal::Refusal},
    service::{EndUser, Error},
};
use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// A page is due in 2.6 s like every answer, with the data or without.
const LIMIT: Duration = Duration::from_secs(2);
/// More than this is no page that somebody reads.
const MAX_BODY: usize = 1024 * 1024;

/// Why there is no data to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The portal has no upstream, or that one nothing at this path.
    NotConnected,
    /// The upstream does not show this to that user.
    Refused,
    /// The upstream can't be reached.
    Unreachable,
    /// It does not answer in time.
    TimedOut,
    /// Its answer is an error, or no JSON.
    Failed,
}

/// Reads JSON from `path`, without a slash at its start, of the upstream of `user`'s portal, as that user.
pub(crate) async fn fetch_json(app: &App, user: &EndUser, path: &str, query: Option<&str>) -> Result<Value, Fault> {
    timeout(LIMIT, fetch(app, user, path, query)).await.unwrap_or(Err(Fault::TimedOut))
}

async fn fetch(app: &App, user: &EndUser, path: &str, query: Option<&str>) -> Result<Value, Fault> {
    let gateway = app.gateway();
    let _place =
        gateway.for_pages.enter(user.session().tenant_id, user.session().id).map_err(|_| Fault::Unreachable)?;
    let mut request = forward::prepare(app, user, Method::GET, &format!("/{path}"), query).await.map_err(fault)?;
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = gateway.execute(request).await.map_err(fault)?;
    match answer.status() {
        StatusCode::NOT_FOUND => return Err(Fault::NotConnected),
        StatusCode::FORBIDDEN => return Err(Fault::Refused),
        _ => {}
    }
    if !answer.status().is_success() {
        return Err(Fault::Failed);
    }
    let body = Limited::new(Body::from_stream(answer.bytes_stream()), MAX_BODY).collect().await;
    serde_json::from_slice(&body.map_err(|_| Fault::Failed)?.to_bytes()).map_err(|_| Fault::Failed)
}

fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Service(Error::Missing(_)) => Fault::NotConnected,
        Refusal::Service(Error::UpstreamTimeout) => Fault::TimedOut,
        Refusal::Service(Error::UpstreamUnavailable) => Fault::Unreachable,
        _ => Fault::Failed,
    }
}
