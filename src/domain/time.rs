//! Instants and spans as the wire and the databases know them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};
use std::fmt;

/// An instant in UTC, in whole milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A span in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The same span in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0 as i64 * 1000
    }

    /// A number of days.
    pub const fn days(days: u32) -> Self {
        Self(days * 86_400)
    }
}

impl Timestamp {
    /// The instant that many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The millisecond that holds this many nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self((nanos / 1_000_000) as i64)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant, later by `span`.
    #[must_use]
    pub const fn plus(self, span: Seconds) -> Self {
        Self(self.0 + span.millis())
    }

    /// This instant, earlier by `span`.
    #[must_use]
    pub const fn minus(self, span: Seconds) -> Self {
        Self(self.0 - span.millis())
    }

    /// The calendar's view of it; the epoch for a year that no calendar has.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// Reads RFC 3339, as operators type it; `None` for anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        Some(Self(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()))
    }

    /// RFC 3339 in UTC with milliseconds. Written by hand: every answer holds several of these.
    fn text(self) -> [u8; 24] {
        let t = self.utc();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, width: usize, mut value: u32| {
            for digit in text[at..at + width].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, t.year().clamp(0, 9999) as u32);
        put(5, 2, t.month());
        put(8, 2, t.day());
        put(11, 2, t.hour());
        put(14, 2, t.minute());
        put(17, 2, t.second());
        put(20, 3, t.timestamp_subsec_millis());
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_rfc3339_with_milliseconds() {
        let at = Timestamp::parse_rfc3339("2026-11-21T20:14:00Z").unwrap();
        assert_eq!(at.to_string(), "2026-11-21T20:14:00.000Z");
        assert_eq!(at.plus(Seconds(60)).minus(Seconds(1)).to_string(), "2026-11-21T20:14:59.000Z");
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(millis in 0i64..253_402_300_799_000) {
            let at = Timestamp::from_millis(millis);
            let library = at.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            prop_assert_eq!(at.to_string(), library);
            prop_assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Some(at));
        }
    }
}
