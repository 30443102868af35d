//! The configuration: `config/default.toml`, a file over it, the environment over both.

mod sources;
mod values;

use config::{File, FileFormat, Source};
use ipnet::IpNet;
use serde::Deserialize;
use sources::{Environment, from_variable, given, keys_of, list, named, read, unknown};
use std::{fmt, net::SocketAddr};

/// Every key with its default.
const DEFAULTS: &str = include_str!("../config/default.toml");
/// Names the file that is laid over the defaults.
const FILE: &str = "VESTIBULE_CONFIG";

/// Everything that an operator sets; `config/default.toml` tells more of each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the database is, with its password.
    #[serde(deserialize_with = "values::database_url")]
    pub database_url: Secret,
    /// Where the API and the pages are served.
    pub listen: SocketAddr,
    /// Where the metrics are served.
    pub ops_listen: SocketAddr,
    /// The origin that browsers see, without a slash at its end.
    #[serde(deserialize_with = "values::origin")]
    pub public_url: String,
    /// The base of links into the documentation, without a slash at its end; the public URL if none.
    #[serde(deserialize_with = "values::base_url")]
    pub docs_url: Option<String>,
    /// The proxies whose forwarded headers count.
    #[serde(deserialize_with = "values::networks")]
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
    #[serde(deserialize_with = "values::whole")]
    pub key_per_second: u32,
    /// Requests at once by one secret key.
    #[serde(deserialize_with = "values::whole")]
    pub key_burst: u32,
    /// Exchanges and landings a minute from one client address.
    #[serde(deserialize_with = "values::whole")]
    pub address_per_minute: u32,
    /// Exchanges and landings at once from one client address.
    #[serde(deserialize_with = "values::whole")]
    pub address_burst: u32,
    /// Creates, and exchanges, that may wait for the database; fewer while it is slow.
    #[serde(deserialize_with = "values::number::<_, _, 1_000_000>")]
    pub waiting_writes: usize,
    /// Requests that may be worked on at the same time.
    #[serde(deserialize_with = "values::number::<_, _, 1_000_000>")]
    pub concurrent_requests: usize,
    /// Connections that may be open.
    #[serde(deserialize_with = "values::number::<_, _, 1_000_000>")]
    pub connections: usize,
}

/// How the database is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The most connections to PostgreSQL, besides two that write batches and one that polls.
    #[serde(deserialize_with = "values::number::<_, _, 10_000>")]
    pub max_connections: u32,
}

/// What is remembered between requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Active browser sessions.
    #[serde(deserialize_with = "values::number::<_, _, 100_000_000>")]
    pub sessions: usize,
}

/// How long what is over is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days that a session stays after its end.
    #[serde(deserialize_with = "values::number::<_, _, 36_500>")]
    pub session_days: u32,
    /// Days that an event stays.
    #[serde(deserialize_with = "values::number::<_, _, 36_500>")]
    pub event_days: u32,
    /// Minutes between two passes of the sweeper: a day at most, which also makes the partitions of the coming week.
    #[serde(deserialize_with = "values::number::<_, _, 1_440>")]
    pub sweep_minutes: u32,
}

/// The way to merchants' back ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Whether it may lead to private addresses.
    pub allow_private: bool,
    /// What the signing keys in the database are sealed under, if anything.
    #[serde(deserialize_with = "values::passphrase")]
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
        let limits = &config.limits;
        assert_eq!((limits.key_per_second, limits.key_burst), (100, 1000));
        assert_eq!((limits.address_per_minute, limits.address_burst), (600, 1000));
        assert_eq!((config.retention.session_days, config.retention.event_days), (30, 400));
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
            ("VESTIBULE_LIMITS__KEY_PER_SECOND", "limits.key_per_second", "false"),
            ("VESTIBULE_LIMITS__KEY_BURST", "limits.key_burst", "1.5"),
            ("VESTIBULE_LIMITS__CONNECTIONS", "limits.connections", "true"),
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
            "portal.example",
            "http://portal.example",
            "https://a.example/x",
            "https://u@a.example",
            "https://a.example?x",
        ] {
            assert!(refusal("VESTIBULE_PUBLIC_URL", bad).starts_with("public_url ("), "{bad}");
        }
    }

    #[test]
    fn a_file_with_a_typo_is_refused() {
        let refusal_of = |text: &str| {
            let file = file(text);
            refusal(FILE, file.path().to_str().unwrap())
        };
        for text in ["[limits]\nkey_brust = 1\n", "lisen = 'x'\n"] {
            assert!(refusal_of(text).contains("unknown field"), "{text}");
        }
        for value in ["false", "1.5", "-1", "[1]"] {
            let said = refusal_of(&format!("[limits]\nkey_burst = {value}\n"));
            assert!(said.starts_with("limits.key_burst (") && said.contains("a whole number"), "{said}");
        }
        // Where it breaks off is told, and what stands there is not.
        for text in [
            "log.format = 'text'\ndatabase_url = \"postgres://u:hunter2@h/db\n",
            "[gateway]\nsecret = hunter2hunter2\n",
        ] {
            let said = refusal_of(text);
            assert!(said.contains("line 2") && !said.contains("hunter2"), "{said}");
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

        for name in ["DATABASE_URL", "VESTIBULE_GATEWAY__SECRET"] {
            let empty = self::file(" \n");
            let refused =
                with(&[(&format!("{name}_FILE"), empty.path().to_str().unwrap()), (name, "sqlite://0123456789")]);
            let said = refused.unwrap_err().to_string();
            assert!(said.starts_with(&format!("{name}_FILE names ")) && said.contains("empty"), "{said}");
        }

        let file = self::file("hunter2, hunter2, hunter2\n");
        let config = with(&[("VESTIBULE_GATEWAY__SECRET_FILE", file.path().to_str().unwrap())]).unwrap();
        assert_eq!(config.gateway.secret.as_ref().map(Secret::reveal), Some("hunter2, hunter2, hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.unknown, [""; 0], "a variable that is used is not called unknown");
    }

    #[test]
    fn strange_variables_are_told_of() {
        let config =
            with(&[("VESTIBULE_PORT", "tcp://10.0.0.1:80"), ("VESTIBULE_LISTEN", "[::]:1"), (FILE, ""), ("HOME", "/")]);
        assert_eq!(config.unwrap().unknown, ["VESTIBULE_PORT"]);
    }
}
