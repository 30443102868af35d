//! The table, and the same as JSON.

use crate::driver::Outcome;
use serde_json::{Value, json};

/// One measurement.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) store: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) clients: usize,
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) service_micros: Option<f64>,
    pub(crate) postgres_micros: Option<f64>,
    /// What it is compared to.
    pub(crate) limit: Option<Box<Row>>,
}

impl Row {
    pub(crate) fn new(store: &'static str, operation: &'static str, clients: usize, outcome: &Outcome) -> Self {
        Self {
            store,
            operation,
            clients,
            per_second: outcome.per_second(),
            p50: outcome.percentile(0.5),
            p99: outcome.percentile(0.99),
            service_micros: None,
            postgres_micros: None,
            limit: None,
        }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.per_second / self.limit.as_ref()?.per_second)
    }

    fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
        let ratio = self.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        format!(
            "| {} | {} | {} | {:.0} | {:.2} | {:.2} | {} | {} | {ratio} |",
            self.store,
            self.operation,
            self.clients,
            self.per_second,
            self.p50,
            self.p99,
            number(self.service_micros),
            number(self.postgres_micros),
        )
    }

    fn json(&self) -> Value {
        json!({
            "store": self.store, "operation": self.operation, "clients": self.clients,
            "perSecond": self.per_second, "p50Ms": self.p50, "p99Ms": self.p99,
            "serviceCpuMicros": self.service_micros, "postgresCpuMicros": self.postgres_micros,
            "limit": self.limit.as_ref().map(|limit| limit.operation), "ratio": self.ratio(),
        })
    }
}

/// Everything that was measured in one run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{}", row.line());
        self.rows.push(row);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(crate) fn print(&self) {
        println!(
            "| store | operation | clients | ops/s | p50 ms | p99 ms | service CPU µs/op | Postgres CPU µs/op | ratio to limit |"
        );
        println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        for row in &self.rows {
            println!("{}", row.line());
        }
        println!();
        for note in self.notes.iter().chain(&self.goals()) {
            println!("- {note}");
        }
    }

    /// What takes more than one row to say.
    fn goals(&self) -> Vec<String> {
        let find = |store: &str, operation: &str, clients| {
            self.rows.iter().find(|row| row.store == store && row.operation == operation && row.clients == clients)
        };
        let latency = || {
            let sum = find("limit", "pgbench insert", 1)?.p50 + find("limit", "constant", 1)?.p50;
            Some(format!(
                "create at one connection: p50 is {:.2} of pgbench's and the constant handler's together",
                find("postgres", "create", 1)?.p50 / sum
            ))
        };
        let cpu = || {
            let (own, single) = (find("postgres", "create", 64)?, find("limit", "pgbench insert", 64)?);
            Some(format!(
                "Postgres CPU of a create at 64 connections: {:.2} of the single-row insert's",
                own.postgres_micros? / single.postgres_micros?
            ))
        };
        let sqlite = || {
            let ratio = find("sqlite", "create", 64)?.per_second / find("postgres", "create", 64)?.per_second;
            Some(format!("creates at 64 connections on SQLite: {ratio:.2} of those on Postgres"))
        };
        [latency(), cpu(), sqlite()].into_iter().flatten().collect()
    }

    pub(crate) fn write(&self, path: &str) {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text =
            serde_json::to_string_pretty(&json!({"rows": rows, "notes": self.notes, "goals": self.goals()})).unwrap();
        std::fs::write(path, text).unwrap();
    }
}
