//! What can stop a reader on the way, each with a page that tells what happened and what to do.

use super::text::{Text, Wording};

/// A reason to show a page other than the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The link was used or its time is over.
    LinkOver,
    /// The link never was, or was revoked.
    LinkUnknown,
    /// There is no live session for this portal.
    SessionExpired,
    /// The session lacks the permission for this tab.
    TabForbidden,
    /// A form came from another site.
    CrossSite,
    /// There is no such page.
    NotFound,
    /// The client is over its limit.
    TooManyRequests,
    /// A mistake of the service's own.
    Internal,
    /// The database is away, or the server is full.
    Unavailable,
    /// The reader has just signed out.
    SignedOut,
}

impl Problem {
    /// Every problem.
    #[cfg(test)]
    pub const ALL: [Self; 10] = [
        Self::LinkOver,
        Self::LinkUnknown,
        Self::SessionExpired,
        Self::TabForbidden,
        Self::CrossSite,
        Self::NotFound,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
        Self::SignedOut,
    ];

    /// The HTTP status of the page.
    pub fn status(self) -> u16 {
        match self {
            Self::LinkOver => 410,
            Self::LinkUnknown | Self::NotFound => 404,
            Self::SessionExpired => 401,
            Self::TabForbidden | Self::CrossSite => 403,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::SignedOut => 200,
        }
    }

    /// What the page says.
    pub fn wording(self, text: &'static Text) -> &'static Wording {
        match self {
            Self::LinkOver => &text.link_over,
            Self::LinkUnknown => &text.link_unknown,
            Self::SessionExpired => &text.session_expired,
            Self::TabForbidden => &text.tab_forbidden,
            Self::CrossSite => &text.cross_site,
            Self::NotFound => &text.not_found,
            Self::TooManyRequests => &text.too_many_requests,
            Self::Internal => &text.internal,
            Self::Unavailable => &text.unavailable,
            Self::SignedOut => &text.signed_out,
        }
    }

    /// The name of its picture in parts.html.
    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::LinkOver | Self::LinkUnknown => "link",
            Self::SessionExpired | Self::TooManyRequests => "clock",
            Self::TabForbidden | Self::CrossSite => "lock",
            Self::NotFound => "search",
            Self::Internal | Self::Unavailable => "cloud",
            Self::SignedOut => "check",
        }
    }
}
