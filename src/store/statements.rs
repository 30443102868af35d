//! The list of all statements, so that a test can describe each against both databases.

use super::{
    Store, arrays, connection, create, create_postgres, create_sqlite, customers, erasures, events, exchange, holders,
    idempotency, keys, listing, migrate, partitions, poll, portals, retention, revocations, sessions, signing, tenants,
};

/// Where a statement is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On both databases, the same text.
    Both,
    /// Only on PostgreSQL.
    Postgres,
    /// Only on SQLite.
    Sqlite,
}

/// A statement, its name in the code, and where it is used.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The constant's name.
    pub name: &'static str,
    /// Where it is used.
    pub on: On,
    /// The statement's text.
    pub sql: &'static str,
}

/// Declares statements as constants and lists them.
macro_rules! statements {
    ($($on:ident $name:ident = $sql:expr;)*) => {
        $(pub(super) const $name: &str = $sql;)*
        /// The statements of this file.
        pub(in crate::store) const STATEMENTS: &[$crate::store::statements::Statement] = &[
            $($crate::store::statements::Statement {
                name: stringify!($name),
                on: $crate::store::statements::On::$on,
                sql: $sql,
            },)*
        ];
    };
}
pub(super) use statements;

/// The text and name of every statement that `store` can be asked to run.
pub fn all(store: &Store) -> Vec<(String, String)> {
    let other = match store {
        Store::Postgres(_) => On::Sqlite,
        Store::Sqlite(_) => On::Postgres,
    };
    let fixed = [
        connection::STATEMENTS,
        create::STATEMENTS,
        create_postgres::STATEMENTS,
        customers::STATEMENTS,
        erasures::STATEMENTS,
        events::STATEMENTS,
        exchange::STATEMENTS,
        poll::STATEMENTS,
        holders::STATEMENTS,
        idempotency::STATEMENTS,
        keys::STATEMENTS,
        migrate::STATEMENTS,
        portals::STATEMENTS,
        partitions::STATEMENTS,
        retention::STATEMENTS,
        revocations::STATEMENTS,
        sessions::STATEMENTS,
        signing::STATEMENTS,
        tenants::STATEMENTS,
    ];
    let fixed = fixed.concat().into_iter().filter(|statement| statement.on != other);
    let fixed = fixed.map(|statement| (statement.name.to_owned(), statement.sql.to_owned()));
    let composed = listing::list_statements(store).into_iter().chain(events::list_statements(store));
    let rows = create_sqlite::composed().chain(exchange::composed()).chain(events::composed());
    let rows = rows.filter(|_| matches!(store, Store::Sqlite(_)));
    let for_one =
        fixed.clone().filter(|(_, sql)| arrays::is_sized(sql)).map(|(name, sql)| (name, arrays::for_one(&sql)));
    let lists = composed.map(|sql| ("list".to_owned(), sql));
    fixed.chain(for_one).chain(lists).chain(rows.map(|sql| ("rows".to_owned(), sql))).collect()
}
