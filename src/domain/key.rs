//! Keys: how a tenant's back end shows who it is.

use super::{
    id::{KeyId, PortalId, TenantId},
    permission::{Patterns, Permission},
    portal::Portal,
    secret::{Kind, SecretHash},
    time::Timestamp,
};

/// A tenant's key. The key itself is shown once, when it is made; this is what is kept.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id, also inside the key's text.
    pub id: KeyId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Secret rather than publishable.
    pub is_secret: bool,
    /// Live rather than test mode.
    pub livemode: bool,
    /// For people to read.
    pub name: Option<String>,
    /// What it may call.
    pub permissions: Patterns,
    /// What it may give away in sessions.
    pub grants: Patterns,
    /// The hash of its secret part.
    pub secret_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused by itself, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// Whether it opens anything at `now`.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// The kind of credential that its text is.
    pub fn kind(&self) -> Kind {
        match self.is_secret {
            true => Kind::SecretKey { live: self.livemode },
            false => Kind::PublishableKey { live: self.livemode },
        }
    }

    /// Whether it may do `action` to this portal, named in its patterns by `*`, id or slug.
    pub fn may(&self, action: &str, portal: &Portal) -> bool {
        self.may_at(action, portal.id, &portal.slug)
    }

    /// The same for a portal of which only the names are known.
    pub fn may_at(&self, action: &str, portal: PortalId, slug: &str) -> bool {
        // Nearly all name it by `*` or slug, and writing out the id takes longer than looking.
        self.permissions.allow("portal", &[slug], action) || {
            let (id, uuid) = (portal.to_string(), portal.0.hyphenated().to_string());
            self.permissions.allow("portal", &[&id, &uuid], action)
        }
    }

    /// Whether it may do `action` to `resource` as a whole, as in `customer.*.read`.
    pub fn may_all(&self, resource: &str, action: &str) -> bool {
        self.permissions.allow(resource, &[], action)
    }

    /// The first of these permissions that it may not give away.
    pub fn exceeded_by<'a>(&self, permissions: &'a [Permission]) -> Option<(usize, &'a Permission)> {
        permissions.iter().enumerate().find(|(_, permission)| !self.grants.cover(permission))
    }
}
