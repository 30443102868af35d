//! The database is away, frozen, cut off or read-only: 503 within 3 s, and back within 2 s of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::proxy::{Mode, Proxy};
use super::{Session, session, unlimited, until, verify};
use crate::support::postgres::{self, Cluster, Durability};
use crate::support::{Answer, Database, Http, Server};

/// Within this, whatever is the matter with the database, a client has its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
const BACK: Duration = Duration::from_secs(2);
/// As long as a cache may answer for the database.
const CACHED: Duration = Duration::from_secs(1);

pub(super) struct Subject {
    pub(super) server: Server,
    pub(super) api: Http,
    pub(super) open: Session,
    /// Not exchanged yet.
    link: String,
}

impl Subject {
    pub(super) async fn on(database: &Arc<Database>) -> Self {
        let server = unlimited(Server::on(database)).start().await;
        let api = server.http.key(&server.tenant().key);
        let open = session(&api, json!({})).await;
        assert_eq!(verify(&server, &open.token).await, 200);
        let made = api.post("/v1/portal-sessions", json!({"customerExternalId": "other"})).await.expect(201).json();
        Self { server, api, open, link: made["token"].as_str().unwrap().to_owned() }
    }

    /// One of each kind of request, at the same time.
    async fn ask_all(&self) -> Vec<(&'static str, Answer, Duration)> {
        let (anyone, browser) = (&self.server.http, self.server.http.key(&self.open.token));
        let path = format!("/v1/portal-sessions/{}", self.open.id);
        let made = json!({"customerExternalId": "somebody"}).to_string();
        let exchange = json!({"token": self.link, "transport": "bearer"}).to_string();
        let asks = [
            ("create", &self.api, Method::POST, "/v1/portal-sessions", Some(made)),
            ("exchange", anyone, Method::POST, "/v1/portal-sessions/exchange", Some(exchange)),
            ("get", &self.api, Method::GET, path.as_str(), None),
            ("list", &self.api, Method::GET, "/v1/portal-sessions", None),
            ("verify", &browser, Method::GET, "/v1/portal-session", None),
            ("revoke", &self.api, Method::DELETE, "/v1/portal-sessions/ps_0000000000000000000001", None),
        ];
        join_all(asks.map(async |(what, http, method, path, body)| {
            let asked = Instant::now();
            let answer = http.send(method, path, body.map(Into::into)).await;
            (what, answer, asked.elapsed())
        }))
        .await
    }

