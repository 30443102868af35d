//! Cookies: one for each portal, so that two tenants' portals on one host never overwrite each other.

use super::App;
use crate::domain::{id::PortalId, time::Seconds};
use axum::http::{HeaderMap, HeaderValue, header};

/// So many cookies of sessions are looked at; a browser has no reason to send more.
const MOST: usize = 16;

/// `__Host-` binds a cookie to https, this host and all its paths (RFC 6265bis, section 4.1.3.2).
fn prefix(is_https: bool) -> &'static str {
    if is_https { "__Host-vst_" } else { "vst_" }
}

/// The session tokens that a request brings, each with the portal that its cookie is named for.
pub(crate) fn sessions(headers: &HeaderMap, is_https: bool) -> impl Iterator<Item = (PortalId, &str)> {
    all(headers)
        .filter_map(move |(name, value)| Some((name.strip_prefix(prefix(is_https))?.parse().ok()?, value)))
        .take(MOST)
}

/// The value of the cookie of that name.
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    all(headers).find_map(|(own, value)| (own == name).then_some(value))
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// `Set-Cookie` for a browser session that lives for `ttl`.
pub(crate) fn start(app: &App, portal: PortalId, token: &str, ttl: Seconds) -> Option<HeaderValue> {
    set(app, &format!("{}{portal}", prefix(app.is_https())), token, ttl)
}

/// `Set-Cookie` that ends the one of a portal.
pub(crate) fn clear(app: &App, portal: PortalId) -> Option<HeaderValue> {
    start(app, portal, "", Seconds(0))
}

/// `Set-Cookie` with the attributes that all our cookies have.
pub(crate) fn set(app: &App, name: &str, value: &str, ttl: Seconds) -> Option<HeaderValue> {
    let secure = if app.is_https() { "; Secure" } else { "" };
    let text = format!("{name}={value}; HttpOnly{secure}; SameSite=Lax; Path=/; Max-Age={}", ttl.0);
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
