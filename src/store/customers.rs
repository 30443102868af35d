//! Customers.

use super::{
    RecordFor, Revoked, Store, StoreError, erasures, events, execute, fetch_all, fetch_optional, idempotency, read,
    revocations,
    statements::statements,
    transact,
    values::{from_json, json},
};
use crate::domain::{
    customer::{Customer, Profile},
    event::NewEvent,
    id::{CustomerId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "id, tenant_id, livemode, external_id, profile, created_at"
    };
}

statements! {
    Both INSERT = concat!("insert into customers (", columns!(), ") values ($1, $2, $3, $4, $5, $6)");
    Both BY_ID = concat!("select ", columns!(), " from customers where tenant_id = $1 and livemode = $2 and id = $3");
    Both BY_EXTERNAL_ID = concat!("select ", columns!(), " from customers where tenant_id = $1 and livemode = $2 and external_id = $3");
    Both DOWN = concat!("select ", columns!(), " from customers where tenant_id = $1 and livemode = $2 and id < $3 and id > $4 order by id desc limit $5");
    Both UP = concat!("select ", columns!(), " from customers where tenant_id = $1 and livemode = $2 and id < $3 and id > $4 order by id limit $5");
    Both UPDATE = "update customers set profile = $4 where tenant_id = $1 and livemode = $2 and id = $3 and profile = $5";
    Both DELETE = "delete from customers where tenant_id = $1 and livemode = $2 and id = $3";
    Both DELETE_SESSIONS = "delete from portal_sessions where customer_id = $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: CustomerId,
    tenant_id: TenantId,
    livemode: bool,
    external_id: String,
    profile: String,
    created_at: Timestamp,
}

impl TryFrom<Row> for Customer {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            livemode: row.livemode,
            external_id: row.external_id,
            profile: from_json(&row.profile)?,
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// Keeps a new customer.
    ///
    /// # Errors
    /// [`super::Unique::CustomerExternalId`] when the external id is taken.
    pub async fn insert_customer(
        &self,
        customer: Customer,
        event: NewEvent,
        record: Option<RecordFor<()>>,
    ) -> Result<(), StoreError> {
        transact!(self, |conn| {
            if let Some(record) = record {
                // First: a repeat that comes meanwhile waits for this one's answer, and is not told that its own name is taken.
                idempotency::insert!(conn, record(&()), event.at);
            }
            let profile = json(&customer.profile)?;
            execute!(
                conn,
                INSERT,
                customer.id,
                customer.tenant_id,
                customer.livemode,
                customer.external_id,
                profile,
                customer.created_at,
            )?;
            events::insert!(conn, event);
            Ok(())
        })
    }

    /// A tenant's customer in one mode.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customer(
        &self,
        tenant: TenantId,
        livemode: bool,
        id: CustomerId,
    ) -> Result<Option<Customer>, StoreError> {
        read!(self, |conn| {
            Ok(fetch_optional!(conn, Row, BY_ID, tenant, livemode, id)?.map(Customer::try_from).transpose()?)
        })
    }

    /// The same by the tenant's own id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customer_by_external_id(
        &self,
        tenant: TenantId,
        livemode: bool,
        external_id: String,
    ) -> Result<Option<Customer>, StoreError> {
        read!(self, |conn| {
            let row = fetch_optional!(conn, Row, BY_EXTERNAL_ID, tenant, livemode, external_id)?;
            Ok(row.map(Customer::try_from).transpose()?)
        })
    }

    /// A tenant's customers with ids between the bounds, from the upper one down or the lower one up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customers(
        &self,
        tenant: TenantId,
        livemode: bool,
        below: Uuid,
        above: Uuid,
        down: bool,
        limit: i64,
    ) -> Result<Vec<Customer>, StoreError> {
        let sql = if down { DOWN } else { UP };
        read!(self, |conn| {
            let rows = fetch_all!(conn, Row, sql, tenant, livemode, below, above, limit)?;
            Ok(rows.into_iter().map(Customer::try_from).collect::<Result<_, _>>()?)
        })
    }

    /// Replaces the profile of `old` by that of `new`; `false` when it is no longer as it was read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn update_customer(&self, old: Customer, new: Customer, event: NewEvent) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            let row = fetch_optional!(conn, Row, BY_ID, new.tenant_id, new.livemode, new.id)?;
            // The text as it stands: a creation in passing, or another version, has written it in other words.
            let before = row.map(|row| row.profile).unwrap_or_default();
            let after = json(&new.profile)?;
            if from_json::<Profile>(&before).ok() != Some(old.profile) {
                return Ok(false);
            }
            if execute!(conn, UPDATE, new.tenant_id, new.livemode, new.id, after, before)? == 0 {
                return Ok(false);
            }
            events::insert!(conn, event);
            Ok(true)
        })
    }

    /// Erases a customer whose sessions were revoked before; whether there was one. From then on no list of events shows
    /// the person; [`Store::clear_erased`] clears the events themselves.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn erase_customer(
        &self,
        tenant: TenantId,
        livemode: bool,
        id: CustomerId,
        event: NewEvent,
    ) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            if execute!(conn, DELETE, tenant, livemode, id)? == 0 {
                return Ok(false);
            }
            execute!(conn, DELETE_SESSIONS, id)?;
            execute!(conn, erasures::INSERT, id, tenant, livemode, event.at)?;
            // Also for a session that was made since the others were revoked.
            revocations::insert!(conn, Revoked::Customer(id), event.at);
            events::insert!(conn, event);
            Ok(true)
        })
    }
}
