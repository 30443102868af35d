//! Hearing of what other instances revoked, and of the database's clock.
//!
//! An acknowledged revocation holds everywhere within a second, whatever fails: caches are
//! believed only while the last good poll was asked for a moment ago. The monotonic clock counts
//! that moment, so neither a jump of the wall clock nor a paused process stretches it.

use super::Inner;
use crate::store::Revoked;
use std::{
    collections::HashMap,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};
use uuid::Uuid;

/// How often the database is asked.
const PERIOD: Duration = Duration::from_millis(100);
/// For how long after asking the caches are believed: below a second, with room for the answer.
const BELIEVED: Duration = Duration::from_millis(800);
/// After so long without a good poll the caches are thrown away: revocations may have been swept.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// What the last polls brought.
pub(super) struct Watch {
    started: Instant,
    /// Milliseconds from `started` to when the last good poll was asked for.
    heard_at: AtomicU64,
    horizon: AtomicI64,
    clock_agrees: AtomicBool,
    last_failed: AtomicBool,
    poll: OnceLock<AbortHandle>,
}

impl Watch {
    pub(super) fn new(horizon: i64, asked: Instant) -> Self {
        Self {
            started: asked,
            heard_at: AtomicU64::new(0),
            horizon: AtomicI64::new(horizon),
            clock_agrees: AtomicBool::new(true),
            last_failed: AtomicBool::new(false),
            poll: OnceLock::new(),
        }
    }

    /// Polls no more.
    pub(super) fn stop(&self) {
        self.poll.get().into_iter().for_each(AbortHandle::abort);
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.silence() < BELIEVED
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_fresh() && self.clock_agrees.load(Ordering::Relaxed) && !self.last_failed.load(Ordering::Relaxed)
    }

    fn silence(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.heard_at.load(Ordering::SeqCst)))
    }
}

/// Polls until it is stopped.
pub(super) fn start(inner: &'static Inner) {
    let polling = tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = HashMap::new();
        loop {
            ticks.tick().await;
            poll(inner, &mut heard).await;
        }
    });
    inner.watch.poll.get_or_init(|| polling.abort_handle());
}

/// `heard` is what the last good poll brought: as long as an old transaction is open somewhere, each brings it again.
async fn poll(inner: &Inner, heard: &mut HashMap<Uuid, Revoked>) {
    let watch = &inner.watch;
    let asked = Instant::now();
    match inner.store.heartbeat(watch.horizon.load(Ordering::Relaxed)).await {
        Ok(beat) => {
            if watch.silence() > FORGOTTEN || beat.horizon < watch.horizon.load(Ordering::Relaxed) {
                // Too long away, or another database than before: nothing cached is known to hold.
                inner.caches.forget_all();
            }
            // Once is enough: whoever reads after this reads what was committed before it.
            let new = beat.revoked.iter().filter(|(id, _)| !heard.contains_key(id));
            new.for_each(|(_, what)| inner.caches.forget(*what));
            *heard = beat.revoked;
            watch.horizon.store(beat.horizon, Ordering::Relaxed);
            let agrees = inner.clock.follow(beat.now_micros, asked);
            watch.clock_agrees.store(agrees, Ordering::Relaxed);
            let heard_at = asked.duration_since(watch.started).as_millis() as u64;
            watch.heard_at.store(heard_at, Ordering::SeqCst);
            watch.last_failed.store(false, Ordering::Relaxed);
        }
        Err(error) => {
            if !watch.last_failed.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "the database does not answer the poll");
            }
        }
    }
}
