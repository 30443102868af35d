//! What operators do from the command line, on behalf of any tenant.

use super::{Cursor, Error, KeyRequest, Listed, Merchant, PortalChanges, PortalRequest, Service};
use crate::{
    domain::{
        event::{Actor, ClientInfo, EventType, NewEvent},
        id::{KeyId, SessionId, TenantId},
        key::Key,
        permission::Patterns,
        portal::{DEFAULT_SLUG, Portal, Settings},
        secret::Credential,
        session::Session,
        tenant::Tenant,
        time::{Seconds, Timestamp},
    },
    store::{ListFilter, PortalRef, Revoked, StatusFilter},
};

/// The longest that a rolled key may still be used.
pub const MAX_OVERLAP: Seconds = Seconds::days(30);

/// The operator: may do everything, and is written down as who did it.
#[derive(Clone)]
pub struct Operator {
    service: Service,
}

impl Operator {
    pub(super) fn new(service: Service) -> Self {
        Self { service }
    }

    fn event(&self, tenant: TenantId, livemode: bool, kind: EventType) -> NewEvent {
        self.service.event(tenant, livemode, kind, Actor::Operator, &ClientInfo::default())
    }

    /// Makes a tenant with its portal `default`.
    ///
    /// # Errors
    /// When the slug is taken.
    pub async fn create_tenant(&self, slug: String, name: String) -> Result<Tenant, Error> {
        let nanos = self.service.clock().nanos();
        let created_at = Timestamp::from_nanos(nanos);
        let tenant = Tenant { id: TenantId::at(nanos), slug, name, created_at };
        let settings = Settings { name: Some(tenant.name.clone()), ..Settings::default() };
        let request = PortalRequest { slug: DEFAULT_SLUG.into(), enabled: true, settings };
        let portal = self.service.new_portal(tenant.id, request);
        let mut event = self.event(tenant.id, true, EventType::PortalCreated);
        event.portal_id = Some(portal.id);
        self.service.store().insert_tenant(tenant.clone(), portal, event).await?;
        Ok(tenant)
    }

