//! Random histories over several instances, of clients of which some hang up.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::load::Load;
use super::{figure, unlimited};
use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn what_32_clients_see_of_3_instances_is_what_a_correct_service_shows() {
    for store in Store::both() {
        let first = unlimited(Server::with(store)).start().await;
        let others = [Server::join(&first).start().await, Server::join(&first).start().await];
        let key = first.tenant().key;
        let instances = [&first, &others[0], &others[1]].map(|server| server.http.key(&key));
        let load = Load::start(32, instances.to_vec(), true);
        tokio::time::sleep(Duration::from_secs(figure(5, 600))).await;
        let seen = load.finish().await;
        eprintln!("{store:?}: {} acknowledged by 3 instances", seen.acknowledged);
        assert!(seen.acknowledged > figure(300, 30_000), "hardly anything was served");
        if store == Store::Postgres {
            nothing_is_idle_in_a_transaction(first.database().url()).await;
        }
    }
}

/// Clients that hung up left no transaction open, which would hold locks and hide what commits after it.
async fn nothing_is_idle_in_a_transaction(url: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let sql = "select count(*) from pg_stat_activity where datname = current_database() \
        and state like 'idle in transaction%' and state_change < now() - interval '1 second'";
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    assert_eq!(idle, 0);
}
