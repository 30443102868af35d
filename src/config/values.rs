//! How the configuration's values are read and checked.

use super::Secret;
use crate::domain::return_url::{WebUrl, parse_origin};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::net::IpAddr;

pub(super) fn database_url<'de, D: Deserializer<'de>>(value: D) -> Result<Secret, D::Error> {
    let text = String::deserialize(value)?;
    let known = ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| text.starts_with(scheme));
    known.then_some(Secret(text)).ok_or_else(|| D::Error::custom("it must start with postgres:// or sqlite://"))
}

pub(super) fn passphrase<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(value)?;
    match text.chars().count() {
        0 => Ok(None),
        1..16 => Err(D::Error::custom("it must have at least 16 characters")),
        _ => Ok(Some(Secret(text))),
    }
}

/// A browser refuses our cookies on plain http except on a loopback host, so there is no way around that.
pub(super) fn origin<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let text = String::deserialize(value)?;
    parse_origin(text.strip_suffix('/').unwrap_or(&text)).map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is no https:// origin (http:// only on a loopback host): scheme, host and port without a path"
        ))
    })
}

pub(super) fn base_url<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(value)?;
    if text.is_empty() {
        return Ok(None);
    }
    WebUrl::parse(&text).map_err(|why| D::Error::custom(why.message.trim_end_matches('.')))?;
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

pub(super) fn networks<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: String| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map_err(|_| D::Error::custom(format!("{text:?} is neither an address nor a network such as 10.0.0.0/8")))
    };
    Vec::<String>::deserialize(value)?.into_iter().map(read).collect()
}

/// A number as it is written: of itself the library would read `false` as 0, which is no limit, and 1.5 as 2.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a whole number")]
enum Whole {
    Number(u32),
    Text(String),
}

/// A number from 0 on.
pub(super) fn whole<'de, D: Deserializer<'de>>(value: D) -> Result<u32, D::Error> {
    match Whole::deserialize(value)? {
        Whole::Number(number) => Ok(number),
        Whole::Text(text) => {
            text.parse().map_err(|_| D::Error::custom(format!("expected a whole number, found {text:?}")))
        }
    }
}

/// A number from 1 to `MAX`.
pub(super) fn number<'de, D: Deserializer<'de>, T: TryFrom<u32>, const MAX: u32>(value: D) -> Result<T, D::Error> {
    let number = whole(value)?;
    let within = (1..=MAX).contains(&number).then(|| T::try_from(number).ok()).flatten();
    within.ok_or_else(|| D::Error::custom(format!("{number} is not between 1 and {MAX}")))
}
