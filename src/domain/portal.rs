//! Portals: what a tenant configures once and its sessions refer to.

use super::{
    id::{PortalId, TenantId},
    permission::Permission,
    return_url::WebUrl,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How long a link lives unless the portal or the session says otherwise.
pub const DEFAULT_LINK_TTL: Seconds = Seconds(900);
/// How long a browser session lives unless the portal or the session says otherwise.
pub const DEFAULT_SESSION_TTL: Seconds = Seconds(86_400);
/// The longest a link may live.
pub const MAX_LINK_TTL: Seconds = Seconds::days(7);
/// How long a link lives at least.
pub const MIN_LINK_TTL: Seconds = Seconds(60);
/// How long a browser session lives at least.
pub const MIN_SESSION_TTL: Seconds = Seconds(300);
/// The longest a browser session may live.
pub const MAX_SESSION_TTL: Seconds = Seconds::days(30);
/// The slug of the portal that every tenant has and can't delete.
pub const DEFAULT_SLUG: &str = "default";

/// A portal configuration.
#[derive(Clone, Debug)]
pub struct Portal {
    /// Its id.
    pub id: PortalId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Everything that a merchant sets.
    pub settings: Settings,
    /// Unique within the tenant.
    pub slug: String,
    /// A disabled portal starts no session and suspends those that it has.
    pub enabled: bool,
}

/// What a merchant sets besides the slug and whether it is enabled; kept as one JSON document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// For people to read.
    pub name: Option<String>,
    /// Where people are sent when they leave or their session is over.
    pub return_url: Option<String>,
    /// Origins that a session's return URL must lie in; empty for any.
    pub allowed_return_origins: Vec<String>,
    /// The merchant's own portal, in place of the hosted pages.
    pub app_url: Option<String>,
    /// How the hosted pages look.
    pub branding: Branding,
    /// How long a link lives.
    pub link_ttl: u32,
    /// How long a browser session lives.
    pub session_ttl: u32,
    /// What a session may do when its creation doesn't say.
    pub default_permissions: Vec<Permission>,
    /// Origins that may show the portal in a frame; empty for none.
    pub frame_ancestors: Vec<String>,
    /// The merchant's back end behind the gateway.
    pub upstream_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            return_url: None,
            allowed_return_origins: Vec::new(),
            app_url: None,
            branding: Branding::default(),
            link_ttl: DEFAULT_LINK_TTL.0,
            session_ttl: DEFAULT_SESSION_TTL.0,
            default_permissions: Vec::new(),
            frame_ancestors: Vec::new(),
            upstream_url: None,
        }
    }
}

/// How the hosted pages look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Branding {
    /// `#rrggbb`.
    pub primary_color: String,
    /// An https address of an image.
    pub logo_url: Option<String>,
    /// The name on the pages; the portal's own when there is none.
    pub display_name: Option<String>,
}

impl Default for Branding {
    fn default() -> Self {
        Self { primary_color: "#2563eb".to_owned(), logo_url: None, display_name: None }
    }
}

impl Portal {
    /// The name that people see.
    pub fn display_name(&self) -> &str {
        let settings = &self.settings;
        settings.branding.display_name.as_deref().or(settings.name.as_deref()).unwrap_or(&self.slug)
    }

    /// Whether other sites may show its pages in a frame.
    pub fn is_framed(&self) -> bool {
        !self.settings.frame_ancestors.is_empty()
    }

    /// Whether pages of `origin` belong to this portal: its `appUrl`, and those that show it in a frame.
    pub fn owns_origin(&self, origin: &str) -> bool {
        let app = self.settings.app_url.as_deref().and_then(|url| WebUrl::parse(url).ok());
        app.is_some_and(|app| app.origin() == origin) || self.settings.frame_ancestors.iter().any(|own| own == origin)
    }

    /// Whether a session of this portal may send people back to `url`.
    pub fn allows_return_to(&self, url: &WebUrl) -> bool {
        let allowed = &self.settings.allowed_return_origins;
        allowed.is_empty() || allowed.contains(&url.origin())
    }
}
