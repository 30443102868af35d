//! The log's way out: lines are gathered for a moment and written together, so that requests neither pay for a system
//! call each nor wait for each other's.

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
/// With so many bytes gathered, whoever adds more writes them: a reader that is slow slows the service, and costs no memory.
const MOST: usize = 1 << 20;

/// Gathers lines for `W`; all clones are one.
pub(super) struct Lines<W> {
    shared: Arc<Shared<W>>,
    /// Whether there is a thread that writes; without one every line is written at once.
    has_thread: bool,
}

struct Shared<W> {
    gathered: Mutex<Vec<u8>>,
    has_some: Condvar,
    /// Where they go, and what was gathered when they last went.
    out: Mutex<(W, Vec<u8>)>,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts the thread that writes to `out`; it ends with the process.
    pub(super) fn to(out: W) -> Self {
        let shared =
            Shared { gathered: Mutex::default(), has_some: Condvar::new(), out: Mutex::new((out, Vec::new())) };
        let mut lines = Self { shared: Arc::new(shared), has_thread: true };
        let own = lines.clone();
        let thread = thread::Builder::new().name("log".into()).spawn(move || {
            loop {
                own.wait();
                thread::sleep(GATHER);
                own.write_out();
            }
        });
        lines.has_thread = thread.is_ok();
        lines
    }

    fn wait(&self) {
        let gathered = hold(&self.shared.gathered);
        drop(
            self.shared
                .has_some
                .wait_while(gathered, |gathered| gathered.is_empty())
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Writes what was gathered. There is nobody to tell when that fails.
    pub(super) fn write_out(&self) {
        // In this order, so that lines leave in the order in which they came.
        let mut out = hold(&self.shared.out);
        let (writer, lines) = &mut *out;
        mem::swap(&mut *hold(&self.shared.gathered), lines);
        let _ = writer.write_all(lines).and_then(|()| writer.flush());
        lines.clear();
    }

    fn add(&self, line: &[u8]) -> usize {
        let mut gathered = hold(&self.shared.gathered);
        gathered.extend_from_slice(line);
        // The thread sleeps only while there is nothing.
        if gathered.len() == line.len() {
            self.shared.has_some.notify_one();
        }
        gathered.len()
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W> Clone for Lines<W> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), has_thread: self.has_thread }
    }
}

/// What one event is written to.
pub(super) struct Line<'a, W> {
    lines: &'a Lines<W>,
    /// What is wrong is written at once: it may be the last that the process says.
    at_once: bool,
}

impl<W: Write + Send + 'static> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.add(line) > MOST || self.at_once {
            self.lines.write_out();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + Send + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, at_once: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        Line { lines: self, at_once: !self.has_thread || *event.level() <= Level::WARN }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Instant;

    /// Everything that was written, by one call each.
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
        let lines = Lines::to(written.clone());
        let say = |line: &[u8], at_once| Line { lines: &lines, at_once }.write_all(line).unwrap();
        say(b"a\n", false);
        say(b"b\n", false);
        let started = Instant::now();
        while written.0.lock().unwrap().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(5), "nothing was written");
        }
        assert_eq!(*written.0.lock().unwrap(), ["a\nb\n"]);
        say(b"c\n", false);
        say(b"wrong\n", true);
        assert_eq!(written.all(), "a\nb\nc\nwrong\n");
        say(&[b'x'; MOST + 1], false);
        assert_eq!(written.all().len(), 12 + MOST + 1);
    }
}
