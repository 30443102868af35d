//! How large batches are, and how long they take.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

/// More than this in one statement gains nothing and makes the first ones wait.
const LARGEST_BATCH: usize = 128;
/// A queue of at least this many is written in two halves. In a shorter one the start of a statement weighs more than what two of them overlap.
const WORTH_HALVING: usize = 32;
/// What one starts with, until it is known how fast the database is.
const FIRST_BATCH: usize = 16;
/// A batch that takes longer is followed by one of half the size, so that a slow database still finishes each in time.
const LONG_BATCH: Duration = Duration::from_millis(250);

/// How many items go into a batch now, and how many microseconds the last one took.
pub(super) struct Pace {
    size: AtomicUsize,
    micros: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { size: FIRST_BATCH.into(), micros: 0.into() }
    }
}

impl Pace {
    /// The most that go into a batch.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Takes note of how long a batch of `items` took.
    pub(super) fn note(&self, items: usize, took: Duration) {
        let size = match self.size() {
            size if took > LONG_BATCH => size / 2,
            size if took < LONG_BATCH / 2 && items >= size => size * 2,
            size => size,
        };
        self.size.store(size.clamp(1, LARGEST_BATCH), Ordering::Relaxed);
        self.micros.store(took.as_micros() as u64, Ordering::Relaxed);
    }

    /// How many of those who ask go into a batch.
    pub(super) fn share(&self, asking: usize) -> usize {
        let share = if asking >= WORTH_HALVING { asking.div_ceil(2) } else { asking };
        share.clamp(1, self.size())
    }

    /// How long the full batches take that go before whoever comes behind those who wait.
    pub(super) fn wait_behind(&self, waiting: usize) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed) * (waiting / self.size()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_batches_get_smaller_and_shorten_the_queue() {
        let pace = Pace::default();
        let [quick, slow] = [2, 2000].map(Duration::from_millis);
        assert_eq!(pace.wait_behind(1000), Duration::ZERO);
        // A hiccup refuses nobody as long as no whole batch waits.
        pace.note(3, slow);
        assert_eq!((pace.size(), pace.wait_behind(7)), (8, Duration::ZERO));
        assert_eq!(pace.wait_behind(8), slow);
        (0..9).for_each(|_| pace.note(1, slow));
        assert_eq!(pace.size(), 1);
        // Only a full batch shows that there could be more in one.
        pace.note(1, quick);
        pace.note(1, quick);
        assert_eq!(pace.size(), 2);
        pace.note(2, LONG_BATCH);
        assert_eq!(pace.size(), 2);
        (0..9).for_each(|_| pace.note(128, quick));
        assert_eq!((pace.size(), pace.wait_behind(1000)), (LARGEST_BATCH, 7 * quick));
        assert_eq!([1, 31, 32, 65, 1000].map(|asking| pace.share(asking)), [1, 31, 16, 33, 128]);
    }
}
