//! The operations under load, by HTTP.

use crate::{
    accounts,
    driver::{self, Outcome, write_request},
    report::Row,
    support::{Server, postgres::Cluster},
};
use std::{rc::Rc, time::Duration};

/// Where a browser asks who it is, and how many of them ask in turn.
pub(crate) const VERIFY: &str = "/v1/portal-session";
pub(crate) const VIEWERS: usize = 5_000;

/// A running service and how long each operation is measured.
pub(crate) struct Bench<'a> {
    pub(crate) store: &'static str,
    pub(crate) server: Server,
    pub(crate) key: Rc<str>,
    pub(crate) cluster: Option<&'a Cluster>,
    pub(crate) time: Duration,
}

impl Bench<'_> {
    /// Makes sessions until time is over or there are `most`; keeps their tokens.
    pub(crate) async fn create(
        &self,
        name: &'static str,
        clients: usize,
        time: Duration,
        most: usize,
    ) -> (Row, Outcome) {
        let key = Rc::clone(&self.key);
        let request = move |n: usize, out: &mut Vec<u8>| {
            let body = format!(
                "{{\"customerExternalId\":\"customer-{}\",\"permissions\":[\"api.*.read_key\"],\"returnUrl\":\"https://shop.example/back\"}}",
                n % 1000
            );
            write_request(out, "POST", "/v1/portal-sessions", &key, &body);
            n < most
        };
        self.account(
            name,
            clients,
            driver::drive(self.server.port(), clients, time, 201, request, |body| text_of(body, "token")),
        )
        .await
    }

    /// Exchanges these tokens, each once; keeps the browsers' tokens.
    pub(crate) async fn exchange(&self, clients: usize, tokens: Vec<String>) -> (Row, Outcome) {
        let again = tokens[0].clone();
        let request = move |n: usize, out: &mut Vec<u8>| {
            let Some(token) = tokens.get(n) else { return false };
            let body = format!("{{\"token\":\"{token}\",\"transport\":\"bearer\"}}");
            write_request(out, "POST", "/v1/portal-sessions/exchange", "", &body);
            true
        };
        let time = Duration::from_secs(60);
        let done = self
            .account(
                "exchange",
                clients,
                driver::drive(self.server.port(), clients, time, 200, request, |body| text_of(body, "token")),
            )
            .await;
        // Each was good exactly once.
        let body = serde_json::json!({"token": again});
        self.server.http.post("/v1/portal-sessions/exchange", body).await.expect(401);
        done
    }

    /// Asks again and again about these tokens or ids.
    pub(crate) async fn read(
        &self,
        name: &'static str,
        clients: usize,
        tokens: Vec<String>,
        write: impl Fn(&str, &mut Vec<u8>) + 'static,
    ) -> Row {
        let count = tokens.len();
        let request = move |n: usize, out: &mut Vec<u8>| {
            write(&tokens[n % count], out);
            true
        };
        let request = Rc::new(request);
        let (warm, run) = (Rc::clone(&request), request);
        driver::drive(self.server.port(), clients, self.time / 4, 200, move |n, out| warm(n, out), |_| None).await;
        self.account(
            name,
            clients,
            driver::drive(self.server.port(), clients, self.time, 200, move |n, out| run(n, out), |_| None),
        )
        .await
        .0
    }

    async fn account(&self, name: &'static str, clients: usize, run: impl Future<Output = Outcome>) -> (Row, Outcome) {
        let postgres = || self.cluster.map(|cluster| accounts::cpu_micros(&accounts::postgres(&cluster.data())));
        let service = || accounts::cpu_micros(&[self.server.pid()]);
        let before = (service(), postgres());
        let outcome = run.await;
        let per_operation = |used: u64| used as f64 / outcome.operations as f64;
        let row = Row {
            service_micros: Some(per_operation(service() - before.0)),
            postgres_micros: postgres().zip(before.1).map(|(after, before)| per_operation(after - before)),
            ..Row::new(self.store, name, clients, &outcome)
        };
        (row, outcome)
    }
}

/// The value of a string field of a JSON text, found without reading all of it.
fn text_of(body: &[u8], field: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let from = text.find(&format!("\"{field}\":\""))? + field.len() + 4;
    Some(text[from..].split('"').next()?.to_owned())
}

/// The session's id in its UUID form, out of a link token's first digits.
pub(crate) fn id_of(token: &str) -> String {
    let id = vestibule::domain::secret::Credential::parse(token).unwrap().id();
    id.hyphenated().to_string()
}
