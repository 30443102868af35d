//! Receiving the body: at most 64 KiB in at most 30 s; only then the request takes a place,
//! and its answer is due in 3 s.

use super::{context::Context, refusal::Refusal};
use crate::service::Error;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::poll;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::{pin::pin, sync::Arc, task::Poll, time::Duration};
use tokio::time::timeout;

/// The most that a request may send, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The longest that it may take to send it; dripping does not extend it.
const DEADLINE: Duration = Duration::from_secs(30);
/// Every answer begins within 3 s of the whole request, also while the database is away and a request waits for it more
/// than once; a little less, so that it also arrives.
const ANSWER: Duration = Duration::from_millis(2600);

/// Reads the body whole, then admits the request.
pub(crate) async fn receive(context: Arc<Context>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LIMIT as u64) {
        return Refusal::BodyTooLarge.into_response();
    }
    let has_body = announced.is_some_and(|length| length > 0) || parts.headers.contains_key(header::TRANSFER_ENCODING);
    let body = match has_body {
        true => match collect(body, DEADLINE).await {
            Ok(body) => body,
            Err(refusal) => return refusal.into_response(),
        },
        false => Bytes::new(),
    };
    let Ok(_place) = context.app.inner.admission.try_acquire() else {
        return Refusal::Service(Error::Unavailable).into_response();
    };
    let answer = within(ANSWER, next.run(Request::from_parts(parts, Body::from(body)))).await;
    answer.unwrap_or_else(|| Refusal::Service(Error::Unavailable).into_response())
}

async fn collect(body: Body, deadline: Duration) -> Result<Bytes, Refusal> {
    let received = within(deadline, Limited::new(body, LIMIT).collect()).await;
    match received.ok_or(Refusal::BodyTooSlow)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Err(_) => Err(Refusal::NotJson("The body did not arrive whole.".into())),
    }
}

/// What `work` brings within `limit`. Only what does not end at once needs a timer.
async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    match poll!(&mut work) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => timeout(limit, work).await.ok(),
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
