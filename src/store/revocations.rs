//! What ends the trust in something that an instance may have cached.

use super::statements::statements;

statements! {
    Both INSERT = "insert into revocations (id, kind, target, at) values ($1, $2, $3, $4)";
}

/// Notes, inside a transaction, that something cached is no longer to be trusted.
macro_rules! insert {
    ($conn:ident, $what:expr, $at:expr) => {{
        let (kind, target) = $what.parts();
        let id = $crate::domain::id::uuid_at($at.millis().unsigned_abs() * 1_000_000);
        execute!($conn, $crate::store::revocations::INSERT, id, kind, target, $at)?;
    }};
}
pub(super) use insert;
