//! Every way in which a request can be refused, before or by the service.

use super::context::{Context, Dialect};
use crate::service::Error;
use axum::response::{IntoResponse, Response};

/// Why a request gets no answer of the kind that it asked for.
#[derive(Debug)]
pub enum Refusal {
    /// The service refused it.
    Service(Error),
    /// Nothing is served there.
    NoRoute,
    /// Something is served there, by another method.
    MethodNotAllowed,
    /// The body is longer than 64 KiB.
    BodyTooLarge,
    /// The body took longer than it may to arrive.
    BodyTooSlow,
    /// The body is there, and not of a type that is read here.
    UnsupportedMediaType,
    /// The body is not what its type says; the message tells where.
    NotJson(String),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Context::read(|context| context.dialect).unwrap_or(Dialect::Native).refuse(&self)
    }
}
