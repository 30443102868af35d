//! What the tests stand on: real servers on real databases, gone without a
//! trace afterwards.
//!
//! ```ignore
//! let server = Server::start(Store::Sqlite).await;
//! let api = server.http.key(&server.tenant().key);
//! let portal = api.get("/v1/portals/default").await.expect(200).json();
//! ```

pub(crate) mod db;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod store;
pub(crate) mod upstream;
pub(crate) mod world;

pub(crate) use db::Db;
pub(crate) use http::{Answer, Http};
pub(crate) use server::Server;
pub(crate) use setup::{Merchant, Setup};
pub(crate) use store::{Database, Store};
pub(crate) use upstream::Upstream;
pub(crate) use world::{EXCHANGE, SESSIONS, World, creation, ids, mint, text, unknown, uuid};
