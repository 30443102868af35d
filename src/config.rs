//! The configuration: `config/default.toml`, a file over it, the environment over both.

use crate::domain::return_url::{WebUrl, parse_origin};
use config::{File, FileFormat, Map, Source, Value, ValueKind};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Every key with its default.
const DEFAULTS: &str = include_str!("../config/default.toml");
const PREFIX: &str = "VESTIBULE_";
/// Names the file that is laid over the defaults.
const FILE: &str = "VESTIBULE_CONFIG";
/// Keys that may hold a secret: each may come from a file, and no error shows its value.
const SECRETS: [&str; 2] = ["database_url", "gateway.secret"];

type Environment = BTreeMap<String, String>;

/// Everything that an operator sets; `config/default.toml` tells more of each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the database is, with its password.
    #[serde(deserialize_with = "database_url")]
    pub database_url: Secret,
    /// Where the API and the pages are served.
    pub listen: SocketAddr,
    /// Where the metrics are served.
    pub ops_listen: SocketAddr,
    /// The origin that browsers see, without a slash at its end.
    #[serde(deserialize_with = "origin")]
    pub public_url: String,
    /// The base of links into the documentation, without a slash at its end; the public URL if none.
    #[serde(deserialize_with = "base_url")]
    pub docs_url: Option<String>,
    /// The proxies whose forwarded headers count.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// How much is allowed.
    pub limits: Limits,
    /// How the database is used.
    pub database: Database,
    /// What is remembered between requests.
    pub cache: Cache,
    /// How long what is over is kept.
    pub retention: Retention,
    /// The way to merchants' back ends.
    pub gateway: Gateway,
    /// How the log is written.
    pub log: Log,
    /// Variables that look like ours and mean nothing, such as those that Kubernetes adds.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

/// How much is allowed; a rate or burst of 0 is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a second by one secret key.
    pub key_per_second: u32,
    /// Requests at once by one secret key.
    pub key_burst: u32,
    /// Exchanges and landings a minute from one client address.
    pub address_per_minute: u32,
    /// Exchanges and landings at once from one client address.
    pub address_burst: u32,
    /// Creates, and exchanges, that may wait for the database.
    #[serde(deserialize_with = "number::<_, _, 1_000_000>")]
    pub waiting_writes: usize,
    /// Requests that may be worked on at the same time.
    #[serde(deserialize_with = "number::<_, _, 1_000_000>")]
    pub concurrent_requests: usize,
}

/// How the database is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The most connections to PostgreSQL.
    #[serde(deserialize_with = "number::<_, _, 10_000>")]
    pub max_connections: u32,
}

/// What is remembered between requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Active browser sessions.
    #[serde(deserialize_with = "number::<_, _, 100_000_000>")]
    pub sessions: usize,
}

/// How long what is over is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days that a session stays after its end.
    #[serde(deserialize_with = "number::<_, _, 36_500>")]
    pub session_days: u32,
    /// Days that an event stays.
    #[serde(deserialize_with = "number::<_, _, 36_500>")]
    pub event_days: u32,
    /// Minutes between two passes of the sweeper.
    #[serde(deserialize_with = "number::<_, _, 10_000>")]
    pub sweep_minutes: u32,
}

/// The way to merchants' back ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Whether it may lead to private addresses.
    pub allow_private: bool,
    /// What the signing keys in the database are sealed under, if anything.
    #[serde(deserialize_with = "passphrase")]
    pub secret: Option<Secret>,
}

/// How the log is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// In which form.
    pub format: LogFormat,
}

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// Text in a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people to read.
    Text,
}

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(String);

/// Why there is no configuration, in words for the operator; shows no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key's value makes no sense.
    #[error("{key} ({variable} in the environment) is wrong: {why}.")]
    Wrong {
        /// The key, as in the file.
        key: String,
        /// Its environment variable.
        variable: String,
        /// What is wrong.
        why: String,
    },
    /// A file that a variable names can't be read.
    #[error("{variable} names {path}, which can't be read: {cause}.")]
    Unreadable {
        /// The environment variable.
        variable: String,
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The configuration as a whole makes no sense, the file's syntax say.
    #[error("the configuration is wrong: {0}.")]
    Malformed(String),
}

