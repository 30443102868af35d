//! JSON answers, as all dialects give them.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A JSON answer that no cache may keep.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    raw(status, to_json(body))
}

/// The same from JSON that is written already.
pub(crate) fn raw(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = (status, body.into()).into_response();
    let headers = response.headers_mut();
    // Room for those that every answer gets, at once.
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Our answers are plain data, so writing them can't fail.
pub(crate) fn to_json(body: &impl Serialize) -> Vec<u8> {
    // Most are a session, which has about that many bytes.
    let mut json = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut json, body) {
        Ok(()) => json,
        Err(_) => Vec::new(),
    }
}
