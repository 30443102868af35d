#![doc = include_str!("../ARCHITECTURE.md")]

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod server;
pub mod service;
pub mod store;
pub mod sweeper;
pub mod telemetry;
