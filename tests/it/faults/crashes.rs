//! Crashes during load: what was acknowledged stands.

use std::time::Duration;

use super::load::Load;
use super::{figure, unlimited};
use crate::support::postgres::{Cluster, Durability};
use crate::support::{Server, Store};

/// Kills the service under load again and again, each time when so many more were acknowledged and some.
async fn kill(server: &mut Server, load: &Load, kills: u64, each: u64) {
    for n in 0..kills {
        load.more(each + 50 + n * 37 % 200).await;
        server.sigkill();
        server.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_nothing_acknowledged_is_lost_in_crashes_of_either_side() {
    let (kills, stops, goal) = figure((2, 2, 0), (100, 50, 1_000_000));
    let each = goal / (kills + stops);
    let cluster = Cluster::start(Durability::Full);
    let mut server = unlimited(Server::on(&cluster.database())).start().await;
    let key = server.tenant().key;
    let load = Load::start(16, vec![server.http.key(&key)], false);
    for n in 0..stops {
        load.more(each + 50 + n * 41 % 200).await;
        cluster.stop_immediate();
        tokio::time::sleep(Duration::from_millis(n * 97 % 1500)).await;
        cluster.restart();
        kill(&mut server, &load, kills / stops, each).await;
        // The clients' connections died with the server, so they notice by themselves.
    }
    load.more(200).await;
    while load.acknowledged() < goal {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let seen = load.finish().await;
    eprintln!(
        "postgres: {kills} kills, {stops} stops: {} acknowledged, {} unanswered",
        seen.acknowledged, seen.unanswered
    );
    assert!(seen.unanswered > 0, "nobody noticed the crashes");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nothing_acknowledged_is_lost_in_crashes() {
    let (kills, goal) = figure((3, 0), (100, 1_000_000));
    let mut server = unlimited(Server::with(Store::Sqlite)).start().await;
    let key = server.tenant().key;
    let load = Load::start(16, vec![server.http.key(&key)], false);
    kill(&mut server, &load, kills, goal / kills).await;
    load.more(200).await;
    while load.acknowledged() < goal {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let seen = load.finish().await;
    eprintln!("sqlite: {kills} kills: {} acknowledged, {} unanswered", seen.acknowledged, seen.unanswered);
    assert!(seen.unanswered > 0, "nobody noticed the crashes");
}
