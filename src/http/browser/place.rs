//! Where a link leads: the hosted pages, or the merchant's own portal.

use crate::domain::{portal::Portal, return_url::WebUrl, session::Session};
use url::Url;

/// Where a browser goes once its link is redeemed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On the public URL's host, where our cookie is seen.
    Ours(String),
    /// On another host, which gets the link itself.
    Elsewhere(WebUrl),
}

impl Place {
    /// The place of a session in its portal.
    pub(super) fn of(public_url: &str, portal: &Portal, session: &Session) -> Self {
        let path = session.path.as_deref();
        let Some(app) = portal.settings.app_url.as_deref().and_then(|app| join(app, path.unwrap_or_default())) else {
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

/// The path below `base`, whose own query comes first.
fn join(base: &str, path: &str) -> Option<WebUrl> {
    let mut url = WebUrl::parse(base).ok()?.url().clone();
    let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    if !path.is_empty() {
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
    }
    let queries: Vec<_> = [url.query(), query].into_iter().flatten().filter(|query| !query.is_empty()).collect();
    let query = queries.join("&");
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    if fragment.is_some() {
        url.set_fragment(fragment);
    }
    WebUrl::parse(url.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_to_the_app_url() {
        for (base, path, joined) in [
            ("https://app.example", "", "https://app.example/"),
            ("https://app.example/", "/billing", "https://app.example/billing"),
            ("https://app.example/portal/", "/billing?id=7#top", "https://app.example/portal/billing?id=7#top"),
            ("https://app.example/portal?tenant=1", "/a?b=2", "https://app.example/portal/a?tenant=1&b=2"),
            ("https://app.example/portal?tenant=1#x", "", "https://app.example/portal?tenant=1#x"),
            ("https://app.example/p", "/%C3%A4?q=%26", "https://app.example/p/%C3%A4?q=%26"),
        ] {
            assert_eq!(join(base, path).unwrap().as_str(), joined);
        }
    }
}
