//! One request on its way to a portal's upstream, and the answer on its way back.

use super::{Gateway, address, places::Place};
use crate::{
    domain::return_url::parse_path,
    http::{App, extract::field, refusal::Refusal},
    service::{EndUser, Error},
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::{BodyDataStream, LengthLimitError, Limited};
use std::{error::Error as StdError, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout, timeout_at},
};
use url::Url;

/// The longest body, either way.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// The longest that a client may take to send one; dripping does not extend it.
const UPLOAD: Duration = Duration::from_secs(30);
/// The longest that the upstream may take from the whole request to the head of its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// The longest that the body of the answer may take; a client that takes it drop by drop does not extend it.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// What of a request's head reaches the upstream. A list of what may pass lets no credential slip
/// through, nor a header that the upstream would take for one of ours or of a proxy's.
const SENT: [HeaderName; 11] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    HeaderName::from_static("idempotency-key"),
];

/// What of the answer's head comes back.
const RETURNED: [HeaderName; 15] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::CACHE_CONTROL,
    header::AGE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::RETRY_AFTER,
    header::VARY,
];

/// What the merchant's documents and scripts may do on our origin, where cookies of other portals are: nothing.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// Sends a request of `user` on to `path` of its portal's upstream; both bodies are streamed.
pub(crate) async fn forward(
    app: &App,
    user: &EndUser,
    path: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let gateway = app.gateway();
    let place = gateway.places.enter(user.session().tenant_id, user.session().id)?;
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(Refusal::BodyTooLarge);
    }
    let mut request = prepare(app, user, parts.method.clone(), path, parts.uri.query()).await?;
    copy(&SENT, &parts.headers, request.headers_mut());
    // Whoever drops this, at the body's end or before, starts the upstream's time.
    let (unsent, sent) = oneshot::channel::<()>();
    if length.is_some_and(|length| length > 0) || parts.headers.contains_key(header::TRANSFER_ENCODING) {
        request.headers_mut().extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
        let body = BodyDataStream::new(Limited::new(body, MAX_BODY)).inspect(move |_| {
            let _ = &unsent;
        });
        *request.body_mut() = Some(reqwest::Body::wrap_stream(body));
    } else {
        drop(unsent);
        // RFC 9110, section 8.6: of these a server may expect a body, and refuse one whose length nobody tells.
        if [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
    let answer = tokio::select! {
        answer = gateway.execute(request) => answer?,
        late = overdue(sent) => return Err(late),
    };
    give_back(answer, place)
}

/// The request as we make it: its address, and the assertion of who asks.
pub(super) async fn prepare(
    app: &App,
    user: &EndUser,
    method: Method,
    path: &str,
    query: Option<&str>,
) -> Result<reqwest::Request, Refusal> {
    let portal = user.portal().await?;
    let upstream = portal.settings.upstream_url.as_deref().ok_or(Error::Missing("upstream of this portal"))?;
    let url = target(upstream, path, query)?;
    if !app.config().gateway.allow_private && !address::is_allowed(&url) {
        return Err(Error::UpstreamUnavailable.into());
    }
    let mut assertion = HeaderValue::from_str(&user.assertion(app.public_url()).await?).map_err(|_| Error::Internal)?;
    assertion.set_sensitive(true);
    let mut request = reqwest::Request::new(method, url);
    request.headers_mut().insert("vestibule-assertion", assertion);
    Ok(request)
}

/// The upstream's address with a path below its own, which no dot segment leaves.
fn target(upstream: &str, path: &str, query: Option<&str>) -> Result<Url, Error> {
    let path = field("path", parse_path(path))?;
    let mut url = Url::parse(upstream).map_err(|_| Error::UpstreamUnavailable)?;
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(query);
    url.set_fragment(None);
    Ok(url)
}

/// Ends when it is too late for an answer.
async fn overdue(sent: oneshot::Receiver<()>) -> Refusal {
    if timeout(UPLOAD, sent).await.is_err() {
        return Refusal::BodyTooSlow;
    }
    sleep(ANSWER).await;
    Error::UpstreamTimeout.into()
}

impl Gateway {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn execute(&self, request: reqwest::Request) -> Result<reqwest::Response, Refusal> {
        let client = self.client.as_ref().ok_or(Error::UpstreamUnavailable)?;
        client.execute(request).await.map_err(|error| {
            if comes_from::<LengthLimitError>(&error) {
                return Refusal::BodyTooLarge;
            }
            let error = error.without_url();
            tracing::info!(%error, cause = error.source().map(ToString::to_string), "an upstream does not answer");
            let late = error.is_timeout();
            if late { Error::UpstreamTimeout.into() } else { Error::UpstreamUnavailable.into() }
        })
    }
}

fn comes_from<E: StdError + 'static>(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn give_back(answer: reqwest::Response, place: Place) -> Result<Response, Refusal> {
    // Nobody has asked for another protocol, so what says it goes on in one has not answered.
    let status = answer.status();
    if status.is_informational() || answer.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(Error::UpstreamUnavailable.into());
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    copy(&RETURNED, answer.headers(), headers);
    // Without a body it has none (RFC 9110, section 8.6), and in chunks it is not the body's (RFC 9112, section 6.3).
    if status == StatusCode::NO_CONTENT || answer.headers().contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // What depends on a credential is kept by nobody unless the merchant says so, and never for another one.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Authorization, Cookie, X-Api-Key"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    let body = Body::from_stream(in_time(answer, place, DOWNLOAD));
    *response.body_mut() = Body::new(Limited::new(body, MAX_BODY));
    Ok(response)
}

