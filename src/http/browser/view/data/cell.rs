//! One value of the merchant's JSON.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Number, Value};

use super::super::format::Time;
use super::super::text::Locale;
use super::key;
use super::tone::Tone;

/// The most characters of one text.
const MAX_TEXT: usize = 1000;
/// The most characters of a link's text.
const MAX_LINK: usize = 40;
/// The most members of a list or fields of an object inside a cell.
const MAX_INNER: usize = 20;

/// A value, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    None,
    /// Words.
    Text(String),
    /// A quantity.
    Number(String),
    /// A name for programs.
    Code(String),
    /// How things stand.
    Badge(String, Tone),
    /// A day or a moment.
    Time(Time),
    /// An https address, and what of it is shown.
    Link(String, String),
}

impl Cell {
    /// Reads a value by its key and by what stands beside it in the same object.
    pub(super) fn new(name: &str, value: &Value, siblings: &Map<String, Value>, locale: Locale) -> Self {
        let text = locale.text();
        match value {
            Value::Null => Self::None,
            Value::Bool(yes) => Self::Text((if *yes { text.yes } else { text.no }).to_owned()),
            Value::Number(number) => number_cell(name, number, siblings, locale),
            Value::String(string) => string_cell(name, string, siblings, locale),
            Value::Array(items) if items.is_empty() => Self::None,
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                Self::Text((text.entries)(items.len()))
            }
            Value::Array(items) => {
                join(items.iter().map(|item| Self::new("", item, siblings, locale).plain(locale)), ", ", items.len())
            }
            Value::Object(object) if object.is_empty() => Self::None,
            Value::Object(object) => money(object, locale).unwrap_or_else(|| compact(object, locale)),
        }
    }

    /// The value as bare text.
    fn plain(self, locale: Locale) -> String {
        match self {
            Self::None => locale.text().none.to_owned(),
            Self::Text(text) | Self::Number(text) | Self::Code(text) | Self::Badge(text, _) | Self::Link(_, text) => {
                text
            }
            Self::Time(time) => time.text().to_owned(),
        }
    }
}

/// An object that is nothing but an amount of money, such as `{"amount": 1999, "currency": "usd"}`.
pub(super) fn money(object: &Map<String, Value>, locale: Locale) -> Option<Cell> {
    let amount = object.get("amount").or_else(|| object.get("value"))?;
    (object.len() == 2).then(|| amount_cell(amount, object, locale))?
}

/// An amount in the currency beside it.
fn amount_cell(amount: &Value, siblings: &Map<String, Value>, locale: Locale) -> Option<Cell> {
    let currency =
        siblings.get("currency")?.as_str().filter(|c| c.len() == 3 && c.bytes().all(|b| b.is_ascii_alphabetic()))?;
    let plain = match amount {
        Value::Number(number) => match number.as_i64() {
            Some(minor) => return Some(Cell::Number(locale.minor_amount(minor, currency))),
            None => number.to_string(),
        },
        Value::String(text) if text.parse::<f64>().is_ok_and(f64::is_finite) => text.clone(),
        _ => return None,
    };
    Some(Cell::Number(locale.amount(&plain, currency)))
}

fn number_cell(name: &str, number: &Number, siblings: &Map<String, Value>, locale: Locale) -> Cell {
    // First: `paid_at` and `due_date` have words of money in them.
    if key::is_moment(name)
        && let Some(time) = number.as_i64().and_then(unix_time)
    {
        return Cell::Time(locale.time(time));
    }
    if key::is_money(name)
        && let Some(cell) = amount_cell(&Value::Number(number.clone()), siblings, locale)
    {
        return cell;
    }
    if key::is_label(name) { Cell::Text(number.to_string()) } else { Cell::Number(locale.number(&number.to_string())) }
}

/// Seconds or milliseconds, told apart by their size; both ranges begin in 2001 and end in 2286.
fn unix_time(number: i64) -> Option<DateTime<chrono::Utc>> {
    match number {
        1_000_000_000..10_000_000_000 => DateTime::from_timestamp(number, 0),
        1_000_000_000_000..10_000_000_000_000 => DateTime::from_timestamp_millis(number),
        _ => None,
    }
}

fn string_cell(name: &str, string: &str, siblings: &Map<String, Value>, locale: Locale) -> Cell {
    let string = string.trim();
    if string.is_empty() {
        return Cell::None;
    }
    if key::is_status(name) && string.len() <= 40 {
        return Cell::Badge(key::humanise(string), Tone::of(string));
    }
    if key::is_money(name)
        && let Some(cell) = amount_cell(&Value::String(string.to_owned()), siblings, locale)
    {
        return cell;
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(string) {
        return Cell::Time(locale.time(time.to_utc()));
    }
    if string.len() == 10
        && let Ok(day) = string.parse::<NaiveDate>()
    {
        return Cell::Time(locale.date(day));
    }
    if let Some(shown) = string.strip_prefix("https://")
        && !string.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Cell::Link(string.to_owned(), clip(shown, MAX_LINK));
    }
    let shown = clip(string, MAX_TEXT);
    if key::is_id(name) || looks_like_id(string) { Cell::Code(shown) } else { Cell::Text(shown) }
}

/// Whether a text is like `inv_4fT9x2Qa`.
fn looks_like_id(text: &str) -> bool {
    text.rsplit_once('_').is_some_and(|(prefix, rest)| {
        prefix.starts_with(|c: char| c.is_ascii_lowercase())
            && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && rest.len() >= 8
            && rest.bytes().all(|b| b.is_ascii_alphanumeric())
            && rest.bytes().any(|b| b.is_ascii_digit())
    })
}

