//! The primary dies, and its replica takes over.

use std::time::{Duration, Instant};

use super::load::Load;
use super::proxy::Proxy;
use super::{figure, unlimited, until};
use crate::support::postgres::{Cluster, Durability};
use crate::support::{Database, Server};

const WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_replica_is_served_within_ten_seconds_and_lost_nothing() {
    for _ in 0..figure(1, 10) {
        let primary = Cluster::start(Durability::Fast);
        let name = primary.create_database();
        let replica = primary.replica();
        let address = Proxy::to(primary.port()).await;
        let server = unlimited(Server::on(&Database::at(address.url(&name)))).start().await;
        let key = server.tenant().key;
        let load = Load::start(8, vec![server.http.key(&key)], false);
        load.more(300).await;

        primary.sigkill();
        let died = Instant::now();
        // The address moves too early: the replica still follows, and would answer reads.
        address.switch(replica.port());
        tokio::time::sleep(Duration::from_millis(1200)).await;
        server.http.get("/readyz").await.expect(503);
        let before = load.acknowledged();
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert_eq!(load.acknowledged(), before, "served by a replica, which may not know of the last revocations");

        let promoted = Instant::now();
        replica.promote();
        until("served after the failover", WITHIN - died.elapsed(), async || {
            load.acknowledged() > before && server.http.get("/readyz").await.status == 200
        })
        .await;
        eprintln!("failover: {:?} after the death, {:?} after the promotion", died.elapsed(), promoted.elapsed());
        load.more(200).await;
        load.finish().await;
    }
}
