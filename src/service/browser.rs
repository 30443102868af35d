//! What a browser may do: look at a link, be recognised, log out.

use super::{Error, Service, watch::in_time};
use crate::{
    domain::{
        customer::Customer,
        event::{ClientInfo, EventType},
        id::{PortalId, SessionId},
        portal::Portal,
        secret::{Credential, Kind, SecretHash},
        session::Session,
        time::{Seconds, Timestamp},
    },
    store::{REPEAT_WINDOW, Revoked, StoredSession},
};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// A clock's doubt, added to the time in which an exchange may be repeated.
const SLACK: Seconds = Seconds(5);

/// A live session of an enabled portal as it is remembered between requests: what each of them looks at side by side, so
/// that little has to come from memory, and all else behind a pointer. Whatever ends it but time has it forgotten.
pub(super) struct Recognised {
    browser_hash: SecretHash,
    expires_at: Timestamp,
    pub(super) portal_id: PortalId,
    /// The answer that tells who it is, rendered once: nothing in it changes while it is remembered.
    rendered: OnceLock<Box<[u8]>>,
    /// How many ordinary sessions it takes the room of.
    pub(super) weight: u64,
    pub(super) session: Box<Session>,
}

/// The texts of an ordinary session, or portal, have fewer bytes than this; what is remembered of one with more takes as many
/// times the room.
pub(super) const ORDINARY: usize = 1024;

impl Recognised {
    fn new(session: Session, browser_hash: SecretHash, expires_at: Timestamp) -> Self {
        let permissions = session.permissions.iter().map(|permission| permission.as_str().len());
        let metadata = session.metadata.iter().map(|(key, value)| key.len() + value.len());
        let scopes = session.scopes.iter().flatten().map(String::len);
        let places = [&session.return_url, &session.path].into_iter().flatten().map(String::len);
        let texts: usize = permissions.chain(metadata).chain(scopes).chain(places).sum();
        Self {
            browser_hash,
            expires_at,
            portal_id: session.portal_id,
            rendered: OnceLock::new(),
            weight: 1 + (texts / ORDINARY) as u64,
            session: Box::new(session),
        }
    }
}

/// What was rendered of a session. It is kept by what is remembered, not counted on its own far away from that.
struct Rendered(Arc<Recognised>);

impl AsRef<[u8]> for Rendered {
    fn as_ref(&self) -> &[u8] {
        self.0.rendered.get().map_or(&[], |rendered| rendered)
    }
}

/// A browser that showed a live browser token.
#[derive(Clone)]
pub struct EndUser {
    pub(super) service: Service,
    recognised: Arc<Recognised>,
}

/// A genuine link, as whoever looks at it finds it; looking consumes nothing.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The session that it opens.
    pub session: Session,
    /// That session's portal.
    pub portal: Arc<Portal>,
    /// Where it stands.
    pub state: LinkState,
}

/// Where a link stands, for whoever looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It can be redeemed.
    Ready,
    /// It was redeemed before.
    Used,
    /// It ran out, or its portal is disabled.
    Expired,
}

impl EndUser {
    /// The session.
    pub fn session(&self) -> &Session {
        &self.recognised.session
    }

    /// Which portal's it is.
    pub fn portal_id(&self) -> PortalId {
        self.recognised.portal_id
    }

    /// Its portal.
    ///
    /// # Errors
    /// [`Error::SessionInvalid`] when the portal has just been deleted.
    pub async fn portal(&self) -> Result<Arc<Portal>, Error> {
        self.service.public_portal(self.portal_id()).await?.ok_or(Error::SessionInvalid)
    }

    /// Whose session it is.
    ///
    /// # Errors
    /// [`Error::SessionInvalid`] when the customer has just been erased.
    pub async fn customer(&self) -> Result<Customer, Error> {
        let Session { tenant_id, livemode, customer_id, .. } = *self.session();
        self.service.store().customer(tenant_id, livemode, customer_id).await?.ok_or(Error::SessionInvalid)
    }

    /// What `render` makes of the session, made once for as long as it is remembered.
    pub fn rendered(&self, render: impl FnOnce(&Session) -> Vec<u8>) -> Bytes {
        self.recognised.rendered.get_or_init(|| render(self.session()).into());
        Bytes::from_owner(Rendered(Arc::clone(&self.recognised)))
    }

    /// Ends the session, here at once and everywhere within a second.
    ///
    /// # Errors
    /// [`Error::SessionInvalid`] when it is over already.
    pub async fn log_out(&self, client: &ClientInfo) -> Result<(), Error> {
        let session = self.session();
        let event = self.service.event_of_user(session, EventType::SessionEnded, client);
        let ended = self.service.store().end_session(session.id, self.recognised.browser_hash, event).await?;
        self.service.evict(Revoked::Session(session.id));
        ended.then_some(()).ok_or(Error::SessionInvalid)
    }
}

