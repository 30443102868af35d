//! An event as a line of JSON: `timestamp`, `level`, its fields, `target`. There is a line for every request, and the
//! library's own formatter took longer for it than the service for telling who a browser is.

use crate::clock;
use std::fmt::{self, Write as _};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Formats events; spans are not told.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let about = event.metadata();
        write!(line, r#"{{"timestamp":"{}","level":"{}""#, clock::wall(), about.level().as_str())?;
        let mut fields = Fields { line, written: Ok(()) };
        event.record(&mut fields);
        fields.text("target", about.target());
        fields.written?;
        fields.line.write_str("}\n")
    }
}

struct Fields<'a> {
    line: Writer<'a>,
    written: fmt::Result,
}

impl Fields<'_> {
    /// What `value` writes is JSON.
    fn put(&mut self, name: &str, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let line = &mut self.line;
        let name = || {
            line.write_str(",\"")?;
            line.write_str(name)?;
            line.write_str("\":")?;
            value(line)
        };
        self.written = self.written.and_then(|()| name());
    }

    fn text(&mut self, name: &str, text: impl fmt::Display) {
        self.put(name, |line| {
            line.write_char('"')?;
            write!(Escaped(line), "{text}")?;
            line.write_char('"')
        });
    }
}

/// What is written to it becomes part of a string of JSON.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Without a way out of the loop, so that it looks at many bytes at a time.
        let is_plain = |so_far, byte: u8| so_far & (byte >= b' ') & (byte != b'"') & (byte != b'\\');
        if text.bytes().fold(true, is_plain) {
            return self.0.write_str(text);
        }
        let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
        self.0.write_str(&quoted[1..quoted.len() - 1])
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), format_args!("{value:?}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), |line| write!(line, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), |line| write!(line, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), |line| write!(line, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows no infinity.
        self.put(field.name(), |line| match serde_json::Number::from_f64(value) {
            Some(number) => write!(line, "{number}"),
            None => line.write_str("null"),
        });
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
        let lines = Lines::to(written.clone());
        let layer = tracing_subscriber::fmt::layer().with_writer(lines.clone()).event_format(Json);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let awkward = "a \"quote\", a \\ and\na line";
            tracing::info!(status = 201, took_ms = 0.25, never = f64::NAN, ok = true, below = -1, awkward, "served");
            tracing::error!(shown = %awkward, debugged = ?awkward, "wrong");
        });
        lines.write_out();
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
