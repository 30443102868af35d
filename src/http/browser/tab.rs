//! What a tab holds.

use super::{view::TabBody, visit::Visit};
use crate::domain::permission::Tab;

/// The body of a tab that this reader may open. The one place to ask the portal's upstream for data.
pub(super) async fn body(_: &Visit, _: Tab) -> TabBody {
    TabBody::NotConnected
}
