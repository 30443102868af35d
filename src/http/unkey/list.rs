//! `portal.listSessions`: who holds live sessions of a portal.

use super::{Meta, limit, portal_name};
use crate::{
    domain::{Invalid, id::SessionId, text},
    http::{
        answer,
        extract::{Json, field},
        refusal::Refusal,
    },
    service::{Error, Holder, HolderQuery, Merchant},
    store::HeldSession,
};
use axum::{http::StatusCode, response::Response};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSessions {
    portal: String,
    limit: Option<u32>,
    cursor: Option<String>,
    search: Option<String>,
}

#[derive(Debug, Serialize)]
struct Page<'a> {
    meta: Meta,
    data: Vec<HolderDto<'a>>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HolderDto<'a> {
    external_id: &'a str,
    sessions: Vec<SessionDto<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionDto<'a> {
    id: SessionId,
    status: &'static str,
    created_at: i64,
    expires_at: i64,
    scopes: &'a [String],
}

impl<'a> From<&'a HeldSession> for SessionDto<'a> {
    fn from(session: &'a HeldSession) -> Self {
        Self {
            id: session.id,
            status: if session.is_active { "active" } else { "pending" },
            created_at: session.created_at.millis(),
            expires_at: session.expires_at.millis(),
            scopes: &session.scopes,
        }
    }
}

impl<'a> From<&'a Holder> for HolderDto<'a> {
    fn from(holder: &'a Holder) -> Self {
        Self { external_id: &holder.external_id, sessions: holder.sessions.iter().map(SessionDto::from).collect() }
    }
}

impl ListSessions {
    fn query(self) -> Result<HolderQuery, Error> {
        let search = self.search.filter(|search| !search.is_empty());
        Ok(HolderQuery {
            portal: portal_name("portal", self.portal)?,
            limit: limit(self.limit)?,
            after: self.cursor.map(|cursor| field("cursor", read_cursor(&cursor))).transpose()?,
            prefix: field("search", search.map(text::without_nul).transpose())?,
        })
    }
}

/// A cursor is the external id after which the next page begins.
fn read_cursor(cursor: &str) -> Result<String, Invalid> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|name| !name.contains('\0'));
    name.ok_or_else(|| Invalid::new("Give the cursor of a page of this list."))
}

pub(super) async fn list(merchant: Merchant, Json(body): Json<ListSessions>) -> Result<Response, Refusal> {
    let page = merchant.holders(body.query()?).await?;
    let cursor = page.next.map(|after| BASE64_URL_SAFE_NO_PAD.encode(after));
    let pagination = Pagination { has_more: cursor.is_some(), cursor };
    let data = page.data.iter().map(HolderDto::from).collect();
    Ok(answer::json(StatusCode::OK, &Page { meta: Meta::current(), data, pagination }))
}
