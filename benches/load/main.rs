//! What a portal session costs, as a ratio to what the database and the web server charge for the
//! same: the limits and the service are measured in one run on one machine. See
//! docs/performance.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark fails by panicking, prints its table, and may look at the clock"
)]

mod accounts;
mod driver;
mod limits;
mod operations;
mod report;
mod scale;
mod service;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests' toolbox, of which this needs little")]
mod support;

use limits::Limits;
use report::Report;
use std::time::Duration;

/// How many clients at once.
pub(crate) const CLIENTS: [usize; 3] = [1, 16, 64];

fn main() {
    // The constant handler runs in a process of its own, as the service does.
    if let Ok(port) = std::env::var("BENCH_CONSTANT_PORT") {
        return limits::serve_constant(port.parse().unwrap());
    }
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match std::env::args().any(|argument| argument == "scale") {
        true => runtime.block_on(scale::run()),
        false => runtime.block_on(run(Duration::from_secs(seconds))),
    }
}

async fn run(time: Duration) {
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let cluster = support::postgres::Cluster::start(support::postgres::Durability::Full);
    let mut report = Report::default();
    let limits = Limits::prepare(&cluster, time).await;
    if only != "sqlite" {
        let database = cluster.database();
        service::measure("postgres", &database, Some(&cluster), time, &limits, &mut report).await;
    }
    if only != "postgres" {
        let database = support::Store::Sqlite.database();
        service::measure("sqlite", &database, None, time, &limits, &mut report).await;
    }
    report.print();
    report.write("target/bench.json");
}
