//! Many rows in one statement on SQLite, and several statements in one message to the connection's thread, since each
//! message is a way there and back. Statements that write say `or fail`: the transaction goes back as a whole, so SQLite
//! need not copy each page beforehand to undo the statement alone.

use super::{StoreError, connection::Conn};
use sqlx::{
    AssertSqlSafe, FromRow, SqliteConnection,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

/// Where the rows go in a statement's text; what stands behind them has one placeholder each, `?`.
const ROWS: &str = "values ()";
/// How many rows a statement may have: few sizes, so that the statements of all of them stay prepared. What is left of
/// one is filled with rows of nulls, which name nothing.
pub(super) const SIZES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
const LARGEST: usize = SIZES[SIZES.len() - 1];

/// A statement over rows, and how many values each has. It passes over rows of nulls.
pub(super) type RowsStatement = (&'static str, usize);

/// The statement for `rows` rows.
pub(super) fn sized((sql, columns): RowsStatement, rows: usize) -> String {
    let row = format!("(?{})", ",?".repeat(columns - 1));
    sql.replacen(ROWS, &format!("values {row}{}", format!(",{row}").repeat(rows - 1)), 1)
}

/// The statement in every size.
pub(super) fn composed(statement: RowsStatement) -> impl Iterator<Item = String> {
    SIZES.into_iter().map(move |rows| sized(statement, rows))
}

/// Binds the values of one row.
pub(super) type Binder<'a> = &'a mut SqliteArguments;

/// Statements with their values, run one after the other.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    values: SqliteArguments,
}

impl Script {
    /// Adds a statement over rows; `bind` gives each one's values.
    pub(super) fn over<T>(
        self,
        statement: RowsStatement,
        items: &[T],
        bind: impl Fn(Binder<'_>, &T) -> Result<(), BoxDynError>,
    ) -> Result<Self, StoreError> {
        self.over_and(statement, items, bind, |_| Ok(()))
    }

    /// The same; `after` gives the values of the placeholders behind the rows.
    pub(super) fn over_and<T>(
        mut self,
        statement: RowsStatement,
        items: &[T],
        bind: impl Fn(Binder<'_>, &T) -> Result<(), BoxDynError>,
        after: impl Fn(Binder<'_>) -> Result<(), BoxDynError>,
    ) -> Result<Self, StoreError> {
        for piece in items.chunks(LARGEST) {
            let size = SIZES.into_iter().find(|size| *size >= piece.len()).unwrap_or(LARGEST);
            let mut values = || {
                piece.iter().try_for_each(|item| bind(&mut self.values, item))?;
                for _ in 0..(size - piece.len()) * statement.1 {
                    bind!(&mut self.values, None::<i64>)?;
                }
                after(&mut self.values)
            };
            values().map_err(sqlx::Error::Encode)?;
            self.text += &sized(statement, size);
            self.text += "; ";
        }
        Ok(self)
    }

    /// A transaction of its own. When it fails, the connection has to be closed.
    pub(super) fn in_transaction(self) -> Self {
        Self { text: format!("begin immediate; {}commit", self.text), ..self }
    }

    pub(super) async fn execute(self, conn: &mut Conn<'_, SqliteConnection>) -> Result<(), StoreError> {
        self.fetch::<(i64,)>(conn).await.map(drop)
    }

    /// What its statements answer.
    pub(super) async fn fetch<R>(self, conn: &mut Conn<'_, SqliteConnection>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let query = sqlx::query_as_with(AssertSqlSafe(self.text), self.values).persistent(conn.persistent);
        Ok(query.fetch_all(&mut *conn.inner).await?)
    }
}

/// Binds values one after the other.
macro_rules! bind {
    ($values:expr $(, $value:expr)* $(,)?) => {{
        $(sqlx::Arguments::add($values, $value)?;)*
        Ok::<(), sqlx::error::BoxDynError>(())
    }};
}
pub(super) use bind;
