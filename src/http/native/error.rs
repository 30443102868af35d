//! The native envelope; its table is [`Refusal::class`].

use super::to_json;
use crate::{
    http::{context::Context, refusal::Refusal},
    service::Error,
};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

/// Every error's body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorDto<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
struct ErrorDto<'a> {
    /// The class of the error.
    #[schema(example = "invalid_request_error")]
    r#type: &'static str,
    /// What happened, for programs.
    #[schema(example = "validation_error")]
    code: &'static str,
    /// What happened, for people.
    message: String,
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "permissions[0]", nullable = false)]
    param: Option<&'a str>,
    /// The same as in the `Request-Id` header.
    #[schema(example = "req_06FFNIzBqHtoj7vIDMNL9X")]
    request_id: Box<str>,
    /// Where the code is explained.
    doc_url: String,
}

/// The refusal in the native envelope.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let (status, kind, code) = refusal.class();
    let (request_id, doc_url) =
        Context::with(|context| (context.id.clone(), context.doc_url(code))).unwrap_or_default();
    let param = match refusal {
        Refusal::Service(Error::Validation { param, .. }) => Some(param.as_str()),
        Refusal::Service(Error::InvalidRequest { param, .. }) => param.as_deref(),
        _ => None,
    };
    let error = ErrorDto { r#type: kind, code, message: refusal.message(), param, request_id, doc_url };
    let mut response = super::raw(status, to_json(&ErrorBody { error }));
    refusal.add_headers(&mut response);
    response
}
