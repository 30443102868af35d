//! Every statement is understood by the database that it is for, on the migrated schema.

use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use vestibule::store::{Store, statements};

use super::bench::Bench;

async fn understood(store: &Store, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    match store {
        Store::Postgres(db) => db.pool().prepare(sql).await.map(drop),
        Store::Sqlite(db) => db.pool().prepare(sql).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_understood() {
    for bench in Bench::both().await {
        // The question itself has to be able to fail.
        for wrong in ["select no_such_column from tenants", "selec 1", "update portals set slugg = $1"] {
            assert!(understood(&bench.store, wrong).await.is_err(), "{wrong}");
        }
        let all = statements::all(&bench.store);
        assert!(all.len() > 80, "{} statements", all.len());
        for (name, sql) in all {
            if let Err(error) = understood(&bench.store, &sql).await {
                panic!("{:?}: {name}: {error}\n{sql}", bench.store);
            }
        }
    }
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