impl Config {
    /// Reads the configuration of this process.
    ///
    /// # Errors
    /// When a value is wrong: the error names its key.
    pub fn load() -> Result<Self, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::from_environment(&std::env::vars_os().filter_map(text).collect())
    }

    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let defaults = File::from_str(DEFAULTS, FileFormat::Toml);
        let keys = keys_of("", defaults.collect().map_err(|error| named(&error))?);
        let mut builder = config::Config::builder().add_source(defaults);
        if let Some(path) = given(environment, FILE) {
            let text = read(FILE, path)?;
            builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
        }
        for (key, is_list) in &keys {
            if let Some(text) = from_variable(environment, key)? {
                let value = if *is_list { list(&text) } else { text.into() };
                builder = builder.set_override(key, value).map_err(|error| named(&error))?;
            }
        }
        let mut config: Self =
            builder.build().and_then(config::Config::try_deserialize).map_err(|error| named(&error))?;
        config.unknown = unknown(environment, &keys);
        Ok(config)
    }
}

/// The keys below `path` by their dotted names, and whether each is a list.
fn keys_of(path: &str, table: Map<String, Value>) -> BTreeMap<String, bool> {
    let mut keys = BTreeMap::new();
    for (name, value) in table {
        let key = format!("{path}{name}");
        match value.kind {
            ValueKind::Table(inner) => keys.append(&mut keys_of(&format!("{key}."), inner)),
            kind => drop(keys.insert(key, matches!(kind, ValueKind::Array(_)))),
        }
    }
    keys
}

/// The environment variable of a key, or of its element.
fn variable_of(key: &str) -> String {
    let key = key.split('[').next().unwrap_or_default();
    let name = key.replace('.', "__").to_uppercase();
    // The one variable that every platform names like this.
    if name == "DATABASE_URL" { name } else { format!("{PREFIX}{name}") }
}

fn given<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// A key's value from its variable; a secret's file comes first, since an image may set the other.
fn from_variable(environment: &Environment, key: &str) -> Result<Option<String>, ConfigError> {
    let variable = variable_of(key);
    if SECRETS.contains(&key) {
        let variable = format!("{variable}_FILE");
        if let Some(path) = given(environment, &variable) {
            return read(&variable, path).map(|text| Some(text.trim().to_owned()));
        }
    }
    Ok(given(environment, &variable).map(str::to_owned))
}

fn read(variable: &str, path: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
        variable: variable.to_owned(),
        path: path.to_owned(),
        cause,
    })
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(Value::from).collect::<Vec<_>>().into()
}

fn unknown(environment: &Environment, keys: &BTreeMap<String, bool>) -> Vec<String> {
    let is_known = |name: &str| name == FILE || keys.keys().any(|key| variable_of(key) == name);
    environment.keys().filter(|name| name.starts_with(PREFIX) && !is_known(name)).cloned().collect()
}

/// The library's error with the key and its variable in front.
fn named(error: &config::ConfigError) -> ConfigError {
    use config::ConfigError::{At, NotFound, Type};
    let (key, why) = match error {
        At { key: Some(key), error, .. } => (key, error.to_string()),
        Type { key: Some(key), unexpected, expected, .. } => (key, format!("expected {expected}, found {unexpected}")),
        NotFound(key) => (key, "it is missing".to_owned()),
        other => return ConfigError::Malformed(other.to_string()),
    };
    ConfigError::Wrong { key: key.clone(), variable: variable_of(key), why }
}

fn database_url<'de, D: Deserializer<'de>>(value: D) -> Result<Secret, D::Error> {
    let text = String::deserialize(value)?;
    let known = ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| text.starts_with(scheme));
    known.then_some(Secret(text)).ok_or_else(|| D::Error::custom("it must start with postgres:// or sqlite://"))
}

fn passphrase<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(value)?;
    match text.chars().count() {
        0 => Ok(None),
        1..16 => Err(D::Error::custom("it must have at least 16 characters")),
        _ => Ok(Some(Secret(text))),
    }
}

/// A browser refuses our cookies on plain http except on a loopback host, so there is no way around that.
fn origin<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let text = String::deserialize(value)?;
    parse_origin(text.strip_suffix('/').unwrap_or(&text)).map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is no https:// origin (http:// only on a loopback host): scheme, host and port without a path"
        ))
    })
}

fn base_url<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(value)?;
    if text.is_empty() {
        return Ok(None);
    }
    WebUrl::parse(&text).map_err(|why| D::Error::custom(why.message.trim_end_matches('.')))?;
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

fn networks<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: String| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map_err(|_| D::Error::custom(format!("{text:?} is neither an address nor a network such as 10.0.0.0/8")))
    };
    Vec::<String>::deserialize(value)?.into_iter().map(read).collect()
}

