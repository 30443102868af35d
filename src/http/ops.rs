//! Health, and the documentation of the API.

use super::{App, native, openapi};
use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use std::sync::{Arc, LazyLock};
use utoipa::ToSchema;
use utoipa_swagger_ui::Config;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| serde_json::to_string_pretty(&openapi()).unwrap_or_default());
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::new(["/openapi.json"])));
/// The page's own style sheets and scripts; the styles that it sets from script need no exception.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = "index.html";

pub(crate) fn health_routes() -> Router<App> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/docs/errors", get(native::errors_page::show))
        .route("/docs/errors.css", get(native::errors_page::style))
        .route("/docs", get(|| async { page(INDEX).await }))
        .route(
            "/docs/{file}",
            get(async |file: Result<Path<String>, PathRejection>| {
                page(&file.map(|Path(file)| file).unwrap_or_default()).await
            }),
        )
}

/// How the service does.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// In one word: `ok`, `ready`, `unavailable`.
    status: &'static str,
}

/// Is it alive
///
/// The process runs; says nothing of the database.
#[utoipa::path(get, operation_id = "isAlive", path = "/healthz", tag = "Health",
    responses((status = 200, description = "It is", body = Health)))]
pub(crate) async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Is it ready
///
/// The database answers and takes writes, and its clock agrees.
#[utoipa::path(get, operation_id = "isReady", path = "/readyz", tag = "Health",
    responses((status = 200, description = "It is", body = Health), (status = 503, description = "Not now", body = Health)))]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    match app.service().is_ready() {
        true => Json(Health { status: "ready" }).into_response(),
        false => {
            let body = Json(Health { status: "unavailable" });
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], body).into_response()
        }
    }
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

async fn page(file: &str) -> Response {
    match utoipa_swagger_ui::serve(file, Arc::clone(&PAGE)) {
        Ok(Some(asset)) => {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CONTENT_SECURITY_POLICY, PAGE_POLICY.to_owned()),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            let bytes = asset.bytes.into_owned();
            let bytes = if file == INDEX { below_docs(bytes) } else { bytes };
            (headers, bytes).into_response()
        }
        _ => super::refusal::Refusal::NoRoute.into_response(),
    }
}

/// The page names its files as its neighbours, which below `/docs` without a slash they are not.
fn below_docs(page: Vec<u8>) -> Vec<u8> {
    let page = String::from_utf8_lossy(&page);
    let named = |page: String, name: &str| page.replace(&format!("{name}=\"./"), &format!("{name}=\""));
    let page = named(named(page.into_owned(), "src"), "href");
    page.replace("src=\"", "src=\"/docs/").replace("href=\"", "href=\"/docs/").into_bytes()
}
