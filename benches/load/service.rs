//! The service under load, by HTTP, with everything on.

use crate::{
    CLIENTS, accounts,
    driver::{self, Outcome, write_request},
    limits::Limits,
    report::{Report, Row},
    support::{Database, Server, postgres::Cluster},
};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Exchanges are prepared by count: each token is good once.
const TOKENS: [usize; 3] = [6_000, 30_000, 60_000];
const VIEWERS: usize = 5_000;

struct Bench<'a> {
    store: &'static str,
    server: Server,
    key: Rc<str>,
    cluster: Option<&'a Cluster>,
    time: Duration,
}

/// Measures every operation at every number of clients.
pub(crate) async fn measure(
    store: &'static str,
    database: &Arc<Database>,
    cluster: Option<&Cluster>,
    time: Duration,
    limits: &Limits,
    report: &mut Report,
) {
    let setup = Server::on(database)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0")
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0");
    let server = setup.start().await;
    let key: Rc<str> = server.tenant().key.into();
    let bench = Bench { store, server, key, cluster, time };
    report.note(format!("{store}: resident memory idle {:.0} MiB", accounts::memory(bench.server.pid()).0));
    let mut add = |row: Row| {
        let limit = limits.of(row.operation, row.clients).cloned();
        report.add(Row { limit: limit.map(Box::new), ..row });
    };
    bench.create("warm-up", 16, time / 2, usize::MAX).await;
    for (clients, tokens) in CLIENTS.into_iter().zip(TOKENS) {
        let (row, _) = bench.create("create", clients, time, usize::MAX).await;
        add(row);
        let minted = bench.create("mint", 64, Duration::from_secs(60), tokens).await.1;
        add(bench.exchange(clients, minted.kept).await.0);
    }
    let minted = bench.create("mint", 64, Duration::from_secs(60), VIEWERS).await.1;
    let viewers = bench.exchange(64, minted.kept).await.1.kept;
    let ids = bench.create("ids", 64, Duration::from_secs(60), VIEWERS).await.1;
    for clients in CLIENTS {
        add(bench
            .read("verify", clients, viewers.clone(), |token, out| {
                write_request(out, "GET", "/v1/portal-session", token, "");
            })
            .await);
        let key = Rc::clone(&bench.key);
        add(bench
            .read("get", clients, ids.kept.clone(), move |token, out| {
                write_request(out, "GET", &format!("/v1/portal-sessions/{}", id_of(token)), &key, "");
            })
            .await);
        let key = Rc::clone(&bench.key);
        add(bench
            .read("list", clients, vec![String::new()], move |_, out| {
                write_request(out, "GET", "/v1/portal-sessions?includeExpired=true", &key, "");
            })
            .await);
    }
    report.note(format!("{store}: resident memory at its peak {:.0} MiB", accounts::memory(bench.server.pid()).1));
}

impl Bench<'_> {
    async fn create(&self, name: &'static str, clients: usize, time: Duration, most: usize) -> (Row, Outcome) {
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

    async fn exchange(&self, clients: usize, tokens: Vec<String>) -> (Row, Outcome) {
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

    async fn read(
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
fn id_of(token: &str) -> String {
    let id = vestibule::domain::secret::Credential::parse(token).unwrap().id();
    id.hyphenated().to_string()
}
