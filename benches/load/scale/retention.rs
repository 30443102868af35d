//! What it takes to forget a day.

use super::fill::psql;
use crate::support::postgres::Cluster;
use std::time::Instant;
use vestibule::{
    domain::time::{Seconds, Timestamp},
    store::{Options, Retention, Store},
};

const DAYS: &str = "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'portal_sessions'::regclass order by 1";

/// Sweeps the two oldest days, the second one with what else a sweep does, and drops the third one by hand.
pub(super) async fn measure(cluster: &Cluster, url: &str) {
    let store =
        Store::open(&Options { url: url.into(), max_connections: 2, busy_timeout: Options::SERVING }).await.unwrap();
    let keep = Retention { sessions: Seconds::days(30), events: Seconds::days(400) };
    let days = || psql(cluster, url, DAYS).lines().map(str::to_owned).collect::<Vec<_>>();
    let oldest = days()[0].clone();
    let midnight = format!(
        "select (extract(epoch from to_date(right('{oldest}', 8), 'YYYYMMDD')::timestamp at time zone 'UTC') * 1000)::bigint"
    );
    let midnight: i64 = psql(cluster, url, &midnight).trim().parse().unwrap();
    // Its last link was used at its end, and that browser session went on for a day.
    let over = |day: u32| Timestamp::from_millis(midnight).plus(Seconds::days(30 + 2 + day)).plus(Seconds(3600));
    store.sweep(over(0), keep).await.unwrap();
    let rows = psql(cluster, url, &format!("select count(*) from {}", days()[0]));
    let started = Instant::now();
    let swept = store.sweep(over(1), keep).await.unwrap();
    let sweep = started.elapsed();
    assert_eq!(swept.partitions, 1, "{swept:?}");
    let started = Instant::now();
    store.sweep(over(1), keep).await.unwrap();
    let idle = started.elapsed();
    let third = days()[0].clone();
    let started = Instant::now();
    psql(cluster, url, &format!("drop table {third}"));
    let drop = started.elapsed();
    store.close().await;
    println!(
        "\nSweeping a day of {} sessions took {:.0} ms, of which {:.0} ms go for a sweep that finds nothing; `drop table` of the next day {:.0} ms, \
         the start of psql included.",
        rows.trim(),
        sweep.as_secs_f64() * 1000.0,
        idle.as_secs_f64() * 1000.0,
        drop.as_secs_f64() * 1000.0,
    );
}
