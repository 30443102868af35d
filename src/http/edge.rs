//! The outermost layer: a request id, one line in the log, and no panic escapes.

use super::{
    App, body,
    context::{CONTEXT, Context, Dialect, Reader},
    numbers,
    refusal::Refusal,
};
use crate::{domain::id::RequestId, service::Error};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Serves a request whose body is received whole.
pub(crate) async fn received(State(app): State<App>, request: Request, next: Next) -> Response {
    handle(app, request, |context, request| body::receive(context, request, next)).await
}

/// Serves a request whose body is passed on as it comes.
pub(crate) async fn streamed(State(app): State<App>, request: Request, next: Next) -> Response {
    handle(app, request, |_, request| next.run(request)).await
}

/// Serves a request and tells of it.
async fn handle<F>(app: App, mut request: Request, serve: impl FnOnce(Arc<Context>, Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let method = request.method().clone();
    // Taken, for a clone would be a counter that all threads write to.
    let route = request.extensions_mut().remove::<MatchedPath>();
    let context = Arc::new(Context {
        id: RequestId::at(app.service().clock().nanos_at(started)).text().into(),
        dialect: Dialect::of(request.uri().path(), request.headers()),
        reader: Reader::of(request.headers()),
        key: OnceLock::new(),
        app,
    });
    let name = route.as_ref().map_or("-", MatchedPath::as_str);
    tracing::debug!(request_id = &*context.id, method = known(&method), route = name, "asked");
    let mut response = CONTEXT.scope(Arc::clone(&context), guarded(serve(Arc::clone(&context), request))).await;
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        response.headers_mut().insert(const { HeaderName::from_static("request-id") }, id);
    }
    tell(&context, &method, name, response.status().as_u16(), started.elapsed());
    response
}

/// Runs the request; a panic becomes an error like any other.
async fn guarded(served: impl Future<Output = Response>) -> Response {
    let response = AssertUnwindSafe(served).catch_unwind().await;
    response.unwrap_or_else(|_| Refusal::Service(Error::Internal).into_response())
}

/// The log names the route, never the path: a path may hold a token, and so may a method that nobody knows.
fn tell(context: &Context, method: &Method, route: &str, status: u16, took: Duration) {
    let (request_id, method) = (&*context.id, known(method));
    let took_ms = took.as_micros() as f64 / 1000.0;
    match context.key.get() {
        Some(key) => tracing::info!(request_id, method, route, status, took_ms, %key, "served"),
        None => tracing::info!(request_id, method, route, status, took_ms, "served"),
    }
    numbers::count(route, method, status, took);
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