/// The body of an answer, which breaks off when it takes too long; the place is free at its end.
fn in_time(
    answer: reqwest::Response,
    place: Place,
    limit: Duration,
) -> impl Stream<Item = Result<Bytes, Box<dyn StdError + Send + Sync>>> {
    let end = Instant::now() + limit;
    stream::unfold(Some((answer, place)), move |still| async move {
        let (mut answer, place) = still?;
        match timeout_at(end, answer.chunk()).await {
            Ok(Ok(chunk)) => Some((Ok(chunk?), Some((answer, place)))),
            Ok(Err(error)) => Some((Err(error.into()), None)),
            Err(late) => Some((Err(late.into()), None)),
        }
    })
}

fn copy(names: &[HeaderName], from: &HeaderMap, to: &mut HeaderMap) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::id::{SessionId, TenantId},
        http::gateway::places::Places,
    };

    #[tokio::test]
    async fn an_answer_that_never_ends_breaks_off_and_gives_its_place_back() {
        let drops = stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(b" "))).then(|drop| async {
            sleep(Duration::from_millis(20)).await;
            drop
        });
        let answer = reqwest::Response::from(axum::http::Response::new(reqwest::Body::wrap_stream(drops)));
        let (places, limit) = (Places::new(1), Duration::from_millis(200));
        let enter = || places.enter(TenantId::at(1), SessionId::at(1));
        let place = enter().unwrap();
        let started = Instant::now();
        let chunks: Vec<_> = in_time(answer, place, limit).collect().await;
        let (last, before) = chunks.split_last().unwrap();
        assert!(last.is_err() && !before.is_empty() && before.iter().all(Result::is_ok));
        assert!((limit..limit * 5).contains(&started.elapsed()), "{:?}", started.elapsed());
        assert!(enter().is_ok(), "the place is not free");
    }

    fn to(path: &str) -> Option<String> {
        target("https://a.example/base/?x=1#y", path, Some("q=%27&r")).ok().map(String::from)
    }

    #[test]
    fn a_path_stays_below_the_upstreams_own() {
        assert_eq!(to("/keys/1").as_deref(), Some("https://a.example/base/keys/1?q=%27&r"));
        for bad in
            ["/..", "/../x", "/a/../../x", "/%2e%2e/x", "/.%2E/x", "/a/%2e", "//evil", "/a%2f..%2fb", "/%5c..", "/a%00"]
        {
            assert_eq!(to(bad), None, "{bad}");
        }
    }
}
