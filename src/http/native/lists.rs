//! The envelope of lists, and the parameters that all lists know.

use super::dto::{CustomerDto, EventDto, PortalDto, SessionDto};
use crate::service::{Cursor, Listed};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    /// Always `list`.
    #[schema(example = "list")]
    object: &'static str,
    /// The path of the list.
    url: &'static str,
    #[schema(inline = false)]
    data: Vec<T>,
    /// Whether there are more in the direction of reading.
    has_more: bool,
}

pub(crate) type SessionList<'a> = List<SessionDto<'a>>;
pub(crate) type PortalList<'a> = List<PortalDto<'a>>;
pub(crate) type CustomerList<'a> = List<CustomerDto<'a>>;
pub(crate) type EventList<'a> = List<EventDto<'a>>;

impl<T> List<T> {
    pub(super) fn new(url: &'static str, page: Listed<T>) -> Self {
        Self { object: "list", url, data: page.data, has_more: page.has_more }
    }
}

/// Which part of a list to give.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many entries, 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub(super) limit: Option<u32>,
    /// The id of the entry that the page comes after.
    pub(super) starting_after: Option<String>,
    /// The id of the entry that the page comes before: the ones just newer.
    pub(super) ending_before: Option<String>,
}

impl From<PageQuery> for Cursor {
    fn from(query: PageQuery) -> Self {
        Self { limit: query.limit, starting_after: query.starting_after, ending_before: query.ending_before }
    }
}
