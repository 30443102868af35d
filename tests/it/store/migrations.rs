//! Schema versions: at once from several sides, again, and on a newer schema.

use crate::support::Store as Kind;

use super::bench::{Bench, open};

#[tokio::test(flavor = "multi_thread")]
async fn five_at_once_on_an_empty_database() {
    for kind in Kind::both() {
        let database = kind.database();
        let all = (0..5).map(async |_| open(&database).await.migrate().await);
        for one in futures_util::future::join_all(all).await {
            one.expect("a migration");
        }
        let store = open(&database).await;
        store.migrate().await.expect("again");
        let db = crate::support::Db::open(&database).await;
        assert_eq!(db.number("select count(*) from tenants").await, 0);
        let twice = "select count(*) - count(distinct version) from _sqlx_migrations";
        assert_eq!(db.number(twice).await, 0);
    }
}

/// While a new version rolls out, the old one goes on with the newer schema.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_left_alone() {
    for bench in Bench::both().await {
        let stamp = match bench.db {
            crate::support::Db::Postgres(_) => "now(), true, '\\x00', 1",
            crate::support::Db::Sqlite(_) => "current_timestamp, 1, x'00', 1",
        };
        let columns = "version, description, installed_on, success, checksum, execution_time";
        let newer = format!("insert into _sqlx_migrations ({columns}) values (9999, 'from the future', {stamp})");
        assert_eq!(bench.db.execute(&newer).await, 1);
        bench.store.migrate().await.expect("the old version on a newer schema");
        bench.keep(bench.link("a")).await;
    }
}
