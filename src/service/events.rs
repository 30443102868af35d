//! Reading the audit trail.

use super::{Cursor, Error, Listed, Merchant};
use crate::{
    domain::{
        event::Event,
        id::{EventId, SessionId},
    },
    store::EventFilter,
};

impl Merchant {
    /// Lists events of this key's tenant and mode.
    ///
    /// # Errors
    /// When the key may read none.
    pub async fn events(
        &self,
        kind: Option<String>,
        session_id: Option<SessionId>,
        cursor: Cursor,
    ) -> Result<Listed<Event>, Error> {
        let page = cursor.page::<EventId>()?;
        self.require("event", "read")?;
        let filter = EventFilter { tenant_id: self.key.tenant_id, livemode: self.key.livemode, kind, session_id };
        Ok(Listed::cut(self.service.store().events(filter, page).await?, page))
    }
}
