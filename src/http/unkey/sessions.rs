//! `portal.createSession` and `portal.revokeSession`.

use super::{Envelope, Meta, external_id, portal_name};
use crate::{
    domain::{
        id::SessionId,
        permission,
        portal::{DEFAULT_LINK_TTL, DEFAULT_SESSION_TTL},
        return_url::WebUrl,
        session::Delivery,
        text,
    },
    http::{
        App, answer,
        extract::{Json, field},
        idempotency::Idempotent,
        refusal::Refusal,
    },
    service::{CustomerRef, Error, Merchant, Minted, Reply, SessionRequest},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};

/// The older generation says `slug` and `permissions`, the newer one `portal` and `scopes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateSession {
    slug: Option<String>,
    portal: Option<String>,
    external_id: String,
    permissions: Option<Vec<String>>,
    scopes: Option<Vec<Scope>>,
    preview: Option<bool>,
    return_url: Option<String>,
}

/// The newer generation's words for what a session may do, each with the permission that it is kept as.
const SCOPES: [(&str, &str); 4] = [
    ("keys:read", "key.*.read_key"),
    ("keys:create", "key.*.create_key"),
    ("keys:reroll", "key.*.update_key"),
    ("analytics:read", "key.*.read_analytics"),
];

/// One of [`SCOPES`].
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Scope {
    asked: String,
    kept: String,
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match SCOPES.into_iter().find(|(asked, _)| *asked == word) {
            Some((_, kept)) => Ok(Self { asked: word, kept: kept.into() }),
            None => Err(format!("unknown scope, expected one of {}", SCOPES.map(|(asked, _)| asked).join(", "))),
        }
    }
}

impl CreateSession {
    /// The parameter in which the URL carries the token, as that generation's portals read it.
    const fn parameter(&self) -> &'static str {
        if self.portal.is_some() { "code" } else { "session" }
    }

    fn portal(slug: Option<String>, portal: Option<String>) -> Result<String, Error> {
        match (slug, portal) {
            (None, Some(name)) => portal_name("portal", name),
            // The older generation knew no ids, so that what is no slug was told so.
            (Some(id), None) if id.starts_with("ptl_") => portal_name("slug", id),
            (Some(slug), None) => field("slug", text::slug(slug)),
            _ => Err(Error::request("Give either slug or portal.")),
        }
    }
}

impl TryFrom<CreateSession> for SessionRequest {
    type Error = Error;

    fn try_from(body: CreateSession) -> Result<Self, Error> {
        let (name, asked, kept) = match (body.permissions, body.scopes) {
            (Some(tuples), None) => ("permissions", tuples.clone(), tuples),
            (None, Some(scopes)) => {
                let (asked, kept) = scopes.into_iter().map(|scope| (scope.asked, scope.kept)).unzip();
                ("scopes", asked, kept)
            }
            _ => return Err(Error::request("Give either permissions or scopes.")),
        };
        let return_url = body.return_url.filter(|url| !url.is_empty());
        Ok(Self {
            portal: Some(CreateSession::portal(body.slug, body.portal)?),
            permissions: Some(field(name, permission::parse_list(kept))?),
            scopes: Some(asked),
            return_url: return_url.map(|url| field("returnUrl", WebUrl::parse(&url))).transpose()?,
            link_ttl: Some(DEFAULT_LINK_TTL),
            session_ttl: Some(DEFAULT_SESSION_TTL),
            delivery: Delivery::Redirect,
            preview: body.preview.unwrap_or(false),
            ..Self::new(CustomerRef::ExternalId(external_id(body.external_id)?))
        })
    }
}

/// What the two generations read of a new session, side by side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    session_id: String,
    id: SessionId,
    url: String,
    expires_at: i64,
}

pub(super) async fn create(
    State(app): State<App>,
    merchant: Merchant,
    idempotent: Idempotent,
    Json(body): Json<CreateSession>,
) -> Result<Response, Refusal> {
    let parameter = body.parameter();
    let record = {
        let meta = Meta::current();
        idempotent.record(move |minted: &Minted| {
            let body = Envelope { meta: meta.clone(), data: created(&app, minted, parameter) };
            Reply { status: 200, body: answer::to_json(&body) }
        })
    };
    let minted = merchant.create_session(body.try_into()?, record).await?;
    Ok(answer::json(StatusCode::OK, &Envelope::new(created(&app, &minted, parameter))))
}

fn created(app: &App, minted: &Minted, parameter: &str) -> Created {
    let token = minted.credential.reveal();
    Created {
        url: format!("{}/?{parameter}={token}", app.public_url()),
        session_id: token,
        id: minted.session.id,
        expires_at: minted.session.link_expires_at.millis(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RevokeSession {
    portal: String,
    external_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    sessions_revoked: u64,
}

pub(super) async fn revoke(
    merchant: Merchant,
    idempotent: Idempotent,
    Json(body): Json<RevokeSession>,
) -> Result<Response, Refusal> {
    let meta = Meta::current();
    let record = idempotent.record(move |revoked: &u64| {
        let body = Envelope { meta: meta.clone(), data: Revoked { sessions_revoked: *revoked } };
        Reply { status: 200, body: answer::to_json(&body) }
    });
    let portal = portal_name("portal", body.portal)?;
    let revoked = merchant.revoke_holder(&portal, external_id(body.external_id)?, record).await?;
    Ok(answer::json(StatusCode::OK, &Envelope::new(Revoked { sessions_revoked: revoked })))
}
