//! The store's own contract, the same on both databases.

mod atomic;
mod batches;
mod bench;
mod connections;
mod erasures;
mod exchange;
mod life;
mod lists;
mod migrations;
mod races;
mod retention;
mod statements;
