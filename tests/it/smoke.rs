//! The service comes up, and goes away again.

use crate::support::{Server, Store};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_and_ready() {
    for store in Store::both() {
        let server = Server::start(store).await;
        server.http.get("/healthz").await.expect(200);
        server.http.get("/readyz").await.expect(200);
        assert!(server.cli_output(&["healthcheck"]).status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_asked_and_starts_again() {
    for store in Store::both() {
        let mut server = Server::start(store).await;
        assert!(server.sigterm().await.success());
        server.restart().await;
        server.http.get("/healthz").await.expect(200);
    }
}
