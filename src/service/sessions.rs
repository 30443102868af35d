//! What a back end does with sessions: create, get, list, revoke.

use super::{Cursor, Error, Listed, Merchant};
use crate::{
    domain::{
        Invalid,
        event::{EventType, NewEvent},
        id::{CustomerId, PortalId, SessionId},
        permission::Permission,
        portal::{DEFAULT_SLUG, Portal},
        return_url::WebUrl,
        secret::{Credential, Kind},
        session::{BrowserSession, Delivery, Session},
        text::Metadata,
        time::{Seconds, Timestamp},
    },
    store::{ListFilter, NewSession, Owner, PortalRef, RecordFor, ReplaceLinks, Revoked, StatusFilter},
};
use std::sync::Arc;

/// For whom a session is.
#[derive(Clone, Debug)]
pub enum CustomerRef {
    /// A customer that must exist.
    Id(CustomerId),
    /// The tenant's own id; the customer is made on first sight.
    ExternalId(String),
}

/// What the new session starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A link, to be exchanged.
    #[default]
    Link,
    /// A browser token at once.
    Token,
    /// A bearer token at once, as RevKeen's clients know it.
    Bearer,
}

/// A session that a back end asks for; everything in it was parsed.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// For whom.
    pub customer: CustomerRef,
    /// Slug or id; the portal `default` when left out.
    pub portal: Option<String>,
    /// What it may do; the portal's defaults when left out.
    pub permissions: Option<Vec<Permission>>,
    /// What it may do when the portal has no defaults either.
    pub fallback_permissions: Vec<Permission>,
    /// Where to go back to.
    pub return_url: Option<WebUrl>,
    /// How long the link lives; the portal's when left out.
    pub link_ttl: Option<Seconds>,
    /// How long the browser session lives; the portal's when left out.
    pub session_ttl: Option<Seconds>,
    /// Where to land in the portal.
    pub path: Option<String>,
    /// How the landing page behaves.
    pub delivery: Delivery,
    /// What it starts with.
    pub mode: Mode,
    /// Revokes the customer's unused links first.
    pub replace_existing: bool,
    /// For trying the portal out.
    pub preview: bool,
    /// The language of its pages.
    pub locale: Option<String>,
    /// The tenant's notes.
    pub metadata: Metadata,
    /// What another dialect asked for, in its words.
    pub scopes: Option<Vec<String>>,
}

impl SessionRequest {
    /// A plain link for somebody.
    pub fn new(customer: CustomerRef) -> Self {
        Self {
            customer,
            portal: None,
            permissions: None,
            fallback_permissions: Vec::new(),
            return_url: None,
            link_ttl: None,
            session_ttl: None,
            path: None,
            delivery: Delivery::Message,
            mode: Mode::Link,
            replace_existing: false,
            preview: false,
            locale: None,
            metadata: Metadata::new(),
            scopes: None,
        }
    }
}

/// A new session with the credential that no other answer ever holds.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The session.
    pub session: Session,
    /// Its link token, or its browser token when it has no link.
    pub credential: Credential,
}

/// Which sessions a back end wants listed.
#[derive(Clone, Debug)]
pub struct SessionQuery {
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only this customer's, by the tenant's own id.
    pub customer_external_id: Option<String>,
    /// Only this portal's: slug or id.
    pub portal: Option<String>,
    /// By where they stand.
    pub status: StatusFilter,
}

impl Merchant {
    /// Mints a session. With `record`, the answer that it renders is kept in the same transaction.
    ///
    /// # Errors
    /// When the portal is missing or disabled, the customer is missing, or the key may not give that away.
    pub async fn create_session(
        &self,
        request: SessionRequest,
        record: Option<RecordFor<Minted>>,
    ) -> Result<Minted, Error> {
        let portal = self.portal_for("create_session", request.portal.as_deref().unwrap_or(DEFAULT_SLUG)).await?;
        if !portal.enabled {
            return Err(Error::PortalDisabled);
        }
        let replace = request.replace_existing;
        let (mut item, credential) = self.new_session(request, &portal)?;
        if let Some(render) = record {
            let credential = credential.clone();
            item.record = Some(Box::new(move |session| {
                render(&Minted { session: session.clone(), credential: credential.clone() })
            }));
        }
        let item = Arc::new(item);
        let owner = match replace {
            true => Box::pin(self.replace_links(Arc::clone(&item))).await?,
            false => self.service.inner.creates.submit(Arc::clone(&item)).await?,
        };
        let owner = owner.ok_or(Error::Missing("customer"))?;
        Ok(Minted { session: item.kept_for(owner), credential })
    }

