//! The objects of the API.

use crate::domain::{
    customer::Customer,
    event::{Actor, Event},
    id::{CustomerId, EventId, PortalId, SessionId},
    permission::{Permission, Tab},
    portal::Portal,
    session::{Session, Status},
    text::Metadata,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A portal session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PortalSession)]
pub(crate) struct SessionDto<'a> {
    /// Always `portal_session`.
    #[schema(example = "portal_session")]
    object: &'static str,
    #[schema(value_type = String, example = "ps_06FFNIzBqHtoj7vIDMNL9X")]
    id: SessionId,
    #[schema(value_type = String, example = "pending", pattern = "^(pending|opened|active|ended|expired)$")]
    status: Status,
    /// Whether the link was exchanged.
    is_used: bool,
    #[schema(value_type = String, example = "cus_06FFNIzBqHtoj7vIDMNL9Y")]
    customer_id: CustomerId,
    #[schema(example = "acme-001")]
    customer_external_id: &'a str,
    /// The portal's slug.
    #[schema(example = "default")]
    portal: &'a str,
    #[schema(value_type = String, example = "ptl_06FFNIzBqHtoj7vIDMNL9Z")]
    portal_id: PortalId,
    #[schema(value_type = Vec<String>, example = json!(["api.*.read_key"]))]
    permissions: &'a [Permission],
    return_url: Option<&'a str>,
    path: Option<&'a str>,
    #[schema(example = "message", pattern = "^(message|redirect)$")]
    delivery: &'static str,
    preview: bool,
    livemode: bool,
    locale: Option<&'a str>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: &'a Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the link ends; in the answer to an exchange, when the browser session ends.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires_at: Timestamp,
    /// When the landing page was first seen.
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
    /// When the link was exchanged.
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
    browser_session: Option<BrowserSessionDto<'a>>,
}

/// What the exchange of a link started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BrowserSession)]
struct BrowserSessionDto<'a> {
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    ip_address: Option<&'a str>,
    user_agent: Option<&'a str>,
}

impl<'a> SessionDto<'a> {
    pub(crate) fn new(session: &'a Session, now: Timestamp) -> Self {
        Self {
            object: "portal_session",
            id: session.id,
            status: session.status(now),
            is_used: session.used_at.is_some(),
            customer_id: session.customer_id,
            customer_external_id: &session.customer_external_id,
            portal: &session.portal_slug,
            portal_id: session.portal_id,
            permissions: &session.permissions,
            return_url: session.return_url.as_deref(),
            path: session.path.as_deref(),
            delivery: session.delivery.as_str(),
            preview: session.preview,
            livemode: session.livemode,
            locale: session.locale.as_deref(),
            metadata: &session.metadata,
            created_at: session.created_at,
            expires_at: session.link_expires_at,
            opened_at: session.opened_at,
            used_at: session.used_at,
            browser_session: session.browser.as_ref().map(|browser| BrowserSessionDto {
                started_at: browser.started_at,
                expires_at: browser.expires_at,
                ended_at: browser.ended_at,
                ip_address: browser.ip_address.as_deref(),
                user_agent: browser.user_agent.as_deref(),
            }),
        }
    }
}

/// A new portal session, with what no other answer ever holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedPortalSession)]
pub(crate) struct CreatedDto<'a> {
    #[serde(flatten)]
    #[schema(inline = false)]
    pub(super) session: SessionDto<'a>,
    /// The link token; with `mode: token` the browser token. Shown only here.
    #[schema(example = "pst_…")]
    pub(super) token: String,
    /// The link to send the customer to; null with `mode: token`.
    pub(super) url: Option<String>,
}

/// A session as its own browser sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewedPortalSession)]
pub(crate) struct ViewedDto<'a> {
    #[serde(flatten)]
    #[schema(inline = false)]
    pub(super) session: SessionDto<'a>,
    /// The browser token, when the exchange asked for `transport: bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) token: Option<String>,
    /// What the portal shows, in this order.
    #[schema(value_type = Vec<String>, example = json!(["keys", "analytics", "docs"]))]
    pub(super) tabs: Vec<Tab>,
}

