//! `GET /v2/customer-portal/customer`.

use super::{auth::PortalUser, data};
use crate::http::{answer, refusal::Refusal};
use axum::{http::StatusCode, response::Response};
use serde_json::json;

pub(super) async fn show(PortalUser(user): PortalUser) -> Result<Response, Refusal> {
    let customer = user.customer().await?;
    let profile = &customer.profile;
    let fields = json!({
        "id": customer.id,
        "object": "customer",
        "external_id": customer.external_id,
        "email": profile.email,
        "name": profile.name,
        "phone": profile.phone,
        "company_name": profile.company_name,
        "default_currency": profile.default_currency,
        "locale": profile.locale,
        "created_at": customer.created_at,
    });
    Ok(answer::json(StatusCode::OK, &data(fields)))
}
