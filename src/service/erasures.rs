//! Taking an erased customer out of the trail: nobody who asks for an erasure waits for it.

use crate::{
    clock::Clock,
    store::{STRETCH_OF_EVENTS, Store},
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Clears the events of erased customers in the background, one pass at a time however many are asked for.
pub(super) struct Cleaner {
    asked: mpsc::Sender<()>,
}

impl Cleaner {
    /// Starts a task that ends with this.
    pub(super) fn start(store: Store, clock: Arc<Clock>) -> Self {
        let (asked, mut next) = mpsc::channel(1);
        tokio::spawn(async move {
            while next.recv().await.is_some() {
                match store.clear_erased(clock.now(), STRETCH_OF_EVENTS).await {
                    Ok(cleared) => tracing::debug!(cleared, "cleared the events of who was erased"),
                    Err(error) => tracing::warn!(%error, "events are not cleared yet; a sweep will do it"),
                }
            }
        });
        Self { asked }
    }

    /// Has a pass begin after this. One that was asked for before and waits will do.
    pub(super) fn ask(&self) {
        // Full: a pass waits already.
        let _ = self.asked.try_send(());
    }
}
