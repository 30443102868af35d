//! Tests of the whole: the real binary on both stores, and in `store` the store alone.
//!
//! One test binary for all of them, since they share a PostgreSQL cluster that
//! takes a second to start. Run them with `cargo test`: a runner that gives
//! each test a process of its own would start a cluster for each, too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, helpers outside of #[test] included, and may look at the clock"
)]

mod browser;
mod clients;
mod faults;
mod gateway;
mod hostile;
mod merchant;
mod native;
mod process;
mod revkeen;
mod sdk_node;
mod smoke;
mod store;
mod support;
mod unkey;
