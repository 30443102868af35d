//! Many rows in one statement on PostgreSQL: each parameter is an array, of which the statement takes the n-th element,
//! `($1::uuid[])[n]`. For a single row the same statement takes plain values, which cost PostgreSQL half as much.

use sqlx::{AssertSqlSafe, Encode, Postgres, SqlSafeStr as _, SqlStr, Type, encode::IsNull, error::BoxDynError};
use std::sync::{Arc, OnceLock};

/// Where the rows come from, and how their values are named.
const ROWS: &str = " from generate_series(1, cardinality($1::uuid[])) as n";
const NTH: &str = "[])[n]";

/// A statement over arrays, and the same for a single row, whose text is made once.
pub(super) struct ArrayStatement {
    many: &'static str,
    one: OnceLock<Arc<str>>,
}

impl ArrayStatement {
    pub(super) const fn new(statement: &'static str) -> Self {
        Self { many: statement, one: OnceLock::new() }
    }

    /// The text for this many rows.
    pub(super) fn text(&self, rows: usize) -> SqlStr {
        if rows != 1 {
            return self.many.into_sql_str();
        }
        let one = self.one.get_or_init(|| for_one(self.many).into());
        AssertSqlSafe(Arc::clone(one)).into_sql_str()
    }
}

/// The text for a single row.
pub(super) fn for_one(statement: &str) -> String {
    statement.replacen(ROWS, " from (select 1 as n) as n", 1).replace(NTH, ")")
}

/// Whether a statement is one of these.
pub(super) fn is_sized(statement: &str) -> bool {
    statement.contains(ROWS)
}

/// One value of each row.
pub(super) enum Column<T> {
    One(T),
    Many(Vec<T>),
}

/// One value of each item, as [`ArrayStatement`] wants it.
pub(super) fn column<'a, I, T>(items: &'a [I], value: impl Fn(&'a I) -> T) -> Column<T> {
    match items {
        [one] => Column::One(value(one)),
        many => Column::Many(many.iter().map(value).collect()),
    }
}

/// One value of each item that has one. An element behind an array's end is null, so where no item has any PostgreSQL gets
/// an empty array, and not as many nulls to read.
pub(super) fn sparse<'a, I, T>(items: &'a [I], value: impl Fn(&'a I) -> Option<T>) -> Column<Option<T>> {
    match column(items, value) {
        Column::Many(values) if values.iter().all(Option::is_none) => Column::Many(Vec::new()),
        values => values,
    }
}

impl<T> Type<Postgres> for Column<T>
where
    Vec<T>: Type<Postgres>,
{
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        Vec::<T>::type_info()
    }
}

impl<'q, T> Encode<'q, Postgres> for Column<T>
where
    T: Encode<'q, Postgres> + Type<Postgres>,
    Vec<T>: Encode<'q, Postgres> + Type<Postgres>,
{
    fn encode_by_ref(&self, buffer: &mut sqlx::postgres::PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::One(value) => value.encode_by_ref(buffer),
            Self::Many(values) => values.encode_by_ref(buffer),
        }
    }

    fn produces(&self) -> Option<sqlx::postgres::PgTypeInfo> {
        match self {
            Self::One(value) => value.produces().or_else(|| Some(T::type_info())),
            Self::Many(values) => values.produces().or_else(|| Some(Vec::<T>::type_info())),
        }
    }
}
