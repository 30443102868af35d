//! Whether a portal session costs the same however many are stored: ten thousand to ten million over
//! thirty days, of ten thousand tenants, one of which owns a tenth. See docs/performance.md.

mod fill;
mod plot;
mod retention;

use crate::{
    accounts,
    driver::write_request,
    operations::{Bench, VERIFY},
    report::Row,
    support::{
        Server,
        postgres::{Cluster, Durability},
    },
};
use fill::Fill;
use std::{
    fs,
    rc::Rc,
    time::{Duration, Instant},
};

/// How many sessions are stored when it is measured.
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const CLIENTS: usize = 16;
/// Sessions of one page, and how many lie before the thousandth.
const PAGE: usize = 20;
const BEFORE_THE_THOUSANDTH: usize = 999 * PAGE;

/// What was measured with so many sessions stored.
struct Measured {
    stored: u64,
    rows: Vec<Row>,
}

/// Fills a database step by step, measures at each, and prints what comes of it.
pub(crate) async fn run() {
    let started = Instant::now();
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let time = Duration::from_secs(number("BENCH_SECONDS", 4));
    let most = number("BENCH_SESSIONS", 10_000_000);
    let cluster = Cluster::start(Durability::Full);
    let database = cluster.database();
    let setup = Server::on(&database)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0")
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0");
    let mut server = setup.start().await;
    let key: Rc<str> = server.tenant().key.into();
    server.sigterm().await;
    let mut fill = Fill::new(&cluster, database.url()).await;
    let mut all = Vec::new();
    for stored in SIZES.into_iter().filter(|size| *size <= most) {
        fill.up_to(stored);
        server.restart().await;
        let bench = Bench { store: "postgres", server, key: Rc::clone(&key), cluster: Some(&cluster), time };
        all.push(Measured { stored, rows: measure(&bench, &fill).await });
        eprintln!("resident memory at its peak {:.0} MiB", accounts::memory(bench.server.pid()).1);
        server = bench.server;
        server.sigterm().await;
    }
    print(&all);
    retention::measure(&cluster, database.url()).await;
    println!("\nIt took {:.0} minutes.", started.elapsed().as_secs_f64() / 60.0);
    fs::write("target/scale.svg", plot::growth(&all)).unwrap();
}

async fn measure(bench: &Bench<'_>, fill: &Fill<'_>) -> Vec<Row> {
    let minute = Duration::from_secs(60);
    bench.create("warm-up", CLIENTS, bench.time / 2, usize::MAX).await;
    let mut rows = vec![bench.create("create", CLIENTS, bench.time, usize::MAX).await.0];
    let minted = bench.create("mint", CLIENTS, minute, 8000 * bench.time.as_secs() as usize).await.1;
    let (exchange, opened) = bench.exchange(CLIENTS, minted.kept).await;
    rows.push(exchange);
    let viewers = opened.kept.into_iter().take(5000).collect();
    let verify = |token: &str, out: &mut Vec<u8>| write_request(out, "GET", VERIFY, token, "");
    rows.push(bench.read("verify", CLIENTS, viewers, verify).await);
    let get = |key: Rc<str>| {
        move |id: &str, out: &mut Vec<u8>| write_request(out, "GET", &format!("/v1/portal-sessions/{id}"), &key, "")
    };
    rows.push(bench.read("get", CLIENTS, fill.some_ids(), get(Rc::clone(&bench.key))).await);
    let list = |name, query: String| {
        let key = Rc::clone(&bench.key);
        let write = move |_: &str, out: &mut Vec<u8>| {
            write_request(out, "GET", &format!("/v1/portal-sessions?limit={PAGE}{query}"), &key, "");
        };
        bench.read(name, CLIENTS, vec![String::new()], write)
    };
    rows.push(list("list", String::new()).await);
    rows.push(list("list of all", "&includeExpired=true".into()).await);
    let far = format!("&includeExpired=true&startingAfter={}", fill.id_after(BEFORE_THE_THOUSANDTH));
    rows.push(list("its page 1000", far).await);
    rows
}

/// What an operation costs the machine, in microseconds of CPU time, service and database together.
fn cost(row: &Row) -> f64 {
    row.service_micros.unwrap_or(0.0) + row.postgres_micros.unwrap_or(0.0)
}

fn print(all: &[Measured]) {
    println!(
        "| stored | operation | ops/s | p50 ms | p99 ms | service CPU µs/op | Postgres CPU µs/op | cost to that of the fewest |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for measured in all {
        for (n, row) in measured.rows.iter().enumerate() {
            let [service, postgres] = [row.service_micros, row.postgres_micros].map(|micros| micros.unwrap_or(0.0));
            println!(
                "| {} | {} | {:.0} | {:.2} | {:.2} | {service:.0} | {postgres:.0} | {:.2} |",
                measured.stored,
                row.operation,
                row.per_second,
                row.p50,
                row.p99,
                cost(row) / cost(&all[0].rows[n]),
            );
        }
    }
}
