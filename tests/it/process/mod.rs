//! The service as a program: its command line, what it leaves behind, how it starts and stops.

mod cli;
mod config;
mod dev;
mod docs;
mod durability;
mod health;
mod log;
mod secrets;
mod shutdown;
