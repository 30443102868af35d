//! What is known of the request being served, wherever its answer is written.

use super::{App, browser, native, refusal::Refusal, revkeen, unkey};
use crate::domain::id::KeyId;
use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use std::sync::{Arc, OnceLock};

/// By which a browser says from where a request comes (Fetch Metadata).
pub(crate) static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose words a client speaks; errors come in the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Our own API.
    Native,
    /// Unkey's, as this client of it takes refusals.
    Unkey(unkey::Manner),
    /// RevKeen's.
    RevKeen,
    /// Pages that people see.
    BrowserHints,
}

impl Dialect {
    /// The dialect of a request, also of one whose path leads nowhere.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        if path == "/" || ["/r/", "/p/", "/assets/"].iter().any(|start| path.starts_with(start)) {
            return Self::BrowserHints;
        }
        if unkey::owns(path) {
            return Self::Unkey(unkey::Manner::of(path, headers));
        }
        if revkeen::owns(path) {
            return Self::RevKeen;
        }
        Self::Native
    }

    /// The content type of its answers, for one that is given again.
    pub(crate) fn content_type(self, status: StatusCode) -> &'static str {
        match self {
            Self::Native | Self::RevKeen => "application/json",
            Self::Unkey(manner) => manner.content_type(status),
            Self::BrowserHints => "text/html; charset=utf-8",
        }
    }

    /// The refusal in this dialect's envelope.
    pub(crate) fn refuse(self, refusal: &Refusal) -> Response {
        match self {
            Self::Native => native::refuse(refusal),
            Self::Unkey(manner) => manner.refuse(refusal),
            Self::RevKeen => revkeen::refuse(refusal),
            Self::BrowserHints => browser::refuse(refusal),
        }
    }
}

/// What is known of a request.
pub(crate) struct Context {
    pub(crate) app: App,
    /// The request's id, as answers and the log show it.
    pub(crate) id: Box<str>,
    pub(crate) dialect: Dialect,
    /// What a browser tells of its reader and of itself.
    pub(crate) hints: BrowserHints,
    /// The key that was shown, for the log.
    pub(crate) key: OnceLock<KeyId>,
}

/// What every page needs to know of the browser that it is for.
#[derive(Debug)]
pub(crate) struct BrowserHints {
    /// `Accept-Language`.
    pub(crate) languages: Option<String>,
    /// Whether it says with `Sec-Fetch-Site` from where a request comes.
    pub(crate) tells_site: bool,
}

impl BrowserHints {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
        Self { languages: languages.map(str::to_owned), tells_site: headers.contains_key(&SEC_FETCH_SITE) }
    }
}

tokio::task_local! {
    /// Set by the outermost layer for as long as a request is served.
    pub(crate) static CONTEXT: Arc<Context>;
}

impl Context {
    /// Reads something of the request being served; `None` outside of one.
    pub(crate) fn with<T>(read: impl FnOnce(&Self) -> T) -> Option<T> {
        CONTEXT.try_with(|context| read(context)).ok()
    }

    /// Where the documentation explains the error with this code.
    pub(crate) fn doc_url(&self, code: &str) -> String {
        format!("{}/docs/errors#{code}", self.app.docs_url())
    }
}
