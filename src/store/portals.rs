//! Portals.

use super::{
    RecordFor, Revoked, Store, StoreError, events, execute, fetch_all, fetch_optional, idempotency, read, revocations,
    statements::statements,
    transact,
    values::{from_json, json},
};
use crate::domain::{
    event::NewEvent,
    id::{PortalId, TenantId},
    portal::{Portal, Settings},
    time::Timestamp,
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "id, tenant_id, slug, enabled, settings, created_at"
    };
}

statements! {
    Both INSERT = concat!("insert into portals (", columns!(), ") values ($1, $2, $3, $4, $5, $6)");
    Both BY_SLUG = concat!("select ", columns!(), " from portals where tenant_id = $1 and slug = $2");
    Both BY_ID = concat!("select ", columns!(), " from portals where tenant_id = $1 and id = $2");
    Both PUBLIC = concat!("select ", columns!(), " from portals where id = $1");
    Both NAMING = concat!("select ", columns!(), " from portals where lower(settings) like $1 escape '\\' and id > $2 order by id limit 100");
    Both DOWN = concat!("select ", columns!(), " from portals where tenant_id = $1 and id < $2 and id > $3 order by id desc limit $4");
    Both UP = concat!("select ", columns!(), " from portals where tenant_id = $1 and id < $2 and id > $3 order by id limit $4");
    // Only what was read is replaced, so two changes at once are both kept.
    Both UPDATE = "update portals set slug = $3, enabled = $4, settings = $5 \
        where tenant_id = $1 and id = $2 and slug = $6 and enabled = $7 and settings = $8";
    Both DELETE = "delete from portals where tenant_id = $1 and id = $2";
}

/// How a portal is named in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortalRef {
    /// By its id.
    Id(PortalId),
    /// By its slug.
    Slug(String),
    /// By a UUID, which is an id, or else a slug that looks like one.
    Either(PortalId, String),
}

impl PortalRef {
    /// Reads either.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            // No slug holds the underscore behind an id's prefix.
            Ok(id) if text.contains('_') => Self::Id(id),
            Ok(id) => Self::Either(id, text.to_owned()),
            Err(_) => Self::Slug(text.to_owned()),
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: PortalId,
    tenant_id: TenantId,
    slug: String,
    enabled: bool,
    settings: String,
    created_at: Timestamp,
}

impl TryFrom<Row> for Portal {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            created_at: row.created_at,
            settings: from_json(&row.settings)?,
            slug: row.slug,
            enabled: row.enabled,
        })
    }
}

/// Keeps a new portal inside a transaction.
macro_rules! insert {
    ($conn:ident, $portal:expr) => {{
        let portal: &$crate::domain::portal::Portal = &$portal;
        let settings = $crate::store::values::json(&portal.settings)?;
        let sql = $crate::store::portals::INSERT;
        execute!(
            $conn,
            sql,
            portal.id,
            portal.tenant_id,
            portal.slug.clone(),
            portal.enabled,
            settings,
            portal.created_at
        )?;
    }};
}
pub(super) use insert;

impl Store {
    /// Keeps a new portal.
    ///
    /// # Errors
    /// [`super::Unique::PortalSlug`] when the slug is taken.
    pub async fn insert_portal(
        &self,
        portal: Portal,
        event: NewEvent,
        record: Option<RecordFor<()>>,
    ) -> Result<(), StoreError> {
        transact!(self, |conn| {
            if let Some(record) = record {
                // First: a repeat that comes meanwhile waits for this one's answer, and is not told that its own slug is taken.
                idempotency::insert!(conn, record(&()), event.at);
            }
            insert!(conn, portal);
            events::insert_in_both_modes!(conn, event);
            Ok(())
        })
    }

    /// A tenant's portal.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn portal(&self, tenant: TenantId, name: PortalRef) -> Result<Option<Portal>, StoreError> {
        read!(self, |conn| {
            let row = match name {
                PortalRef::Id(id) => fetch_optional!(conn, Row, BY_ID, tenant, id)?,
                PortalRef::Slug(slug) => fetch_optional!(conn, Row, BY_SLUG, tenant, slug)?,
                PortalRef::Either(id, slug) => match fetch_optional!(conn, Row, BY_ID, tenant, id)? {
                    None => fetch_optional!(conn, Row, BY_SLUG, tenant, slug)?,
                    found => found,
                },
            };
            Ok(row.map(Portal::try_from).transpose()?)
        })
    }

    /// Any tenant's portal, for the pages that browsers see.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn public_portal(&self, id: PortalId) -> Result<Option<Portal>, StoreError> {
        read!(self, |conn| Ok(fetch_optional!(conn, Row, PUBLIC, id)?.map(Portal::try_from).transpose()?))
    }

    /// Whether any portal owns `origin`. Reads every portal's settings, so it is for rare questions.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_portal_origin(&self, origin: String) -> Result<bool, StoreError> {
        let pattern = format!("%\"{}%", origin.to_ascii_lowercase().replace('_', "\\_"));
        let mut above = Uuid::nil();
        loop {
            let pattern = pattern.clone();
            let rows = read!(self, |conn| Ok(fetch_all!(conn, Row, NAMING, pattern, above)?))?;
            let portals = rows.into_iter().map(Portal::try_from).collect::<Result<Vec<_>, _>>()?;
            match portals.last() {
                _ if portals.iter().any(|portal| portal.owns_origin(&origin)) => return Ok(true),
                // They name it elsewhere, to return to, say.
                Some(last) => above = last.id.0,
                None => return Ok(false),
            }
        }
    }

    /// A tenant's portals with ids between the bounds, from the upper one down or the lower one up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn portals(
        &self,
        tenant: TenantId,
        below: Uuid,
        above: Uuid,
        down: bool,
        limit: i64,
    ) -> Result<Vec<Portal>, StoreError> {
        let sql = if down { DOWN } else { UP };
        read!(self, |conn| {
            let rows = fetch_all!(conn, Row, sql, tenant, below, above, limit)?;
            Ok(rows.into_iter().map(Portal::try_from).collect::<Result<_, _>>()?)
        })
    }

    /// Replaces `old` by `new`; `false` when it is no longer as it was read.
    ///
    /// # Errors
    /// [`super::Unique::PortalSlug`] when the new slug is taken.
    pub async fn update_portal(&self, old: Portal, new: Portal, event: NewEvent) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            let row = fetch_optional!(conn, Row, BY_ID, new.tenant_id, new.id)?;
            // The text as it stands: another version may have written it in other words.
            let before = row.map(|row| row.settings).unwrap_or_default();
            let after = json(&new.settings)?;
            if from_json::<Settings>(&before).ok() != Some(old.settings) {
                return Ok(false);
            }
            let changed = execute!(
                conn,
                UPDATE,
                new.tenant_id,
                new.id,
                new.slug,
                new.enabled,
                after,
                old.slug,
                old.enabled,
                before,
            )?;
            if changed == 0 {
                return Ok(false);
            }
            revocations::insert!(conn, Revoked::Portal(new.id), event.at);
            events::insert_in_both_modes!(conn, event);
            Ok(true)
        })
    }

    /// Deletes a portal, which ends its sessions; whether it was there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_portal(&self, tenant: TenantId, id: PortalId, event: NewEvent) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            if execute!(conn, DELETE, tenant, id)? == 0 {
                return Ok(false);
            }
            revocations::insert!(conn, Revoked::Portal(id), event.at);
            events::insert_in_both_modes!(conn, event);
            Ok(true)
        })
    }
}
