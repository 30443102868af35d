//! Arguments that several commands have, and how values are read.

use crate::{
    domain::{
        Invalid,
        id::{KeyId, NotAnId},
        permission::Permission,
        return_url::WebUrl,
        secret::{Credential, Kind},
        text,
        time::Timestamp,
    },
    service::Cursor,
};
use clap::{Args, ValueEnum};

/// Live or test mode, which know nothing of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    Test,
    Live,
}

/// Names a tenant.
#[derive(Args, Debug)]
pub(super) struct OfTenant {
    /// The tenant's slug
    #[arg(id = "tenant", long, value_name = "SLUG")]
    pub(super) slug: String,
}

/// Which part of a list.
#[derive(Args, Debug)]
pub(super) struct Page {
    /// How many, 1 to 100
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// The id that the page comes after
    #[arg(long, value_name = "ID")]
    starting_after: Option<String>,
    /// The id that the page comes before
    #[arg(long, value_name = "ID")]
    ending_before: Option<String>,
}

impl From<Page> for Cursor {
    fn from(page: Page) -> Self {
        Self { limit: Some(page.limit), starting_after: page.starting_after, ending_before: page.ending_before }
    }
}

/// A name for people to read.
pub(super) fn name(text: &str) -> Result<String, Invalid> {
    text::bounded(text.to_owned(), 256)
}

/// A tenant's or portal's slug.
pub(super) fn slug(text: &str) -> Result<String, Invalid> {
    text::slug(text.to_owned())
}

/// A name, or nothing.
pub(super) fn name_or_nothing(text: &str) -> Result<String, Invalid> {
    if text.is_empty() { Ok(String::new()) } else { name(text) }
}

/// A web address, or nothing.
pub(super) fn url_or_nothing(text: &str) -> Result<String, Invalid> {
    if text.is_empty() { Ok(String::new()) } else { WebUrl::parse(text).map(|url| url.as_str().to_owned()) }
}

/// A key's id, or the key itself, so that one which leaked can be ended as it was found.
pub(super) fn key_id(text: &str) -> Result<KeyId, NotAnId> {
    match Credential::parse(text) {
        Some(key) if matches!(key.kind(), Kind::SecretKey { .. } | Kind::PublishableKey { .. }) => Ok(KeyId(key.id())),
        _ => text.parse(),
    }
}

/// A tuple of a key's patterns.
pub(super) fn permission(text: &str) -> Result<Permission, Invalid> {
    Permission::parse(text)
}

/// An instant.
pub(super) fn time(text: &str) -> Result<Timestamp, Invalid> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| Invalid::new("Give a time such as 2026-11-21T20:14:00Z."))
}
