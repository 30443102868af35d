//! Small texts with bounds: names, slugs, colours, metadata.

use super::Invalid;
use std::collections::BTreeMap;

/// A text of 1–`max` characters without control characters or white space at its ends.
///
/// # Errors
/// When one of these does not hold.
pub fn bounded(text: String, max: usize) -> Result<String, Invalid> {
    let chars = text.chars().count();
    if chars == 0 || chars > max {
        return Err(Invalid::new(format!("Give between 1 and {max} characters.")));
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(Invalid::new("Control characters, and white space at the ends, are not allowed."));
    }
    Ok(text)
}

/// A text that every database can compare with what it keeps: any but one with a NUL.
///
/// # Errors
/// When there is a NUL in it.
pub fn without_nul(text: String) -> Result<String, Invalid> {
    if text.contains('\0') { Err(Invalid::new("NUL is not allowed.")) } else { Ok(text) }
}

/// A tenant's or portal's slug: 3–64 of `a-z`, `0-9` and single inner hyphens.
///
/// # Errors
/// For anything else.
pub fn slug(text: String) -> Result<String, Invalid> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let whole = text.bytes().all(|byte| plain(byte) || byte == b'-');
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
    if (3..=64).contains(&text.len()) && whole && ends && !text.contains("--") {
        return Ok(text);
    }
    Err(Invalid::new("A slug is 3 to 64 lower-case letters, digits and single hyphens, with no hyphen at its ends."))
}

/// A colour as `#rrggbb`.
///
/// # Errors
/// For anything else.
pub fn colour(text: String) -> Result<String, Invalid> {
    let hex = text.strip_prefix('#').unwrap_or_default();
    if hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Invalid::new("Give a colour as #rrggbb."))
}

/// What a merchant notes on an object: strings by name.
pub type Metadata = BTreeMap<String, String>;

/// Metadata within its bounds: at most 50 keys of 1–40 characters, values of at most 500, no NUL.
///
/// # Errors
/// When one of these does not hold; tells for which key.
pub fn metadata(pairs: Metadata) -> Result<Metadata, Invalid> {
    if pairs.len() > 50 {
        return Err(Invalid::new("Metadata has at most 50 keys."));
    }
    for (key, value) in &pairs {
        if key.is_empty() || key.chars().count() > 40 || key.contains('\0') {
            return Err(Invalid::new("A metadata key has 1 to 40 characters and no NUL."));
        }
        if value.chars().count() > 500 || value.contains('\0') {
            return Err(
                Invalid::new("A metadata value has at most 500 characters and no NUL.").within(format!(".{key}"))
            );
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_characters() {
        assert!(bounded("ä".repeat(256), 256).is_ok());
        for bad in ["", " a", "a ", "a\u{7}b", "a\0", "\u{a0}a"] {
            assert!(bounded(bad.into(), 256).is_err(), "{bad:?}");
        }
        assert!(bounded("a".repeat(257), 256).is_err());
    }

    #[test]
    fn slugs() {
        for good in ["abc", "my-portal", "a-b", "0a9", &"a".repeat(64)] {
            assert!(slug(good.into()).is_ok(), "{good}");
        }
        for bad in ["", "ab", "-abc", "abc-", "a--b", "Abc", "a_b", "a b", &"a".repeat(65)] {
            assert!(slug(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_bounds() {
        let one = |key: &str, value: &str| metadata([(key.to_owned(), value.to_owned())].into());
        assert!(one(&"k".repeat(40), &"v".repeat(500)).is_ok());
        assert!(one(&"k".repeat(41), "").is_err());
        assert!(one("", "").is_err());
        assert_eq!(one("k", &"v".repeat(501)).unwrap_err().at, ".k");
        assert!(one("k", "a\0").is_err());
        assert!(metadata((0..51).map(|n| (n.to_string(), String::new())).collect()).is_err());
    }
}
