//! What the service tells of itself: a log on standard error, metrics for Prometheus.

mod json;
mod lines;

use crate::config::LogFormat;
use axum::{Router, http::header, routing::get};
use json::Json;
use lines::Lines;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal, stderr},
    time::Duration,
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Upper bounds in seconds: from a cached answer to the longest that any may take.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// How long the process waits at its end for whoever reads the log.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often what was measured is folded together, which bounds the memory it takes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The log; dropped last, so that nothing that was said is missing from it.
#[must_use]
pub struct Log(Lines);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.flush(GOODBYE);
    }
}

/// Starts the log: at `info`, or as `RUST_LOG` says. A second call changes nothing.
///
/// # Errors
/// When the system has no room for the thread that writes it.
pub fn init(format: LogFormat) -> io::Result<Log> {
    let is_text = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Json => false,
        LogFormat::Text => true,
    };
    let wanted = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let lines = Lines::to(stderr())?;
    let told = match is_text {
        true => fmt::layer().with_writer(lines.clone()).with_ansi(stderr().is_terminal()).boxed(),
        false => Json(lines.clone()).boxed(),
    };
    // Not `with_filter`: a library that only asks whether it may tell makes a layer's own filter lose the next line.
    let started = tracing_subscriber::registry().with(wanted).with(discretion()).with(told).try_init();
    if started.is_ok() {
        // A panic is caught further out; its message belongs into the log like everything else.
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a defect")));
    }
    Ok(Log(lines))
}

/// Below `info`, libraries tell of bytes on the wire and of statements' values: credentials would be
/// among them. Whatever is asked for, only our own code may tell more. What a database URL holds sqlx tells even in a warning.
fn discretion() -> Targets {
    let discreet = Targets::new().with_default(LevelFilter::INFO).with_target("vestibule", LevelFilter::TRACE);
    let discreet = discreet.with_target("sqlx_postgres::options", LevelFilter::OFF);
    // At each start PostgreSQL notices that the table of migrations is there.
    discreet.with_target("sqlx::postgres::notice", LevelFilter::WARN)
}

/// Starts the counting, once in a process; the handle shows the metrics.
///
/// # Errors
/// When it was started before.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let duration = Matcher::Full("http_request_duration_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(duration, &BUCKETS)?.install_recorder()?;
    metrics::describe_counter!("http_requests_total", "Requests answered, by route, method and status.");
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a request's head to the head of its answer, by route."
    );
    metrics::describe_counter!(
        "swept_total",
        "What retention removed, by kind: rows, partitions, and events cleared of who was erased."
    );
    Ok(handle)
}

/// What is served for operators: `/metrics` and `/healthz`.
pub fn ops_router(handle: PrometheusHandle) -> Router {
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let metrics = move || {
        let text = handle.render();
        async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
    };
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(async || "ok\n"))
}
