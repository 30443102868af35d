//! Which connections to PostgreSQL are believed.

use futures_util::future::join_all;

use super::bench::Bench;
use crate::support::Store as Kind;

const OURS: &str = "from pg_stat_activity where datname = current_database() and application_name = 'vestibule'";

/// One that broke tells of the rest: they may lead to a server that is no longer the one that takes writes.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_breaks_takes_along_all_that_were_opened_before() {
    let bench = Bench::new(Kind::Postgres).await;
    // On a busy machine the first one to be open may serve all who ask.
    let mut old = 0;
    for _ in 0..100 {
        join_all((0..16).map(|_| bench.store.tenants())).await;
        old = bench.db.number(&format!("select count(*) {OURS}")).await;
        if old >= 2 {
            break;
        }
    }
    assert!(old >= 2, "{old} connections");
    let before = "create table before as select pid, backend_start";
    bench.db.execute(&format!("{before} {OURS}")).await;
    bench.db.execute("select pg_terminate_backend((select pid from before limit 1))").await;
    while join_all((0..16).map(|_| bench.store.tenants())).await.iter().all(Result::is_ok) {}
    // From now on none of them is used; they are closed when the next one is asked for.
    bench.store.tenants().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let left = "select count(*) from pg_stat_activity join before using (pid, backend_start)";
    assert_eq!(bench.db.number(left).await, 0);
}
