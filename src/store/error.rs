//! What can go wrong in a database, in the few kinds that the service tells apart.

use sqlx::error::DatabaseError;

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, full, read-only or too busy; trying again later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// It, or its URL, can't be used as it is, whoever tries again; in words for the operator.
    #[error("{0}")]
    Refused(String),
    /// Others hold what a statement needs, and it was given up; trying again later may work.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// More waits already than may wait.
    #[error("too many writes are waiting")]
    Overloaded,
    /// Something unique is taken.
    #[error("{0:?} is taken")]
    Taken(Unique),
    /// Another request committed an answer under this idempotency key first.
    #[error("the idempotency key was used at the same time")]
    IdempotencyTaken,
    /// A defect of ours.
    #[error("the database refused a statement")]
    Internal(#[source] sqlx::Error),
}

/// What is unique in the schema beside ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// A tenant's slug.
    TenantSlug,
    /// A portal's slug within its tenant.
    PortalSlug,
    /// A customer's external id within its tenant and mode.
    CustomerExternalId,
}

impl StoreError {
    /// Whether the connection that met it must not be used again.
    pub(super) fn spoils_connection(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        match &error {
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => {
                Self::Unavailable(error.to_string())
            }
            Database(refusal) => match unique(refusal.as_ref()) {
                Some(which) => Self::Taken(which),
                None if is_held(refusal.as_ref()) => Self::Busy(error.to_string()),
                None if is_passing(refusal.as_ref()) => Self::Unavailable(error.to_string()),
                None => Self::Internal(error),
            },
            _ => Self::Internal(error),
        }
    }
}

/// Whether PostgreSQL says that a table is not there (any more).
pub(super) fn is_of_no_table(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|refusal| refusal.code()).as_deref() == Some("42P01")
}

/// The one place that knows the names of constraints: PostgreSQL tells the name, SQLite the columns.
fn unique(refusal: &dyn DatabaseError) -> Option<Unique> {
    if !refusal.is_unique_violation() {
        return None;
    }
    let text = refusal.constraint().unwrap_or_else(|| refusal.message());
    let is = |postgres: &str, sqlite: &str| text == postgres || text.ends_with(sqlite);
    if is("tenants_slug", "tenants.slug") {
        Some(Unique::TenantSlug)
    } else if is("portals_slug", "portals.tenant_id, portals.slug") {
        Some(Unique::PortalSlug)
    } else if is("customers_external_id", "customers.tenant_id, customers.livemode, customers.external_id") {
        Some(Unique::CustomerExternalId)
    } else {
        None
    }
}

/// Refusals that say nothing about the database: PostgreSQL's of a lock that did not come in time, a deadlock, or a
/// transaction that another one overtook.
fn is_held(refusal: &dyn DatabaseError) -> bool {
    let is_postgres = refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
    is_postgres && refusal.code().is_some_and(|code| ["55P03", "40P01", "40001"].contains(&code.as_ref()))
}

/// Refusals that say nothing about the statement: they pass when the database has recovered.
fn is_passing(refusal: &dyn DatabaseError) -> bool {
    let Some(code) = refusal.code() else { return false };
    if refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // Connection, resources, operator's intervention, transaction rollback, read-only and time limits.
        return ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class))
            || ["25006", "55006", "25P03"].contains(&code.as_ref());
    }
    // SQLite's primary codes: busy, locked, read-only, I/O error, full, can't open.
    let primary = code.parse::<i32>().unwrap_or(0) & 0xff;
    [5, 6, 8, 10, 13, 14].contains(&primary)
}
