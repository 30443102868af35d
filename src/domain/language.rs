//! Language tags (BCP 47).

use super::Invalid;
use std::iter::Peekable;

/// Tags that were registered before the grammar was, and don't follow it (RFC 5646, section 2.1).
const IRREGULAR: [&str; 17] = [
    "en-gb-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-be-fr",
    "sgn-be-nl",
    "sgn-ch-de",
];
const MAX_CHARS: usize = 35;

/// A language tag that is well-formed (RFC 5646, section 2.1), at most 35 characters.
///
/// # Errors
/// For anything else.
pub fn tag(text: String) -> Result<String, Invalid> {
    if text.len() <= MAX_CHARS && is_well_formed(&text.to_ascii_lowercase()) {
        return Ok(text);
    }
    Err(Invalid::new("Give a BCP 47 language tag, such as en or pt-BR."))
}

fn is_well_formed(tag: &str) -> bool {
    if IRREGULAR.contains(&tag) {
        return true;
    }
    let mut parts = tag.split('-').peekable();
    if parts.peek() != Some(&"x") {
        let Some(language) = parts.next_if(|part| is_alpha(part, 2..=8)) else { return false };
        let extended = if language.len() <= 3 { 3 } else { 0 };
        take(&mut parts, extended, |part| is_alpha(part, 3..=3));
        take(&mut parts, 1, |part| is_alpha(part, 4..=4));
        take(&mut parts, 1, |part| is_alpha(part, 2..=2) || is_digits(part));
        take(&mut parts, MAX_CHARS, is_variant);
        while parts.next_if(|part| is_alphanumeric(part, 1..=1) && *part != "x").is_some() {
            if take(&mut parts, MAX_CHARS, |part| is_alphanumeric(part, 2..=8)) == 0 {
                return false;
            }
        }
    }
    if parts.next_if_eq(&"x").is_some() && take(&mut parts, MAX_CHARS, |part| is_alphanumeric(part, 1..=8)) == 0 {
        return false;
    }
    parts.next().is_none()
}

/// Takes parts of one kind, up to a limit; how many it took.
fn take<'a>(parts: &mut Peekable<impl Iterator<Item = &'a str>>, most: usize, is: impl Fn(&str) -> bool) -> usize {
    (0..most).take_while(|_| parts.next_if(|part| is(part)).is_some()).count()
}

fn is_alpha(part: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_alphanumeric(part: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_digits(part: &str) -> bool {
    part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_variant(part: &str) -> bool {
    is_alphanumeric(part, 5..=8)
        || is_alphanumeric(part, 4..=4) && part.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_grammar_makes_is_taken_as_written() {
        for good in [
            "en",
            "de",
            "pt-BR",
            "zh-Hant-TW",
            "sl-rozaj-biske-1994",
            "de-CH-1901",
            "es-419",
            "zh-cmn-Hans-CN",
            "yue-HK",
            "en-a-bbb-x-a-ccc",
            "de-a-value-b-other",
            "x-private",
            "x-a-1",
            "en-x-us",
            "i-klingon",
            "en-GB-oed",
            "sr-Latn",
            "qaa-Qaaa-QM-x-southern",
            "zh-min-nan",
            "art-lojban",
            "abcd",
            "abcdefgh",
            "en-u-ca-gregory",
        ] {
            assert_eq!(tag(good.into()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_it_does_not_is_refused() {
        for bad in [
            "",
            "-",
            "e",
            "en-",
            "-en",
            "en--us",
            "en_US",
            "abcdefghi",
            "12",
            "en-a",
            "en-a-b-cc",
            "en-x",
            "x",
            "x-",
            "de-de-de-de",
            "en-aaa-bbb-ccc-ddd",
            "abcd-efg",
            "en-latn-latn",
            "en-12",
            "en-1234567890",
            "en-ü",
            "i-unknown",
            "a-DE",
            "en us",
            "de-419-DE",
            "en-x-aaaaaaaa-bbbbbbbb-cccccccc-dddd",
        ] {
            assert!(tag(bad.into()).is_err(), "{bad}");
        }
    }
}
