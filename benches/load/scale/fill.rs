//! Sessions of the past, written straight into the database: over HTTP ten million would take an hour.

use crate::support::postgres::Cluster;
use std::{
    io::Write as _,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};
use vestibule::{
    domain::time::{Seconds, Timestamp},
    store::{Options, Store},
};

const DAYS: u64 = 30;
const WORKERS: u64 = 2;
const WIDTH: usize = 40;

/// Ten thousand tenants with ten customers each; the first tenant, whose key is used, has ten thousand.
const PEOPLE: &str = "
    insert into tenants (id, slug, name, created_at)
        select gen_random_uuid(), 'filled-' || n, 'Tenant', now() from generate_series(1, 9999) n;
    insert into portals (id, tenant_id, slug, enabled, settings, created_at)
        select gen_random_uuid(), t.id, 'default', true, p.settings, now() from tenants t cross join portals p where t.slug like 'filled-%';
    create unlogged table bench_people (n bigserial primary key, tenant_id uuid, portal_id uuid, customer_id uuid, is_big boolean);
    insert into bench_people (tenant_id, portal_id, customer_id, is_big)
        select p.tenant_id, p.id, gen_random_uuid(), t.slug not like 'filled-%' from portals p join tenants t on t.id = p.tenant_id
        cross join lateral generate_series(1, case when t.slug like 'filled-%' then 10 else 10000 end)
        order by t.slug like 'filled-%';
    insert into customers (id, tenant_id, livemode, external_id, profile, created_at)
        select customer_id, tenant_id, false, 'person-' || n, '{}', now() from bench_people;
    analyze;";

/// Of ten sessions the big tenant has one; of five, four were used.
const SESSIONS: &str = "
    insert into portal_sessions (id, tenant_id, portal_id, customer_id, livemode, permissions, return_url, delivery, preview, metadata,
        created_at, link_hash, link_expires_at, session_ttl, used_at, browser_hash, browser_expires_at, ip_address, user_agent)
    select (lpad(to_hex(s.ms), 12, '0') || '7' || substr(s.hash, 1, 3) || '8' || substr(s.hash, 4, 15))::uuid, p.tenant_id, p.portal_id,
        p.customer_id, false, '[\"api.*.read_key\"]', 'https://shop.example/back', 'message', false, '{}', s.at, decode(s.hash || s.hash, 'hex'),
        s.at + interval '15 minutes', 86400, case when s.used then s.at + interval '30 seconds' end,
        case when s.used then decode(s.hash || s.hash, 'hex') end, case when s.used then s.at + interval '1 day' end,
        case when s.used then '192.0.2.1' end, case when s.used then 'Mozilla/5.0' end
    from (select g, ms, to_timestamp(ms / 1000.0) as at, md5(g::text || 's') as hash, g % 5 < 4 as used
        from generate_series($from::bigint, $to::bigint - 1) g cross join lateral (select $start + (g - $first) * $span / $count as ms) m) s
    join bench_people p on p.n = case when g % 10 = 0 then 1 + (g / 10) % 10000 else 10001 + (g * 7919) % 99990 end;
    insert into events (id, tenant_id, livemode, type, created_at, actor_type, ip_address, user_agent, session_id, customer_id, portal_id, data)
    select (lpad(to_hex(s.ms), 12, '0') || '7' || substr(s.hash, 1, 3) || '9' || substr(s.hash, 4, 15))::uuid, p.tenant_id, false,
        'portal_session.created', to_timestamp(s.ms / 1000.0), 'key', '192.0.2.1', 'node',
        (lpad(to_hex(s.ms), 12, '0') || '7' || substr(s.hash, 1, 3) || '8' || substr(s.hash, 4, 15))::uuid, p.customer_id, p.portal_id, '{}'
    from (select g, ms, md5(g::text || 's') as hash
        from generate_series($from::bigint, $to::bigint - 1) g cross join lateral (select $start + (g - $first) * $span / $count as ms) m) s
    join bench_people p on p.n = case when g % 10 = 0 then 1 + (g / 10) % 10000 else 10001 + (g * 7919) % 99990 end;";