/// A number from 1 to `MAX`.
fn number<'de, D: Deserializer<'de>, T: TryFrom<u32>, const MAX: u32>(value: D) -> Result<T, D::Error> {
    let number = u32::deserialize(value)?;
    let within = (1..=MAX).contains(&number).then(|| T::try_from(number).ok()).flatten();
    within.ok_or_else(|| D::Error::custom(format!("{number} is not between 1 and {MAX}")))
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(format!("{other:?} is none of auto, json and text")),
        }
    }
}

impl Secret {
    /// The text, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_environment(&pairs.collect())
    }

    fn refusal(name: &str, value: &str) -> String {
        with(&[(name, value)]).unwrap_err().to_string()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_defaults_are_good() {
        let config = with(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!((config.public_url.as_str(), config.docs_url), ("http://localhost:8080", None));
        assert_eq!((config.limits.key_per_second, config.retention.event_days), (100, 400));
    }

    #[test]
    fn the_environment_lies_over_the_file_over_the_defaults() {
        let file = file("listen = '0.0.0.0:80'\n[limits]\nkey_burst = 7\naddress_burst = 8\n");
        let config = with(&[
            (FILE, file.path().to_str().unwrap()),
            ("VESTIBULE_LIMITS__KEY_BURST", "0"),
            ("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("VESTIBULE_PUBLIC_URL", "https://Portal.example/"),
            ("VESTIBULE_DOCS_URL", "https://docs.example/errors/"),
            ("VESTIBULE_OPS_LISTEN", ""),
            ("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true"),
        ])
        .unwrap();
        assert_eq!((config.limits.key_burst, config.limits.address_burst), (0, 8));
        assert_eq!((config.listen.port(), config.ops_listen.port()), (80, 9090));
        assert_eq!(config.trusted_proxies, ["10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()));
        assert_eq!(config.public_url, "https://portal.example");
        assert_eq!(config.docs_url.as_deref(), Some("https://docs.example/errors"));
        assert!(config.gateway.allow_private);
    }

    #[test]
    fn a_wrong_value_names_its_key_and_variable() {
        for (name, key, value) in [
            ("VESTIBULE_LISTEN", "listen", "8080"),
            ("VESTIBULE_LIMITS__KEY_PER_SECOND", "limits.key_per_second", "many"),
            ("VESTIBULE_LIMITS__KEY_PER_SECOND", "limits.key_per_second", "-1"),
            ("VESTIBULE_LIMITS__KEY_PER_SECOND", "limits.key_per_second", "4294967296"),
            ("VESTIBULE_LIMITS__WAITING_WRITES", "limits.waiting_writes", "0"),
            ("VESTIBULE_RETENTION__SESSION_DAYS", "retention.session_days", "50000"),
            ("VESTIBULE_TRUSTED_PROXIES", "trusted_proxies", "10.0.0.1,proxy"),
            ("VESTIBULE_LOG__FORMAT", "log.format", "xml"),
            ("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "gateway.allow_private", "maybe"),
            ("VESTIBULE_GATEWAY__SECRET", "gateway.secret", "hunter2"),
            ("DATABASE_URL", "database_url", "mysql://user:hunter2@host/db"),
        ] {
            let text = refusal(name, value);
            assert!(text.starts_with(&format!("{key} ({name} in the environment) is wrong")), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        for bad in [
            "",
            "portal.example",
            "http://portal.example",
            "https://a.example/x",
            "https://u@a.example",
            "https://a.example?x",
        ] {
            assert!(bad.is_empty() || refusal("VESTIBULE_PUBLIC_URL", bad).starts_with("public_url ("), "{bad}");
        }
    }

    #[test]
    fn a_file_with_a_typo_is_refused() {
        for text in ["[limits]\nkey_brust = 1\n", "lisen = 'x'\n", "listen = \n"] {
            let file = file(text);
            assert!(with(&[(FILE, file.path().to_str().unwrap())]).is_err(), "{text}");
        }
        assert!(refusal(FILE, "/nowhere").starts_with("VESTIBULE_CONFIG names /nowhere"));
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_never_shown() {
        let file = file(" postgres://user:hunter2@host/db\n");
        let config =
            with(&[("DATABASE_URL", "sqlite://x"), ("DATABASE_URL_FILE", file.path().to_str().unwrap())]).unwrap();
        assert_eq!(config.database_url.reveal(), "postgres://user:hunter2@host/db");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn strange_variables_are_told_of() {
        let config =
            with(&[("VESTIBULE_PORT", "tcp://10.0.0.1:80"), ("VESTIBULE_LISTEN", "[::]:1"), (FILE, ""), ("HOME", "/")]);
        assert_eq!(config.unwrap().unknown, ["VESTIBULE_PORT"]);
    }
}
