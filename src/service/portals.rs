//! Portal configurations.

use super::{Cursor, Error, Listed, Merchant, Service, attempts, cache::PortalKey, watch::in_time};
use crate::{
    domain::{
        event::{EventType, NewEvent},
        id::{PortalId, TenantId},
        portal::{DEFAULT_SLUG, Portal, Settings},
        time::Timestamp,
    },
    store::{PortalRef, RecordFor, Revoked},
};
use std::sync::Arc;

/// A portal that is to be made; everything in it was parsed.
#[derive(Clone, Debug)]
pub struct PortalRequest {
    /// Unique within the tenant.
    pub slug: String,
    /// Whether it starts sessions.
    pub enabled: bool,
    /// Everything else.
    pub settings: Settings,
}

/// What a PATCH changes: each applies to the portal as it then is.
pub struct PortalChanges {
    /// A new slug.
    pub slug: Option<String>,
    /// Switches it on or off.
    pub enabled: Option<bool>,
    /// Changes the rest.
    pub settings: Box<dyn Fn(&mut Settings) + Send + Sync>,
}

impl Service {
    /// A tenant's portal, from the cache when that may be believed.
    pub(super) async fn portal(&self, tenant: TenantId, name: PortalRef) -> Result<Option<Arc<Portal>>, Error> {
        // No slug holds a NUL, and PostgreSQL refuses to look for one.
        if matches!(&name, PortalRef::Slug(slug) if slug.contains('\0')) {
            return Ok(None);
        }
        self.portal_by(PortalKey::Of(tenant, name)).await
    }

    /// Any tenant's portal, for the pages that browsers see.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn public_portal(&self, id: PortalId) -> Result<Option<Arc<Portal>>, Error> {
        self.portal_by(PortalKey::Public(id)).await
    }

    /// Whether any portal owns `origin`; tells nothing of which.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_portal_origin(&self, origin: &str) -> Result<bool, Error> {
        Ok(self.store().is_portal_origin(origin.to_owned()).await?)
    }

    async fn portal_by(&self, name: PortalKey) -> Result<Option<Arc<Portal>>, Error> {
        let portals = &self.caches().portals;
        if self.hears_revocations()
            && let Some(portal) = portals.get(&name)
        {
            return Ok(Some(portal));
        }
        let ticket = portals.ticket(&name);
        let read = async {
            Ok(match &name {
                PortalKey::Of(tenant, name) => self.store().portal(*tenant, name.clone()).await?,
                PortalKey::Public(id) => self.store().public_portal(*id).await?,
            })
        };
        let Some(portal) = in_time(Box::pin(read)).await?.map(Arc::new) else { return Ok(None) };
        portals.fill(ticket, &name, Arc::clone(&portal));
        Ok(Some(portal))
    }

    /// A portal that starts with these settings.
    pub(super) fn new_portal(&self, tenant_id: TenantId, request: PortalRequest) -> Portal {
        let nanos = self.clock().nanos();
        Portal {
            id: PortalId::at(nanos),
            tenant_id,
            created_at: Timestamp::from_nanos(nanos),
            settings: request.settings,
            slug: request.slug,
            enabled: request.enabled,
        }
    }

    /// Applies changes to a portal, told of by `event`.
    pub(super) async fn change_portal(
        &self,
        tenant: TenantId,
        id: PortalId,
        changes: &PortalChanges,
        event: NewEvent,
    ) -> Result<Portal, Error> {
        for () in attempts() {
            let old = self.store().portal(tenant, PortalRef::Id(id)).await?.ok_or(Error::PortalMissing)?;
            let mut new = old.clone();
            if let Some(slug) = &changes.slug {
                if old.slug == DEFAULT_SLUG && slug != DEFAULT_SLUG {
                    return Err(Error::Conflict("The portal `default` keeps its slug.".into()));
                }
                new.slug.clone_from(slug);
            }
            new.enabled = changes.enabled.unwrap_or(old.enabled);
            (changes.settings)(&mut new.settings);
            let mut event = event.clone();
            event.portal_id = Some(id);
            event.data = serde_json::json!({"enabled": new.enabled});
            if self.store().update_portal(old, new.clone(), event).await? {
                self.evict(Revoked::Portal(id));
                return Ok(new);
            }
        }
        Err(Error::Unavailable)
    }
}

