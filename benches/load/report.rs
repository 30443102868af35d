//! The table, and the same as JSON.

use crate::{CLIENTS, driver::Outcome};
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

    /// Both measurements as one.
    pub(crate) fn mean(&self, other: &Self) -> Self {
        let mean = |of: fn(&Self) -> f64| (of(self) + of(other)) / 2.0;
        let micros = |of: fn(&Self) -> Option<f64>| of(self).zip(of(other)).map(|(one, two)| (one + two) / 2.0);
        Self {
            per_second: mean(|row| row.per_second),
            p50: mean(|row| row.p50),
            p99: mean(|row| row.p99),
            service_micros: micros(|row| row.service_micros),
            postgres_micros: micros(|row| row.postgres_micros),
            ..self.clone()
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
    /// A row, and before it what it is compared to.
    pub(crate) fn add(&mut self, row: Row) {
        if let Some(limit) = row.limit.as_deref().cloned() {
            self.push(limit);
        }
        self.push(row);
    }

    /// A row that is compared to what stands there already.
    pub(crate) fn add_beside(&mut self, row: Row, limit: Option<Box<Row>>) {
        self.push(Row { limit, ..row });
    }

    fn push(&mut self, row: Row) {
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
            let create = find("postgres", "create", 1)?;
            let sum = create.limit.as_ref()?.p50 + find("postgres", "verify", 1)?.limit.as_ref()?.p50;
            Some(format!(
                "create at one connection: p50 is {:.2} of pgbench's and the constant handler's together",
                create.p50 / sum
            ))
        };
        let cpu = || {
            let own = find("postgres", "create", 64)?;
            Some(format!(
                "Postgres CPU of a create at 64 connections: {:.2} of the single-row insert's",
                own.postgres_micros? / own.limit.as_ref()?.postgres_micros?
            ))
        };
        // By way of the limits, so that both meet the same machine.
        let sqlite = |operation| {
            let of = |clients| {
                Some(find("sqlite", operation, clients)?.ratio()? / find("postgres", operation, clients)?.ratio()?)
            };
            let [one, some, many] = CLIENTS.map(of);
            Some(format!(
                "{operation} on SQLite: {:.2}, {:.2} and {:.2} of Postgres at 1, 16 and 64 connections",
                one?, some?, many?
            ))
        };
        let sqlite = ["create", "exchange", "verify", "get", "list"].map(sqlite);
        [latency(), cpu()].into_iter().chain(sqlite).flatten().collect()
    }

    pub(crate) fn write(&self, path: &str) {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text =
            serde_json::to_string_pretty(&json!({"rows": rows, "notes": self.notes, "goals": self.goals()})).unwrap();
        std::fs::write(path, text).unwrap();
    }
}
