//! An HTTP client that shows what the server said, and nothing more: it
//! follows no redirect, keeps no cookie, and reaches loopback only.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use serde_json::Value;

/// A client of one server; a clone shares its connections.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    port: u16,
    headers: HeaderMap,
}

impl Http {
    /// A client of the server on this port of 127.0.0.1.
    pub(crate) fn new(port: u16) -> Self {
        // Only the first call has an effect, and all ask for the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client =
            Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(Duration::from_secs(30)).build();
        Self { client: client.expect("a client"), port, headers: HeaderMap::new() }
    }

    /// One that sends this header too; an earlier one of the name goes.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        let mut other = self.clone();
        other.headers.insert(name, value);
        other
    }

    /// One that shows this credential.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string().into())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string().into())).await
    }

    /// Any request; a body is called JSON unless a header says otherwise.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        let answer = self.try_send(method, path, body).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// The same where the server may be away.
    pub(crate) async fn try_send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, self.url(path));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.headers(self.headers.clone()).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.into(),
        })
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        assert!(path.starts_with('/'), "not a path of this server: {path}");
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A bare connection, for a test to write whatever it likes.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
        stream
    }

    /// Sends bytes as they are and returns all that comes back until the
    /// server closes the connection, or says nothing for ten seconds.
    pub(crate) async fn raw(&self, request: impl Into<Vec<u8>>) -> String {
        let (mut stream, request) = (self.connect(), request.into());
        let exchange = move || {
            // A server may refuse, and close, before it has read everything.
            stream.write_all(&request).ok();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).ok();
            String::from_utf8_lossy(&answer).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.expect("no panic")
    }
}

/// What the server said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Itself, when it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// The one value of a header.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().expect("visible ASCII"));
        assert!(values.next().is_none(), "{name} comes more than once: {:?}", self.headers);
        first
    }

    /// Each `Set-Cookie`, whole.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all("set-cookie").iter();
        cookies.filter_map(|cookie| cookie.to_str().ok()).collect()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value = serde_json::from_slice(&self.body);
        value.unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
