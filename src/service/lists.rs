//! Lists: newest first, by cursor.

use super::Error;
use crate::{domain::Invalid, store::Page};
use std::str::FromStr;
use uuid::Uuid;

/// Which part of a list a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// How many entries, 1–100; 20 when left out.
    pub limit: Option<u32>,
    /// The id of the entry that the page comes after.
    pub starting_after: Option<String>,
    /// The id of the entry that the page comes before.
    pub ending_before: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The entries, newest first.
    pub data: Vec<T>,
    /// Whether there are more in the direction of reading.
    pub has_more: bool,
}

impl Cursor {
    /// The page's bounds, where `I` is the kind of id that the list's entries have.
    ///
    /// # Errors
    /// When the limit is out of its range, both bounds are given, or one is not such an id.
    pub fn page<I: FromStr + Into<Uuid>>(&self) -> Result<Page, Error> {
        let limit = self.limit.unwrap_or(20);
        if !(1..=100).contains(&limit) {
            return Err(Error::field("limit", Invalid::new("Give a limit between 1 and 100.")));
        }
        if self.starting_after.is_some() && self.ending_before.is_some() {
            return Err(Error::InvalidRequest {
                param: Some("endingBefore".into()),
                message: "Give startingAfter or endingBefore, not both.".into(),
            });
        }
        let id = |name: &str, text: &Option<String>| match text.as_deref().map(str::parse::<I>) {
            None => Ok(None),
            Some(Ok(id)) => Ok(Some(id.into())),
            Some(Err(_)) => Err(Error::field(name, Invalid::new("Give the id of an entry of this list."))),
        };
        Ok(Page {
            limit,
            starting_after: id("startingAfter", &self.starting_after)?,
            ending_before: id("endingBefore", &self.ending_before)?,
        })
    }
}

impl<T> Listed<T> {
    pub(super) fn cut(rows: Vec<T>, page: Page) -> Self {
        let (data, has_more) = page.cut(rows);
        Self { data, has_more }
    }
}