/// An object inside a cell: its fields in one line, what lies deeper only counted.
fn compact(object: &Map<String, Value>, locale: Locale) -> Cell {
    let fields = object.iter().map(|(name, value)| {
        let inner = match value {
            Value::Object(deeper) if money(deeper, locale).is_none() => (locale.text().entries)(deeper.len()),
            other => Cell::new(name, other, object, locale).plain(locale),
        };
        format!("{}: {inner}", key::humanise(name))
    });
    join(fields, " · ", object.len())
}

fn join(parts: impl Iterator<Item = String>, separator: &str, total: usize) -> Cell {
    let mut text = parts.take(MAX_INNER).collect::<Vec<_>>().join(separator);
    if total > MAX_INNER {
        text.push_str(separator);
        text.push('…');
    }
    Cell::Text(clip(&text, MAX_TEXT))
}

fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(object: Value, name: &str) -> Cell {
        let object = object.as_object().unwrap();
        Cell::new(name, &object[name], object, Locale::En)
    }

    fn text(s: &str) -> Cell {
        Cell::Text(s.into())
    }

    #[test]
    fn scalars() {
        assert_eq!(cell(json!({"a": null}), "a"), Cell::None);
        assert_eq!(cell(json!({"a": "  "}), "a"), Cell::None);
        assert_eq!(cell(json!({"a": true}), "a"), text("Yes"));
        assert_eq!(cell(json!({"calls": 1_234_567}), "calls"), Cell::Number("1,234,567".into()));
        assert_eq!(cell(json!({"year": 20261}), "year"), text("20261"));
        assert_eq!(cell(json!({"customerId": "acme"}), "customerId"), Cell::Code("acme".into()));
        assert_eq!(cell(json!({"key": "key_4fT9x2Qa"}), "key"), Cell::Code("key_4fT9x2Qa".into()));
        assert_eq!(cell(json!({"key": "snake_case_words"}), "key"), text("snake_case_words"));
    }

    #[test]
    fn moments() {
        let expected = "1 December 2025, 00:00 UTC";
        for value in [json!("2025-12-01T01:00:00+01:00"), json!(1_764_547_200), json!(1_764_547_200_000_i64)] {
            let Cell::Time(time) = cell(json!({"createdAt": value}), "createdAt") else { panic!("no time") };
            assert_eq!(time.text(), expected);
        }
        assert!(matches!(cell(json!({"day": "2025-12-01"}), "day"), Cell::Time(_)));
        assert_eq!(cell(json!({"day": "2025-13-01"}), "day"), text("2025-13-01"));
        assert!(matches!(cell(json!({"calls": 1_764_547_200}), "calls"), Cell::Number(_)));
        for name in ["paid_at", "due_date", "balance_updated"] {
            assert!(matches!(cell(json!({name: 1_764_547_200, "currency": "usd"}), name), Cell::Time(_)), "{name}");
        }
    }

    #[test]
    fn money_needs_a_currency() {
        let usd = |amount: Value| cell(json!({"amountDue": amount, "currency": "usd"}), "amountDue");
        assert_eq!(usd(json!(1999)), Cell::Number("19.99\u{a0}USD".into()));
        assert_eq!(usd(json!(19.5)), Cell::Number("19.50\u{a0}USD".into()));
        assert_eq!(usd(json!("19.90")), Cell::Number("19.90\u{a0}USD".into()));
        assert_eq!(usd(json!("none")), text("none"));
        assert_eq!(cell(json!({"amount": 1999}), "amount"), Cell::Number("1999".into()));
        let nested = json!({"price": {"amount": 900, "currency": "jpy"}});
        assert_eq!(cell(nested, "price"), Cell::Number("900\u{a0}JPY".into()));
    }

    #[test]
    fn states_are_badges() {
        assert_eq!(cell(json!({"status": "past_due"}), "status"), Cell::Badge("Past due".into(), Tone::Bad));
        assert_eq!(cell(json!({"state": "Active"}), "state"), Cell::Badge("Active".into(), Tone::Good));
        assert_eq!(cell(json!({"status": "odd"}), "status"), Cell::Badge("Odd".into(), Tone::Plain));
    }

    #[test]
    fn only_https_is_a_link() {
        let https = "https://pay.example/i/1";
        assert_eq!(cell(json!({"pdf": https}), "pdf"), Cell::Link(https.into(), "pay.example/i/1".into()));
        for bad in ["javascript:alert(1)", "http://x.example", "https://a b", "data:text/html,x"] {
            assert!(matches!(cell(json!({"pdf": bad}), "pdf"), Cell::Text(_)), "{bad}");
        }
    }

    #[test]
    fn nesting_is_flattened() {
        assert_eq!(cell(json!({"tags": ["a", 2, true, null]}), "tags"), text("a, 2, Yes, None"));
        assert_eq!(cell(json!({"lines": [{"a": 1}]}), "lines"), text("1 entry"));
        let Cell::Text(line) = cell(json!({"plan": {"name": "Pro", "limits": {"a": 1, "b": 2}}}), "plan") else {
            panic!("no text")
        };
        assert!(line.contains("Name: Pro") && line.contains("Limits: 2 entries") && line.contains(" · "));
    }

    #[test]
    fn length_is_bounded() {
        let Cell::Text(long) = cell(json!({"a": "ä".repeat(5000)}), "a") else { panic!("no text") };
        assert_eq!(long.chars().count(), MAX_TEXT + 1);
        let Cell::Text(many) = cell(json!({"a": (0..1000).collect::<Vec<_>>()}), "a") else { panic!("no text") };
        assert!(many.ends_with("19, …"));
    }
}
