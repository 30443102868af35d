//! Whether an unsafe request by cookie comes from our own pages.

use super::{App, context::SEC_FETCH_SITE};
use crate::service::Error;
use axum::http::{HeaderMap, header};

/// Refuses a request that another site's page may have made the browser send.
///
/// `Sec-Fetch-Site: same-origin` is enough (Fetch Metadata), also with `Origin: null`; a browser
/// that does not send it must name the public URL's origin in `Origin`.
///
/// # Errors
/// [`Error::CrossSite`] otherwise.
pub(crate) fn require(app: &App, headers: &HeaderMap) -> Result<(), Error> {
    let same = match headers.get(&SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() == app.public_url().as_bytes()),
    };
    same.then_some(()).ok_or(Error::CrossSite)
}
