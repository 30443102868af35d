//! Cookies: one for each portal, so that two tenants' portals on one host never overwrite each other.

use super::App;
use crate::domain::{
    id::{PortalId, SessionId},
    portal::Portal,
    secret::Credential,
    time::{Seconds, Timestamp},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use uuid::Uuid;

/// How many session cookies of a request are looked at, those of the newest sessions, lest it cost hundreds of look-ups.
const MAX_COOKIES: usize = 16;

/// `__Host-` binds a cookie to https, this host and all its paths (RFC 6265bis, section 4.1.3.2).
fn prefix(is_https: bool) -> &'static str {
    if is_https { "__Host-vst_" } else { "vst_" }
}

/// The session tokens that a request brings, each with the portal that its cookie is named for: those
/// of one portal, or of all. A host of many portals has a cookie of each.
pub fn sessions(
    headers: &HeaderMap,
    is_https: bool,
    portal: Option<PortalId>,
) -> impl Iterator<Item = (PortalId, &str)> {
    let named = move || {
        all(headers)
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix(is_https))?.parse().ok()?, value)))
            .filter(move |(owner, _)| portal.is_none_or(|portal| portal == *owner))
    };
    let oldest = (named().count() > MAX_COOKIES).then(|| oldest_that_counts(named().map(|(_, token)| token)));
    named().filter(move |(_, token)| oldest.is_none_or(|oldest| session(token) >= Some(oldest))).take(MAX_COOKIES)
}

/// Where there are too many tokens, the session from which on they count: the newest by their ids, which tell when they were
/// made; when they were opened only the store knows. Where a cookie stands tells nothing, since one that is set again keeps
/// its place (RFC 6265, section 5.3).
fn oldest_that_counts<'a>(tokens: impl Iterator<Item = &'a str>) -> Uuid {
    let mut sessions: Vec<Uuid> = tokens.filter_map(session).collect();
    sessions.sort_unstable_by(|one, other| other.cmp(one));
    sessions.get(MAX_COOKIES - 1).copied().unwrap_or_default()
}

/// The session that a token is for.
fn session(token: &str) -> Option<Uuid> {
    Credential::parse(token).map(|token| token.id())
}

/// The nonce that this browser has for a link, when it is one that an exchange takes.
pub(crate) fn nonce<'a>(app: &App, headers: &'a HeaderMap, link: SessionId) -> Option<&'a str> {
    let wanted = nonce_name(app, link);
    let found = all(headers).find_map(|(name, value)| (name == wanted).then_some(value));
    found.filter(|nonce| (16..=128).contains(&nonce.len()))
}

/// `Set-Cookie` that keeps a link's nonce until `ends`.
pub(crate) fn keep_nonce(app: &App, portal: &Portal, link: SessionId, nonce: &str, ends: Timestamp) -> HeaderValue {
    set(app, portal.is_framed(), &nonce_name(app, link), nonce, remaining(app, ends))
}

/// `Set-Cookie` for a browser session of a portal, which may be framed by other sites, that ends at `ends`.
pub(crate) fn start(app: &App, portal: PortalId, is_framed: bool, token: &str, ends: Timestamp) -> HeaderValue {
    set(app, is_framed, &session_name(app, portal), token, remaining(app, ends))
}

/// `Set-Cookie` that ends those of a portal: by https a browser keeps one from when it was framed beside one from when it was
/// not.
pub(crate) fn clear(app: &App, portal: PortalId) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let kinds = if app.is_https() { &[false, true][..] } else { &[false] };
    kinds
        .iter()
        .map(move |is_framed| (header::SET_COOKIE, set(app, *is_framed, &session_name(app, portal), "", Seconds(0))))
}

/// Every cookie on its own: whoever else sets one on this host may write into it what is not ASCII, and hides only that.
fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let texts = pairs.filter(|pair| pair.is_ascii()).filter_map(|pair| std::str::from_utf8(pair).ok());
    texts.filter_map(|pair| pair.trim().split_once('='))
}

fn session_name(app: &App, portal: PortalId) -> String {
    format!("{}{portal}", prefix(app.is_https()))
}

/// One for each link, so that links in several tabs don't disturb each other.
fn nonce_name(app: &App, link: SessionId) -> String {
    format!("{}nonce_{link}", prefix(app.is_https()))
}

/// `Set-Cookie` with the attributes that all cookies of a portal have.
///
/// In a frame on another site a browser keeps only cookies that ask for it, each frame's site with a
/// jar of its own (CHIPS). Without https there is no such cookie, and only same-site frames work.
fn set(app: &App, is_framed: bool, name: &str, value: &str, ttl: Seconds) -> HeaderValue {
    let reach = match app.is_https() {
        true if is_framed => "; Secure; SameSite=None; Partitioned",
        true => "; Secure; SameSite=Lax",
        false => "; SameSite=Lax",
    };
    let text = format!("{name}={value}; HttpOnly{reach}; Path=/; Max-Age={}", ttl.0);
    // Ids, tokens and nonces are made of letters, digits and underscores.
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

/// The time until then in whole seconds, the last one begun included.
fn remaining(app: &App, ends: Timestamp) -> Seconds {
    let millis = ends.millis() - app.service().clock().now().millis();
    Seconds(u32::try_from((millis.max(0) + 999) / 1000).unwrap_or(u32::MAX))
}
