//! What only operators see, in the manner of the wire.

use crate::domain::{key::Key, secret::Credential, tenant::Tenant};
use serde_json::{Value, json};

/// A tenant.
pub(super) fn tenant(tenant: &Tenant) -> Value {
    json!({
        "object": "tenant",
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "createdAt": tenant.created_at,
    })
}

/// A key, without its text.
pub(super) fn key(key: &Key) -> Value {
    json!({
        "object": "key",
        "id": key.id,
        "tenantId": key.tenant_id,
        "name": key.name,
        "mode": if key.livemode { "live" } else { "test" },
        "kind": if key.is_secret { "secret" } else { "publishable" },
        "permissions": key.permissions,
        "grants": key.grants,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
    })
}

/// A new key with its text, which is shown only here.
pub(super) fn new_key(made: &Key, credential: &Credential) -> Value {
    let mut view = key(made);
    view["key"] = credential.reveal().into();
    view
}

/// A list.
pub(super) fn list(data: Vec<Value>, has_more: bool) -> Value {
    json!({"object": "list", "data": data, "hasMore": has_more})
}
