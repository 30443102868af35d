//! Databases to test on.

use std::sync::Arc;

use super::guard::Folder;
use super::postgres;

/// The two stores that the service runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Postgres,
    Sqlite,
}

impl Store {
    /// Both, for a test to go through.
    pub(crate) fn both() -> [Self; 2] {
        [Self::Postgres, Self::Sqlite]
    }

    /// A new, empty database.
    pub(crate) fn database(self) -> Arc<Database> {
        let (url, home) = match self {
            Self::Postgres => {
                let name = postgres::shared().create_database();
                (postgres::shared().url(&name), Home::Shared(name))
            }
            Self::Sqlite => {
                let folder = Folder::new();
                let file = folder.path().join("vestibule.db");
                (format!("sqlite://{}", file.display()), Home::Own(folder))
            }
        };
        Arc::new(Database { url, home })
    }
}

/// A database, there for as long as somebody holds it.
#[derive(Debug)]
pub(crate) struct Database {
    url: String,
    home: Home,
}

#[derive(Debug)]
enum Home {
    /// By this name in the shared cluster.
    Shared(String),
    /// A SQLite file in a folder.
    Own(#[expect(dead_code, reason = "held for its destructor")] Folder),
    /// Somewhere else, and not ours to remove.
    Elsewhere,
}

impl Database {
    /// One that somebody else keeps: in a cluster of the test's own, say, or
    /// behind a proxy.
    pub(crate) fn at(url: String) -> Arc<Self> {
        Arc::new(Self { url, home: Home::Elsewhere })
    }

    /// For `DATABASE_URL`, and for sqlx.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Which store it belongs to.
    pub(crate) fn store(&self) -> Store {
        if self.url.starts_with("postgres") { Store::Postgres } else { Store::Sqlite }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Home::Shared(name) = &self.home {
            // It ends with the cluster at the latest: what is said about a
            // failure here would only cover up that of the test.
            let mut dropdb = postgres::shared().client("dropdb");
            dropdb.args(["--force", name]).output().ok();
        }
    }
}
