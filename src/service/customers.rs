//! Customers.

use super::{Cursor, Error, Listed, Merchant, attempts};
use crate::{
    domain::{
        customer::{Customer, Profile},
        event::EventType,
        id::CustomerId,
        time::Timestamp,
    },
    store::{RecordFor, StatusFilter},
};

/// A customer that is to be made.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The tenant's own id.
    pub external_id: String,
    /// Everything else.
    pub profile: Profile,
}

/// What a PATCH changes in a profile.
pub type CustomerChanges = Box<dyn Fn(&mut Profile) -> Result<(), Error> + Send + Sync>;

impl Merchant {
    /// Makes a customer. With `record`, the answer that it renders is kept in the same transaction.
    ///
    /// # Errors
    /// When the key may not, or the external id is taken.
    pub async fn create_customer(
        &self,
        new: NewCustomer,
        record: Option<RecordFor<Customer>>,
    ) -> Result<Customer, Error> {
        self.require("customer", "update")?;
        let nanos = self.service.clock().nanos();
        let customer = Customer {
            id: CustomerId::at(nanos),
            tenant_id: self.key.tenant_id,
            livemode: self.key.livemode,
            external_id: new.external_id,
            profile: new.profile,
            created_at: Timestamp::from_nanos(nanos),
        };
        let mut event = self.event(EventType::CustomerCreated);
        event.customer_id = Some(customer.id);
        let kept = customer.clone();
        let record = record.map(|render| Box::new(move |(): &()| render(&kept)) as RecordFor<()>);
        self.service.store().insert_customer(customer.clone(), event, record).await?;
        Ok(customer)
    }

    /// Reads a customer.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none that this key may read.
    pub async fn customer(&self, id: CustomerId) -> Result<Customer, Error> {
        self.customer_for("read", id).await
    }

    async fn customer_for(&self, action: &str, id: CustomerId) -> Result<Customer, Error> {
        if !self.key.may_all("customer", action) {
            return Err(Error::Missing("customer"));
        }
        self.any_customer(id).await
    }

    pub(super) async fn any_customer(&self, id: CustomerId) -> Result<Customer, Error> {
        let found = self.service.store().customer(self.key.tenant_id, self.key.livemode, id).await?;
        found.ok_or(Error::Missing("customer"))
    }

    /// Lists customers, or the one with that external id.
    ///
    /// # Errors
    /// When the key may read none.
    pub async fn customers(&self, external_id: Option<String>, cursor: Cursor) -> Result<Listed<Customer>, Error> {
        let page = cursor.page::<CustomerId>()?;
        self.require("customer", "read")?;
        let (tenant, livemode) = (self.key.tenant_id, self.key.livemode);
        let store = self.service.store();
        if let Some(name) = external_id {
            let found = store.customer_by_external_id(tenant, livemode, name).await?;
            let within = |customer: &Customer| customer.id.0 < page.below() && customer.id.0 > page.above();
            return Ok(Listed::cut(found.into_iter().filter(within).collect(), page));
        }
        let rows = store.customers(tenant, livemode, page.below(), page.above(), page.is_down(), page.fetch()).await?;
        Ok(Listed::cut(rows, page))
    }

    /// Changes a customer's profile.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none that this key may change.
    pub async fn update_customer(&self, id: CustomerId, changes: CustomerChanges) -> Result<Customer, Error> {
        for () in attempts() {
            let old = self.customer_for("update", id).await?;
            let mut new = old.clone();
            changes(&mut new.profile)?;
            let mut event = self.event(EventType::CustomerUpdated);
            event.customer_id = Some(id);
            if self.service.store().update_customer(old, new.clone(), event).await? {
                return Ok(new);
            }
        }
        Err(Error::Unavailable)
    }

    /// Erases a customer: its sessions end, its personal data go, the trail keeps only ids.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none that this key may change.
    pub async fn erase_customer(&self, id: CustomerId) -> Result<(), Error> {
        self.customer_for("update", id).await?;
        self.revoke_sessions_of(id, None, StatusFilter::All, None).await?;
        let mut event = self.event(EventType::CustomerDeleted);
        event.customer_id = Some(id);
        let erased = self.service.store().erase_customer(self.key.tenant_id, self.key.livemode, id, event).await?;
        self.service.evict(crate::store::Revoked::Customer(id));
        self.service.inner.cleaner.ask();
        erased.then_some(()).ok_or(Error::Missing("customer"))
    }

    /// Revokes all sessions of a customer that the key may revoke; how many there were.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such customer, or the key may revoke nothing.
    pub async fn revoke_customer_sessions(&self, id: CustomerId, record: Option<RecordFor<u64>>) -> Result<u64, Error> {
        let portals = self.portals_for("revoke_session").await?;
        if portals.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::Missing("customer"));
        }
        self.any_customer(id).await?;
        self.revoke_sessions_of(id, portals, StatusFilter::All, record).await
    }
}
