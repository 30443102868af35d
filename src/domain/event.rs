//! The audit trail: who did what, when, and from where.

use super::{
    id::{CustomerId, EventId, KeyId, PortalId, SessionId, TenantId},
    session::Session,
    time::Timestamp,
};
use serde_json::Value;
use std::net::IpAddr;
use uuid::Uuid;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A link was minted.
    SessionCreated,
    /// Its landing page was seen for the first time.
    SessionOpened,
    /// It was exchanged for a browser session.
    SessionExchanged,
    /// A genuine token was refused because it was spent.
    SessionExchangeRefused,
    /// The session was revoked.
    SessionRevoked,
    /// The end user logged out.
    SessionEnded,
    /// A key was made.
    KeyCreated,
    /// A key was replaced by another.
    KeyRolled,
    /// A key was revoked.
    KeyRevoked,
    /// A portal was made.
    PortalCreated,
    /// A portal was changed.
    PortalUpdated,
    /// A portal was deleted.
    PortalDeleted,
    /// A customer was made by a call of its own.
    CustomerCreated,
    /// A customer's profile was changed.
    CustomerUpdated,
    /// A customer was erased.
    CustomerDeleted,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::SessionCreated,
        Self::SessionOpened,
        Self::SessionExchanged,
        Self::SessionExchangeRefused,
        Self::SessionRevoked,
        Self::SessionEnded,
        Self::KeyCreated,
        Self::KeyRolled,
        Self::KeyRevoked,
        Self::PortalCreated,
        Self::PortalUpdated,
        Self::PortalDeleted,
        Self::CustomerCreated,
        Self::CustomerUpdated,
        Self::CustomerDeleted,
    ];

    /// Its name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionCreated => "portal_session.created",
            Self::SessionOpened => "portal_session.opened",
            Self::SessionExchanged => "portal_session.exchanged",
            Self::SessionExchangeRefused => "portal_session.exchange_refused",
            Self::SessionRevoked => "portal_session.revoked",
            Self::SessionEnded => "portal_session.ended",
            Self::KeyCreated => "key.created",
            Self::KeyRolled => "key.rolled",
            Self::KeyRevoked => "key.revoked",
            Self::PortalCreated => "portal.created",
            Self::PortalUpdated => "portal.updated",
            Self::PortalDeleted => "portal.deleted",
            Self::CustomerCreated => "customer.created",
            Self::CustomerUpdated => "customer.updated",
            Self::CustomerDeleted => "customer.deleted",
        }
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A tenant's back end, by its key.
    Key(KeyId),
    /// The person in the browser, named by the customer.
    EndUser(CustomerId),
    /// Whoever runs the service, by the command line.
    Operator,
}

impl Actor {
    /// The kind's name on the wire and in the store.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::EndUser(_) => "end_user",
            Self::Operator => "operator",
        }
    }

    /// The bare id, where the kind has one.
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::Key(id) => Some(id.0),
            Self::EndUser(id) => Some(id.0),
            Self::Operator => None,
        }
    }

    /// The actor again from its kind's name and bare id.
    pub fn read(kind: &str, id: Option<Uuid>) -> Self {
        match (kind, id) {
            ("key", Some(id)) => Self::Key(KeyId(id)),
            ("end_user", Some(id)) => Self::EndUser(CustomerId(id)),
            _ => Self::Operator,
        }
    }
}

/// Who sent a request: its address, and what its program says it is.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    /// The peer's address, or what trusted proxies say of it.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, cut at 512 characters.
    pub user_agent: Option<String>,
}

/// Something to be written down, in the transaction of what it tells.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, which also orders it.
    pub id: EventId,
    /// Whose trail it belongs to.
    pub tenant_id: TenantId,
    /// Live rather than test mode.
    pub livemode: bool,
    /// What happened.
    pub kind: EventType,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// Who sent the request.
    pub client: ClientInfo,
    /// The session that it concerns.
    pub session_id: Option<SessionId>,
    /// The customer that it concerns.
    pub customer_id: Option<CustomerId>,
    /// The portal that it concerns.
    pub portal_id: Option<PortalId>,
    /// More about it; never a credential, never a person's name.
    pub data: Value,
}

impl NewEvent {
    /// The same, about a session.
    pub fn about(self, session: &Session) -> Self {
        let (session_id, customer_id, portal_id) = (session.id, session.customer_id, session.portal_id);
        Self { session_id: Some(session_id), customer_id: Some(customer_id), portal_id: Some(portal_id), ..self }
    }

    /// The same in the trails of both modes, for what belongs to both, as portals do.
    pub fn in_both_modes(self) -> [Self; 2] {
        // Another id of the same moment, so that both stand at the same place of their trails.
        let id = EventId(Uuid::from_u128(self.id.0.as_u128() ^ 1));
        let other = Self { id, livemode: !self.livemode, ..self.clone() };
        [self, other]
    }
}

/// An entry of the trail, as it is read back.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: String,
    /// When.
    pub created_at: Timestamp,
    /// Live rather than test mode.
    pub livemode: bool,
    /// Who did it.
    pub actor: Actor,
    /// The address that the request came from.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the request.
    pub user_agent: Option<String>,
    /// The session that it concerns.
    pub session_id: Option<SessionId>,
    /// The customer that it concerns.
    pub customer_id: Option<CustomerId>,
    /// The portal that it concerns.
    pub portal_id: Option<PortalId>,
    /// More about it.
    pub data: Value,
}
