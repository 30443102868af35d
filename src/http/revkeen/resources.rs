//! Subscriptions and invoices: the merchant's own, through the gateway of the `default` portal.

use super::{BASE, auth::PortalUser};
use crate::{
    domain::portal::DEFAULT_SLUG,
    http::{App, body, gateway, refusal::Refusal},
    service::Error,
};
use axum::{
    extract::{FromRequestParts as _, Request, State},
    response::Response,
};

pub(super) async fn forward(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let PortalUser(user) = body::admitted(&app, PortalUser::from_request_parts(&mut parts, &app)).await?;
    if user.session().portal_slug != DEFAULT_SLUG {
        return Err(Error::SessionInvalid.into());
    }
    let path = parts.uri.path().strip_prefix(BASE).ok_or(Refusal::NoRoute)?;
    gateway::forward(&app, &user, path, &parts, body).await
}
