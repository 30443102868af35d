//! Tenants: the merchants that use the service.

use super::{id::TenantId, time::Timestamp};

/// A merchant; everything else belongs to exactly one.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Unique, for operators to type.
    pub slug: String,
    /// For people to read.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}
