//! What people's browsers see, told without a browser; `real` has one.

mod embedding;
mod forward_auth;
mod headers;
mod hosted;
mod landing;
mod nginx;
mod origins;
mod own_portal;
mod proxies;
mod real;
mod tabs;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Http, Merchant, Server};

/// A browser: it keeps cookies, and tells the site that a request comes from.
pub(crate) struct Guest {
    http: Http,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Guest {
    pub(crate) fn new(server: &Server) -> Self {
        Self { http: server.http.clone(), cookies: BTreeMap::new() }
    }

    /// Follows a link from elsewhere, such as a mail.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "cross-site")]).await
    }

    /// Submits a form of ours, from a page that sends no referrer.
    pub(crate) async fn submit(&mut self, path: &str) -> Answer {
        self.send(Method::POST, path, &[("sec-fetch-site", "same-origin"), ("origin", "null")]).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut http = headers.iter().fold(self.http.clone(), |http, (name, value)| http.header(name, value));
        if !cookies.is_empty() {
            http = http.header("cookie", &cookies.join("; "));
        }
        let answer = http.send(method, path, None).await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.into(), value.into())),
            }
        }
        answer
    }

    /// Opens a link, clicks its button, and goes where that leads.
    pub(crate) async fn sign_in(&mut self, link: &str) -> Answer {
        self.open(link).await.expect(200);
        let answer = self.submit(link).await.expect(303);
        let to = place(&answer);
        self.open(&to).await
    }
}

/// Where an answer leads.
pub(crate) fn place(answer: &Answer) -> String {
    answer.header("location").expect("a place to go to").to_owned()
}

/// A link of this merchant's: its path, and the session as created.
pub(crate) async fn link(server: &Server, merchant: &Merchant, more: Value) -> (String, Value) {
    let mut body = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let session = server.http.key(&merchant.key).post("/v1/portal-sessions", body).await.expect(201).json();
    (format!("/r/{}", session["token"].as_str().unwrap()), session)
}

/// Changes the merchant's portal `default` and returns it.
pub(crate) async fn portal(server: &Server, merchant: &Merchant, changes: Value) -> Value {
    server.http.key(&merchant.key).patch("/v1/portals/default", changes).await.expect(200).json()
}

/// The session as its merchant sees it.
pub(crate) async fn seen(server: &Server, merchant: &Merchant, session: &Value) -> Value {
    let path = format!("/v1/portal-sessions/{}", session["id"].as_str().unwrap());
    server.http.key(&merchant.key).get(&path).await.expect(200).json()
}

/// The id of the portal of a session.
pub(crate) fn portal_of(session: &Value) -> &str {
    session["portalId"].as_str().unwrap()
}