    /// Nothing is served that needs the database, and each answer says so in time.
    async fn is_away(&self) {
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(4) {
            let asked = since.elapsed();
            let answers = join_all((0..8).map(|_| self.ask_all())).await;
            for (what, answer, took) in answers.into_iter().flatten() {
                assert!(took <= ANSWER, "{what} took {took:?}");
                if what == "verify" && answer.status == 200 && asked < CACHED {
                    continue;
                }
                assert_eq!(answer.status, 503, "{what}: {}", answer.text());
                let after = answer.header("retry-after").expect("Retry-After");
                assert!(after.parse::<u32>().is_ok_and(|seconds| seconds > 0), "Retry-After: {after}");
            }
            self.server.http.get("/healthz").await.expect(200);
            if since.elapsed() > CACHED {
                self.server.http.get("/readyz").await.expect(503);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// All is served again, and goes on being served.
    pub(super) async fn is_back(&self, what: &str) {
        let took =
            until(what, BACK, async || self.server.http.get("/readyz").await.status == 200 && self.is_served().await)
                .await;
        for _ in 0..20 {
            assert!(self.is_served().await, "{what}: served, and then not");
        }
        eprintln!("{what}: back {took:?} after the database");
    }

    async fn is_served(&self) -> bool {
        let body = json!({"customerExternalId": "somebody"});
        let made = self.api.post("/v1/portal-sessions", body).await.status;
        assert!(made == 201 || made == 503, "create: {made}");
        made == 201 && verify(&self.server, &self.open.token).await == 200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stops_and_starts() {
    let cluster = Cluster::start(Durability::Fast);
    let subject = Subject::on(&cluster.database()).await;
    cluster.stop_immediate();
    subject.is_away().await;
    cluster.restart();
    subject.is_back("stopped").await;
    cluster.pause();
    subject.is_away().await;
    cluster.resume();
    subject.is_back("frozen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_cut_off() {
    let name = postgres::shared().create_database();
    let proxy = Proxy::to(postgres::shared().port()).await;
    let subject = Subject::on(&Database::at(proxy.url(&name))).await;
    for mode in [Mode::Refuse, Mode::Silent] {
        proxy.set(mode);
        subject.is_away().await;
        proxy.set(Mode::Pass);
        subject.is_back(&format!("{mode:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_turns_read_only() {
    let cluster = Cluster::start(Durability::Fast);
    let subject = Subject::on(&cluster.database()).await;
    let set = |read_only: &str| {
        let sql = format!("alter system set default_transaction_read_only = {read_only}");
        cluster.run("postgres", &["set default_transaction_read_only = off", &sql, "select pg_reload_conf()"]);
    };
    set("on");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let revoked = format!("/v1/portal-sessions/{}", subject.open.id);
    for _ in 0..3 {
        for (what, answer, took) in subject.ask_all().await {
            assert!(took <= ANSWER, "{what} took {took:?}");
            match what {
                "create" | "exchange" => assert!(answer.expect(503).header("retry-after").is_some(), "{what}"),
                _ => assert!(answer.status < 500 && answer.status != 401, "{what}: {}", answer.status),
            }
        }
        subject.api.delete(&revoked).await.expect(503);
        subject.server.http.get("/readyz").await.expect(503);
        subject.server.http.get("/healthz").await.expect(200);
    }
    set("off");
    subject.is_back("read-only").await;
}

/// A connection that was opened while the database was read-only stays so; the service gives it up.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_read_only_are_given_up() {
    let cluster = Cluster::start(Durability::Fast);
    let database = cluster.database();
    let subject = Subject::on(&database).await;
    let run = |sql: &str| cluster.run("postgres", &[sql]);
    let name = database.url().rsplit('/').next().unwrap().split('?').next().unwrap();
    run(&format!("alter database \"{name}\" set default_transaction_read_only = on"));
    run(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"));
    until("it is read-only", Duration::from_secs(10), async || {
        let made = subject.api.post("/v1/portal-sessions", json!({"customerExternalId": "somebody"})).await;
        made.status == 503 && made.text().contains("unavailable") && subject.api.get("/v1/portals").await.status == 200
    })
    .await;
    run(&format!("alter database \"{name}\" reset default_transaction_read_only"));
    // One that was opened for reading meanwhile is found out by the first write on it.
    until("read-only connections are gone", BACK, async || {
        for _ in 0..20 {
            if !subject.is_served().await {
                return false;
            }
        }
        true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_slow_again_and_again() {
    let cluster = Cluster::start(Durability::Fast);
    let database = cluster.database();
    let server = unlimited(Server::on(&database)).start().await;
    let api = server.http.key(&server.tenant().key);
    // The key and the portal are looked up, the customer and the session made, each of them slowly: none takes too long, and
    // together they do.
    let mut keys = PgConnection::connect(database.url()).await.unwrap();
    let mut portals = PgConnection::connect(database.url()).await.unwrap();
    let sql = "create function slow() returns trigger language plpgsql as $$ begin \
        perform pg_sleep(tg_argv[0]::float8); return new; end $$; \
        create trigger slow before insert on customers for each row execute function slow(0.5); \
        create trigger slow before insert on events for each row execute function slow(1.7); \
        begin; lock table keys in access exclusive mode";
    sqlx::raw_sql(sql).execute(&mut keys).await.unwrap();
    sqlx::raw_sql("begin; lock table portals in access exclusive mode").execute(&mut portals).await.unwrap();
    let unlock = async {
        for conn in [&mut keys, &mut portals] {
            tokio::time::sleep(Duration::from_millis(350)).await;
            sqlx::raw_sql("commit").execute(conn).await.unwrap();
        }
    };
    let asked = Instant::now();
    let create = api.post("/v1/portal-sessions", json!({"customerExternalId": "somebody"}));
    let (answer, took) = tokio::join!(async { (create.await, asked.elapsed()) }, unlock).0;
    assert!(took > Duration::from_millis(2500) && took <= ANSWER, "{took:?}");
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{}", answer.text());
    // What was begun is done nevertheless.
    until("written", BACK, async || {
        let made = api.get("/v1/portal-sessions").await.expect(200).json();
        made["data"].as_array().unwrap().len() == 1
    })
    .await;
}