impl Merchant {
    /// Makes a portal. With `record`, the answer that it renders is kept in the same transaction.
    ///
    /// # Errors
    /// When the key may not, or the slug is taken.
    pub async fn create_portal(
        &self,
        request: PortalRequest,
        record: Option<RecordFor<Portal>>,
    ) -> Result<Portal, Error> {
        self.require("portal", "create_portal")?;
        let portal = self.service.new_portal(self.key.tenant_id, request);
        let mut event = self.event(EventType::PortalCreated);
        event.portal_id = Some(portal.id);
        let kept = portal.clone();
        let record = record.map(|render| Box::new(move |(): &()| render(&kept)) as RecordFor<()>);
        self.service.store().insert_portal(portal.clone(), event, record).await?;
        Ok(portal)
    }

    /// Reads a portal by slug or id.
    ///
    /// # Errors
    /// [`Error::PortalMissing`] when there is none that this key may read.
    pub async fn portal(&self, name: &str) -> Result<Arc<Portal>, Error> {
        self.portal_for("read_portal", name).await
    }

    /// Lists the portals that the key may read.
    ///
    /// # Errors
    /// When that is nothing at all.
    pub async fn portals(&self, cursor: Cursor) -> Result<Listed<Portal>, Error> {
        let page = cursor.page::<PortalId>()?;
        let Some(names) = self.key.permissions.named("portal", "read_portal") else {
            let rows = self.service.store().portals(
                self.key.tenant_id,
                page.below(),
                page.above(),
                page.is_down(),
                page.fetch(),
            );
            return Ok(Listed::cut(rows.await?, page));
        };
        if names.is_empty() {
            return Err(Error::PermissionDenied("This key lacks the permission portal.*.read_portal.".into()));
        }
        let mut rows = Vec::new();
        for name in names {
            let portal = self.service.portal(self.key.tenant_id, PortalRef::parse(name)).await?;
            rows.extend(portal.map(|portal| Portal::clone(&portal)));
        }
        rows.retain(|portal| portal.id.0 < page.below() && portal.id.0 > page.above());
        rows.sort_by_key(
            |portal| if page.is_down() { u128::MAX - portal.id.0.as_u128() } else { portal.id.0.as_u128() },
        );
        rows.dedup_by_key(|portal| portal.id);
        Ok(Listed::cut(rows, page))
    }

    /// Changes a portal.
    ///
    /// # Errors
    /// When there is none that this key may change, or the new slug is taken.
    pub async fn update_portal(&self, name: &str, changes: PortalChanges) -> Result<Portal, Error> {
        let portal = self.portal_for("update_portal", name).await?;
        let event = self.event(EventType::PortalUpdated);
        self.service.change_portal(self.key.tenant_id, portal.id, &changes, event).await
    }

    /// Deletes a portal, which ends its sessions.
    ///
    /// # Errors
    /// When there is none that this key may delete, or it is the tenant's `default`.
    pub async fn delete_portal(&self, name: &str) -> Result<(), Error> {
        let portal = self.portal_for("delete_portal", name).await?;
        if portal.slug == DEFAULT_SLUG {
            return Err(Error::Conflict("The portal `default` can't be deleted.".into()));
        }
        let mut event = self.event(EventType::PortalDeleted);
        event.portal_id = Some(portal.id);
        let deleted = self.service.store().delete_portal(self.key.tenant_id, portal.id, event).await?;
        self.service.evict(Revoked::Portal(portal.id));
        deleted.then_some(()).ok_or(Error::PortalMissing)
    }
}
