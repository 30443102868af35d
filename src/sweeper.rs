//! Retention, again and again.

use crate::{service::Service, store::Swept};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Sweeps at once and then about every `period`, until `stop`. Every step of a sweep is a transaction
/// of its own, so one may stop half way.
pub async fn run(service: Service, period: Duration, stop: CancellationToken) {
    let sweeping = async {
        loop {
            sweep(&service).await;
            sleep(period + jitter(&service, period)).await;
        }
    };
    stop.run_until_cancelled(sweeping).await.unwrap_or(())
}

async fn sweep(service: &Service) {
    match service.sweep().await {
        Ok(Swept { rows: 0, partitions: 0, cleared: 0 }) => tracing::debug!("nothing to sweep"),
        Ok(Swept { rows, partitions, cleared }) => {
            tracing::info!(rows, partitions, cleared, "swept");
            metrics::counter!("swept_total", "kind" => "rows").increment(rows);
            metrics::counter!("swept_total", "kind" => "partitions").increment(partitions);
            metrics::counter!("swept_total", "kind" => "cleared").increment(cleared);
        }
        Err(error) => tracing::warn!(%error, "the sweep failed; the next one will do its work"),
    }
}

/// Up to a tenth more, so that instances that started together do not sweep together for ever. The
/// fraction of the second at which a sweep ends is random enough for that.
fn jitter(service: &Service, period: Duration) -> Duration {
    let fraction = service.clock().nanos() % 1_000_000_000;
    period.mul_f64(fraction as f64 / 1e10)
}
