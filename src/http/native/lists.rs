//! The envelope of lists, and the parameters that all lists know.

use super::dto::{CustomerDto, EventDto, PortalDto, SessionDto};
use crate::service::{Cursor, Listed};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
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
    /// A page of the list at `url`, each entry of which is shown as `show` says.
    pub(super) fn new<'a, E>(url: &'static str, page: &'a Listed<E>, show: impl FnMut(&'a E) -> T) -> Self {
        Self { object: "list", url, data: page.data.iter().map(show).collect(), has_more: page.has_more }
    }
}

/// Pages that may be read and written out at a time. One may have 6 MB, and is in memory twice meanwhile.
static PAGES: Semaphore = Semaphore::const_new(16);

/// Waits for a turn to make a page; it is over when this is dropped.
pub(super) async fn turn() -> Option<SemaphorePermit<'static>> {
    PAGES.acquire().await.ok()
}

/// Which part of a list to give. Lists with filters repeat these fields: serde's `flatten` does not go with
/// `deny_unknown_fields`.
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
