//! Every statement is understood by the database that it is for, on the migrated schema.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _, SqliteConnection};
use vestibule::store::statements;

use super::bench::Bench;
use crate::support::{Db, Store as Kind};

async fn understood(db: &Db, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    match db {
        Db::Postgres(pool) => pool.prepare(sql).await.map(drop),
        Db::Sqlite(pool) => pool.prepare(sql).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_understood() {
    for bench in Bench::both().await {
        // The question itself has to be able to fail.
        for wrong in ["select no_such_column from tenants", "selec 1", "update portals set slugg = $1"] {
            assert!(understood(&bench.db, wrong).await.is_err(), "{wrong}");
        }
        let all = statements::all(&bench.store);
        assert!(all.len() > 80, "{} statements", all.len());
        for (name, sql) in all {
            if let Err(error) = understood(&bench.db, &sql).await {
                panic!("{:?}: {name}: {error}\n{sql}", bench.store);
            }
        }
    }
}

/// With statistics SQLite may take a table that was small when somebody looked for small for ever, so the service forgets
/// them when it starts. (PostgreSQL is told on each connection to go by indexes.)
#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_every_statement_goes_by_an_index() {
    let bench = Bench::new(Kind::Sqlite).await;
    bench.create((0..50).map(|n| bench.link(&format!("customer-{n}"))).collect()).await;
    let sound = scans(&bench).await;
    bench.db.execute("analyze").await;
    bench.db.execute("update sqlite_stat1 set stat = '1 1 1 1'").await;
    let misled = scans(&bench).await;
    bench.store.migrate().await.unwrap();
    let restarted = scans(&bench).await;
    assert_eq!((sound, restarted), (vec![], vec![]));
    assert!(!misled.is_empty(), "statistics mislead nobody any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_seldom_type_go_by_an_index_of_their_own() {
    for bench in Bench::both().await {
        let lists = statements::all(&bench.store).into_iter().filter(|(_, sql)| sql.contains("type not in"));
        let lists: Vec<String> = lists.map(|(_, sql)| sql).collect();
        assert_eq!(lists.len(), 2, "from either end");
        for sql in lists {
            let plan = match &bench.db {
                Db::Sqlite(pool) => {
                    let explain = AssertSqlSafe(format!("explain query plan {sql}"));
                    let steps = sqlx::raw_sql(explain).fetch_all(pool).await.unwrap();
                    steps.iter().map(|step| step.get("detail")).collect::<Vec<String>>()
                }
                Db::Postgres(pool) => {
                    let nobody = uuid::Uuid::nil();
                    let explain = format!(
                        "set enable_seqscan = off; set plan_cache_mode = force_generic_plan; prepare q as {sql}; \
                         explain execute q('{nobody}', false, '{nobody}', '{nobody}', 10, 'key.created'); deallocate q"
                    );
                    let steps = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(pool).await.unwrap();
                    steps.iter().map(|step| step.get(0)).collect()
                }
            };
            let plan = plan.join("\n");
            assert!(plan.contains("events_type") || plan.contains("_type_id_idx"), "{plan}");
        }
    }
}

/// Otherwise lists are planned anew each time, and connections wait for each other's locks: a list took four times as long.
#[tokio::test]
async fn sqlite_is_compiled_for_many_connections() {
    let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let options = sqlx::query_scalar::<_, String>("pragma compile_options").fetch_all(&mut conn).await.unwrap();
    let has = |option: &str| options.iter().any(|known| known == option);
    assert!(has("ENABLE_QPSG") && has("DEFAULT_MEMSTATUS=0") && !has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
}

/// What its statements would read from beginning to end.
async fn scans(bench: &Bench) -> Vec<String> {
    let mut conn = SqliteConnection::connect(bench.database.url()).await.unwrap();
    let mut scans = Vec::new();
    for (name, sql) in statements::all(&bench.store) {
        let explain = sqlx::raw_sql(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(&mut conn).await;
        let steps = explain.unwrap_or_else(|error| panic!("{error}: {sql}"));
        let plan: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        scans.extend(plan.iter().filter(|step| is_slow(step, &plan)).map(|step| format!("{name}: {step}: {sql}")));
    }
    scans
}

/// Whether a step reads a table from its beginning to its end that holds more with every day, or makes an index of one.
fn is_slow(step: &str, plan: &[String]) -> bool {
    let growing = ["portal_sessions", "s", "customers", "c", "events", "e", "idempotency"];
    let is_part = |table: &str| {
        plan.iter().any(|step| [format!("CO-ROUTINE {table}"), format!("MATERIALIZE {table}")].contains(step))
    };
    let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
    step.contains("AUTOMATIC")
        || step.contains("BLOOM FILTER ON")
        || scanned.is_some_and(|table| growing.contains(&table) && !is_part(table))
}

/// A statement that some file keeps for itself would escape the other test.
#[test]
fn every_statement_is_in_the_list() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store"));
    let list = std::fs::read_to_string(folder.join("statements.rs")).unwrap();
    let (mut folders, mut declared) = (vec![folder.to_owned()], 0);
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !std::fs::read_to_string(&path).unwrap().contains("\nstatements! {") {
                continue;
            }
            declared += 1;
            // A room in a folder gives its statements to the one that the folder belongs to.
            let room = if inside == folder { &path } else { &inside };
            let module = room.file_stem().unwrap().to_str().unwrap();
            assert!(list.contains(&format!("{module}::STATEMENTS")), "{module} is not listed");
        }
    }
    assert!(declared > 10, "{declared} files with statements");
}
