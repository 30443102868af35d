//! A merchant's back end: remembers what it was asked, and answers by the path.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// It ends with the test's runtime.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    told: Arc<Mutex<HashMap<String, (u16, Value)>>>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: Parts,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().expect("visible ASCII"))
    }
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/base", listener.local_addr().expect("an address"));
        let upstream = Self { url, seen: Arc::default(), told: Arc::default() };
        let router = Router::new().fallback(answer).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    /// Answers a path so from now on.
    pub(crate) fn tell(&self, path: &str, status: u16, body: Value) {
        self.told.lock().expect("no panic").insert(path.to_owned(), (status, body));
    }

    /// The last request that came.
    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().expect("no panic").last().cloned().expect("a request")
    }

    /// What was asked for since the last time, in the order of the alphabet: requests may come side by side.
    pub(crate) fn asked(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().expect("no panic"));
        let mut asked: Vec<_> = seen.iter().map(|seen| seen.head.uri.to_string()).collect();
        asked.sort_unstable();
        asked
    }

    /// How many came.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }
}

async fn answer(State(upstream): State<Upstream>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return ().into_response() };
    let length = body.len();
    upstream.seen.lock().expect("no panic").push(Seen { head, body: body.into() });
    let path = path.strip_prefix("/base").unwrap_or_default();
    if let Some((status, body)) = upstream.told.lock().expect("no panic").get(path).cloned() {
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        return (status, axum::Json(body)).into_response();
    }
    match path {
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            ().into_response()
        }
        "/moved" => (axum::http::StatusCode::FOUND, [("location", "/base/keys")]).into_response(),
        "/long" => vec![b'x'; 10 * 1024 * 1024].into_response(),
        "/longer" => vec![b'x'; 10 * 1024 * 1024 + 1].into_response(),
        "/page" => {
            ([("content-type", "text/html"), ("set-cookie", "a=b"), ("etag", "\"1\"")], "<script>").into_response()
        }
        "/missing" => (axum::http::StatusCode::NOT_FOUND, "nothing").into_response(),
        "/stream" => {
            let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b'y'; 1000]));
            Body::from_stream(futures_util::stream::iter(chunks)).into_response()
        }
        "/keys" => axum::Json(json!({"data": [{"id": "key_1", "path": "/keys"}, {"id": "key_2"}], "has_more": true}))
            .into_response(),
        "/docs" => (axum::http::StatusCode::NOT_FOUND, "nothing").into_response(),
        other => axum::Json(json!({"data": [{"path": other, "bytes": length}]})).into_response(),
    }
}
