//! JSON answers, as all dialects give them, and room for long ones.

use super::refusal::Refusal;
use crate::service::Error;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The bytes that long answers may have together, while their clients take them.
const ROOM: usize = 64 * 1024 * 1024;
/// The bytes up to which an answer is not counted: the number of connections bounds those.
const SHORT: usize = 128 * 1024;

static FREE: Semaphore = Semaphore::const_new(ROOM);

/// A long answer; its room is free again when its last byte is sent, or nobody wants it any more.
struct Long {
    text: Vec<u8>,
    _room: SemaphorePermit<'static>,
}

impl AsRef<[u8]> for Long {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// A body that was made for this answer alone. Clients that ask for long ones and don't read them would fill the memory.
///
/// # Errors
/// [`Error::Unavailable`] when it is long and there is no room for it.
pub(crate) fn body(mut text: Vec<u8>) -> Result<Body, Error> {
    if text.len() <= SHORT {
        return Ok(text.into());
    }
    // It had been given room for more than it became.
    text.shrink_to_fit();
    let size = u32::try_from(text.len()).map_err(|_| Error::Unavailable)?;
    let room = FREE.try_acquire_many(size).map_err(|_| Error::Unavailable)?;
    Ok(Bytes::from_owner(Long { text, _room: room }).into())
}

/// A JSON answer that no cache may keep.
pub(crate) fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match body(to_json(answer)) {
        Ok(body) => raw(status, body),
        Err(error) => Refusal::Service(error).into_response(),
    }
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
