//! Who holds live sessions of a portal, and taking them back, by the tenant's own ids.

use super::{Error, Merchant};
use crate::store::{HeldSession, HolderFilter, RecordFor, StatusFilter};

/// Which holders a back end wants listed.
#[derive(Clone, Debug)]
pub struct HolderQuery {
    /// Slug or id.
    pub portal: String,
    /// How many at most.
    pub limit: u32,
    /// Only those whose external id comes after this one.
    pub after: Option<String>,
    /// Only those whose external id starts so.
    pub prefix: Option<String>,
}

/// A page of holders, in the byte order of their external ids.
#[derive(Clone, Debug)]
pub struct Holders {
    /// Who holds sessions; may be fewer than asked for, or none, also where more follow.
    pub data: Vec<Holder>,
    /// The external id after which the next page begins, if there may be more.
    pub next: Option<String>,
}

/// A customer and the live sessions that it holds, newest first, of very many the newest.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The tenant's own id.
    pub external_id: String,
    /// Its live sessions, never empty.
    pub sessions: Vec<HeldSession>,
}

impl Merchant {
    /// Lists who holds live sessions of a portal.
    ///
    /// # Errors
    /// [`Error::PortalMissing`] when there is no such portal whose sessions this key may read.
    pub async fn holders(&self, query: HolderQuery) -> Result<Holders, Error> {
        let portal = self.portal_for("read_session", &query.portal).await?;
        let filter = HolderFilter {
            tenant_id: self.key.tenant_id,
            livemode: self.key.livemode,
            portal_id: portal.id,
            after: query.after,
            prefix: query.prefix,
            now: self.service.clock().now(),
        };
        let page = self.service.store().held_sessions(filter, query.limit).await?;
        let mut data: Vec<Holder> = Vec::new();
        for session in page.sessions {
            match data.last_mut() {
                Some(last) if last.external_id == session.customer_external_id => last.sessions.push(session),
                _ => data.push(Holder { external_id: session.customer_external_id.clone(), sessions: vec![session] }),
            }
        }
        Ok(Holders { data, next: page.next })
    }

    /// Revokes the live sessions that a customer holds in a portal; how many there were.
    ///
    /// # Errors
    /// [`Error::PortalMissing`] when there is no such portal whose sessions this key may revoke.
    pub async fn revoke_holder(
        &self,
        portal: &str,
        external_id: String,
        record: Option<RecordFor<u64>>,
    ) -> Result<u64, Error> {
        let portal = self.portal_for("revoke_session", portal).await?;
        let (tenant, livemode) = (self.key.tenant_id, self.key.livemode);
        match self.service.store().customer_by_external_id(tenant, livemode, external_id).await? {
            Some(customer) => {
                self.revoke_sessions_of(customer.id, Some(vec![portal.id]), StatusFilter::Live, record).await
            }
            None => Ok(0),
        }
    }
}
