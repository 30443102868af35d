//! An event as a line of JSON: `timestamp`, `level`, its fields, `target`. There is a line for every request, and the
//! library's own formatter took longer for it than the service for telling who a browser is.

use super::lines::Lines;
use crate::clock;
use serde::Serialize;
use std::{cell::Cell, fmt, io::Write as _};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, fmt::MakeWriter as _, layer::Context};

/// Tells events; spans are not told.
pub(super) struct Json(pub(super) Lines);

thread_local! {
    /// The room of the last line, for the next one.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<S: Subscriber> Layer<S> for Json {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Taken, not borrowed: a value that is being told may tell something itself.
        let mut line = ROOM.try_with(Cell::take).unwrap_or_default();
        write_line(&mut line, event);
        // There is nobody to tell when this fails.
        let _ = self.0.make_writer_for(event.metadata()).write_all(&line);
        line.clear();
        let _ = ROOM.try_with(|room| room.set(line));
    }
}

fn write_line(line: &mut Vec<u8>, event: &Event<'_>) {
    let about = event.metadata();
    line.extend_from_slice(b"{\"timestamp\":");
    let mut fields = Fields(line);
    fields.value(&clock::wall());
    fields.text("level", |line| line.extend_from_slice(about.level().as_str().as_bytes()));
    event.record(&mut fields);
    fields.text("target", |line| escape(line, about.target()));
    line.extend_from_slice(b"}\n");
}

struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.0.push(b'"');
        value(self.0);
        self.0.push(b'"');
    }

    fn value(&mut self, value: &impl Serialize) {
        // Plain values, written to memory: neither can fail.
        let _ = serde_json::to_writer(&mut *self.0, value);
    }
}

/// Appends `text` as part of a string of JSON.
fn escape(line: &mut Vec<u8>, text: &str) {
    // Eight bytes at a time, without a way out in between: most texts are short.
    let is_plain = |bytes: &[u8]| {
        bytes.iter().fold(true, |so_far, byte| so_far & (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\'))
    };
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    if eights.iter().all(|eight| is_plain(eight)) && is_plain(rest) {
        line.extend_from_slice(text.as_bytes());
    } else if let Ok(quoted) = serde_json::to_string(text) {
        line.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
}

/// What is written to it becomes part of a string of JSON.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), |line| escape(line, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Only a value's own formatter can fail; then what it has written so far is told.
        self.text(field.name(), |line| {
            let _ = fmt::write(&mut Escaped(line), format_args!("{value:?}"));
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field.name());
        self.value(&value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field.name());
        self.value(&value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field.name());
        self.value(&value);
    }

    /// JSON knows neither infinity nor what is not a number: they are null.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(field.name());
        self.value(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::lines::{Lines, tests::Written};
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn whatever_is_told_is_a_line_of_json() {
        let written = Written::default();
        let lines = Lines::to(written.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Json(lines.clone())), || {
            let awkward = "a \"quote\", a \\ and\na line";
            tracing::info!(status = 201, took_ms = 0.25, never = f64::NAN, ok = true, below = -1, awkward, "served");
            tracing::error!(shown = %awkward, debugged = ?awkward, "wrong");
        });
        lines.flush(std::time::Duration::from_secs(5));
        let lines = written.all();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [served, wrong] = &lines[..] else { panic!("{lines:?}") };
        let awkward = "a \"quote\", a \\ and\na line";
        let expected = json!({"timestamp": served["timestamp"], "level": "INFO", "message": "served", "status": 201,
            "took_ms": 0.25, "never": null, "ok": true, "below": -1, "awkward": awkward, "target": module_path!()});
        assert_eq!(*served, expected);
        assert!(crate::domain::time::Timestamp::parse_rfc3339(served["timestamp"].as_str().unwrap()).is_some());
        assert_eq!((&wrong["level"], &wrong["shown"]), (&json!("ERROR"), &json!(awkward)));
        assert_eq!(wrong["debugged"], json!(format!("{awkward:?}")));
    }
}
