//! `vestibule serve`.

use super::{Failure, begin, dev, open, settings};
use crate::{config::Config, http, server, service::Service, store::Options, sweeper, telemetry};
use std::{io, net::SocketAddr, process, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long the database may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How many file descriptors connections leave free at least.
const LEFT: usize = 64;

/// Serves until a signal says stop.
pub(super) async fn run(is_dev: bool, upstream_url: Option<String>) -> Result<(), Failure> {
    let (mut config, _log) = begin()?;
    if is_dev {
        dev::prepare(&mut config)?;
    }
    let stop = stop_on_signal()?;
    let service = tokio::select! {
        started = start(&config) => started?,
        // A migration waits for as long as somebody else uses its table.
        () = stop.cancelled() => return Ok(()),
    };
    if is_dev {
        dev::connect(&service, upstream_url).await?;
    }
    serve(&service, config, is_dev, stop).await?;
    if timeout(GOODBYE, service.close()).await.is_err() {
        tracing::warn!("the database does not let go");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The service on its database, migrated; not on one that would lose what it acknowledges.
async fn start(config: &Config) -> Result<Service, Failure> {
    let store = open(config, Options::SERVING).await?;
    store.check_durability().await?;
    store.migrate().await?;
    let service = Service::start(store, settings(config)).await?;
    if !service.opens_signing_keys().await? {
        return Err(Failure::Refused(
            "the keys in the database that sign assertions do not open with this gateway.secret (VESTIBULE_GATEWAY__SECRET): \
             give the one that they were made with; docs/gateway.md tells how to change it."
                .into(),
        ));
    }
    Ok(service)
}

async fn serve(service: &Service, mut config: Config, is_dev: bool, stop: CancellationToken) -> Result<(), Failure> {
    let listener = listen(config.listen, "VESTIBULE_LISTEN").await?;
    let for_operators = listen(config.ops_listen, "VESTIBULE_OPS_LISTEN").await?;
    // Port 0 lets the system choose.
    (config.listen, config.ops_listen) = (listener.local_addr()?, for_operators.local_addr()?);
    if is_dev {
        dev::publish(&mut config);
    }
    let config = Arc::new(config);
    let handle = telemetry::metrics().map_err(|error| Failure::Refused(error.to_string()))?;
    let router = http::router(http::App::new(*service, Arc::clone(&config)));
    let most = connections(config.limits.connections)?;
    let metrics = telemetry::ops_router(handle);
    let operators = tokio::spawn(server::serve(for_operators, most, metrics, std::future::pending()));
    let period = Duration::from_secs(60 * u64::from(config.retention.sweep_minutes));
    tokio::spawn(sweeper::run(*service, period, stop.clone()));
    tracing::info!(listen = %config.listen, ops_listen = %config.ops_listen, public_url = config.public_url, "ready");
    if is_dev {
        dev::greet(service, &config).await?;
    }
    server::serve(listener, most, router, stop.cancelled_owned()).await?;
    operators.abort();
    Ok(())
}

/// How many connections there may be: each is a file to the system, which often allows a process 1024 of them until it asks
/// for more. A quarter of them is left for the database, back ends and the operators' address.
fn connections(wanted: usize) -> io::Result<usize> {
    let files = usize::try_from(rlimit::increase_nofile_limit(u64::MAX)?).unwrap_or(usize::MAX);
    let most = wanted.min(files.saturating_sub((files / 4).max(LEFT))).max(1);
    if most < wanted {
        tracing::warn!(files, connections = most, "the limit of open files allows fewer connections than configured");
    }
    Ok(most)
}

async fn listen(address: SocketAddr, variable: &'static str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|cause| Failure::Listen { address, variable, cause })
}

/// Cancelled by the first SIGTERM or SIGINT; the second one ends the process on the spot.
fn stop_on_signal() -> io::Result<CancellationToken> {
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        either(&mut signals).await;
        tracing::info!("stopping; once more stops at once");
        stopped.cancel();
        either(&mut signals).await;
        process::exit(1);
    });
    Ok(stop)
}

async fn either((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