/// A portal configuration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Portal)]
pub(crate) struct PortalDto<'a> {
    /// Always `portal`.
    #[schema(example = "portal")]
    object: &'static str,
    #[schema(value_type = String, example = "ptl_06FFNIzBqHtoj7vIDMNL9Z")]
    id: PortalId,
    #[schema(example = "my-portal")]
    slug: &'a str,
    name: Option<&'a str>,
    enabled: bool,
    return_url: Option<&'a str>,
    allowed_return_origins: &'a [String],
    app_url: Option<&'a str>,
    branding: BrandingDto<'a>,
    /// Seconds that a link lives.
    link_ttl: u32,
    /// Seconds that a browser session lives.
    session_ttl: u32,
    #[schema(value_type = Vec<String>)]
    default_permissions: &'a [Permission],
    frame_ancestors: &'a [String],
    upstream_url: Option<&'a str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// How the hosted pages look.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Branding)]
struct BrandingDto<'a> {
    #[schema(example = "#2563eb")]
    primary_color: &'a str,
    logo_url: Option<&'a str>,
    display_name: Option<&'a str>,
}

impl<'a> PortalDto<'a> {
    pub(crate) fn new(portal: &'a Portal) -> Self {
        let settings = &portal.settings;
        Self {
            object: "portal",
            id: portal.id,
            slug: &portal.slug,
            name: settings.name.as_deref(),
            enabled: portal.enabled,
            return_url: settings.return_url.as_deref(),
            allowed_return_origins: &settings.allowed_return_origins,
            app_url: settings.app_url.as_deref(),
            branding: BrandingDto {
                primary_color: &settings.branding.primary_color,
                logo_url: settings.branding.logo_url.as_deref(),
                display_name: settings.branding.display_name.as_deref(),
            },
            link_ttl: settings.link_ttl,
            session_ttl: settings.session_ttl,
            default_permissions: &settings.default_permissions,
            frame_ancestors: &settings.frame_ancestors,
            upstream_url: settings.upstream_url.as_deref(),
            created_at: portal.created_at,
        }
    }
}

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Customer)]
pub(crate) struct CustomerDto<'a> {
    /// Always `customer`.
    #[schema(example = "customer")]
    object: &'static str,
    #[schema(value_type = String, example = "cus_06FFNIzBqHtoj7vIDMNL9Y")]
    id: CustomerId,
    #[schema(example = "acme-001")]
    external_id: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
    phone: Option<&'a str>,
    company_name: Option<&'a str>,
    default_currency: Option<&'a str>,
    locale: Option<&'a str>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: &'a Metadata,
    livemode: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl<'a> CustomerDto<'a> {
    pub(crate) fn new(customer: &'a Customer) -> Self {
        let profile = &customer.profile;
        Self {
            object: "customer",
            id: customer.id,
            external_id: &customer.external_id,
            email: profile.email.as_deref(),
            name: profile.name.as_deref(),
            phone: profile.phone.as_deref(),
            company_name: profile.company_name.as_deref(),
            default_currency: profile.default_currency.as_deref(),
            locale: profile.locale.as_deref(),
            metadata: &profile.metadata,
            livemode: customer.livemode,
            created_at: customer.created_at,
        }
    }
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(crate) struct EventDto<'a> {
    /// Always `event`.
    #[schema(example = "event")]
    object: &'static str,
    #[schema(value_type = String, example = "evt_06FFNIzBqHtoj7vIDMNL9W")]
    id: EventId,
    #[schema(example = "portal_session.created")]
    r#type: &'a str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    livemode: bool,
    actor: ActorDto,
    ip_address: Option<&'a str>,
    user_agent: Option<&'a str>,
    #[schema(value_type = Option<String>)]
    portal_session_id: Option<SessionId>,
    #[schema(value_type = Option<String>)]
    customer_id: Option<CustomerId>,
    #[schema(value_type = Option<String>)]
    portal_id: Option<PortalId>,
    /// More about what happened.
    #[schema(value_type = Object)]
    data: &'a serde_json::Value,
}

/// Who did it: a key, the end user (by customer id), or the operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorDto {
    #[schema(example = "key", pattern = "^(key|end_user|operator)$")]
    r#type: &'static str,
    id: Option<String>,
}

impl<'a> EventDto<'a> {
    pub(crate) fn new(event: &'a Event) -> Self {
        let id = match event.actor {
            Actor::Key(id) => Some(id.to_string()),
            Actor::EndUser(id) => Some(id.to_string()),
            Actor::Operator => None,
        };
        Self {
            object: "event",
            id: event.id,
            r#type: &event.kind,
            created_at: event.created_at,
            livemode: event.livemode,
            actor: ActorDto { r#type: event.actor.kind(), id },
            ip_address: event.ip_address.as_deref(),
            user_agent: event.user_agent.as_deref(),
            portal_session_id: event.session_id,
            customer_id: event.customer_id,
            portal_id: event.portal_id,
            data: &event.data,
        }
    }
}
