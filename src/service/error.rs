//! Every refusal, in one closed list: each dialect has a table that names them all.

use crate::{
    domain::Invalid,
    store::{StoreError, Unique},
};
use std::time::Duration;

/// Why a credential was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No credential came along.
    Missing,
    /// It is malformed, unknown, revoked or of the wrong kind.
    Invalid,
    /// It is a publishable key, which never calls this.
    Publishable,
}

/// Why a request was refused. The texts are for the client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request as a whole does not make sense.
    #[error("{message}")]
    InvalidRequest {
        /// The field that it is about, if one.
        param: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// A field's value or type is wrong.
    #[error("{message}")]
    Validation {
        /// The field.
        param: String,
        /// What is wrong.
        message: String,
    },
    /// No live secret key.
    #[error("{}", denied(*.0))]
    Unauthenticated(Denied),
    /// No live session, or a link that opens nothing.
    #[error("Session is invalid, expired, or has already been used.")]
    SessionInvalid,
    /// The key may not do or give that.
    #[error("{0}")]
    PermissionDenied(String),
    /// A request by cookie that another site's page may have made the browser send.
    #[error("This request must come from the portal's own pages.")]
    CrossSite,
    /// The portal starts no session now.
    #[error("Portal is disabled.")]
    PortalDisabled,
    /// There is no such portal, or the key may not see it.
    #[error("Portal configuration not found.")]
    PortalMissing,
    /// There is no such thing, or the key may not see it.
    #[error("No such {0}.")]
    Missing(&'static str),
    /// It is taken, or can't be changed so.
    #[error("{0}")]
    Conflict(String),
    /// The idempotency key came with another body before.
    #[error("This Idempotency-Key was used with a different request body.")]
    IdempotencyConflict,
    /// A request with that idempotency key is still running.
    #[error("A request with this Idempotency-Key is still in progress.")]
    IdempotencyInProgress,
    /// Too many requests.
    #[error("Too many requests. Slow down.")]
    RateLimited {
        /// After which time there is room again.
        retry_after: Duration,
        /// How many may come at once.
        burst: u32,
        /// In which time that many are refilled.
        window: Duration,
    },
    /// The merchant's back end can't be reached.
    #[error("The portal's upstream can't be reached.")]
    UpstreamUnavailable,
    /// The merchant's back end takes too long.
    #[error("The portal's upstream does not answer in time.")]
    UpstreamTimeout,
    /// Not now; later.
    #[error("The service is temporarily unavailable. Try again.")]
    Unavailable,
    /// A defect of ours.
    #[error("Something went wrong on our side.")]
    Internal,
}

fn denied(why: Denied) -> &'static str {
    match why {
        Denied::Missing => "Give a secret key as Authorization: Bearer or x-api-key.",
        Denied::Invalid => "The key is invalid or revoked.",
        Denied::Publishable => "This is a publishable key; it can't call this API. Use a secret key.",
    }
}

impl Error {
    /// A field's value that was refused.
    pub fn field(name: &str, why: Invalid) -> Self {
        Self::Validation { param: format!("{name}{}", why.at), message: why.message }
    }

    /// A field that must be there.
    pub fn missing_field(name: &str) -> Self {
        Self::InvalidRequest { param: Some(name.to_owned()), message: format!("The field {name} is required.") }
    }

    /// A request that does not make sense as a whole.
    pub fn request(message: impl Into<String>) -> Self {
        Self::InvalidRequest { param: None, message: message.into() }
    }
}

/// The log gets the cause, the client only the kind.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(cause) | StoreError::Refused(cause) | StoreError::Busy(cause) => {
                tracing::warn!(cause, "the database is unavailable");
                Self::Unavailable
            }
            StoreError::Overloaded => Self::Unavailable,
            StoreError::Taken(Unique::TenantSlug) => Self::Conflict("A tenant with this slug exists.".into()),
            StoreError::Taken(Unique::PortalSlug) => Self::Conflict("A portal with this slug exists.".into()),
            StoreError::Taken(Unique::CustomerExternalId) => {
                Self::Conflict("A customer with this externalId exists.".into())
            }
            StoreError::IdempotencyTaken => Self::IdempotencyInProgress,
            StoreError::Internal(cause) => {
                tracing::error!(%cause, "the database refused a statement");
                Self::Internal
            }
        }
    }
}
