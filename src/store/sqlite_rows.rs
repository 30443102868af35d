//! Many rows in one statement on SQLite, where each statement is a way to the connection's thread and back. They say
//! `or fail`: the transaction goes back as a whole, so SQLite need not copy each page beforehand to undo the statement alone.

use super::{StoreError, connection::Link};
use sqlx::{
    AssertSqlSafe, FromRow, SqliteConnection,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

/// Where the rows go in a statement's text; what stands behind them has one placeholder each, `?`.
const ROWS: &str = "values ()";
/// The sizes in which rows are sent: few enough that the statements of all sizes stay prepared.
pub(super) const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The statement for `rows` rows of `columns` values.
pub(super) fn sized(sql: &str, columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    sql.replacen(ROWS, &format!("values {}", vec![row; rows].join(",")), 1)
}

/// `items` in pieces of those sizes.
pub(super) fn pieces<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().rfind(|size| *size <= items.len())?;
        let (piece, rest) = items.split_at(size);
        items = rest;
        Some(piece)
    })
}

/// Binds the values of one row.
pub(super) type Binder<'a> = &'a mut SqliteArguments;

/// Runs a statement over rows; `bind` gives each one's values, `after` those of the placeholders behind them.
pub(super) async fn execute<T>(
    link: &mut Link<'_, SqliteConnection>,
    sql: &str,
    columns: usize,
    items: &[T],
    bind: impl Fn(Binder<'_>, &T) -> Result<(), BoxDynError>,
    after: impl Fn(Binder<'_>) -> Result<(), BoxDynError>,
) -> Result<(), StoreError> {
    for piece in pieces(items) {
        let values = arguments(piece, &bind, &after)?;
        let sql = AssertSqlSafe(sized(sql, columns, piece.len()));
        sqlx::query_with(sql, values).persistent(link.persistent).execute(&mut *link.conn).await?;
    }
    Ok(())
}

/// Runs a query over rows.
pub(super) async fn fetch<T, R>(
    link: &mut Link<'_, SqliteConnection>,
    sql: &str,
    columns: usize,
    items: &[T],
    bind: impl Fn(Binder<'_>, &T) -> Result<(), BoxDynError>,
) -> Result<Vec<R>, StoreError>
where
    R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(items.len());
    for piece in pieces(items) {
        let values = arguments(piece, &bind, |_| Ok(()))?;
        let sql = AssertSqlSafe(sized(sql, columns, piece.len()));
        let rows = sqlx::query_as_with(sql, values).persistent(link.persistent).fetch_all(&mut *link.conn);
        found.extend(rows.await?);
    }
    Ok(found)
}

fn arguments<T>(
    items: &[T],
    bind: impl Fn(Binder<'_>, &T) -> Result<(), BoxDynError>,
    after: impl Fn(Binder<'_>) -> Result<(), BoxDynError>,
) -> Result<SqliteArguments, StoreError> {
    let mut values = SqliteArguments::default();
    let bound = items.iter().try_for_each(|item| bind(&mut values, item)).and_then(|()| after(&mut values));
    bound.map_err(sqlx::Error::Encode)?;
    Ok(values)
}

/// Binds values one after the other.
macro_rules! bind {
    ($values:expr $(, $value:expr)* $(,)?) => {{
        $(sqlx::Arguments::add($values, $value)?;)*
        Ok(())
    }};
}
pub(super) use bind;
