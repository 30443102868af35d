//! Portal sessions: one row, two credentials in turn.

use super::{
    id::{CustomerId, PortalId, SessionId, TenantId},
    permission::{Permission, Tab},
    text::Metadata,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How the landing page behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// It asks for a click, so that a mail scanner spends nothing.
    #[default]
    Message,
    /// It goes on by itself: for links that a server redirects to.
    Redirect,
}

impl Delivery {
    /// The word for it on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Redirect => "redirect",
        }
    }
}

/// Where a session stands at an instant. Revoking deletes the row, from any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The link waits.
    Pending,
    /// The landing page was seen.
    Opened,
    /// The link was exchanged and the browser session lives.
    Active,
    /// Logged out.
    Ended,
    /// The link, or the browser session, ran out.
    Expired,
}

/// A portal session as everybody may see it: no credential, no hash.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which portal it opens.
    pub portal_id: PortalId,
    /// That portal's slug.
    pub portal_slug: String,
    /// For whom.
    pub customer_id: CustomerId,
    /// The tenant's own id of that customer.
    pub customer_external_id: String,
    /// Live rather than test mode.
    pub livemode: bool,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Where to go back to.
    pub return_url: Option<String>,
    /// Where to land in the portal.
    pub path: Option<String>,
    /// How the landing page behaves.
    pub delivery: Delivery,
    /// Whether it is for trying the portal out.
    pub preview: bool,
    /// The language of its pages.
    pub locale: Option<String>,
    /// The tenant's notes.
    pub metadata: Metadata,
    /// What the creation asked for in another dialect's words, to be shown there again.
    pub scopes: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on the link is refused; exactly then it already is.
    pub link_expires_at: Timestamp,
    /// How long the browser session lives from the exchange on.
    pub session_ttl: Seconds,
    /// When the landing page was first seen.
    pub opened_at: Option<Timestamp>,
    /// When the link was exchanged.
    pub used_at: Option<Timestamp>,
    /// What the exchange started.
    pub browser: Option<BrowserSession>,
}

/// The second half of a session's life.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// When the link was exchanged.
    pub started_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// When it was logged out.
    pub ended_at: Option<Timestamp>,
    /// From where the link was exchanged.
    pub ip_address: Option<String>,
    /// With what it was exchanged.
    pub user_agent: Option<String>,
}

impl BrowserSession {
    /// Whether it is neither logged out nor run out at `now`.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

impl Session {
    /// Where it stands at `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        match &self.browser {
            Some(browser) if browser.ended_at.is_some() => Status::Ended,
            Some(browser) if now >= browser.expires_at => Status::Expired,
            Some(_) => Status::Active,
            None if now >= self.link_expires_at => Status::Expired,
            None if self.opened_at.is_some() => Status::Opened,
            None => Status::Pending,
        }
    }

    /// The tabs that its permissions show.
    pub fn tabs(&self) -> Vec<Tab> {
        Tab::visible(&self.permissions)
    }

    /// Whether it may do one of these actions, to whatever it may do it to.
    pub fn may(&self, actions: &[&str]) -> bool {
        let mut own = self.permissions.iter().map(Permission::action);
        own.any(|action| action == "*" || actions.contains(&action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            id: SessionId::at(0),
            tenant_id: TenantId::at(0),
            portal_id: PortalId::at(0),
            portal_slug: "default".into(),
            customer_id: CustomerId::at(0),
            customer_external_id: "acme-001".into(),
            livemode: false,
            permissions: vec![],
            return_url: None,
            path: None,
            delivery: Delivery::Message,
            preview: false,
            locale: None,
            metadata: Metadata::new(),
            scopes: None,
            created_at: Timestamp::from_millis(0),
            link_expires_at: Timestamp::from_millis(900),
            session_ttl: Seconds(1),
            opened_at: None,
            used_at: None,
            browser: None,
        }
    }

    #[test]
    fn a_link_is_expired_exactly_at_its_expiry() {
        let mut session = session();
        assert_eq!(session.status(Timestamp::from_millis(899)), Status::Pending);
        assert_eq!(session.status(Timestamp::from_millis(900)), Status::Expired);
        session.opened_at = Some(Timestamp::from_millis(1));
        assert_eq!(session.status(Timestamp::from_millis(899)), Status::Opened);
    }

    #[test]
    fn after_the_exchange_the_link_no_longer_counts() {
        let mut session = session();
        session.browser = Some(BrowserSession {
            started_at: Timestamp::from_millis(500),
            expires_at: Timestamp::from_millis(1500),
            ended_at: None,
            ip_address: None,
            user_agent: None,
        });
        assert_eq!(session.status(Timestamp::from_millis(1499)), Status::Active);
        assert_eq!(session.status(Timestamp::from_millis(1500)), Status::Expired);
        session.browser.as_mut().unwrap().ended_at = Some(Timestamp::from_millis(600));
        assert_eq!(session.status(Timestamp::from_millis(700)), Status::Ended);
    }
}
