//! A PostgreSQL that would lose what was acknowledged is refused, wherever that was set.

use std::sync::Arc;

use crate::support::postgres::{self, Cluster, Durability};
use crate::support::{Database, Db, Server};

async fn refused(database: &Arc<Database>) {
    for command in [&["serve"][..], &["tenant", "list"]] {
        let output = Server::on(database).cli_output(command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("synchronous_commit"), "{said}");
    }
    let tables = "select count(*) from pg_class where relname = 'tenants'";
    assert_eq!(Db::open(database).await.number(tables).await, 0, "nothing was done to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn set_on_the_database_or_the_role() {
    let cluster = postgres::shared();
    let name = cluster.create_database();
    let database = Database::at(cluster.url(&name));
    let db = Db::open(&database).await;
    db.execute(&format!("alter database {name} set synchronous_commit = off")).await;
    refused(&database).await;
    db.execute(&format!("alter database {name} reset synchronous_commit")).await;
    let role = format!("careless_{name}");
    db.execute(&format!("create role {role} login superuser")).await;
    db.execute(&format!("alter role {role} set synchronous_commit = off")).await;
    let as_role = Database::at(cluster.url(&name).replace("vestibule@", &format!("{role}@")));
    refused(&as_role).await;
    for good in ["on", "local", "remote_write", "remote_apply"] {
        db.execute(&format!("alter role {role} set synchronous_commit = {good}")).await;
        let server = Server::on(&as_role).start().await;
        server.http.get("/readyz").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn set_on_the_server() {
    let cluster = Cluster::start(Durability::Fast);
    let database = cluster.database();
    Db::open(&database).await.execute("alter system set synchronous_commit = off").await;
    cluster.stop();
    cluster.restart();
    refused(&database).await;
}