    fn new_session(&self, request: SessionRequest, portal: &Portal) -> Result<(NewSession, Credential), Error> {
        let defaults = &portal.settings.default_permissions;
        let defaults = if defaults.is_empty() { &request.fallback_permissions } else { defaults };
        let permissions = request.permissions.unwrap_or_else(|| defaults.clone());
        if let Some((n, permission)) = self.key.exceeded_by(&permissions) {
            let what = permission.as_str();
            return Err(Error::PermissionDenied(format!("This key may not grant permissions[{n}], {what}.")));
        }
        if request.return_url.as_ref().is_some_and(|url| !portal.allows_return_to(url)) {
            let why = Invalid::new("The portal's allowedReturnOrigins do not include this URL's origin.");
            return Err(Error::field("returnUrl", why));
        }
        let nanos = self.service.clock().nanos();
        let now = Timestamp::from_nanos(nanos);
        let id = SessionId::at(nanos);
        let session_ttl = request.session_ttl.unwrap_or(Seconds(portal.settings.session_ttl));
        let kind = match request.mode {
            Mode::Link => Kind::Link,
            Mode::Token => Kind::Browser,
            Mode::Bearer => Kind::Bearer,
        };
        let credential = Credential::mint(kind, id.0);
        let browser = (request.mode != Mode::Link).then(|| BrowserSession {
            started_at: now,
            expires_at: now.plus(session_ttl),
            ended_at: None,
            ip_address: None,
            user_agent: None,
        });
        let link_expires_at = match &browser {
            Some(browser) => browser.expires_at,
            None => now.plus(request.link_ttl.unwrap_or(Seconds(portal.settings.link_ttl))),
        };
        let (by_external_id, customer_id, customer_external_id) = match request.customer {
            CustomerRef::Id(id) => (false, id, String::new()),
            CustomerRef::ExternalId(name) => (true, CustomerId::at(nanos), name),
        };
        let session = Session {
            id,
            tenant_id: self.key.tenant_id,
            portal_id: portal.id,
            portal_slug: portal.slug.clone(),
            customer_id,
            customer_external_id,
            livemode: self.key.livemode,
            permissions,
            return_url: request.return_url.map(|url| url.as_str().to_owned()),
            path: request.path,
            delivery: request.delivery,
            preview: request.preview,
            locale: request.locale,
            metadata: request.metadata,
            scopes: request.scopes,
            created_at: now,
            link_expires_at,
            session_ttl,
            opened_at: None,
            used_at: browser.is_some().then_some(now),
            browser,
        };
        let mut event = self.event(EventType::SessionCreated);
        // The moment is the session's, also when a millisecond has passed since.
        event.at = now;
        event.session_id = Some(id);
        event.portal_id = Some(portal.id);
        let (link_hash, browser_hash) = match request.mode {
            Mode::Link => (Some(credential.hash()), None),
            Mode::Token | Mode::Bearer => (None, Some(credential.hash())),
        };
        Ok((NewSession { session, by_external_id, link_hash, browser_hash, event, record: None }, credential))
    }

    /// Keeps a session in place of the customer's unused links.
    async fn replace_links(&self, item: Arc<NewSession>) -> Result<Option<Owner>, Error> {
        let portals = self.portals_for("revoke_session").await?;
        let merchant = self.clone();
        let event = Box::new(move |session, portal, customer| {
            let event = merchant.event(EventType::SessionRevoked);
            NewEvent { session_id: Some(session), portal_id: Some(portal), customer_id: Some(customer), ..event }
        });
        Ok(self.service.store().replace_session(item, ReplaceLinks { portals, event }).await?)
    }

    /// Reads a session.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none that this key may read.
    pub async fn session(&self, id: SessionId) -> Result<Session, Error> {
        self.session_for("read_session", id).await
    }

