//! Who calls: from the text of a key to a [`Merchant`].

use super::{Denied, Error, Service, watch::in_time};
use crate::domain::{
    event::{Actor, ClientInfo, EventType, NewEvent},
    id::{KeyId, TenantId},
    key::Key,
    permission::Patterns,
    secret::{Credential, Kind, SecretHash},
};
use std::sync::Arc;

/// A back end that showed a live secret key.
#[derive(Clone)]
pub struct Merchant {
    pub(super) service: Service,
    pub(super) key: Arc<Key>,
    pub(super) client: ClientInfo,
}

impl Merchant {
    /// The key that was shown.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The service that it calls.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// An entry for the trail, by this key.
    pub(super) fn event(&self, kind: EventType) -> NewEvent {
        let key = &self.key;
        self.service.event(key.tenant_id, key.livemode, kind, Actor::Key(key.id), &self.client)
    }

    /// Refuses unless the key may do `action` to `resource` as a whole.
    pub(super) fn require(&self, resource: &str, action: &str) -> Result<(), Error> {
        if self.key.may_all(resource, action) {
            return Ok(());
        }
        Err(Error::PermissionDenied(format!("This key lacks the permission {resource}.*.{action}.")))
    }
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct KeyRequest {
    /// Secret rather than publishable.
    pub is_secret: bool,
    /// Live rather than test mode.
    pub livemode: bool,
    /// For people to read.
    pub name: Option<String>,
    /// What it may call.
    pub permissions: Patterns,
    /// What it may give away.
    pub grants: Patterns,
}

impl Service {
    /// Finds out who shows this key.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] unless it is a live secret key.
    pub async fn authenticate(&self, text: &str, client: ClientInfo) -> Result<Merchant, Error> {
        let credential = Credential::parse(text).ok_or(Error::Unauthenticated(Denied::Invalid))?;
        match credential.kind() {
            Kind::SecretKey { .. } => {}
            Kind::PublishableKey { .. } => return Err(Error::Unauthenticated(Denied::Publishable)),
            Kind::Link | Kind::Browser | Kind::Bearer => return Err(Error::Unauthenticated(Denied::Invalid)),
        }
        let shown = credential.hash();
        let key = self.key(KeyId(credential.id()), shown).await?;
        // An unknown key is compared as well, so that it takes as long as a wrong one.
        let expected = key.as_ref().map_or(SecretHash([0; 32]), |key| key.secret_hash);
        let matches = expected == shown;
        match key {
            Some(key) if matches && key.kind() == credential.kind() && key.is_live_at(self.clock().now()) => {
                Ok(Merchant { service: *self, key, client })
            }
            _ => Err(Error::Unauthenticated(Denied::Invalid)),
        }
    }

    /// From the cache only for whoever has its secret: a wrong one takes the same way as an unknown id, or
    /// the time of an answer would tell which keys are in use.
    async fn key(&self, id: KeyId, shown: SecretHash) -> Result<Option<Arc<Key>>, Error> {
        let keys = &self.caches().keys;
        if self.hears_revocations()
            && let Some(key) = keys.get(&id).filter(|key| key.secret_hash == shown)
        {
            return Ok(Some(key));
        }
        let ticket = keys.ticket(&id);
        // Boxed: it is seldom needed, and every request would carry room for it.
        let read = async { Ok(self.store().key(id).await?) };
        let Some(key) = in_time(Box::pin(read)).await? else { return Ok(None) };
        let key = Arc::new(key);
        keys.fill(ticket, &id, Arc::clone(&key));
        Ok(Some(key))
    }

    /// Makes a key for a tenant; its text is shown only here.
    pub(super) fn mint_key(&self, tenant_id: TenantId, request: KeyRequest) -> (Key, Credential) {
        let nanos = self.clock().nanos();
        let id = KeyId::at(nanos);
        let mut key = Key {
            id,
            tenant_id,
            is_secret: request.is_secret,
            livemode: request.livemode,
            name: request.name,
            permissions: request.permissions,
            grants: request.grants,
            secret_hash: SecretHash([0; 32]),
            created_at: self.clock().now(),
            expires_at: None,
            revoked_at: None,
        };
        let credential = Credential::mint(key.kind(), id.0);
        key.secret_hash = credential.hash();
        (key, credential)
    }

    /// A new key with the same settings.
    pub(super) fn successor(&self, old: &Key) -> (Key, Credential) {
        let request = KeyRequest {
            is_secret: old.is_secret,
            livemode: old.livemode,
            name: old.name.clone(),
            permissions: old.permissions.clone(),
            grants: old.grants.clone(),
        };
        self.mint_key(old.tenant_id, request)
    }
}
