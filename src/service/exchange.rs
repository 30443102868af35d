//! The exchange: a link token becomes a browser session, once.

use super::{Error, Service};
use crate::{
    domain::{
        event::{ClientInfo, EventType},
        id::{EventId, SessionId},
        secret::{Credential, Kind, SecretHash},
    },
    store::{Exchange, StoredSession},
};

/// A link token that somebody presents.
#[derive(Clone, Debug)]
pub struct ExchangeRequest<'a> {
    /// The token's text.
    pub token: &'a str,
    /// The client's nonce, which lets it repeat the exchange when the answer was lost.
    pub nonce: Option<&'a [u8]>,
    /// Who sends it.
    pub client: ClientInfo,
}

/// A browser session that was just started.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session.
    pub stored: StoredSession,
    /// Its browser token.
    pub credential: Credential,
}

impl Service {
    /// Exchanges a link token. Of any number of calls exactly one succeeds, but for a repeat with
    /// the same nonce, which gets a new secret while the first one is unused.
    ///
    /// # Errors
    /// [`Error::SessionInvalid`] alike for a token that is unknown, expired, used or revoked.
    pub async fn exchange(&self, request: ExchangeRequest<'_>) -> Result<Opened, Error> {
        let link = Credential::parse(request.token).filter(|token| token.kind() == Kind::Link);
        let link = link.ok_or(Error::SessionInvalid)?;
        let credential = Credential::mint(Kind::Browser, link.id());
        let item = Exchange {
            id: SessionId(link.id()),
            link_hash: link.hash(),
            browser_hash: credential.hash(),
            nonce_hash: request.nonce.map(SecretHash::of),
            client: request.client,
            event_id: EventId::at(self.clock().nanos()),
        };
        if let Some(stored) = self.inner.exchanges.submit(item.clone()).await? {
            return Ok(Opened { stored, credential });
        }
        if item.nonce_hash.is_some()
            && let Some(stored) = Box::pin(self.store().repeat_exchange(item.clone(), self.clock().now())).await?
        {
            return Ok(Opened { stored, credential });
        }
        Box::pin(self.note_refusal(&item)).await?;
        Err(Error::SessionInvalid)
    }

    /// Writes down that a genuine token came a second time.
    async fn note_refusal(&self, item: &Exchange) -> Result<(), Error> {
        let Some(stored) = self.store().stored_session(item.id).await? else { return Ok(()) };
        if stored.link_hash != Some(item.link_hash) || stored.session.used_at.is_none() {
            return Ok(());
        }
        let event = self.event_of_user(&stored.session, EventType::SessionExchangeRefused, &item.client);
        Ok(self.store().record(event).await?)
    }
}
