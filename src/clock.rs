//! The only place that reads a wall clock. Deadlines and spans elsewhere go by `Instant`, the monotonic clock.
//!
//! The database's clock decides, so that instances with different clocks agree: its offset to
//! this machine's monotonic clock is measured again and again. A jump of the wall clock here
//! changes nothing.

use crate::domain::time::Timestamp;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// A measurement this far off makes an instance unready: something is wrong with a clock.
const TOLERANCE: Duration = Duration::from_secs(2);

/// The database's clock, as last measured.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// The database's time, in microseconds since the Unix epoch, at `started`.
    base_micros: AtomicI64,
}

impl Clock {
    /// A clock that knows the database's time from one reading, in microseconds since the Unix
    /// epoch, that was asked for at `asked` and has just arrived.
    pub fn new(database_micros: i64, asked: Instant) -> Self {
        let clock = Self { started: asked, base_micros: AtomicI64::new(0) };
        clock.base_micros.store(database_micros - clock.since_start(asked), Ordering::Relaxed);
        clock
    }

    /// Nanoseconds since the Unix epoch.
    pub fn nanos(&self) -> u64 {
        self.nanos_at(Instant::now())
    }

    /// The same for an instant that was just read.
    pub fn nanos_at(&self, instant: Instant) -> u64 {
        let base = self.base_micros.load(Ordering::Relaxed);
        u64::try_from(base).unwrap_or(0) * 1000 + instant.duration_since(self.started).as_nanos() as u64
    }

    /// Now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos())
    }

    /// Follows the database's clock from a new reading; false when this one was off by more than is tolerated.
    pub fn follow(&self, database_micros: i64, asked: Instant) -> bool {
        let measured = database_micros - self.since_start(asked);
        let off = (measured - self.base_micros.load(Ordering::Relaxed)).unsigned_abs();
        // A slow answer says little about the instant at which it was read.
        let doubt = asked.elapsed().as_micros() as u64 / 2 + 1000;
        if off > doubt {
            self.base_micros.store(measured, Ordering::Relaxed);
        }
        u128::from(off) <= TOLERANCE.as_micros() + u128::from(doubt)
    }

    /// Microseconds from the start to the middle between asking and now.
    fn since_start(&self, asked: Instant) -> i64 {
        (asked.duration_since(self.started) + asked.elapsed() / 2).as_micros() as i64
    }
}

/// This machine's wall clock, for the log alone.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_database_and_tells_when_it_was_off() {
        let clock = Clock::new(1_700_000_000_000_000, Instant::now());
        assert_eq!(clock.now().millis() / 100, 17_000_000_000);
        assert!(clock.follow(1_700_000_000_050_000, Instant::now()));
        assert!((50..60).contains(&(clock.now().millis() - 1_700_000_000_000)));
        assert!(!clock.follow(1_700_000_010_000_000, Instant::now()));
        assert!(clock.follow(1_700_000_010_000_000, Instant::now()));
    }
}
