//! Who asks with a portal token.

use crate::{
    domain::secret::{Credential, Kind},
    http::{App, auth, refusal::Refusal},
    service::{EndUser, Error},
};
use axum::{extract::FromRequestParts, http::request::Parts};

/// The session whose token came along. RevKeen's client sends the merchant's key with every
/// request, so that one beside the token is looked past.
pub(super) struct PortalUser(pub(super) EndUser);

impl FromRequestParts<App> for PortalUser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let is_token = |text: &&str| {
            Credential::parse(text).is_some_and(|shown| matches!(shown.kind(), Kind::Bearer | Kind::Browser))
        };
        let mut tokens: Vec<&str> = auth::all(&parts.headers).flatten().map(str::trim).filter(is_token).collect();
        tokens.dedup();
        match tokens[..] {
            [token] => Ok(Self(app.service().recognise(token, None).await?)),
            [] => Err(Error::SessionInvalid.into()),
            _ => Err(Error::request("The request shows two different portal tokens.").into()),
        }
    }
}
