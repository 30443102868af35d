//! The landing page of a link, and the click that redeems it.

use super::{
    destination::Destination,
    page::{self, Policy, problem, redirect, send_back},
    view::{self, Problem},
};
use crate::{
    domain::{
        event::ClientInfo,
        id::SessionId,
        secret::{self, Credential, Kind},
        session::{Delivery, Session},
        time::Timestamp,
    },
    http::{App, auth, client::Client, cookie, refusal::Refusal, same_origin},
    service::{Error, ExchangeRequest, Landing, LinkState},
    store::REPEAT_WINDOW,
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};

/// A link in the hand of a browser.
struct Link<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
    credential: Credential,
    nonce: Option<&'a str>,
    landing: Landing,
}

/// A token in the path.
type Token = Result<Path<String>, PathRejection>;

/// The token's text; empty, which is no link's, when the path is no UTF-8.
fn text_of(token: Token) -> String {
    token.map(|Path(token)| token).unwrap_or_default()
}

/// `GET /r/{token}`: whom the link is for, and one button. Consumes nothing.
pub(super) async fn show(
    State(app): State<App>,
    Client(client): Client,
    method: Method,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Refusal> {
    look(&app, &client, &method, &headers, &text_of(token)).await
}

/// `GET /?session={token}` and `GET /?code={token}`: the same.
pub(super) async fn show_by_query(
    State(app): State<App>,
    Client(client): Client,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    match query.find(|(name, _)| name == "session" || name == "code") {
        Some((_, token)) => look(&app, &client, &method, &headers, &token).await,
        // Who comes without a link was sent here when a session was over.
        None => Ok(problem(Problem::SessionExpired, None, None)),
    }
}

async fn look(
    app: &App,
    client: &ClientInfo,
    method: &Method,
    headers: &HeaderMap,
    token: &str,
) -> Result<Response, Refusal> {
    let Some(link) = Link::find(app, client, headers, token).await? else {
        return Ok(problem(Problem::LinkUnknown, None, None));
    };
    if let Some(destination) = link.inside().await? {
        return Ok(redirect(destination.url()));
    }
    if link.landing.state != LinkState::Ready {
        return Ok(link.over());
    }
    if *method == Method::GET && !is_prefetch(headers) {
        app.service().note_opened(token, &link.landing.session, client).await?;
    }
    Ok(link.page())
}

/// `POST /r/{token}`: redeems the link and leads to where it leads.
pub(super) async fn redeem(
    State(app): State<App>,
    Client(client): Client,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Refusal> {
    same_origin::require(&app, &headers)?;
    let Some(link) = Link::find(&app, &client, &headers, &text_of(token)).await? else {
        return Ok(problem(Problem::LinkUnknown, None, None));
    };
    match link.inside().await? {
        Some(destination) => Ok(redirect(destination.url())),
        None => link.redeem(client).await,
    }
}

impl<'a> Link<'a> {
    /// The link of that token; `None` when it never was, or was revoked.
    async fn find(
        app: &'a App,
        client: &ClientInfo,
        headers: &'a HeaderMap,
        token: &str,
    ) -> Result<Option<Self>, Refusal> {
        app.limits().count_address(client.address)?;
        let Some(credential) = Credential::parse(token) else { return Ok(None) };
        let nonce = cookie::nonce(app, headers, SessionId(credential.id()));
        let landing = app.service().look(token, nonce).await?;
        Ok(landing.map(|landing| Self { app, headers, credential, nonce, landing }))
    }

    /// Where this browser goes when it is in the portal already: by this very link, or, when the link is spent, by a
    /// later one of the same customer.
    async fn inside(&self) -> Result<Option<Destination>, Error> {
        let Landing { session, portal, state } = &self.landing;
        let Some(browser) = &session.browser else { return Ok(None) };
        if let (Destination::Elsewhere(_), Some(_)) = (self.destination(), self.nonce) {
            // The app there redeemed it and knows its own; this browser had the landing page.
            let is_live = browser.is_live_at(self.app.service().clock().now()) && portal.enabled;
            return Ok(is_live.then(|| self.destination()));
        }
        let user = match auth::by_cookie(self.headers, self.app, Some(portal.id)).await {
            Ok(user) => user,
            Err(Error::SessionInvalid) => return Ok(None),
            Err(other) => return Err(other),
        };
        let current = user.session();
        let is_own =
            current.id == session.id || (*state != LinkState::Ready && current.customer_id == session.customer_id);
        // To where the link leads, as far as the session that is live may go.
        Ok(is_own.then(|| self.destination_of(&Session { path: session.path.clone(), ..current.clone() })))
    }

    /// What a link that opens nothing any more leads to.
    fn over(&self) -> Response {
        send_back(Problem::LinkOver, &self.landing.portal, Some(&self.landing.session))
    }

    fn destination(&self) -> Destination {
        self.destination_of(&self.landing.session)
    }

    fn destination_of(&self, session: &Session) -> Destination {
        let portal = &self.landing.portal;
        match Destination::of(self.app.public_url(), portal, session) {
            // A bearer token is good again and again, so it goes into our cookie and into no address elsewhere.
            Destination::Elsewhere(_) if self.credential.kind() == Kind::Bearer => Destination::hosted(portal, session),
            destination => destination,
        }
    }

    /// The page that asks for the click, with a nonce for this browser unless it has one.
    fn page(&self) -> Response {
        let Landing { session, portal, .. } = &self.landing;
        let shown = page::portal_view(portal, Some(session));
        let ends = session.browser.as_ref().map_or(session.link_expires_at, |browser| browser.expires_at);
        let template = view::Landing {
            locale: page::locale(Some(session)),
            portal: &shown,
            external_id: &session.customer_external_id,
            valid_until: ends.utc(),
            action: &format!("/r/{}", self.credential.reveal()),
            auto_submit: session.delivery == Delivery::Redirect,
            preview: session.preview,
        };
        let destination = self.destination();
        let policy =
            Policy::of(Some(portal)).with_form([destination.url()].into_iter().chain(shown.return_url.as_deref()));
        let mut response = page::page(StatusCode::OK, template.locale, &template, &policy);
        response.headers_mut().extend(self.new_nonce(ends).map(|cookie| (header::SET_COOKIE, cookie)));
        response
    }

    fn new_nonce(&self, ends: Timestamp) -> Option<HeaderValue> {
        let Landing { session, portal, .. } = &self.landing;
        let is_new = self.nonce.is_none() && self.credential.kind() == Kind::Link;
        // A link that is redeemed in its last second may be repeated after it.
        let ends = ends.plus(REPEAT_WINDOW);
        is_new.then(|| cookie::keep_nonce(self.app, portal, session.id, &secret::nonce(), ends))
    }

    async fn redeem(&self, client: ClientInfo) -> Result<Response, Refusal> {
        let Landing { session, portal, state } = &self.landing;
        let is_ready = *state == LinkState::Ready;
        // The exchange refuses a spent link as well, and has the trail tell of it.
        let is_spent = session.used_at.is_some() && self.credential.kind() == Kind::Link;
        if !is_ready && !is_spent {
            return Ok(self.over());
        }
        let token = self.credential.reveal();
        let destination = match self.destination() {
            Destination::Elsewhere(app) if is_ready => return Ok(redirect(&app.with_query("session", &token))),
            destination => destination,
        };
        let started = match &session.browser {
            // A bearer token needs no exchange.
            Some(browser) if self.credential.kind() == Kind::Bearer => Ok((token, browser.expires_at)),
            _ => self.exchange(&token, client).await,
        };
        let (token, ends) = match started {
            Err(Error::SessionInvalid) => return Ok(self.over()),
            other => other?,
        };
        let mut response = redirect(destination.url());
        response
            .headers_mut()
            .append(header::SET_COOKIE, cookie::start(self.app, portal.id, portal.is_framed(), &token, ends));
        Ok(response)
    }

    async fn exchange(&self, token: &str, client: ClientInfo) -> Result<(String, Timestamp), Error> {
        let service = self.app.service();
        let opened = service.exchange(ExchangeRequest { token, nonce: self.nonce.map(str::as_bytes), client }).await?;
        let ends = opened.stored.session.browser.map_or(service.clock().now(), |browser| browser.expires_at);
        Ok((opened.credential.reveal(), ends))
    }
}

/// Whether a browser fetches the page before anybody asked to see it.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().flat_map(|name| headers.get_all(name));
    purposes.filter_map(|purpose| purpose.to_str().ok()).any(|purpose| {
        let purpose = purpose.to_ascii_lowercase();
        purpose.contains("prefetch") || purpose.contains("prerender") || purpose.contains("preview")
    })
}
