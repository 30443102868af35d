//! Customers: the tenants' end users.

use super::{
    id::{CustomerId, TenantId},
    text::Metadata,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A tenant's end user in one mode.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Our id.
    pub id: CustomerId,
    /// Whose customer it is.
    pub tenant_id: TenantId,
    /// Live rather than test mode.
    pub livemode: bool,
    /// The tenant's own id: unique within tenant and mode, and fixed.
    pub external_id: String,
    /// What the tenant told about the person; kept as one JSON document.
    pub profile: Profile,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// What a tenant may tell about a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// An e-mail address, as given.
    pub email: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// A telephone number, as given.
    pub phone: Option<String>,
    /// The company's name.
    pub company_name: Option<String>,
    /// An ISO 4217 code.
    pub default_currency: Option<String>,
    /// A BCP 47 language tag.
    pub locale: Option<String>,
    /// The tenant's notes.
    pub metadata: Metadata,
}