impl Service {
    /// Recognises a browser by its token; with `portal`, only for a session of that one.
    ///
    /// # Errors
    /// [`Error::SessionInvalid`] unless that token holds a live session of an enabled portal.
    pub async fn recognise(&self, token: &str, portal: Option<PortalId>) -> Result<EndUser, Error> {
        let credential = Credential::parse(token).filter(|token| matches!(token.kind(), Kind::Browser | Kind::Bearer));
        let credential = credential.ok_or(Error::SessionInvalid)?;
        let (id, browser_hash) = (SessionId(credential.id()), credential.hash());
        let remembered = self.caches().sessions.get(&id).filter(|_| self.hears_revocations());
        let is_there = |owner: PortalId| portal.is_none_or(|portal| portal == owner);
        // A wrong secret takes the same way as an unknown id.
        let recognised = match remembered.filter(|known| known.browser_hash == browser_hash) {
            Some(known) if self.clock().now() < known.expires_at && is_there(known.portal_id) => known,
            Some(_) => return Err(Error::SessionInvalid),
            // Boxed: it is seldom needed, and every request would carry room for it.
            None => in_time(Box::pin(self.read_session(id, browser_hash, portal))).await?,
        };
        Ok(EndUser { service: *self, recognised })
    }

    /// Until when that secret opens it; `None` when it does not now.
    fn open_until(&self, stored: &StoredSession, browser_hash: SecretHash) -> Option<Timestamp> {
        let now = self.clock().now();
        let is_its = stored.portal_enabled && stored.browser_hash == Some(browser_hash);
        let browser = stored.session.browser.as_ref().filter(|browser| is_its && browser.is_live_at(now))?;
        Some(browser.expires_at)
    }

    /// Reads a session that this secret opens from the store, and remembers it: from then on its secret does not change.
    async fn read_session(
        &self,
        id: SessionId,
        browser_hash: SecretHash,
        portal: Option<PortalId>,
    ) -> Result<Arc<Recognised>, Error> {
        let sessions = &self.caches().sessions;
        let ticket = sessions.ticket(&id);
        let mut stored = self.store().stored_session(id).await?.ok_or(Error::SessionInvalid)?;
        self.open_until(&stored, browser_hash).ok_or(Error::SessionInvalid)?;
        // Whoever is refused elsewhere has not used it yet.
        if portal.is_some_and(|portal| portal != stored.session.portal_id) {
            return Err(Error::SessionInvalid);
        }
        let now = self.clock().now();
        let repeatable = stored.nonce_hash.is_some() && stored.first_used_at.is_none();
        if repeatable && stored.session.used_at.is_some_and(|at| now < at.plus(REPEAT_WINDOW).plus(SLACK)) {
            // From its first use on, no repeat of the exchange replaces the secret.
            if !self.store().note_first_use(id, browser_hash, now).await? {
                stored = self.store().stored_session(id).await?.ok_or(Error::SessionInvalid)?;
            }
        }
        let expires_at = self.open_until(&stored, browser_hash).ok_or(Error::SessionInvalid)?;
        let recognised = Arc::new(Recognised::new(stored.session, browser_hash, expires_at));
        sessions.fill(ticket, &id, Arc::clone(&recognised));
        Ok(recognised)
    }

    /// The session that a browser token once opened, live or over; `None` when it was revoked.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn past_session(&self, token: &str) -> Result<Option<Session>, Error> {
        let Some(credential) = Credential::parse(token) else { return Ok(None) };
        let stored = self.store().stored_session(SessionId(credential.id())).await?;
        Ok(stored.filter(|stored| stored.browser_hash == Some(credential.hash())).map(|stored| stored.session))
    }

    /// Looks at a link without consuming it; `None` when it never was, or was revoked. With the nonce
    /// of an exchange whose answer may be lost, a used link is ready as long as it can be repeated.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look(&self, token: &str, nonce: Option<&str>) -> Result<Option<Landing>, Error> {
        let Some(link) = Credential::parse(token) else { return Ok(None) };
        let Some(stored) = self.store().stored_session(SessionId(link.id())).await? else { return Ok(None) };
        let hash = match link.kind() {
            Kind::Link => stored.link_hash,
            // A bearer token is its own link, again and again.
            Kind::Bearer => stored.browser_hash,
            _ => None,
        };
        let portal = self.public_portal(stored.session.portal_id).await?;
        let Some(portal) = portal.filter(|_| hash == Some(link.hash())) else { return Ok(None) };
        let state = self.state(link.kind(), &stored, nonce);
        Ok(Some(Landing { session: stored.session, portal, state }))
    }

    fn state(&self, kind: Kind, stored: &StoredSession, nonce: Option<&str>) -> LinkState {
        let (session, now) = (&stored.session, self.clock().now());
        let is_over = session.browser.as_ref().is_some_and(|browser| !browser.is_live_at(now));
        match session.used_at {
            _ if !stored.portal_enabled => LinkState::Expired,
            None if now >= session.link_expires_at => LinkState::Expired,
            None => LinkState::Ready,
            Some(_) if kind == Kind::Bearer && is_over => LinkState::Expired,
            Some(_) if kind == Kind::Bearer => LinkState::Ready,
            Some(used_at) => {
                let same = nonce.is_some_and(|nonce| stored.nonce_hash == Some(SecretHash::of(nonce.as_bytes())));
                let repeatable = stored.first_used_at.is_none() && now <= used_at.plus(REPEAT_WINDOW);
                if same && repeatable && !is_over { LinkState::Ready } else { LinkState::Used }
            }
        }
    }

    /// Notes once that a person's browser has seen the landing page.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note_opened(&self, token: &str, session: &Session, client: &ClientInfo) -> Result<(), Error> {
        let Some(link) = Credential::parse(token).filter(|_| session.opened_at.or(session.used_at).is_none()) else {
            return Ok(());
        };
        let event = self.event_of_user(session, EventType::SessionOpened, client);
        self.store().open_session(session.id, link.hash(), event).await?;
        Ok(())
    }
}
