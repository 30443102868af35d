//! Reading requests: JSON bodies, queries and ids in paths, with errors that name the field.

use super::refusal::Refusal;
use crate::{
    domain::{
        Invalid,
        id::{CustomerId, SessionId},
    },
    service::Error,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request},
    http::{HeaderMap, Uri, header, request::Parts},
};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A JSON body, read into `T`.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (is_json, body) = receive(request, state).await?;
        if body.is_empty() {
            return Err(Refusal::NotJson("The request needs a JSON body.".into()));
        }
        read(is_json, &body)
    }
}

/// A body that may be left out, together with its content type.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let (is_json, body) = receive(request, state).await?;
        if body.is_empty() {
            return Ok(None);
        }
        read(is_json, &body).map(Some)
    }
}

/// The body, and whether its content type says that it is JSON.
async fn receive<S: Send + Sync>(request: Request, state: &S) -> Result<(bool, Bytes), Refusal> {
    let is_json = is_json(request.headers());
    let body = Bytes::from_request(request, state).await;
    Ok((is_json, body.map_err(|_| Refusal::NotJson("The body did not arrive whole.".into()))?))
}

fn read<T: DeserializeOwned>(is_json: bool, body: &[u8]) -> Result<Json<T>, Refusal> {
    if !is_json {
        return Err(Refusal::UnsupportedMediaType);
    }
    // What is derived for a struct would also take an array of its fields' values.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::NotJson("The body is not a JSON object.".into()));
    }
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(Json(value));
    }
    // Only who is refused pays for knowing where.
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => Refusal::Service(wrong_field(&path, &without_place(&inner))),
            _ => Refusal::NotJson("The body is not valid JSON.".into()),
        }
    })?;
    reader.end().map_err(|_| Refusal::NotJson("There is something behind the JSON body.".into()))?;
    Ok(Json(value))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    // Of two, another reader of the request may believe the other one.
    let (Some(Ok(kind)), None) = (kinds.next().map(|kind| kind.to_str()), kinds.next()) else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

/// The library appends the place in the text, which says nothing to whoever sent an object.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// A missing or extra field is the request's fault, a wrong value or type the field's.
fn wrong_field(path: &str, message: &str) -> Error {
    let is_shape = ["unknown field", "missing field", "duplicate field"].iter().any(|kind| message.starts_with(kind));
    let mut param = (path != ".").then(|| path.to_owned());
    if message.starts_with("missing") || message.starts_with("duplicate") {
        // The place of these is the object around the field; its name is in the message.
        let name = message.split('`').nth(1).unwrap_or_default();
        param = Some(param.map_or_else(|| name.to_owned(), |object| format!("{object}.{name}")));
    }
    let message = format!("{}.", capitalised(message));
    match param {
        Some(param) if !is_shape => Error::Validation { param, message },
        param => Error::InvalidRequest { param: param.filter(|_| is_shape), message },
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A query, read into `T`; a parameter that `T` does not know is refused.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // PostgreSQL refuses to look for a NUL.
        if let Some((name, _)) = pairs(&parts.uri).find(|(_, value)| value.contains('\0')) {
            return Err(Error::field(&name, Invalid::new("A parameter has no NUL.")).into());
        }
        let reader = serde_html_form::Deserializer::new(pairs(&parts.uri));
        let read = serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            Refusal::Service(wrong_field(&path, &message))
        })?;
        // The library reads an empty value as one left out: a cursor that got lost would start over.
        match pairs(&parts.uri).find(|(_, value)| value.is_empty()) {
            Some((name, _)) => Err(Error::field(&name, Invalid::new("Give a value, or leave it out.")).into()),
            None => Ok(Self(read)),
        }
    }
}

fn pairs(uri: &Uri) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

/// For a call that has no parameters: any is refused.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match pairs(&parts.uri).next() {
            Some((name, _)) => Err(Refusal::Service(wrong_field(&name, &format!("unknown field `{name}`")))),
            None => Ok(Self),
        }
    }
}

/// A portal's slug or id in the path.
#[derive(Debug)]
pub(crate) struct PortalName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PortalName {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        // What is no text is no portal's name either.
        text.map(|Path(text)| Self(text)).map_err(|_| Error::PortalMissing.into())
    }
}

/// An id in the path; a malformed one names nothing, so it looks like one that does not exist.
#[derive(Debug)]
pub(crate) struct PathId<T>(pub(crate) T);

/// What an id names, in the words of an error.
pub(crate) trait Noun {
    const NOUN: &'static str;
}

impl Noun for SessionId {
    const NOUN: &'static str = "portal session";
}

impl Noun for CustomerId {
    const NOUN: &'static str = "customer";
}

impl<T: FromStr + Noun + Send, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self(id.ok_or(Error::Missing(T::NOUN))?))
    }
}

/// A value of a request that was refused, as an error that names its field.
pub(crate) fn field<T>(name: &str, value: Result<T, Invalid>) -> Result<T, Error> {
    value.map_err(|why| Error::field(name, why))
}
