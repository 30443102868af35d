//! How a session's row reads.

use super::{
    StoreError,
    connection::Conn,
    values::{from_json, in_json},
};
use crate::domain::{
    id::{CustomerId, PortalId, SessionId, TenantId},
    secret::SecretHash,
    session::{BrowserSession, Delivery, Session},
    time::{Seconds, Timestamp},
};
use sqlx::{
    FromRow as _, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, postgres::PgArguments, query::Query,
    sqlite::SqliteArguments,
};

/// The columns of [`SessionRow`], from `portal_sessions s`, `customers c` and `portals p`.
macro_rules! session_columns {
    () => {
        "s.id, s.tenant_id, s.portal_id, p.slug as portal_slug, s.customer_id, \
         c.external_id as customer_external_id, s.livemode, s.permissions, s.return_url, s.path, s.delivery, \
         s.preview, s.locale, s.metadata, s.scopes, s.created_at, s.link_expires_at, s.session_ttl, s.opened_at, \
         s.used_at, s.browser_expires_at, s.ended_at, s.ip_address, s.user_agent"
    };
}

/// Where they come from: a session exists only while its customer and its portal do.
macro_rules! session_tables {
    () => {
        "portal_sessions s join customers c on c.id = s.customer_id join portals p on p.id = s.portal_id"
    };
}

pub(super) use {session_columns, session_tables};

/// On SQLite a page of a list is one row of JSON, with these in their order.
#[derive(sqlx::FromRow, serde::Deserialize)]
pub(super) struct SessionRow {
    #[serde(deserialize_with = "in_json")]
    id: SessionId,
    #[serde(deserialize_with = "in_json")]
    tenant_id: TenantId,
    #[serde(deserialize_with = "in_json")]
    portal_id: PortalId,
    portal_slug: String,
    #[serde(deserialize_with = "in_json")]
    customer_id: CustomerId,
    customer_external_id: String,
    #[serde(deserialize_with = "in_json")]
    livemode: bool,
    permissions: String,
    return_url: Option<String>,
    path: Option<String>,
    delivery: String,
    #[serde(deserialize_with = "in_json")]
    preview: bool,
    locale: Option<String>,
    metadata: String,
    scopes: Option<String>,
    #[serde(deserialize_with = "in_json")]
    created_at: Timestamp,
    #[serde(deserialize_with = "in_json")]
    link_expires_at: Timestamp,
    #[serde(deserialize_with = "in_json")]
    session_ttl: Seconds,
    #[serde(deserialize_with = "in_json")]
    opened_at: Option<Timestamp>,
    #[serde(deserialize_with = "in_json")]
    used_at: Option<Timestamp>,
    #[serde(deserialize_with = "in_json")]
    browser_expires_at: Option<Timestamp>,
    #[serde(deserialize_with = "in_json")]
    ended_at: Option<Timestamp>,
    ip_address: Option<String>,
    user_agent: Option<String>,
}

/// The values of columns as JSON takes them, which has no bytes.
pub(super) fn json_values(columns: &str) -> String {
    let values = columns.split(", ").map(|column| match column.split_once(" as ") {
        Some((value, _)) => value.to_owned(),
        None if column.ends_with("id") => format!("hex({column})"),
        None => column.to_owned(),
    });
    values.collect::<Vec<_>>().join(", ")
}

impl Conn<'_, PgConnection> {
    pub(super) async fn sessions(self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<SessionRow>, StoreError> {
        let rows = query.fetch_all(self.inner).await?;
        Ok(rows.iter().map(SessionRow::from_row).collect::<Result<_, _>>()?)
    }
}

impl Conn<'_, SqliteConnection> {
    /// In one row, since each row is taken apart and carried from one thread to another on its own.
    pub(super) async fn sessions(
        self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<SessionRow>, StoreError> {
        Ok(from_json(query.fetch_one(self.inner).await?.try_get(0)?)?)
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = sqlx::Error;

    fn try_from(row: SessionRow) -> Result<Self, sqlx::Error> {
        let browser = match (row.used_at, row.browser_expires_at) {
            (Some(started_at), Some(expires_at)) => Some(BrowserSession {
                started_at,
                expires_at,
                ended_at: row.ended_at,
                ip_address: row.ip_address,
                user_agent: row.user_agent,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            portal_id: row.portal_id,
            portal_slug: row.portal_slug,
            customer_id: row.customer_id,
            customer_external_id: row.customer_external_id,
            livemode: row.livemode,
            permissions: from_json(&row.permissions)?,
            return_url: row.return_url,
            path: row.path,
            delivery: if row.delivery == Delivery::Redirect.as_str() { Delivery::Redirect } else { Delivery::Message },
            preview: row.preview,
            locale: row.locale,
            metadata: from_json(&row.metadata)?,
            scopes: row.scopes.as_deref().map(from_json).transpose()?,
            created_at: row.created_at,
            link_expires_at: row.link_expires_at,
            session_ttl: row.session_ttl,
            opened_at: row.opened_at,
            used_at: row.used_at,
            browser,
        })
    }
}

/// A session together with what decides whether a credential opens it.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// The session.
    pub session: Session,
    /// Whether its portal is enabled.
    pub portal_enabled: bool,
    /// The hash of the link token's secret.
    pub link_hash: Option<SecretHash>,
    /// The hash of the browser token's secret.
    pub browser_hash: Option<SecretHash>,
    /// The hash of the nonce with which the link was exchanged.
    pub nonce_hash: Option<SecretHash>,
    /// When its browser token was first accepted, as far as that was noted.
    pub first_used_at: Option<Timestamp>,
}

/// The columns of [`StoredRow`].
macro_rules! stored_columns {
    () => {
        concat!(
            $crate::store::row::session_columns!(),
            ", p.enabled as portal_enabled, s.link_hash, s.browser_hash, s.nonce_hash, s.first_used_at"
        )
    };
}
pub(super) use stored_columns;

#[derive(sqlx::FromRow)]
pub(super) struct StoredRow {
    #[sqlx(flatten)]
    session: SessionRow,
    portal_enabled: bool,
    link_hash: Option<SecretHash>,
    browser_hash: Option<SecretHash>,
    nonce_hash: Option<SecretHash>,
    first_used_at: Option<Timestamp>,
}

impl TryFrom<StoredRow> for StoredSession {
    type Error = sqlx::Error;

    fn try_from(row: StoredRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            session: row.session.try_into()?,
            portal_enabled: row.portal_enabled,
            link_hash: row.link_hash,
            browser_hash: row.browser_hash,
            nonce_hash: row.nonce_hash,
            first_used_at: row.first_used_at,
        })
    }
}
