//! What the outside sees. This file is the table of contents; each dialect has a folder with its
//! requests, answers and error table, and they don't know each other.

mod answer;
mod auth;
mod body;
mod browser;
mod client;
mod context;
mod cookie;
mod cors;
mod edge;
mod extract;
mod gateway;
mod idempotency;
mod limit;
mod metrics;
pub mod native;
mod ops;
mod refusal;
mod revkeen;
mod same_origin;
mod unkey;

pub use cookie::sessions as session_cookies;
pub use native::openapi;

use crate::{config::Config, service::Service};
use axum::{
    Router,
    http::{HeaderValue, header},
};
use gateway::Gateway;
use limit::Limits;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower::{
    ServiceBuilder,
    layer::{
        layer_fn,
        util::{Identity, Stack},
    },
    service_fn,
    util::Either,
};
use tower_http::set_header::SetResponseHeaderLayer;

/// What handlers share, as long as the process, like the service itself.
#[derive(Clone, Copy)]
pub struct App {
    inner: &'static Shared,
}

struct Shared {
    service: Service,
    config: Arc<Config>,
    limits: Limits,
    admission: Semaphore,
    gateway: Gateway,
}

impl App {
    /// The web side of `service`, for good.
    pub fn new(service: Service, config: Arc<Config>) -> Self {
        let limits = Limits::new(&config.limits);
        let admission = Semaphore::new(config.limits.concurrent_requests);
        let gateway = Gateway::new(&config);
        Self { inner: Box::leak(Box::new(Shared { service, config, limits, admission, gateway })) }
    }

    fn service(&self) -> &Service {
        &self.inner.service
    }

    fn limits(&self) -> &'static Limits {
        &self.inner.limits
    }

    /// Places for the requests that are served.
    fn admission(&self) -> &'static Semaphore {
        &self.inner.admission
    }

    fn gateway(&self) -> &'static Gateway {
        &self.inner.gateway
    }

    fn config(&self) -> &Config {
        &self.inner.config
    }

    /// `{publicUrl}` without a slash at its end.
    fn public_url(&self) -> &str {
        &self.inner.config.public_url
    }

    /// Where the documentation of errors is.
    fn docs_url(&self) -> &str {
        self.config().docs_url.as_deref().unwrap_or(self.public_url())
    }

    /// Whether browsers reach us by https, so that cookies can be `Secure`.
    fn is_https(&self) -> bool {
        self.public_url().starts_with("https://")
    }
}

/// Everything that is served on the main address.
///
/// A request passes the layers from the last one added to the first: `edge` (request id, log,
/// panic), which has `body` receive it (size, time to send it, admission, time limit), `idempotency`
/// where a key is used; then the route's extractors say who asks, and its handler calls the service.
/// What goes to a merchant's back end is streamed past `body`, which only bounds the look at its credentials, with limits of its
/// own; health waits for nobody's place.
pub fn router(app: App) -> Router {
    let merchants = native::merchant_routes().merge(unkey::merchant_routes()).merge(revkeen::merchant_routes());
    let received = merchants
        .layer(layer_fn(move |mut route| service_fn(move |request| idempotency::replay(app, request, &mut route))))
        .merge(native::browser_routes())
        .merge(unkey::browser_routes())
        .merge(revkeen::browser_routes())
        .merge(gateway::key_routes())
        .merge(browser::routes())
        .merge(ops::routes())
        .fallback(edge::not_found)
        .method_not_allowed_fallback(edge::method_not_allowed);
    let streamed = gateway::routes()
        .merge(revkeen::resource_routes())
        .merge(ops::health_routes())
        .method_not_allowed_fallback(edge::method_not_allowed);
    let headers = headers_of_every_answer(&app);
    let receive = move |mut route| service_fn(move |request| edge::received(app, request, &mut route));
    let stream = move |mut route| service_fn(move |request| edge::streamed(app, request, &mut route));
    let received = received.layer(headers.clone().layer(layer_fn(receive)));
    let streamed = streamed.layer(headers.layer(layer_fn(stream)));
    received.merge(streamed).with_state(app)
}

type Header = SetResponseHeaderLayer<HeaderValue>;

/// What goes for errors and assets as well.
fn headers_of_every_answer(app: &App) -> ServiceBuilder<Stack<Either<Header, Identity>, Stack<Header, Identity>>> {
    let always = |name, value| Header::overriding(name, HeaderValue::from_static(value));
    let https_only = always(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    ServiceBuilder::new()
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .option_layer(app.is_https().then_some(https_only))
}
