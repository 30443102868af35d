//! The native API, section by section of its contract.

mod auth;
mod create;
mod create_fields;
mod customers;
mod customers_erase;
mod errors;
mod events;
mod exchange;
mod exchange_race;
mod exchange_repeat;
mod idempotency;
mod isolation;
mod limits;
mod list;
mod modes;
mod permissions;
mod portals;
mod portals_fields;
mod revoke;
mod viewer;
