//! Subscriptions and invoices: the merchant's own, through the gateway of the `default` portal.

use super::{BASE, auth::PortalUser};
use crate::{
    domain::portal::DEFAULT_SLUG,
    http::{App, gateway, refusal::Refusal},
    service::Error,
};
use axum::{
    extract::{Request, State},
    response::Response,
};

pub(super) async fn forward(
    State(app): State<App>,
    PortalUser(user): PortalUser,
    request: Request,
) -> Result<Response, Refusal> {
    if user.session().portal_slug != DEFAULT_SLUG {
        return Err(Error::SessionInvalid.into());
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(BASE).ok_or(Refusal::NoRoute)?;
    gateway::forward(&app, &user, path, &parts, body).await
}
