//! Where a connection stands, and when it is to be closed.

use super::Deadlines;
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};
use tokio::time::Instant;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// Some of a request's head has come.
    Head,
    /// A request is being served; the service sees to its time.
    Busy,
    /// All is said, but the client goes on sending.
    Lingering,
}

/// What is known of a connection. Only its own task touches it, so the lock is never waited for.
#[derive(Debug)]
pub(super) struct Life(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began; in `Idle`, when the client last took a byte.
    since: Instant,
    /// Since when the client has taken nothing of what is ready for it.
    stalled: Option<Instant>,
    /// Whether the last request's body was given up before its end.
    unread: bool,
    /// Whether nothing was asked yet.
    fresh: bool,
    draining: bool,
}

impl Default for Life {
    fn default() -> Self {
        let (phase, since) = (Phase::Idle, Instant::now());
        Self(Mutex::new(State { phase, since, stalled: None, unread: false, fresh: true, draining: false }))
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
    }
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came.
    pub(super) fn has_read(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    /// The rest of a request's body is not wanted.
    pub(super) fn has_given_up_a_body(&self) {
        self.state().unread = true;
    }

    /// A request's head is complete.
    pub(super) fn has_begun(&self) {
        let mut state = self.state();
        // Since when matters to no deadline, so the clock is not asked.
        (state.phase, state.unread, state.fresh) = (Phase::Busy, false, false);
    }

    /// Bytes went, or could not.
    pub(super) fn has_written(&self, written: &Poll<io::Result<usize>>) {
        let mut state = self.state();
        match written {
            Poll::Pending => state.stalled = state.stalled.or_else(|| Some(Instant::now())),
            Poll::Ready(_) => {
                state.stalled = None;
                if state.phase == Phase::Idle {
                    state.since = Instant::now();
                }
            }
        }
    }

    /// The service has given all of its answer.
    pub(super) fn has_answered(&self) {
        self.state().enter(Phase::Idle);
    }

    /// The last byte has gone; whether to wait for the client to stop sending.
    pub(super) fn has_finished(&self) -> bool {
        let mut state = self.state();
        // Hyper refuses a bad head by itself, and the rest of that one is not wanted either.
        let lingers = state.unread || matches!(state.phase, Phase::Head | Phase::Lingering);
        if lingers && state.phase != Phase::Lingering {
            state.enter(Phase::Lingering);
        }
        lingers
    }

    /// From now on answers close the connection; whether to wait for a request: its head has begun to come, or it may
    /// be under way, since whoever has just connected did so to ask something.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining = true;
        if state.phase == Phase::Idle {
            state.since = Instant::now();
        }
        state.phase == Phase::Head || state.fresh
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state().draining
    }

    /// When the connection is to be closed, as things stand.
    pub(super) fn deadline(&self, deadlines: &Deadlines) -> Option<Instant> {
        let state = self.state();
        let phase = match state.phase {
            // One that asks nothing must not hold up the stop.
            Phase::Idle if state.draining => Some(state.since + deadlines.linger),
            Phase::Idle => Some(state.since + deadlines.idle),
            Phase::Head => Some(state.since + deadlines.head),
            Phase::Busy => None,
            Phase::Lingering => Some(state.since + deadlines.linger),
        };
        let stalled = state.stalled.map(|since| since + deadlines.idle);
        phase.into_iter().chain(stalled).min()
    }

    /// The earliest instant at which a deadline may be over, whatever happens until then.
    pub(super) fn next_look(&self, deadlines: &Deadlines) -> Instant {
        let any = Instant::now() + deadlines.head.min(deadlines.idle).min(deadlines.linger);
        self.deadline(deadlines).map_or(any, |known| known.min(any))
    }
}
