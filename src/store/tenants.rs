//! Tenants.

use super::{
    Store, StoreError, events, execute, fetch_all, fetch_optional, portals, read, statements::statements, transact,
};
use crate::domain::{event::NewEvent, id::TenantId, portal::Portal, tenant::Tenant, time::Timestamp};

statements! {
    Both INSERT = "insert into tenants (id, slug, name, created_at) values ($1, $2, $3, $4)";
    Both BY_SLUG = "select id, slug, name, created_at from tenants where slug = $1";
    Both LIST = "select id, slug, name, created_at from tenants order by id";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: TenantId,
    slug: String,
    name: String,
    created_at: Timestamp,
}

impl From<Row> for Tenant {
    fn from(row: Row) -> Self {
        Self { id: row.id, slug: row.slug, name: row.name, created_at: row.created_at }
    }
}

impl Store {
    /// Keeps a new tenant and its first portal, of which `event` tells.
    ///
    /// # Errors
    /// [`super::Unique::TenantSlug`] when the slug is taken.
    pub async fn insert_tenant(&self, tenant: Tenant, portal: Portal, event: NewEvent) -> Result<(), StoreError> {
        transact!(self, |conn| {
            execute!(conn, INSERT, tenant.id, tenant.slug, tenant.name, tenant.created_at)?;
            portals::insert!(conn, portal);
            events::insert_in_both_modes!(conn, event);
            Ok(())
        })
    }

    /// The tenant of that slug.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_by_slug(&self, slug: String) -> Result<Option<Tenant>, StoreError> {
        read!(self, |conn| Ok(fetch_optional!(conn, Row, BY_SLUG, slug)?.map(Tenant::from)))
    }

    /// All tenants, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        read!(self, |conn| Ok(fetch_all!(conn, Row, LIST)?.into_iter().map(Tenant::from).collect()))
    }
}
