//! The layer that answers a repeated POST with the first one's answer.

use super::{App, auth, context::Context, refusal::Refusal};
use crate::{
    service::{Claim, Error, Merchant, Reply, Request as Identity, Slot},
    store::RecordFor,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::Route,
};
use futures_util::{FutureExt as _, future::Either};
use std::convert::Infallible;
use tower::Service as _;

static HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The place of this request's answer, when it came with an idempotency key.
pub(crate) struct Idempotent(Option<Slot>);

impl<S: Sync> FromRequestParts<S> for Idempotent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Slot>().cloned()))
    }
}

impl Idempotent {
    /// What a write commits beside itself, so that its answer can be given again.
    pub(crate) fn record<T>(&self, render: impl Fn(&T) -> Reply + Send + Sync + 'static) -> Option<RecordFor<T>> {
        self.0.as_ref().map(|slot| slot.record(render))
    }
}

/// Has `route` serve a request once for each idempotency key.
pub(crate) fn replay(
    app: App,
    request: Request,
    route: &mut Route,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    if request.method() == Method::POST && request.headers().contains_key(&HEADER) {
        // In a box: most requests have none.
        let served = Box::pin(run_once(app, request, route.clone()));
        Either::Left(served.map(|served| Ok(served.unwrap_or_else(IntoResponse::into_response))))
    } else {
        Either::Right(route.call(request))
    }
}

async fn run_once(app: App, request: Request, mut route: Route) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    Merchant::from_request_parts(&mut parts, &app).await?;
    // It was received before, whole.
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Refusal::BodyTooLarge)?;
    match app.service().claim(identity(&parts, &body)?).await? {
        Claim::Replay(reply) => Ok(replayed(reply)),
        Claim::Run(slot) => {
            parts.extensions.insert(slot.clone());
            let Ok(response) = route.call(Request::from_parts(parts, Body::from(body))).await;
            keep(&app, &slot, response).await
        }
    }
}

fn identity<'a>(parts: &'a Parts, body: &'a Bytes) -> Result<Identity<'a>, Error> {
    let mut keys = parts.headers.get_all(&HEADER).iter();
    let key = keys
        .next()
        .and_then(|key| key.to_str().ok())
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let (Some(key), None) = (key, keys.next()) else {
        return Err(Error::request("Idempotency-Key must be one header of 1 to 255 visible ASCII characters."));
    };
    let secret = auth::presented(&parts.headers)?.unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Ok(Identity { secret, idempotency_key: key, method: parts.method.as_str(), target, body })
}

/// Keeps an answer that no write has kept: a refusal that will be the same next time, or a success that wrote nothing.
async fn keep(app: &App, slot: &Slot, response: Response) -> Result<Response, Refusal> {
    let status = response.status();
    let passing = [StatusCode::UNAUTHORIZED, StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if slot.is_kept() || status.is_server_error() || passing {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Error::Internal)?;
    app.service().keep_answer(slot, &Reply { status: status.as_u16(), body: body.to_vec() }).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replayed(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_empty = reply.body.is_empty();
    let mut response = (status, Body::from(reply.body)).into_response();
    let headers = response.headers_mut();
    if !is_empty && let Some(kind) = Context::with(|context| context.dialect.content_type(status)) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
