//! Times, numbers and amounts of money as people of each language write them.

use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};

use super::text::Locale;

/// A moment or a day as a `<time>` element, for people and for machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    datetime: String,
    text: String,
}

impl Time {
    /// What people read.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<time datetime="{}">{}</time>"#, self.datetime, self.text)
    }
}

/// Both parts come from a parsed date and this crate's own wording, never from a user.
impl HtmlSafe for Time {}

impl Locale {
    /// A moment, to the minute, in UTC; portal.js turns it into the reader's own time zone.
    pub fn time(self, at: DateTime<Utc>) -> Time {
        let date = self.date(at.date_naive()).text;
        let text = format!("{date}{}{:02}:{:02} UTC", self.text().date_time, at.hour(), at.minute());
        Time { datetime: at.to_rfc3339_opts(SecondsFormat::Millis, true), text }
    }

    /// A day.
    pub fn date(self, day: NaiveDate) -> Time {
        let text = self.text();
        let month = text.months.get(day.month0() as usize).copied().unwrap_or_default();
        Time { datetime: day.to_string(), text: (text.date)(day.day(), month, day.year()) }
    }

    /// A number written in digits, with its thousands apart; what isn't plain digits stays as it is.
    pub fn number(self, plain: &str) -> String {
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => ("\u{2212}", digits),
            None => ("", plain),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return plain.to_owned();
        }
        let text = self.text();
        let mut out = sign.to_owned();
        for (i, digit) in whole.chars().enumerate() {
            // Four digits are easier to read in one piece.
            if i > 0 && whole.len() > 4 && (whole.len() - i) % 3 == 0 {
                out.push(text.thousands);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push(text.decimal);
            out.push_str(fraction);
        }
        out
    }

    /// An amount in a currency's minor unit (`1999` of `usd` is `19.99 USD`).
    pub fn minor_amount(self, amount: i64, currency: &str) -> String {
        let places = minor_digits(currency);
        let digits = format!("{:0>width$}", amount.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if amount < 0 { "-" } else { "" };
        let point = if places > 0 { "." } else { "" };
        self.amount(&format!("{sign}{whole}{point}{fraction}"), currency)
    }

    /// An amount in a currency's own unit, such as `19.5` of `usd`, which is `19.50 USD`.
    pub fn amount(self, plain: &str, currency: &str) -> String {
        let places = minor_digits(currency);
        let plain = match plain.split_once('.') {
            Some((whole, fraction)) => format!("{whole}.{fraction:0<places$}"),
            None => plain.to_owned(),
        };
        format!("{}\u{a0}{}", self.number(&plain), currency.to_ascii_uppercase())
    }
}

/// How many digits a currency has after the point (ISO 4217).
fn minor_digits(currency: &str) -> usize {
    match currency.to_ascii_uppercase().as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_language() {
        let at = DateTime::parse_from_rfc3339("2026-03-01T07:05:59.5Z").unwrap().to_utc();
        for (locale, expected) in [
            (Locale::En, "1 March 2026, 07:05 UTC"),
            (Locale::De, "1. März 2026, 07:05 UTC"),
            (Locale::Fr, "1er mars 2026 à 07:05 UTC"),
            (Locale::Es, "1 de marzo de 2026, 07:05 UTC"),
            (Locale::Ja, "2026年3月1日 07:05 UTC"),
        ] {
            let html = format!(r#"<time datetime="2026-03-01T07:05:59.500Z">{expected}</time>"#);
            assert_eq!(locale.time(at).to_string(), html);
        }
    }

    #[test]
    fn numbers_and_amounts() {
        assert_eq!(Locale::En.number("1234567.5"), "1,234,567.5");
        assert_eq!(Locale::En.number("1234"), "1234");
        assert_eq!(Locale::De.number("-12345.25"), "\u{2212}12.345,25");
        assert_eq!(Locale::En.number("1e30"), "1e30");
        assert_eq!(Locale::En.minor_amount(1999, "usd"), "19.99\u{a0}USD");
        assert_eq!(Locale::De.minor_amount(-5, "EUR"), "\u{2212}0,05\u{a0}EUR");
        assert_eq!(Locale::Ja.minor_amount(120_000, "jpy"), "120,000\u{a0}JPY");
        assert_eq!(Locale::En.minor_amount(1, "kwd"), "0.001\u{a0}KWD");
        assert_eq!(Locale::Fr.amount("12.5", "chf"), "12,50\u{a0}CHF");
    }
}
