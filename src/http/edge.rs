//! The outermost layer: a request id, one line in the log, and no panic escapes.

use super::{
    App,
    context::{CONTEXT, Context, Dialect, Reader},
    refusal::Refusal,
};
use crate::{domain::id::RequestId, service::Error};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Serves a request and tells of it.
pub(crate) async fn handle(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let context = Arc::new(Context {
        id: RequestId::at(app.service().clock().nanos()),
        dialect: Dialect::of(request.uri().path(), request.headers()),
        docs_url: Arc::clone(&app.inner.docs_url),
        reader: Reader::of(request.headers()),
        key: OnceLock::new(),
    });
    let mut response = CONTEXT.scope(Arc::clone(&context), guarded(request, next)).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context.id.to_string()) {
        headers.insert("request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if app.is_https() {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    tell(&context, &method, route, response.status().as_u16(), started.elapsed());
    response
}

/// Runs the request; a panic becomes an error like any other.
async fn guarded(request: Request, next: Next) -> Response {
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    response.unwrap_or_else(|_| Refusal::Service(Error::Internal).into_response())
}

/// The log names the route, never the path: a path may hold a token, and so may a method that nobody knows.
fn tell(context: &Context, method: &Method, route: &str, status: u16, took: Duration) {
    let method = known(method);
    let took_ms = took.as_micros() as f64 / 1000.0;
    match context.key.get() {
        Some(key) => tracing::info!(request_id = %context.id, %method, route, status, took_ms, %key, "served"),
        None => tracing::info!(request_id = %context.id, %method, route, status, took_ms, "served"),
    }
    let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned()).record(took.as_secs_f64());
}

/// A method for the log and the numbers. Others are counted as one: a client that made them up could fill the memory with counters.
fn known(method: &Method) -> &'static str {
    let served = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    served.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// What is served where nothing is.
pub(crate) async fn not_found() -> Refusal {
    Refusal::NoRoute
}

/// What is served where something is, for another method.
pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::MethodNotAllowed
}
