//! A page on its way out: its language, and the headers that guard it.

use super::view::{self, Brand, Color, Locale, Problem, ProblemPage};
use crate::{
    domain::{
        portal::Portal,
        return_url::{WebUrl, is_policy_source},
        session::Session,
    },
    http::{answer, context::Context, refusal::Refusal},
};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use std::fmt::Write as _;

/// The colour of a portal that has none that can be read.
const DEFAULT_COLOR: Color = Color(0x25, 0x63, 0xeb);

/// What a page may load, who may show it in a frame, and where its forms may lead.
#[derive(Default)]
pub(super) struct Policy<'a> {
    portal: Option<&'a Portal>,
    has_form: bool,
    leads_to: Vec<String>,
}

impl<'a> Policy<'a> {
    /// That of a page of this portal.
    pub(super) fn of(portal: Option<&'a Portal>) -> Self {
        Self { portal, ..Self::default() }
    }

    /// The page has a form, and the answer to it may redirect to one of these addresses.
    pub(super) fn with_form<'u>(mut self, leads_to: impl IntoIterator<Item = &'u str>) -> Self {
        self.has_form = true;
        self.leads_to = leads_to.into_iter().filter_map(source).collect();
        self
    }

    fn text(&self) -> String {
        let settings = self.portal.map(|portal| &portal.settings);
        let mut text = String::from("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'");
        // Writing to a String can't fail.
        if let Some(logo) = settings.and_then(|settings| source(settings.branding.logo_url.as_deref()?)) {
            let _ = write!(text, " {logo}");
        }
        text.push_str("; form-action 'self'");
        for place in &self.leads_to {
            let _ = write!(text, " {place}");
        }
        let frames = settings.map(|settings| settings.frame_ancestors.join(" ")).filter(|list| !list.is_empty());
        let _ = write!(text, "; base-uri 'none'; frame-ancestors {}", frames.as_deref().unwrap_or("'none'"));
        text
    }

    /// A browser that does not send `Sec-Fetch-Site` shows by `Origin` that a form is our own, and
    /// `no-referrer` would make it say `null`.
    fn referrer(&self) -> &'static str {
        let tells_site = Context::with(|context| context.hints.tells_site).unwrap_or(true);
        if self.has_form && !tells_site { "same-origin" } else { "no-referrer" }
    }
}

/// The source by which a policy names where a URL leads; for a host that it can't name the scheme alone.
fn source(url: &str) -> Option<String> {
    let origin = WebUrl::parse(url).ok()?.origin();
    match origin.split_once("//") {
        Some((scheme, _)) if !is_policy_source(&origin) => Some(scheme.to_owned()),
        _ => Some(origin),
    }
}

/// The language for the reader of this request.
pub(super) fn locale(session: Option<&Session>) -> Locale {
    let languages = Context::with(|context| context.hints.languages.clone()).flatten();
    Locale::negotiate(session.and_then(|session| session.locale.as_deref()), languages.as_deref())
}

/// How a portal presents itself on a page, with the way back for this session.
pub(super) fn portal_view(portal: &Portal, session: Option<&Session>) -> view::Portal {
    let branding = &portal.settings.branding;
    view::Portal {
        id: portal.id.to_string(),
        brand: Brand {
            name: portal.display_name().to_owned(),
            logo_url: branding.logo_url.clone(),
            color: Color::parse(&branding.primary_color).unwrap_or(DEFAULT_COLOR),
        },
        return_url: return_url(portal, session).map(str::to_owned),
    }
}

/// Where the reader came from: the session's return URL, else the portal's.
fn return_url<'a>(portal: &'a Portal, session: Option<&'a Session>) -> Option<&'a str> {
    session.and_then(|session| session.return_url.as_deref()).or(portal.settings.return_url.as_deref())
}

/// A page with the headers that every one has.
pub(super) fn page(status: StatusCode, locale: Locale, template: &impl Template, policy: &Policy<'_>) -> Response {
    let Ok(html) = template.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let html = match answer::body(html.into_bytes()) {
        Ok(body) => Html(body),
        Err(error) => return Refusal::Service(error).into_response(),
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(policy.referrer()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Cookie, Sec-Fetch-Site"));
    // Origins are ASCII, and hold neither a space nor a semicolon.
    let policy = HeaderValue::from_str(&policy.text());
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("default-src 'none'")));
    response
}

/// Sends the reader to another address.
pub(super) fn redirect(to: &str) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    let Ok(to) = HeaderValue::from_str(to) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    (StatusCode::SEE_OTHER, headers, [(header::LOCATION, to)]).into_response()
}

/// A page of its own for what stops the reader, with the name of the portal where that is known.
pub(super) fn problem(problem: Problem, portal: Option<&Portal>, session: Option<&Session>) -> Response {
    let shown = portal.map(|portal| portal_view(portal, session));
    let locale = locale(session);
    let is_passing = matches!(problem, Problem::TooManyRequests | Problem::Internal | Problem::Unavailable);
    let request_id = Context::with(|context| context.id.clone()).filter(|_| is_passing);
    let template = ProblemPage {
        locale,
        problem,
        portal: shown.as_ref(),
        // An empty address is the page's own.
        retry: is_passing.then_some(""),
        request_id: request_id.as_deref(),
    };
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    page(status, locale, &template, &Policy::of(portal))
}

/// Sends the reader back to where there is a new link, telling why; without such a place, a page tells it.
pub(super) fn send_back(why: Problem, portal: &Portal, session: Option<&Session>) -> Response {
    let reason = if why == Problem::LinkOver { "link_expired" } else { "session_expired" };
    match return_url(portal, session).and_then(|url| WebUrl::parse(url).ok()) {
        Some(url) => redirect(&url.with_query("reason", reason)),
        None => problem(why, Some(portal), session),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_no_policy_can_name_is_its_scheme() {
        for (url, named) in [
            ("https://app.example/x?y", "https://app.example"),
            ("http://localhost:8081/", "http://localhost:8081"),
            ("http://[::1]:21122/x", "http:"),
            ("https://my_shop.example/", "https:"),
        ] {
            assert_eq!(source(url).as_deref(), Some(named));
        }
    }
}
