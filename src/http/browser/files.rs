//! The style sheets, scripts and pictures of the pages, all of them our own.

use super::{page::portal_view, view, visit::Named};
use crate::http::refusal::Refusal;
use axum::{
    http::{Uri, header},
    response::{IntoResponse, Response},
};

/// For what changes its address when it changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `GET /assets/{file}`.
pub(super) async fn asset(uri: Uri) -> Result<Response, Refusal> {
    let asset = view::asset(uri.path()).ok_or(Refusal::NoRoute)?;
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, FOR_EVER)];
    Ok((headers, asset.body).into_response())
}

/// `GET /p/{portal}/brand.css`: the portal's colours, for whoever sees one of its pages.
pub(super) async fn brand(Named(portal): Named, uri: Uri) -> Response {
    let shown = portal_view(&portal, None);
    let is_current = uri.path_and_query().is_some_and(|own| shown.brand.stylesheet(&shown.id) == own.as_str());
    let caching = if is_current { FOR_EVER } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, caching)];
    (headers, view::brand_css(&shown.brand)).into_response()
}