    async fn session_for(&self, action: &str, id: SessionId) -> Result<Session, Error> {
        let key = &self.key;
        let session = self.service.store().session(key.tenant_id, key.livemode, id).await?;
        session
            .filter(|session| key.may_at(action, session.portal_id, &session.portal_slug))
            .ok_or(Error::Missing("portal session"))
    }

    /// Lists sessions.
    ///
    /// # Errors
    /// When the key may read no portal's sessions at all, or the named portal is missing.
    pub async fn sessions(&self, query: SessionQuery, cursor: Cursor) -> Result<Listed<Session>, Error> {
        let page = cursor.page::<SessionId>()?;
        let key = &self.key;
        if key.permissions.named("portal", "read_session").is_some_and(|names| names.is_empty()) {
            return Err(Error::PermissionDenied("This key lacks the permission portal.*.read_session.".into()));
        }
        let portals = match &query.portal {
            Some(name) => Some(vec![self.portal_for("read_session", name).await?.id]),
            None => self.portals_for("read_session").await?,
        };
        let mut customer_id = query.customer_id;
        if let Some(name) = query.customer_external_id {
            let customer = self.service.store().customer_by_external_id(key.tenant_id, key.livemode, name).await?;
            match (customer, customer_id) {
                (Some(customer), None) => customer_id = Some(customer.id),
                (Some(customer), Some(id)) if customer.id == id => {}
                _ => return Ok(Listed { data: Vec::new(), has_more: false }),
            }
        }
        let filter = ListFilter {
            tenant_id: key.tenant_id,
            livemode: key.livemode,
            customer_id,
            portals,
            status: query.status,
            now: self.service.clock().now(),
        };
        Ok(Listed::cut(self.service.store().sessions(filter, page).await?, page))
    }

    /// Revokes a session for good: its link and its browser session stop at once.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none (any more) that this key may revoke.
    pub async fn revoke_session(&self, id: SessionId) -> Result<(), Error> {
        let session = self.session_for("revoke_session", id).await?;
        let event = self.event(EventType::SessionRevoked).about(&session);
        let (tenant, livemode) = (self.key.tenant_id, self.key.livemode);
        let revoked = self.service.store().revoke_session(tenant, livemode, id, event).await?;
        self.service.evict(Revoked::Session(id));
        revoked.then_some(()).ok_or(Error::Missing("portal session"))
    }

    /// Revokes a customer's sessions, those of `status` in `portals`; how many there were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn revoke_sessions_of(
        &self,
        customer: CustomerId,
        portals: Option<Vec<PortalId>>,
        status: StatusFilter,
        record: Option<RecordFor<u64>>,
    ) -> Result<u64, Error> {
        let filter = ListFilter {
            tenant_id: self.key.tenant_id,
            livemode: self.key.livemode,
            customer_id: Some(customer),
            portals,
            status,
            now: self.service.clock().now(),
        };
        let merchant = self.clone();
        let event = move |session, portal| {
            let event = merchant.event(EventType::SessionRevoked);
            NewEvent { session_id: Some(session), portal_id: Some(portal), customer_id: Some(customer), ..event }
        };
        let revoked = self.service.store().revoke_sessions_of(filter, customer, event, record).await?;
        self.service.evict(Revoked::Customer(customer));
        Ok(revoked)
    }

    /// The portal of that slug or id, if the key may do `action` to it.
    pub(super) async fn portal_for(&self, action: &str, name: &str) -> Result<Arc<Portal>, Error> {
        let portal = self.service.portal(self.key.tenant_id, PortalRef::parse(name)).await?;
        portal.filter(|portal| self.key.may(action, portal)).ok_or(Error::PortalMissing)
    }

    /// The portals to which the key may do `action`; `None` for all.
    pub(super) async fn portals_for(&self, action: &str) -> Result<Option<Vec<PortalId>>, Error> {
        let Some(names) = self.key.permissions.named("portal", action) else { return Ok(None) };
        let mut portals = Vec::with_capacity(names.len());
        for name in names {
            portals
                .extend(self.service.portal(self.key.tenant_id, PortalRef::parse(name)).await?.map(|portal| portal.id));
        }
        Ok(Some(portals))
    }
}
