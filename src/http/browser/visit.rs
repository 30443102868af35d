//! Who is at a hosted page: a portal that exists, and a browser that is signed in to it.

use super::{
    page::{self, Policy, send_back},
    view::{Content, Hosted, Problem, Viewer},
};
use crate::{
    domain::{id::PortalId, portal::Portal},
    http::{App, auth, cookie, refusal::Refusal},
    service::{EndUser, Error},
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// The portal that the path names.
pub(super) struct Named(pub(super) Arc<Portal>);

impl FromRequestParts<App> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::PortalMissing)?;
        let id = params.iter().find_map(|(name, value)| (name == "portal").then_some(value));
        let id: PortalId = id.and_then(|id| id.parse().ok()).ok_or(Error::PortalMissing)?;
        Ok(Self(app.service().public_portal(id).await?.ok_or(Error::PortalMissing)?))
    }
}

/// A signed-in reader of a portal's pages.
pub(super) struct Visit {
    pub(super) user: EndUser,
    pub(super) portal: Arc<Portal>,
}

/// Who is not signed in (any more) is sent back to where there is a new link.
impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Named(portal) = Named::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        match auth::by_cookie(&parts.headers, app, Some(portal.id)).await {
            Ok(user) => Ok(Self { user, portal }),
            Err(Error::SessionInvalid) => {
                Err(turned_away(app, &parts.headers, &portal).await.unwrap_or_else(IntoResponse::into_response))
            }
            Err(other) => Err(Refusal::from(other).into_response()),
        }
    }
}

async fn turned_away(app: &App, headers: &HeaderMap, portal: &Portal) -> Result<Response, Refusal> {
    let mut session = None;
    for (_, token) in cookie::sessions(headers, app.is_https(), Some(portal.id)) {
        let found = app.service().past_session(token).await?;
        session = session.or(found.filter(|session| session.portal_id == portal.id));
    }
    Ok(send_back(Problem::SessionExpired, portal, session.as_ref()))
}

impl Visit {
    /// The reader, as far as the session itself tells.
    pub(super) fn viewer(&self) -> Viewer {
        Viewer { external_id: self.user.session().customer_external_id.clone(), name: None, email: None }
    }

    /// A hosted page with this content.
    pub(super) fn page(&self, viewer: &Viewer, content: Content) -> Response {
        let session = self.user.session();
        let status = match &content {
            Content::Problem(problem) => StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::OK),
            Content::Tab(..) | Content::Access(_) => StatusCode::OK,
        };
        let template = Hosted {
            locale: page::locale(Some(session)),
            portal: &page::portal_view(&self.portal, Some(session)),
            viewer,
            expires_at: session.browser.as_ref().map_or(session.link_expires_at, |browser| browser.expires_at).utc(),
            preview: session.preview,
            tabs: &session.tabs(),
            content,
        };
        page::page(status, template.locale, &template, &Policy::of(Some(&self.portal)).with_form([]))
    }
}