    /// All tenants, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        Ok(self.service.store().tenants().await?)
    }

    /// The tenant of that slug.
    ///
    /// # Errors
    /// When there is none.
    pub async fn tenant(&self, slug: &str) -> Result<Tenant, Error> {
        self.service.store().tenant_by_slug(slug.to_owned()).await?.ok_or(Error::Missing("tenant"))
    }

    /// Makes a key; the credential is shown only here.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_key(&self, tenant: &Tenant, request: KeyRequest) -> Result<(Key, Credential), Error> {
        let (key, credential) = self.service.mint_key(tenant.id, request);
        let mut event = self.event(tenant.id, key.livemode, EventType::KeyCreated);
        event.data = serde_json::json!({"key": key.id});
        self.service.store().insert_key(key.clone(), event).await?;
        Ok((key, credential))
    }

    /// A tenant's keys, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keys(&self, tenant: &Tenant) -> Result<Vec<Key>, Error> {
        Ok(self.service.store().keys(tenant.id).await?)
    }

    /// Replaces a key by a new one with the same settings; the old one works for `overlap` longer.
    ///
    /// # Errors
    /// When there is no such live key, or it was rolled before.
    pub async fn roll_key(&self, id: KeyId, overlap: Seconds) -> Result<(Key, Credential), Error> {
        let old = self.live_key(id).await?;
        let (new, credential) = self.service.successor(&old);
        let mut event = self.event(old.tenant_id, old.livemode, EventType::KeyRolled);
        event.data = serde_json::json!({"key": id, "successor": new.id});
        let until = event.at.plus(overlap);
        let rolled = self.service.store().roll_key(id, until, new.clone(), event).await?;
        self.service.evict(Revoked::Key(id));
        let again = || Error::Conflict("This key was rolled before. Roll its successor, or make a new key.".into());
        rolled.then_some((new, credential)).ok_or_else(again)
    }

    /// Revokes a key at once.
    ///
    /// # Errors
    /// When there is no such live key.
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key, Error> {
        let key = self.live_key(id).await?;
        let mut event = self.event(key.tenant_id, key.livemode, EventType::KeyRevoked);
        event.data = serde_json::json!({"key": id});
        let at = event.at;
        let revoked = self.service.store().revoke_key(id, event).await?;
        self.service.evict(Revoked::Key(id));
        revoked.then_some(Key { revoked_at: Some(at), ..key }).ok_or(Error::Missing("live key"))
    }

    async fn live_key(&self, id: KeyId) -> Result<Key, Error> {
        let key = self.service.store().key(id).await?;
        key.filter(|key| key.revoked_at.is_none()).ok_or(Error::Missing("live key"))
    }

    /// Makes a portal.
    ///
    /// # Errors
    /// When the slug is taken.
    pub async fn create_portal(&self, tenant: &Tenant, request: PortalRequest) -> Result<Portal, Error> {
        let portal = self.service.new_portal(tenant.id, request);
        let mut event = self.event(tenant.id, true, EventType::PortalCreated);
        event.portal_id = Some(portal.id);
        self.service.store().insert_portal(portal.clone(), event, None).await?;
        Ok(portal)
    }

    /// Changes a portal named by slug or id.
    ///
    /// # Errors
    /// When there is none.
    pub async fn update_portal(&self, tenant: &Tenant, name: &str, changes: PortalChanges) -> Result<Portal, Error> {
        let portal =
            self.service.store().portal(tenant.id, PortalRef::parse(name)).await?.ok_or(Error::PortalMissing)?;
        let event = self.event(tenant.id, true, EventType::PortalUpdated);
        self.service.change_portal(tenant.id, portal.id, &changes, event).await
    }

    /// A page of a tenant's portals, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn portals(&self, tenant: &Tenant, cursor: Cursor) -> Result<Listed<Portal>, Error> {
        self.as_merchant(tenant, false).portals(cursor).await
    }

    /// A page of a tenant's sessions in one mode, newest first, whatever became of them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions(&self, tenant: &Tenant, livemode: bool, cursor: Cursor) -> Result<Listed<Session>, Error> {
        let query = super::SessionQuery {
            customer_id: None,
            customer_external_id: None,
            portal: None,
            status: StatusFilter::All,
        };
        self.as_merchant(tenant, livemode).sessions(query, cursor).await
    }

    /// Revokes one session of whatever tenant.
    ///
    /// # Errors
    /// When there is none.
    pub async fn revoke_session(&self, id: SessionId) -> Result<(), Error> {
        let stored = self.service.store().stored_session(id).await?.ok_or(Error::Missing("portal session"))?;
        self.revoke(&stored.session).await?.then_some(()).ok_or(Error::Missing("portal session"))
    }

    /// Revokes a session; whether it was still there.
    async fn revoke(&self, session: &Session) -> Result<bool, Error> {
        let id = session.id;
        let event = self.event(session.tenant_id, session.livemode, EventType::SessionRevoked).about(session);
        let was_there = self.service.store().revoke_session(session.tenant_id, session.livemode, id, event).await?;
        self.service.evict(Revoked::Session(id));
        Ok(was_there)
    }

    /// Revokes every session that was made before `before`: after a restore from a backup, this ends
    /// what it would revive. How many there were.
    ///
    /// # Errors
    /// When the store does not answer; what was revoked before stays revoked.
    pub async fn revoke_sessions_before(&self, before: Timestamp) -> Result<u64, Error> {
        let mut revoked = 0;
        for tenant in self.tenants().await? {
            for livemode in [false, true] {
                revoked += self.revoke_tenant_sessions(&tenant, livemode, before).await?;
            }
        }
        Ok(revoked)
    }

    async fn revoke_tenant_sessions(&self, tenant: &Tenant, livemode: bool, before: Timestamp) -> Result<u64, Error> {
        let filter = ListFilter {
            tenant_id: tenant.id,
            livemode,
            customer_id: None,
            portals: None,
            status: StatusFilter::All,
            now: self.service.clock().now(),
        };
        let mut page = crate::store::Page {
            limit: 100,
            starting_after: Some(crate::domain::id::uuid_floor(before.millis())),
            ending_before: None,
        };
        let mut revoked = 0;
        loop {
            let sessions = self.service.store().sessions(filter.clone(), page).await?;
            let Some(last) = sessions.last().map(|session| session.id) else { return Ok(revoked) };
            for session in &sessions {
                // One that somebody else has revoked meanwhile is no reason to spare the others.
                revoked += u64::from(self.revoke(session).await?);
            }
            page.starting_after = Some(last.0);
        }
    }

    /// A back end with every permission, to read what it would.
    fn as_merchant(&self, tenant: &Tenant, livemode: bool) -> Merchant {
        let request =
            KeyRequest { is_secret: true, livemode, name: None, permissions: Patterns::all(), grants: Patterns::all() };
        let (key, _) = self.service.mint_key(tenant.id, request);
        Merchant { service: self.service, key: std::sync::Arc::new(key), client: ClientInfo::default() }
    }
}
