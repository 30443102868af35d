//! `POST /v2/customer-portal/sessions`.

use super::data;
use crate::{
    domain::{Invalid, permission::Permission, time::Seconds},
    http::{
        App, answer,
        extract::{Json, field},
        idempotency::Idempotent,
        refusal::Refusal,
    },
    service::{CustomerRef, Error, Merchant, Minted, Mode, Reply, SessionRequest},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a session may do when neither the portal nor the request says.
const OTHERWISE: &str = "customer.*.read_billing";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSession {
    #[serde(alias = "customerId")]
    customer_id: Option<String>,
    #[serde(alias = "ttlMinutes")]
    ttl_minutes: Option<u32>,
}

impl TryFrom<CreateSession> for SessionRequest {
    type Error = Error;

    fn try_from(body: CreateSession) -> Result<Self, Error> {
        let id = body.customer_id.ok_or_else(|| Error::missing_field("customer_id"))?;
        let minutes = body.ttl_minutes.unwrap_or(60);
        let within = (5..=240).contains(&minutes).then_some(Seconds(60 * minutes));
        let ttl = field("ttl_minutes", within.ok_or_else(|| Invalid::new("Give between 5 and 240 minutes.")))?;
        Ok(Self {
            session_ttl: Some(ttl),
            mode: Mode::Bearer,
            fallback_permissions: Permission::parse(OTHERWISE).into_iter().collect(),
            ..Self::new(CustomerRef::Id(id.parse().map_err(|_| Error::Missing("customer"))?))
        })
    }
}

pub(super) async fn create(
    State(app): State<App>,
    merchant: Merchant,
    idempotent: Idempotent,
    body: Option<Json<CreateSession>>,
) -> Result<Response, Refusal> {
    let record =
        idempotent.record(move |minted: &Minted| Reply { status: 201, body: answer::to_json(&created(&app, minted)) });
    let request = body.map(|Json(body)| body).unwrap_or_default().try_into()?;
    let minted = merchant.create_session(request, record).await?;
    Ok(answer::json(StatusCode::CREATED, &created(&app, &minted)))
}

fn created(app: &App, minted: &Minted) -> Value {
    let (session, token) = (&minted.session, minted.credential.reveal());
    data(json!({
        "id": session.id,
        "customer_id": session.customer_id,
        "merchant_id": session.tenant_id,
        "url": format!("{}/r/{token}", app.public_url()),
        "token": token,
        "expires_at": session.browser.as_ref().map(|browser| browser.expires_at),
        "created_at": session.created_at,
    }))
}
