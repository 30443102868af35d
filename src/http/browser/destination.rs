//! Where a link leads: the hosted pages, or the merchant's own portal.

use crate::domain::{portal::Portal, return_url::WebUrl, session::Session};
use url::Url;

/// Where a browser goes once its link is redeemed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// On the public URL's host, where our cookie is seen.
    Ours(String),
    /// On another host, which gets the link itself.
    Elsewhere(WebUrl),
}

impl Destination {
    /// The destination of a session in its portal.
    pub(super) fn of(public_url: &str, portal: &Portal, session: &Session) -> Self {
        let app = portal.settings.app_url.as_deref().and_then(|app| WebUrl::parse(app).ok());
        let Some(app) = app.and_then(|app| app.below(session.path.as_deref().unwrap_or_default())) else {
            return Self::hosted(portal, session);
        };
        let ours = Url::parse(public_url).ok();
        // A cookie is seen on every port of its host, but not across schemes.
        match ours.is_some_and(|ours| ours.host() == app.url().host() && ours.scheme() == app.url().scheme()) {
            true => Self::Ours(app.as_str().to_owned()),
            false => Self::Elsewhere(app),
        }
    }

    /// The hosted page that a session starts on.
    pub(super) fn hosted(portal: &Portal, session: &Session) -> Self {
        Self::Ours(match &session.path {
            Some(path) => format!("/p/{}{path}", portal.id),
            None => first_tab(portal, session),
        })
    }

    /// The address.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Ours(url) => url,
            Self::Elsewhere(url) => url.as_str(),
        }
    }
}

/// The first tab that a session may open; "Your access" when it may open none.
pub(super) fn first_tab(portal: &Portal, session: &Session) -> String {
    let first = session.tabs().first().map_or("access", |tab| tab.as_str());
    format!("/p/{}/{first}", portal.id)
}
