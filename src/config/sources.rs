//! Where the configuration's values come from.

use super::{ConfigError, FILE};
use config::{Map, Value, ValueKind};
use std::{collections::BTreeMap, io};

const PREFIX: &str = "VESTIBULE_";
/// Keys that may hold a secret: each may come from a file, and no error shows its value.
const SECRETS: [&str; 2] = ["database_url", "gateway.secret"];

pub(super) type Environment = BTreeMap<String, String>;

/// The keys below `path` by their dotted names, and whether each is a list.
pub(super) fn keys_of(path: &str, table: Map<String, Value>) -> BTreeMap<String, bool> {
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

/// The variable that names a secret's file.
fn file_of(key: &str) -> String {
    variable_of(key) + "_FILE"
}

pub(super) fn given<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// A key's value from its variable; a secret's file comes first, since an image may set the other.
pub(super) fn from_variable(environment: &Environment, key: &str) -> Result<Option<String>, ConfigError> {
    let variable = variable_of(key);
    if SECRETS.contains(&key) {
        let variable = file_of(key);
        if let Some(path) = given(environment, &variable) {
            return read_secret(&variable, path).map(Some);
        }
    }
    Ok(given(environment, &variable).map(str::to_owned))
}

pub(super) fn read(variable: &str, path: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|cause| unreadable(variable, path, cause))
}

/// Whoever names a file for a secret wants one: an empty file is not written yet, or the wrong one.
fn read_secret(variable: &str, path: &str) -> Result<String, ConfigError> {
    match read(variable, path)?.trim() {
        "" => Err(unreadable(variable, path, io::Error::other("it is empty"))),
        secret => Ok(secret.to_owned()),
    }
}

fn unreadable(variable: &str, path: &str, cause: io::Error) -> ConfigError {
    ConfigError::Unreadable { variable: variable.to_owned(), path: path.to_owned(), cause }
}

pub(super) fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(Value::from).collect::<Vec<_>>().into()
}

pub(super) fn unknown(environment: &Environment, keys: &BTreeMap<String, bool>) -> Vec<String> {
    let is_file = |name: &str| name == FILE || SECRETS.iter().any(|key| file_of(key) == name);
    let is_known = |name: &str| is_file(name) || keys.keys().any(|key| variable_of(key) == name);
    environment.keys().filter(|name| name.starts_with(PREFIX) && !is_known(name)).cloned().collect()
}

/// The library's error with the key and its variable in front.
pub(super) fn named(error: &config::ConfigError) -> ConfigError {
    use config::ConfigError::{At, NotFound, Type};
    let (key, why) = match error {
        At { key: Some(key), error, .. } => (key, error.to_string()),
        Type { key: Some(key), unexpected, expected, .. } => (key, format!("expected {expected}, found {unexpected}")),
        NotFound(key) => (key, "it is missing".to_owned()),
        other => return ConfigError::Malformed(unquoted(&other.to_string())),
    };
    ConfigError::Wrong { key: key.clone(), variable: variable_of(key), why }
}

/// A syntax error without the lines of the file that it quotes, which may hold a secret.
fn unquoted(message: &str) -> String {
    let is_quoted = |line: &str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let lines: Vec<_> = message.lines().filter(|line| !is_quoted(line)).collect();
    lines.join(": ")
}
