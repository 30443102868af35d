//! Receiving the body: at most 64 KiB in at most 30 s; only then the request takes a place,
//! and its answer is due in 3 s.

use super::{App, refusal::Refusal};
use crate::service::Error;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
    routing::{Route, future::RouteFuture},
};
use futures_util::{future::Either, poll};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};
use tokio::time::timeout;
use tower::Service as _;

/// The most that a request may send, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The longest that it may take to send it; dripping does not extend it.
const DEADLINE: Duration = Duration::from_secs(30);
/// Every answer begins within 3 s of the whole request, also while the database is away and a request waits for it more
/// than once; a little less, so that it also arrives.
const ANSWER: Duration = Duration::from_millis(2600);

/// Receives the body whole, if there is one, then has `route` serve the request.
pub(crate) fn receive(
    app: App,
    request: Request,
    route: &mut Route,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > 0) || headers.contains_key(header::TRANSFER_ENCODING) {
        // In a box: most requests have none.
        Either::Left(Box::pin(receive_body(app, request, length, route.clone())))
    } else {
        Either::Right(admit(app, Box::pin(route.call(request))))
    }
}

async fn receive_body(
    app: App,
    request: Request,
    length: Option<u64>,
    mut route: Route,
) -> Result<Response, Infallible> {
    if length.is_some_and(|length| length > LIMIT as u64) {
        return Ok(Refusal::BodyTooLarge.into_response());
    }
    let (parts, body) = request.into_parts();
    match collect(body, DEADLINE).await {
        Ok(body) => admit(app, Box::pin(route.call(Request::from_parts(parts, Body::from(body))))).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// Serves the request, if there is a place for it. What serves it comes boxed: an `async fn`
/// keeps an argument twice, as it came and as it is run.
async fn admit(app: App, mut served: Pin<Box<RouteFuture<Infallible>>>) -> Result<Response, Infallible> {
    match app.admission().try_acquire() {
        Ok(_place) => within(ANSWER, served.as_mut()).await,
        Err(_) => None,
    }
    .unwrap_or_else(|| Ok(Refusal::Service(Error::Unavailable).into_response()))
}

/// Does a part of a request whose body is passed on as it comes, by the same rules: if there is a place for it, and in time.
pub(crate) async fn admitted<T, E: Into<Refusal>>(
    app: &App,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Refusal> {
    let _place = app.admission().try_acquire().map_err(|_| Error::Unavailable)?;
    within(ANSWER, pin!(work)).await.ok_or(Error::Unavailable)?.map_err(Into::into)
}

async fn collect(body: Body, deadline: Duration) -> Result<Bytes, Refusal> {
    let received = within(deadline, pin!(Limited::new(body, LIMIT).collect())).await;
    match received.ok_or(Refusal::BodyTooSlow)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Err(_) => Err(Refusal::NotJson("The body did not arrive whole.".into())),
    }
}

/// What `work` brings within `limit`. Only what does not end at once needs a timer, and room for it.
async fn within<F: Future>(limit: Duration, mut work: Pin<&mut F>) -> Option<F::Output> {
    match poll!(work.as_mut()) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => Box::pin(timeout(limit, work)).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use std::{convert::Infallible, time::Instant};

    #[tokio::test]
    async fn dripping_does_not_extend_the_time_of_a_body() {
        let drops = stream::repeat(Ok::<_, Infallible>(Bytes::from_static(b" "))).then(|drop| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop
        });
        let (started, deadline) = (Instant::now(), Duration::from_millis(200));
        let received = collect(Body::from_stream(drops), deadline).await;
        assert!(matches!(received, Err(Refusal::BodyTooSlow)));
        assert!((deadline..deadline * 5).contains(&started.elapsed()), "{:?}", started.elapsed());
    }
}
