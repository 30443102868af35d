//! The audit trail.

use super::{
    answer,
    dto::EventDto,
    lists::{EventList, List},
    openapi::ReadErrors,
};
use crate::{
    domain::Invalid,
    http::{
        extract::{Query, field},
        refusal::Refusal,
    },
    service::{Cursor, Merchant},
};
use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only this type: `portal_session.` `created`, `opened`, `exchanged`, `exchange_refused`, `revoked` or `ended`; `key.` `created`,
    /// `rolled` or `revoked`; `portal.` or `customer.` `created`, `updated` or `deleted`.
    r#type: Option<String>,
    /// Only about this session, also when it was revoked.
    portal_session_id: Option<String>,
    /// How many entries, 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The id of the event that the page comes after.
    starting_after: Option<String>,
    /// The id of the event that the page comes before: the ones just newer.
    ending_before: Option<String>,
}

/// Read the audit trail
///
/// Of the key's mode. What becomes of a portal, which both modes share, is in the trails of both.
#[utoipa::path(get, operation_id = "listEvents", path = "/v1/events", tag = "Events", params(ListQuery),
    responses((status = 200, description = "A page", body = List<EventDto<'static>>), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn list(merchant: Merchant, Query(query): Query<ListQuery>) -> Result<Response, Refusal> {
    let id = query.portal_session_id.map(|id| id.parse().map_err(|_| Invalid::new("Give a session's id.")));
    let session = field("portalSessionId", id.transpose())?;
    let cursor =
        Cursor { limit: query.limit, starting_after: query.starting_after, ending_before: query.ending_before };
    let page = merchant.events(query.r#type, session, cursor).await?;
    let list: EventList<'_> = List::new("/v1/events", &page, EventDto::new);
    Ok(answer(StatusCode::OK, &list))
}
