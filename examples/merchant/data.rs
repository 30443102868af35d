//! What there is to show. Amounts are in minor units, beside their currency.

use axum::Json;
use serde_json::{Value, json};

pub(crate) fn keys(customer: &str) -> Value {
    list(vec![
        json!({"id": "key_1", "name": "Production", "start": "acme_live_7f", "owner": customer, "status": "active", "created_at": "2026-03-02T09:30:00Z", "last_used_at": "2026-11-20T18:04:11Z"}),
        json!({"id": "key_2", "name": "Staging", "start": "acme_test_c1", "owner": customer, "status": "active", "created_at": "2026-06-17T14:12:45Z", "last_used_at": null}),
        json!({"id": "key_3", "name": "Old laptop", "start": "acme_live_02", "owner": customer, "status": "revoked", "created_at": "2025-11-28T07:55:03Z", "last_used_at": "2026-01-09T22:40:37Z"}),
    ])
}

pub(crate) fn usage() -> Value {
    json!({
        "period_start": "2026-11-01T00:00:00Z",
        "period_end": "2026-12-01T00:00:00Z",
        "requests": 48_213,
        "included": 100_000,
        "by_day": [
            {"date": "2026-11-18", "requests": 2104, "errors": 3},
            {"date": "2026-11-19", "requests": 2388, "errors": 0},
            {"date": "2026-11-20", "requests": 1975, "errors": 1},
        ],
    })
}

pub(crate) fn subscriptions() -> Vec<Value> {
    vec![
        json!({"id": "sub_1", "object": "subscription", "status": "active", "plan": "Team", "currency": "EUR", "amount_minor": 4900, "interval": "month", "current_period_end": "2026-12-01T00:00:00Z", "created_at": "2026-02-01T10:00:00Z"}),
        json!({"id": "sub_2", "object": "subscription", "status": "canceled", "plan": "Starter", "currency": "EUR", "amount_minor": 900, "interval": "month", "current_period_end": "2026-02-01T00:00:00Z", "created_at": "2025-08-15T10:00:00Z"}),
    ]
}

pub(crate) fn invoices() -> Vec<Value> {
    vec![
        json!({"id": "inv_3", "object": "invoice", "number": "2026-0311", "status": "open", "currency": "EUR", "amount_minor": 4900, "due_at": "2026-12-01T00:00:00Z", "created_at": "2026-11-01T00:00:00Z"}),
        json!({"id": "inv_2", "object": "invoice", "number": "2026-0274", "status": "paid", "currency": "EUR", "amount_minor": 4900, "due_at": "2026-11-01T00:00:00Z", "created_at": "2026-10-01T00:00:00Z"}),
        json!({"id": "inv_1", "object": "invoice", "number": "2026-0238", "status": "paid", "currency": "EUR", "amount_minor": 4900, "due_at": "2026-10-01T00:00:00Z", "created_at": "2026-09-01T00:00:00Z"}),
    ]
}

pub(crate) fn docs() -> Value {
    list(vec![
        json!({"title": "Getting started", "url": "https://docs.merchant.example/start"}),
        json!({"title": "API reference", "url": "https://docs.merchant.example/api"}),
    ])
}

pub(crate) fn list(data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data, "has_more": false})
}

pub(crate) fn one(data: Value) -> Json<Value> {
    Json(json!({"data": data}))
}

pub(crate) fn find(all: Vec<Value>, id: &str) -> Option<Value> {
    all.into_iter().find(|entry| entry["id"] == id)
}