/// A database that is filled step by step.
pub(super) struct Fill<'a> {
    cluster: &'a Cluster,
    url: &'a str,
    /// Milliseconds since the Unix epoch at which the thirty days end.
    end: i64,
    stored: u64,
}

impl<'a> Fill<'a> {
    /// Makes tenants, customers and the partitions of the past.
    pub(super) async fn new(cluster: &'a Cluster, url: &'a str) -> Self {
        let fill = Self { cluster, url, end: chrono::Utc::now().timestamp_millis(), stored: 0 };
        let store = Store::open(&Options { url: url.into(), max_connections: 2, busy_timeout: Options::SERVING })
            .await
            .unwrap();
        let now = Timestamp::from_millis(fill.end);
        store.make_partitions(now.minus(Seconds::days(DAYS as u32 + 1)), now).await.unwrap();
        store.close().await;
        fill.psql(PEOPLE);
        fill
    }

    /// Adds sessions, spread evenly over the thirty days, until `stored` are there.
    pub(super) fn up_to(&mut self, stored: u64) {
        let (first, count) = (self.stored, stored - self.stored);
        let (done, pieces) = (AtomicU64::new(0), DAYS);
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    loop {
                        let piece = next.fetch_add(1, Ordering::Relaxed);
                        if piece >= pieces {
                            return;
                        }
                        let bound = |piece: u64| first + count * piece / pieces;
                        self.add(bound(piece), bound(piece + 1), first, count);
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1, pieces, stored);
                    }
                });
            }
        });
        eprintln!();
        self.psql("vacuum analyze portal_sessions; vacuum analyze events; checkpoint");
        self.stored = stored;
    }

    fn add(&self, from: u64, to: u64, first: u64, count: u64) {
        let span = DAYS * 86_400_000;
        let start = self.end - span as i64;
        let numbers = [("$from", from), ("$to", to), ("$first", first), ("$span", span), ("$count", count)];
        let mut sql = SESSIONS.replace("$start", &start.to_string());
        for (name, number) in numbers {
            sql = sql.replace(name, &number.to_string());
        }
        self.psql(&sql);
    }

    /// Ids of the big tenant's sessions, old and new.
    pub(super) fn some_ids(&self) -> Vec<String> {
        let share = (5000.0 / (self.stored as f64 / 10.0) * 100.0).min(100.0);
        let sql = format!(
            "select id from portal_sessions tablesample bernoulli ({share}) repeatable (1)
             where tenant_id = (select tenant_id from bench_people where is_big limit 1) order by md5(id::text) limit 5000"
        );
        self.psql(&sql).lines().map(str::to_owned).collect()
    }

    /// The id of the big tenant's session that has `before` newer ones, or of the last but one page.
    pub(super) fn id_after(&self, before: usize) -> String {
        let before = before.min(self.stored as usize / 10 - 50);
        self.psql(&format!(
            "select id from portal_sessions where tenant_id = (select tenant_id from bench_people where is_big limit 1) and not livemode
             order by id desc offset {before} limit 1"
        ))
        .trim()
        .to_owned()
    }

    fn psql(&self, sql: &str) -> String {
        psql(self.cluster, self.url, sql)
    }
}

/// Runs statements one by one and gives what they print.
pub(super) fn psql(cluster: &Cluster, url: &str, sql: &str) -> String {
    let mut command: Command = cluster.client("psql");
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        command.args(["--command", statement]);
    }
    let settings = ["--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"];
    let done = command.args(settings).args(["--dbname", url]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn progress(done: u64, all: u64, stored: u64) {
    let filled = WIDTH * done as usize / all as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
    eprint!("\rfilling up to {stored} sessions [{bar}] {:3} %", 100 * done / all);
    std::io::stderr().flush().unwrap();
}
