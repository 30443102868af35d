//! The log's way out: lines are gathered for a moment and written together by a thread of their own, so that requests
//! neither pay for a system call each nor wait for each other's, nor for a reader that stands still.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others.
const GATHER: Duration = Duration::from_millis(20);
/// Bytes that are gathered at most. Further lines are lost, and counted: whoever reads the log stands still.
const MAX_BYTES: usize = 4 << 20;
/// Room that is kept for the next lines.
const ROOM: usize = 64 << 10;

/// Gathers lines; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    gathered: Mutex<Gathered>,
    has_some: Condvar,
    is_out: Condvar,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<u8>,
    /// Whether they are written at once: one tells what is wrong, and may be the last that the process says.
    at_once: bool,
    /// Whether earlier ones are being written.
    is_writing: bool,
    /// How many found no room.
    lost: u64,
}

impl Lines {
    /// Starts the thread that writes to `out`; it ends with the process.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn to(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let own = lines.clone();
        thread::Builder::new().name("log".into()).spawn(move || {
            let mut batch = Vec::new();
            loop {
                let lost = own.take(&mut batch);
                // There is nobody to tell when that fails.
                let _ = out.write_all(&batch).and_then(|()| out.flush());
                batch.clear();
                batch.shrink_to(ROOM);
                own.hold().is_writing = false;
                own.0.is_out.notify_all();
                if lost > 0 {
                    tracing::warn!(lines = lost, "lines of the log were lost: its reader stood still");
                }
            }
        })?;
        Ok(lines)
    }

    /// Waits for lines, and for a moment for more; how many were lost before.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        let waited = self.0.has_some.wait_while(self.hold(), |gathered| gathered.lines.is_empty());
        let gathered = waited.unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.has_some.wait_timeout_while(gathered, GATHER, |gathered| !gathered.at_once);
        let (mut gathered, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut gathered.lines, batch);
        (gathered.at_once, gathered.is_writing) = (false, true);
        mem::take(&mut gathered.lost)
    }

    fn add(&self, line: &[u8], at_once: bool) {
        let mut gathered = self.hold();
        if gathered.lines.len() + line.len() > MAX_BYTES {
            gathered.lost += 1;
            return;
        }
        gathered.lines.extend_from_slice(line);
        let is_first = gathered.lines.len() == line.len();
        // The thread sleeps only while there is nothing, or nothing wrong.
        if is_first || (at_once && !gathered.at_once) {
            self.0.has_some.notify_one();
        }
        gathered.at_once |= at_once;
    }

    /// Has what was gathered written, and waits for that, but no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let mut gathered = self.hold();
        gathered.at_once = true;
        self.0.has_some.notify_one();
        let is_out = &self.0.is_out;
        drop(is_out.wait_timeout_while(gathered, limit, |gathered| gathered.is_writing || !gathered.lines.is_empty()));
    }

    fn hold(&self) -> MutexGuard<'_, Gathered> {
        self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one event is written to.
pub(super) struct Line<'a> {
    lines: &'a Lines,
    at_once: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.at_once);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, at_once: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        Line { lines: self, at_once: *event.level() <= Level::WARN }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Instant;

    const SOON: Duration = Duration::from_secs(5);

    /// Everything that was written, by one call each. While somebody holds it, nothing is.
    #[derive(Clone, Default)]
    pub(in crate::telemetry) struct Written(Arc<Mutex<Vec<String>>>);

    impl Written {
        pub(in crate::telemetry) fn all(&self) -> String {
            self.0.lock().unwrap().concat()
        }
    }

    impl Write for Written {
        fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(String::from_utf8(lines.to_vec()).unwrap());
            Ok(lines.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_go_together_in_their_order_and_what_is_wrong_at_once() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        let say = |line: &[u8], at_once| Line { lines: &lines, at_once }.write_all(line).unwrap();
        say(b"a\n", false);
        say(b"b\n", false);
        let started = Instant::now();
        while written.0.lock().unwrap().is_empty() {
            assert!(started.elapsed() < SOON, "nothing was written");
        }
        assert_eq!(*written.0.lock().unwrap(), ["a\nb\n"]);
        say(b"c\n", false);
        say(b"wrong\n", true);
        lines.flush(SOON);
        assert_eq!(written.all(), "a\nb\nc\nwrong\n");
    }

    #[test]
    fn a_reader_that_stands_still_holds_up_nobody() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        let say = |line: &[u8]| Line { lines: &lines, at_once: true }.write_all(line).unwrap();
        let still = written.0.lock().unwrap();
        say(b"a\n");
        let started = Instant::now();
        while !lines.hold().is_writing {
            assert!(started.elapsed() < SOON, "nothing is written");
        }
        let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<_>>();
        (0..2 * MAX_BYTES / line.len()).for_each(|_| say(&line));
        assert!(lines.hold().lines.len() <= MAX_BYTES);
        assert_eq!(lines.hold().lost as usize, MAX_BYTES / line.len());
        lines.flush(Duration::from_millis(10));
        assert!(started.elapsed() < SOON);
        drop(still);
        lines.flush(SOON);
        assert_eq!(written.all().len(), 2 + MAX_BYTES, "what found room is written");
        assert_eq!(lines.hold().lost, 0);
    }
}
