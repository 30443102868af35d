//! The command line. What makes or reads something prints one JSON document to standard output;
//! logs and errors go to standard error.

mod args;
mod dev;
mod failure;
mod healthcheck;
mod keys;
mod portals;
mod serve;
mod sessions;
mod tenants;
mod view;

use crate::{
    config::Config,
    domain::time::Seconds,
    http,
    service::{Service, Settings},
    store::{Options, Retention, Store},
    telemetry::{self, Log},
};
use clap::{Parser, Subcommand};
use failure::Failure;
use serde::Serialize;
use serde_json::Value;
use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
    time::Duration,
};

/// How long a command waits for a server that writes to the same SQLite file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Self-hosted portal sessions: one-time links that become guarded browser sessions.
///
/// The configuration comes from the file that VESTIBULE_CONFIG names, and from the environment over it; config/default.toml in
/// the source lists every key.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve {
        /// On this machine only, with a tenant, a key and a link to try
        #[arg(long)]
        dev: bool,
        /// With --dev: the back end whose data the pages show
        #[arg(long, value_name = "URL", value_parser = args::url_or_nothing, requires = "dev")]
        upstream_url: Option<String>,
    },
    /// Bring the database to this version
    Migrate,
    /// Ask the running service whether it is alive
    Healthcheck,
    /// Print the OpenAPI document
    Openapi,
    /// The merchants that use the service
    #[command(subcommand)]
    Tenant(tenants::Command),
    /// A tenant's keys
    #[command(subcommand)]
    Key(keys::Command),
    /// A tenant's portals
    #[command(subcommand)]
    Portal(portals::Command),
    /// A tenant's portal sessions
    #[command(subcommand)]
    Session(sessions::Command),
}

/// Does what the command line says; the exit code is 0, or 1 when it fails, or 2 for a wrong usage.
pub async fn run() -> ExitCode {
    match Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(stderr(), "vestibule: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve { dev, upstream_url } => serve::run(dev, upstream_url).await,
            Self::Migrate => migrate().await,
            Self::Healthcheck => healthcheck::run(Config::load()?.listen).await,
            Self::Openapi => print(&http::openapi()),
            Self::Tenant(command) => operate(async |service| command.run(&service.operator()).await).await,
            Self::Key(command) => operate(async |service| command.run(&service.operator()).await).await,
            Self::Portal(command) => operate(async |service| command.run(&service.operator()).await).await,
            Self::Session(command) => operate(async |service| command.run(service).await).await,
        }
    }
}

/// The configuration, and the log, which tells of variables that look like ours.
fn begin() -> Result<(Config, Log), Failure> {
    let config = Config::load()?;
    let log = telemetry::init(config.log.format)?;
    for variable in &config.unknown {
        tracing::warn!(variable, "this environment variable means nothing to Vestibule");
    }
    Ok((config, log))
}

async fn migrate() -> Result<(), Failure> {
    let (config, _log) = begin()?;
    let store = open(&config, PATIENCE).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

/// Does an operator's work on a database that may be new, and prints what comes of it.
async fn operate(work: impl AsyncFnOnce(&Service) -> Result<Value, Failure>) -> Result<(), Failure> {
    let (config, _log) = begin()?;
    let store = open(&config, PATIENCE).await?;
    store.check_durability().await?;
    store.migrate().await?;
    let service = Service::start(store, settings(&config)).await?;
    let done = work(&service).await;
    service.close().await;
    print(&done?)
}

async fn open(config: &Config, busy_timeout: Duration) -> Result<Store, Failure> {
    let url = config.database_url.reveal().to_owned();
    Ok(Store::open(&Options { url, max_connections: config.database.max_connections, busy_timeout }).await?)
}

fn settings(config: &Config) -> Settings {
    let kept = &config.retention;
    Settings {
        retention: Retention { sessions: Seconds::days(kept.session_days), events: Seconds::days(kept.event_days) },
        cached_sessions: config.cache.sessions,
        waiting_writes: config.limits.waiting_writes,
        signing_secret: config.gateway.secret.clone(),
    }
}

fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(std::io::Error::from)?;
    Ok(writeln!(stdout().lock(), "{text}")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, error::ErrorKind};

    fn refusal(line: &str) -> Option<ErrorKind> {
        Cli::try_parse_from(line.split(' ')).err().map(|error| error.kind())
    }

    #[test]
    fn the_definitions_agree_with_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn good_lines_are_read() {
        for line in [
            "vestibule serve --dev",
            "vestibule tenant create --name Acme --slug acme",
            "vestibule key create --tenant acme --mode live --kind secret --permission portal.*.read_session --grant a.*.b --grant c.*.d",
            "vestibule key roll key_0000000000000000000000 --overlap 60",
            "vestibule portal create --tenant acme --slug my-portal --return-url https://a.example/ --disabled",
            "vestibule portal update --tenant acme my-portal --return-url= --enable",
            "vestibule session list --tenant acme --mode test --limit 5",
            "vestibule session revoke ps_0000000000000000000000",
            "vestibule session revoke --before 2026-11-21T20:14:00Z",
        ] {
            assert_eq!(refusal(line), None, "{line}");
        }
    }

    #[test]
    fn bad_values_are_wrong_usage() {
        for line in [
            "vestibule tenant create --name Acme --slug Acme",
            "vestibule key create --tenant acme --mode prod",
            "vestibule key create --tenant acme --permission everything",
            "vestibule key revoke ps_0000000000000000000000",
            "vestibule key roll key_0000000000000000000000 --overlap 2592001",
            "vestibule portal create --tenant acme --slug my-portal --return-url javascript:alert(1)",
            "vestibule session revoke --before yesterday",
        ] {
            assert!(matches!(refusal(line), Some(ErrorKind::ValueValidation | ErrorKind::InvalidValue)), "{line}");
        }
        for line in ["vestibule session revoke", "vestibule key create"] {
            assert_eq!(refusal(line), Some(ErrorKind::MissingRequiredArgument), "{line}");
        }
        for line in [
            "vestibule session revoke ps_0000000000000000000000 --before 2026-11-21T20:14:00Z",
            "vestibule portal update --tenant acme my-portal --enable --disable",
        ] {
            assert_eq!(refusal(line), Some(ErrorKind::ArgumentConflict), "{line}");
        }
    }
}
