//! The pages that people see: view-models in, HTML out. Nothing here reads a request or the store.
//!
//! Every page is a struct with [`Template`]; a handler fills it in and calls `render()`. The pages
//! hold no inline script or style, so they need nothing `unsafe-*` in their content security policy.

mod access;
mod asset;
mod brand;
mod data;
mod format;
mod problem;
pub mod text;

use askama::Template;
use chrono::{DateTime, Utc};

use crate::domain::permission::Tab;

pub use access::Access;
pub use asset::{HREFS, asset};
pub use brand::{Brand, Color, brand_css};
pub use data::{Block, Cell, Data};
pub use problem::Problem;
pub use text::Locale;

/// The portal that a page belongs to.
#[derive(Clone, Debug)]
pub struct Portal {
    /// The portal's id, as it stands in addresses.
    pub id: String,
    /// How it presents itself.
    pub brand: Brand,
    /// Where "Return to" leads: the session's return URL, else the portal's.
    pub return_url: Option<String>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The merchant's own id of the customer.
    pub external_id: String,
    /// The customer's name, when known.
    pub name: Option<String>,
    /// The customer's email address, when known.
    pub email: Option<String>,
}

/// The page behind a link, which asks for the click that redeems it.
#[derive(Debug, Template)]
#[template(path = "landing.html")]
pub struct Landing<'a> {
    /// The page's language.
    pub locale: Locale,
    /// The portal that the link leads to.
    pub portal: &'a Portal,
    /// Whom the link is for.
    pub external_id: &'a str,
    /// When the link ends.
    pub valid_until: DateTime<Utc>,
    /// Where the form is posted, such as `/r/pst_…`.
    pub action: &'a str,
    /// Whether the form submits itself where scripts run (`delivery: redirect`).
    pub auto_submit: bool,
    /// Whether the session is a preview.
    pub preview: bool,
}

/// A page of its own for a [`Problem`].
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage<'a> {
    /// The page's language.
    pub locale: Locale,
    /// What happened.
    pub problem: Problem,
    /// The portal, when it is known and may be named.
    pub portal: Option<&'a Portal>,
    /// An address to try again with a GET, where that may help.
    pub retry: Option<&'a str>,
    /// The request's id, for a reader who asks for help.
    pub request_id: Option<&'a str>,
}

/// A page of the hosted portal, for somebody who is signed in.
#[derive(Debug, Template)]
#[template(path = "hosted.html")]
pub struct Hosted<'a> {
    /// The page's language.
    pub locale: Locale,
    /// The portal.
    pub portal: &'a Portal,
    /// Who is signed in.
    pub viewer: &'a Viewer,
    /// When the browser session ends.
    pub expires_at: DateTime<Utc>,
    /// Whether the session is a preview.
    pub preview: bool,
    /// The tabs that the session may open.
    pub tabs: &'a [Tab],
    /// What this page shows.
    pub content: Content,
}

/// What a hosted page shows below the navigation.
#[derive(Debug)]
pub enum Content {
    /// A tab.
    Tab(Tab, TabBody),
    /// The page "Your access".
    Access(Access),
    /// A problem that leaves the session alone, such as a tab without permission.
    Problem(Problem),
}

/// What a tab holds.
#[derive(Debug)]
pub enum TabBody {
    /// The portal has no source of data for this tab.
    NotConnected,
    /// The merchant's data, at least one part of it.
    Parts(Vec<Part>),
    /// Nothing of the merchant's data could be had.
    Upstream {
        /// Why.
        fault: UpstreamFault,
        /// The address to try again, usually the tab's own.
        retry: String,
    },
}

/// A list or an object of the merchant's, with pages of its own; an empty one says so.
#[derive(Debug)]
pub struct Part {
    /// Its heading, on a tab that has several.
    pub title: Option<&'static str>,
    /// The data, or why it could not be had.
    pub data: Result<Data, UpstreamFault>,
    /// The first page, from a later one.
    pub first: Option<String>,
    /// The page after.
    pub next: Option<String>,
    /// The address to try again.
    pub retry: String,
}

/// How the merchant's service failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFault {
    /// No connection.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that is an error, or no JSON.
    Failed,
}

impl UpstreamFault {
    fn text(self, [unreachable, timed_out, failed]: &[&'static str; 3]) -> &'static str {
        match self {
            Self::Unreachable => unreachable,
            Self::TimedOut => timed_out,
            Self::Failed => failed,
        }
    }
}

impl Part {
    fn is_empty(&self) -> bool {
        self.data.as_ref().is_ok_and(Data::is_empty)
    }
}

impl Portal {
    /// The address of the portal's own style sheet.
    fn stylesheet(&self) -> String {
        self.brand.stylesheet(&self.id)
    }

    /// The label of the link to the return URL.
    fn return_label(&self, locale: Locale) -> String {
        (locale.text().return_to)(&self.brand.name)
    }
}

impl Landing<'_> {
    fn title(&self) -> String {
        (self.locale.text().landing_title)(&self.portal.brand.name)
    }
}

impl ProblemPage<'_> {
    fn return_to(&self) -> Option<(&str, String)> {
        let portal = self.portal?;
        Some((portal.return_url.as_deref()?, portal.return_label(self.locale)))
    }
}

impl Hosted<'_> {
    fn title(&self) -> &'static str {
        let text = self.locale.text();
        match &self.content {
            Content::Tab(tab, _) => text.tabs.of(tab),
            Content::Access(_) => text.access,
            Content::Problem(problem) => problem.wording(text).title,
        }
    }

    fn is_open(&self, tab: &Tab) -> bool {
        matches!(&self.content, Content::Tab(open, _) if open == tab)
    }

    fn is_access(&self) -> bool {
        matches!(self.content, Content::Access(_))
    }

    fn not_connected_note(&self) -> String {
        (self.locale.text().not_connected_note)(&self.portal.brand.name)
    }
}

#[cfg(test)]
mod tests;
