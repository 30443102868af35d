//! The outermost layer: a request id, one line in the log, and no panic escapes.

use super::{
    App, body,
    context::{BrowserHints, CONTEXT, Context, Dialect},
    metrics,
    refusal::Refusal,
};
use crate::{domain::id::RequestId, service::Error};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method},
    response::{IntoResponse, Response},
    routing::Route,
};
use futures_util::FutureExt;
use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Instant,
};
use tower::Service as _;

/// Has `route` serve a request whose body is received whole.
pub(crate) fn received(
    app: App,
    mut request: Request,
    route: &mut Route,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    Serving::new(app, &mut request).answered(body::receive(app, request, route))
}

/// Has `route` serve a request whose body is passed on as it comes.
pub(crate) fn streamed(
    app: App,
    mut request: Request,
    route: &mut Route,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    Serving::new(app, &mut request).answered(route.call(request))
}

/// A request, for as long as it is served.
struct Serving {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    context: Arc<Context>,
}

impl Serving {
    fn new(app: App, request: &mut Request) -> Self {
        let started = Instant::now();
        let context = Context {
            id: RequestId::at(app.service().clock().nanos_at(started)).text().into(),
            dialect: Dialect::of(request.uri().path(), request.headers()),
            hints: BrowserHints::of(request.headers()),
            key: OnceLock::new(),
            app,
        };
        // The route is taken, for a clone would be a counter that all threads write to.
        let (method, route) = (request.method().clone(), request.extensions_mut().remove::<MatchedPath>());
        let serving = Self { started, method, route, context: Arc::new(context) };
        tracing::debug!(request_id = &*serving.context.id, method = serving.method(), route = serving.route(), "asked");
        serving
    }

    /// Serves it and tells of it. Not `async`, which would keep room for `served` twice: as it is given, and as it is run.
    fn answered(
        self,
        served: impl Future<Output = Result<Response, Infallible>>,
    ) -> impl Future<Output = Result<Response, Infallible>> {
        CONTEXT.scope(Arc::clone(&self.context), guarded(served)).map(move |mut response| {
            if let Ok(id) = HeaderValue::from_str(&self.context.id) {
                response.headers_mut().insert(const { HeaderName::from_static("request-id") }, id);
            }
            self.tell(response.status().as_u16());
            Ok(response)
        })
    }

    /// The log names the route, never the path: a path may hold a token, and so may a method that nobody knows.
    fn tell(&self, status: u16) {
        let (took, request_id, method, route) =
            (self.started.elapsed(), &*self.context.id, self.method(), self.route());
        let took_ms = took.as_micros() as f64 / 1000.0;
        match self.context.key.get() {
            Some(key) => tracing::info!(request_id, method, route, status, took_ms, %key, "served"),
            None => tracing::info!(request_id, method, route, status, took_ms, "served"),
        }
        metrics::count(route, method, status, took);
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("-", MatchedPath::as_str)
    }

    /// The method for the log and the metrics. Others are counted as one: a client that made them up could fill the memory with
    /// counters.
    fn method(&self) -> &'static str {
        let served = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        served.into_iter().find(|known| *known == self.method.as_str()).unwrap_or("other")
    }
}

/// Runs the request; a panic becomes an error like any other.
fn guarded(served: impl Future<Output = Result<Response, Infallible>>) -> impl Future<Output = Response> {
    AssertUnwindSafe(served).catch_unwind().map(|served| match served {
        Ok(Ok(response)) => response,
        Err(_) => Refusal::Service(Error::Internal).into_response(),
    })
}

/// What is served where nothing is.
pub(crate) async fn not_found() -> Refusal {
    Refusal::NoRoute
}

/// What is served where something is, for another method.
pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::MethodNotAllowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[tokio::test]
    async fn a_panic_is_answered_like_any_other_error() {
        let response = guarded(async { panic!("on purpose") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
