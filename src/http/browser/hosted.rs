//! The hosted portal's pages.

use super::{
    destination,
    page::{self, problem, redirect},
    tab::body,
    view::{Access, Content, Problem, Viewer},
    visit::{Named, Visit},
};
use crate::{
    domain::permission::Tab,
    http::{App, auth, client::Client, cookie, refusal::Refusal, same_origin},
    service::Error,
};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};

/// `GET /p/{portal}/`: the first tab.
pub(super) async fn home(visit: Visit) -> Response {
    redirect(&destination::first_tab(&visit.portal, visit.user.session()))
}

/// `GET /p/{portal}/{tab}`.
pub(super) async fn tab(app: App, uri: Uri, visit: Visit, tab: Tab) -> Response {
    let locale = page::locale(Some(visit.user.session()));
    let content = match visit.user.session().tabs().contains(&tab) {
        true => Content::Tab(tab, body(&app, &visit, tab, locale, uri.query().unwrap_or_default()).await),
        false => Content::Problem(Problem::TabForbidden),
    };
    visit.page(&visit.viewer(), content)
}

/// `GET /p/{portal}/access`: who is signed in, what the session may do, and until when.
pub(super) async fn access(visit: Visit) -> Result<Response, Refusal> {
    let session = visit.user.session();
    let profile = visit.user.customer().await?.profile;
    let browser = session.browser.as_ref();
    let access = Access {
        since: browser.map_or(session.created_at, |browser| browser.started_at).utc(),
        ip_address: browser.and_then(|browser| browser.ip_address.clone()),
        user_agent: browser.and_then(|browser| browser.user_agent.clone()),
        permissions: session.permissions.iter().map(|permission| permission.as_str().to_owned()).collect(),
    };
    let viewer = Viewer { name: profile.name, email: profile.email, ..visit.viewer() };
    Ok(visit.page(&viewer, Content::Access(access)))
}

/// Any other address of a portal: a reader who is signed in keeps the navigation.
pub(super) async fn missing(
    State(app): State<App>,
    headers: HeaderMap,
    Named(portal): Named,
) -> Result<Response, Refusal> {
    match auth::by_cookie(&headers, &app, Some(portal.id)).await {
        Ok(user) => {
            let visit = Visit { user, portal };
            Ok(visit.page(&visit.viewer(), Content::Problem(Problem::NotFound)))
        }
        Err(Error::SessionInvalid) => Ok(problem(Problem::NotFound, Some(&portal), None)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /p/{portal}/sign-out`: ends the session; a second time it is as over as after the first.
pub(super) async fn sign_out(
    State(app): State<App>,
    Client(client): Client,
    headers: HeaderMap,
    Named(portal): Named,
) -> Result<Response, Refusal> {
    same_origin::require(&app, &headers)?;
    match auth::log_out(&headers, &app, portal.id, &client).await {
        Ok(()) | Err(Error::SessionInvalid) => {}
        Err(other) => return Err(other.into()),
    }
    let mut response = redirect(&format!("/p/{}/signed-out", portal.id));
    response.headers_mut().extend(cookie::clear(&app, portal.id));
    Ok(response)
}

/// `GET /p/{portal}/signed-out`: says so, as long as it is true.
pub(super) async fn signed_out(
    State(app): State<App>,
    headers: HeaderMap,
    Named(portal): Named,
) -> Result<Response, Refusal> {
    match auth::by_cookie(&headers, &app, Some(portal.id)).await {
        Ok(user) => Ok(redirect(&destination::first_tab(&portal, user.session()))),
        Err(Error::SessionInvalid) => Ok(problem(Problem::SignedOut, Some(&portal), None)),
        Err(other) => Err(other.into()),
    }
}
