//! The vocabulary: what the words of the product mean, whoever asks and wherever it is kept.
//!
//! Types here parse on the way in, so that nothing is validated twice. They know neither
//! HTTP nor SQL.

mod base62;
pub mod customer;
pub mod event;
pub mod id;
pub mod key;
pub mod language;
pub mod permission;
pub mod portal;
pub mod return_url;
pub mod secret;
pub mod session;
pub mod tenant;
pub mod text;
pub mod time;

/// Why a value was refused, in words for the person who sent it; names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Where inside the value, such as `[0]`; empty when it is the value itself.
    pub at: String,
    /// What is wrong with it.
    pub message: String,
}

impl Invalid {
    /// A refusal of the value itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { at: String::new(), message: message.into() }
    }

    /// The same refusal, seen from the outside of the container that holds the value.
    #[must_use]
    pub fn within(mut self, at: impl AsRef<str>) -> Self {
        self.at.insert_str(0, at.as_ref());
        self
    }
}
