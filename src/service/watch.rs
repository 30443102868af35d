//! Hearing of what other instances revoked, and of the database's clock.
//!
//! An acknowledged revocation holds everywhere within a second, whatever fails: caches are
//! believed only while the last good poll was asked for a moment ago. The monotonic clock counts
//! that moment, so neither a jump of the wall clock nor a paused process stretches it.

use super::{Error, Inner};
use crate::store::{Polled, Revoked};
use std::{
    collections::HashMap,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
/// How long without a good poll the caches are kept: later, revocations may have been swept.
const EMPTIED_AFTER: Duration = Duration::from_secs(300);

/// No transaction of ours works for as long: a statement takes 4 s at most, and the pause before the next one 10 s. Only a
/// commit may, while it waits for a standby; then it holds its lock on the table of revocations. Other programs' transactions on
/// the same server may be open for hours, and would have each poll read again all that was revoked since.
const LONGEST_WRITE: Duration = Duration::from_secs(60);

/// How far the caches may be believed.
pub(super) struct Watch {
    started: Instant,
    /// Milliseconds from `started` to when the last good poll was asked for.
    heard_at: AtomicU64,
    clock_agrees: AtomicBool,
    last_failed: AtomicBool,
    poll: OnceLock<AbortHandle>,
}

impl Watch {
    pub(super) fn new(asked: Instant) -> Self {
        Self {
            started: asked,
            heard_at: AtomicU64::new(0),
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

/// Waits for what decides whether somebody may go on. It is as old as the question: of an answer that was under way for long
/// nobody knows what was revoked meanwhile.
///
/// # Errors
/// [`Error::Unavailable`] when it comes too late.
pub(super) async fn in_time<T>(read: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let asked = Instant::now();
    let found = read.await?;
    if asked.elapsed() < BELIEVED { Ok(found) } else { Err(Error::Unavailable) }
}

/// What the polls so far brought.
struct Heard {
    /// From where the next one reads.
    since: i64,
    /// Who answered the last one, its clock then, in microseconds since the Unix epoch, and its head.
    server: String,
    now_micros: i64,
    head: i64,
    /// The database's head one to two [`LONGEST_WRITE`] ago: a write of ours that began before it and is not committed holds its
    /// lock on the table of revocations.
    old_head: i64,
    /// That head when a poll last found nobody revoking: whatever of ours began before it has ended. What it told is read by the
    /// next poll, and only the one after that may begin here.
    clear: i64,
    /// The head that is going to be the old one, and when it was read.
    mark: (Instant, i64),
    /// What the last one brought: as long as an old transaction is open somewhere, each brings it again.
    revoked: HashMap<Uuid, Revoked>,
}

impl Heard {
    /// After the `first` poll, which was asked for then.
    fn new(first: &Polled, asked: Instant) -> Self {
        let &Polled { horizon: since, now_micros, head, .. } = first;
        let (server, mark, revoked) = (first.server.clone(), (asked, head), HashMap::new());
        Self { since, server, now_micros, head, old_head: i64::MIN, clear: i64::MIN, mark, revoked }
    }

    /// Whether something may have been revoked of which this poll does not tell: the last one was too long ago, by the monotonic
    /// clock or, as that stands still while a machine sleeps, by the database's; or another server answers, or the same one after a
    /// crash, which gives out positions anew that were read already; or a backup was put back in its place.
    fn may_have_missed(&self, polled: &Polled, silence: Duration) -> bool {
        let by_database = Duration::from_micros(u64::try_from(polled.now_micros - self.now_micros).unwrap_or(0));
        silence.max(by_database) > EMPTIED_AFTER || polled.server != self.server || polled.head < self.head
    }

    /// Takes in another one; what is new in it is told to `evict`.
    fn take(&mut self, asked: Instant, polled: Polled, evict: impl Fn(Revoked)) {
        // Once is enough: whoever reads after this reads what was committed before it.
        let new = polled.revoked.iter().filter(|(id, _)| !self.revoked.contains_key(id));
        new.for_each(|(_, what)| evict(*what));
        self.revoked = polled.revoked;
        self.since = polled.horizon.max(self.clear);
        if !polled.is_revoking {
            self.clear = self.old_head;
        }
        let (marked, head) = self.mark;
        if asked.duration_since(marked) >= LONGEST_WRITE {
            (self.old_head, self.mark) = (head, (asked, polled.head));
        }
        (self.now_micros, self.head) = (polled.now_micros, polled.head);
    }
}

/// Polls until it is stopped. The `first` poll was asked for then.
pub(super) fn start(inner: &'static Inner, first: &Polled, asked: Instant) {
    let mut heard = Heard::new(first, asked);
    let polling = tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            poll(inner, &mut heard).await;
        }
    });
    inner.watch.poll.get_or_init(|| polling.abort_handle());
}

async fn poll(inner: &Inner, heard: &mut Heard) {
    let watch = &inner.watch;
    let asked = Instant::now();
    match inner.store.poll(heard.since, heard.old_head).await {
        Ok(polled) => {
            let agrees = inner.clock.follow(polled.now_micros, asked);
            if heard.may_have_missed(&polled, watch.silence()) {
                inner.caches.evict_all();
                *heard = Heard::new(&polled, asked);
            } else {
                heard.take(asked, polled, |what| inner.caches.evict(what));
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::SessionId;
    use std::cell::Cell;

    /// A poll on a server where a transaction at 10 stays open; it brings the same revocation each time.
    fn polled(head: i64, is_revoking: bool) -> Polled {
        let id = Uuid::from_u128(7);
        let revoked = [(id, Revoked::Session(SessionId(id)))].into();
        Polled { now_micros: 0, horizon: 10, head, server: "a".into(), is_revoking, revoked }
    }

    #[test]
    fn after_a_long_silence_by_either_clock_or_from_another_server_something_may_have_been_missed() {
        let heard = Heard::new(&polled(20, false), Instant::now());
        let long = EMPTIED_AFTER + Duration::from_millis(1);
        let after = |by_database: Duration, server: &str, silence| {
            let polled =
                Polled { now_micros: by_database.as_micros() as i64, server: server.into(), ..polled(20, false) };
            heard.may_have_missed(&polled, silence)
        };
        assert!(!after(EMPTIED_AFTER, "a", EMPTIED_AFTER));
        assert!(after(Duration::ZERO, "a", long));
        assert!(after(long, "a", Duration::ZERO), "the machine slept");
        assert!(after(Duration::ZERO, "b", Duration::ZERO));
        assert!(heard.may_have_missed(&polled(19, false), Duration::ZERO), "a backup was put back");
    }

    #[test]
    fn a_foreign_transaction_that_stays_open_does_not_have_all_be_read_again_for_ever() {
        let (start, told) = (Instant::now(), Cell::new(0));
        let mut heard = Heard::new(&polled(10, false), start);
        let mut since_after = |seconds: u64, head: i64| {
            heard.take(start + Duration::from_secs(seconds), polled(head, false), |_| told.set(told.get() + 1));
            heard.since
        };
        // Our own transactions may be as old as the foreign one for a minute, and not for two.
        assert_eq!([since_after(1, 20), since_after(59, 400), since_after(60, 500)], [10; 3]);
        // One that ended after the look of the poll that found nobody revoking is in the next one's.
        assert_eq!([since_after(119, 800), since_after(120, 900), since_after(121, 910)], [10; 3]);
        assert_eq!([since_after(122, 920), since_after(179, 1000), since_after(180, 1100)], [500; 3]);
        assert_eq!([since_after(181, 1110), since_after(182, 1120)], [500, 900]);
        heard.take(start + Duration::from_secs(183), polled(1130, true), |_| ());
        assert_eq!(heard.since, 900, "somebody who began to revoke since is no reason to read all of it again");
        assert_eq!(told.get(), 1, "what is brought again is no news");
    }

    #[test]
    fn a_revocation_whose_commit_waits_for_a_standby_is_waited_for() {
        let start = Instant::now();
        let mut heard = Heard::new(&polled(10, false), start);
        for seconds in 1..1000 {
            heard.take(start + Duration::from_secs(seconds), polled(10 + seconds as i64, true), |_| {});
            assert_eq!(heard.since, 10, "after {seconds} s");
        }
    }
}
