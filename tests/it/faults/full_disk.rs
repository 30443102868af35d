//! The disk is full: what needs room is answered 503 within 3 s, the rest is served, and everything again once there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use super::outage::{ANSWER, Subject};
use super::verify;
use crate::support::Database;
use crate::support::guard::{Folder, Guard};
use crate::support::postgres::{Cluster, Durability};

/// A file system of two megabytes, gone with this value.
struct SmallDisk {
    /// First, since a folder in use can't be removed.
    _unmount: Guard,
    folder: Folder,
}

impl SmallDisk {
    /// None where nobody may mount one, which it says.
    fn new() -> Option<Self> {
        let folder = Folder::new();
        let path = folder.path().join("disk");
        fs::create_dir(&path).unwrap();
        let path = path.to_str().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", path]).status();
        let _unmount = Guard::new(r#"umount -l "$1""#, &[path]);
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: only root can mount a small file system");
            return None;
        }
        Some(Self { folder, _unmount })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }
}

/// Writes until nothing fits any more.
fn fill(file: &Path) {
    use std::io::Write;
    let mut file = fs::File::options().create(true).append(true).open(file).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
}

/// Fills the disk and what is left of it with every session, until nothing fits; then makes room again.
async fn fills_up(subject: Subject, disk: &SmallDisk) {
    let filler = disk.path().join("filler");
    fill(&filler);
    let mut refused = 0;
    for n in 0..60 {
        let metadata = json!({"customerExternalId": format!("somebody-{n}"), "metadata": {"long": "x".repeat(500)}});
        let asked = Instant::now();
        let answer = subject.api.post("/v1/portal-sessions", metadata).await;
        match answer.status {
            // The log has room left until its next page.
            201 => fill(&filler),
            _ => {
                assert!(answer.clone().expect(503).header("retry-after").is_some());
                assert!(asked.elapsed() <= ANSWER, "{:?}", asked.elapsed());
                subject.server.http.get("/readyz").await.expect(503);
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "the disk never filled up");
    assert_eq!(verify(&subject.server, &subject.open.token).await, 200, "reading needs no room");
    subject.server.http.get("/healthz").await.expect(200);
    fs::remove_file(filler).unwrap();
    subject.is_back("full").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_sqlite_is_full() {
    let Some(disk) = SmallDisk::new() else { return };
    let file = disk.path().join("vestibule.db");
    let subject = Subject::on(&Database::at(format!("sqlite://{}", file.display()))).await;
    fills_up(subject, &disk).await;
}

/// Its tables' disk: where the log of transactions finds no room, PostgreSQL stops, which is another test.
#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_postgres_is_full() {
    let Some(disk) = SmallDisk::new() else { return };
    let cluster = Cluster::start(Durability::Fast);
    cluster.owns(disk.folder.path());
    cluster.owns(&disk.path());
    let name = cluster.create_database();
    let subject = Subject::on(&Database::at(cluster.url(&name))).await;
    let tablespace = format!("create tablespace small location '{}'", disk.path().display());
    cluster
        .run(&name, &[&tablespace, "alter table all in tablespace pg_default owned by vestibule set tablespace small"]);
    cluster.run(&name, &["alter index all in tablespace pg_default owned by vestibule set tablespace small"]);
    fills_up(subject, &disk).await;
}
