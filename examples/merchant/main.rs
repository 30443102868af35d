//! A small merchant's back end, as it stands behind the gateway of a portal.
//!
//! It believes nothing but `Vestibule-Assertion`: a JWT that the gateway signs, checked against the
//! keys that Vestibule publishes. `make run` starts it beside `vestibule serve --dev`, so that the
//! first link shows something. By itself: `cargo run --example merchant`, with
//!
//! - `MERCHANT_LISTEN`: the address to listen on (127.0.0.1:8081),
//! - `VESTIBULE_URL`: Vestibule's public URL (<http://localhost:8080>),
//! - `PORTAL_ID`: the one portal whose customers are served. Without it any portal of that Vestibule will do, which is only
//!   right where they all belong to one merchant.

mod assertion;
mod data;

use assertion::{Caller, Trust};
use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::Value;
use std::{env, error::Error, io::Write as _, sync::Arc};
use tokio::net::TcpListener;

/// An answer, or the status of a refusal.
type Answer = Result<Json<Value>, StatusCode>;

/// Which permissions show subscriptions, and which invoices. To cancel one takes its own.
const SUBSCRIPTIONS: [&str; 3] = ["read_billing", "read_subscription", "cancel_subscription"];
const INVOICES: [&str; 2] = ["read_billing", "read_invoice"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
    let trust = Trust::new(setting("VESTIBULE_URL", "http://localhost:8080"), env::var("PORTAL_ID").ok())?;
    let router = Router::new()
        .route("/keys", get(keys))
        .route("/usage", get(usage))
        .route("/subscriptions", get(subscriptions))
        .route("/subscriptions/{id}", get(subscription))
        .route("/subscriptions/{id}/cancel", post(cancel))
        .route("/invoices", get(invoices))
        .route("/invoices/{id}", get(invoice))
        .route("/docs", get(docs))
        .with_state(Arc::new(trust));
    let listener = TcpListener::bind(setting("MERCHANT_LISTEN", "127.0.0.1:8081")).await?;
    writeln!(std::io::stderr(), "The example merchant listens on {}", listener.local_addr()?)?;
    Ok(axum::serve(listener, router).await?)
}

async fn keys(caller: Caller) -> Answer {
    caller.require(&["read_key"])?;
    Ok(Json(data::keys(&caller.customer)))
}

async fn usage(caller: Caller) -> Answer {
    caller.require(&["read_analytics"])?;
    Ok(Json(data::usage()))
}

async fn subscriptions(caller: Caller) -> Answer {
    caller.require(&SUBSCRIPTIONS)?;
    Ok(Json(data::list(data::subscriptions())))
}

async fn subscription(caller: Caller, Path(id): Path<String>) -> Answer {
    caller.require(&SUBSCRIPTIONS)?;
    data::find(data::subscriptions(), &id).map(data::one).ok_or(StatusCode::NOT_FOUND)
}

async fn cancel(caller: Caller, Path(id): Path<String>) -> Answer {
    caller.require(&["cancel_subscription"])?;
    let mut found = data::find(data::subscriptions(), &id).ok_or(StatusCode::NOT_FOUND)?;
    // An example keeps no books: a real back end would cancel it for good.
    found["status"] = "canceled".into();
    Ok(data::one(found))
}

async fn invoices(caller: Caller) -> Answer {
    caller.require(&INVOICES)?;
    Ok(Json(data::list(data::invoices())))
}

async fn invoice(caller: Caller, Path(id): Path<String>) -> Answer {
    caller.require(&INVOICES)?;
    data::find(data::invoices(), &id).map(data::one).ok_or(StatusCode::NOT_FOUND)
}

async fn docs(_: Caller) -> Json<Value> {
    Json(data::docs())
}
