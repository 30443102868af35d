//! The live sessions of a portal, by the customers that hold them.

use super::{Store, StoreError, fetch_all, listing::floor_of_live, read, statements::statements, values::from_json};
use crate::domain::{
    id::{PortalId, SessionId, TenantId},
    time::Timestamp,
};

/// A page of customers in the byte order of their external ids, and then their sessions: `$order`
/// names the collation, since the database's own may be another. Of each customer the newest sessions, and of each only what is
/// told of it: all of them with all that they hold would be more than memory has room for.
macro_rules! held {
    ($order:literal) => {
        concat!(
            "with c as (select id, external_id from customers c where tenant_id = $1 and livemode = $2 \
            and external_id collate ", $order, " >= $4 and external_id collate ", $order, " < $5 \
            and exists (select 1 from portal_sessions s where s.customer_id = c.id and s.portal_id = $3 and s.id > $6 \
                and (s.used_at is null and s.link_expires_at > $7 or s.ended_at is null and s.browser_expires_at > $7)) \
            order by external_id collate ", $order, " limit $8) \
            select id, customer_external_id, is_active, created_at, expires_at, scopes from \
            (select s.id, c.external_id as customer_external_id, s.used_at is not null as is_active, s.created_at, \
                coalesce(s.browser_expires_at, s.link_expires_at) as expires_at, coalesce(s.scopes, s.permissions) as scopes, \
                row_number() over (partition by c.id order by s.id desc) as n \
                from c join portal_sessions s on s.customer_id = c.id where s.portal_id = $3 and s.id > $6 \
                and (s.used_at is null and s.link_expires_at > $7 or s.ended_at is null and s.browser_expires_at > $7)) as held \
            where n <= $9 order by customer_external_id collate ", $order, ", id desc limit $10"
        )
    };
}

/// The last customer that a page looks at, and the one behind it, in the same order.
macro_rules! last_of_a_walk {
    ($order:literal) => {
        concat!(
            "select external_id from customers where tenant_id = $1 and livemode = $2 and external_id collate ",
            $order,
            " >= $3 \
            and external_id collate ",
            $order,
            " < $4 order by external_id collate ",
            $order,
            " limit 2 offset $5"
        )
    };
}

statements! {
    Postgres HELD = held!("\"C\"");
    Sqlite HELD_SQLITE = held!("binary");
    Postgres WALK = last_of_a_walk!("\"C\"");
    Sqlite WALK_SQLITE = last_of_a_walk!("binary");
}

/// How many customers are looked at for a page, whether they hold sessions or not: a tenant may have very many who don't.
const LONGEST_WALK: i64 = 2000;

/// How many live sessions of each customer are read, the newest ones.
const MOST_OF_ONE: i64 = 100;
/// How many are read at a time; at least as many as of one customer.
const MAX_SESSIONS: usize = 1000;

/// What is told of a live session.
#[derive(Clone, Debug)]
pub struct HeldSession {
    /// The session.
    pub id: SessionId,
    /// The tenant's own id of whoever holds it.
    pub customer_external_id: String,
    /// Whether its link was exchanged.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the browser session ends, or before there is one the link.
    pub expires_at: Timestamp,
    /// What it may do, in the words of whoever asked for it.
    pub scopes: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: SessionId,
    customer_external_id: String,
    is_active: bool,
    created_at: Timestamp,
    expires_at: Timestamp,
    scopes: String,
}

impl TryFrom<Row> for HeldSession {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let Row { id, customer_external_id, is_active, created_at, expires_at, scopes } = row;
        Ok(Self { id, customer_external_id, is_active, created_at, expires_at, scopes: from_json(&scopes)? })
    }
}

/// Live sessions of some customers, by external id and then newest first.
#[derive(Clone, Debug)]
pub struct HeldPage {
    /// The sessions.
    pub sessions: Vec<HeldSession>,
    /// The external id after which the next page begins, if there may be more.
    pub next: Option<String>,
}

/// Whose live sessions to read.
#[derive(Clone, Debug)]
pub struct HolderFilter {
    /// Whose customers.
    pub tenant_id: TenantId,
    /// Those of live rather than test mode.
    pub livemode: bool,
    /// Sessions of which portal.
    pub portal_id: PortalId,
    /// Only customers whose external id comes after this one.
    pub after: Option<String>,
    /// Only customers whose external id starts so.
    pub prefix: Option<String>,
    /// The instant at which sessions have to be live.
    pub now: Timestamp,
}

impl HolderFilter {
    /// The range of external ids, from the first bound up to the second without it.
    fn range(&self) -> (String, String) {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let next = self.after.as_deref().map(behind).unwrap_or_default();
        (next.max(prefix.to_owned()), end_of(prefix))
    }
}

/// What comes after this external id and before every other: none holds control characters.
fn behind(external_id: &str) -> String {
    format!("{external_id}\u{1}")
}

/// What comes after every text that starts with `prefix`, and is short enough for an external id.
fn end_of(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return chars.into_iter().collect();
        }
    }
    char::MAX.to_string().repeat(257)
}

impl Store {
    /// The live sessions of at most `limit` customers: of each the newest hundred, of so many customers that they are about a
    /// thousand, and no more than are found among the next two thousand customers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn held_sessions(&self, filter: HolderFilter, limit: u32) -> Result<HeldPage, StoreError> {
        let (walk, sql) = match self {
            Self::Postgres(_) => (WALK, HELD),
            Self::Sqlite(_) => (WALK_SQLITE, HELD_SQLITE),
        };
        let ((from, mut to), floor) = (filter.range(), floor_of_live(filter.now));
        let HolderFilter { tenant_id, livemode, portal_id, now, .. } = filter;
        let (rows, walked) = read!(self, |conn| {
            let ends: Vec<(String,)> =
                fetch_all!(conn, _, walk, tenant_id, livemode, from.clone(), to.clone(), LONGEST_WALK - 1)?;
            let walked = match <[_; 2]>::try_from(ends) {
                Ok([(last,), _]) => {
                    to = behind(&last);
                    Some(last)
                }
                Err(_) => None,
            };
            let rows = fetch_all!(
                conn,
                Row,
                sql,
                tenant_id,
                livemode,
                portal_id,
                from,
                to,
                floor,
                now,
                i64::from(limit) + 1,
                MOST_OF_ONE,
                MAX_SESSIONS as i64 + 1,
            )?;
            Ok((rows, walked))
        })?;
        let mut held = rows.into_iter().map(HeldSession::try_from).collect::<Result<Vec<_>, _>>()?;
        let is_next = |pair: &&[HeldSession]| pair[0].customer_external_id != pair[1].customer_external_id;
        let before_last = held.windows(2).filter(is_next).count();
        // The last one is either one too many, or not all of its sessions may have come.
        let mut next = walked;
        if held.len() > MAX_SESSIONS || before_last >= limit as usize {
            cut_last(&mut held);
            next = held.last().map(|last| last.customer_external_id.clone());
        }
        Ok(HeldPage { sessions: held, next })
    }
}

/// Takes out the last customer's.
fn cut_last(held: &mut Vec<HeldSession>) {
    if let Some(last) = held.last().map(|last| last.customer_external_id.clone()) {
        let end = held.partition_point(|session| session.customer_external_id < last);
        held.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_prefix_is_a_range(prefix in "\\PC{0,3}", text in "\\PC{0,5}", tail in "\\PC{0,3}") {
            let inside = |text: &str| text >= prefix.as_str() && text < end_of(&prefix).as_str();
            prop_assert_eq!(inside(&text), text.starts_with(&prefix));
            let longer = format!("{prefix}{tail}");
            prop_assert!(inside(&longer));
        }
    }

    #[test]
    fn the_last_characters_carry_over() {
        assert_eq!(end_of("a\u{10FFFF}"), "b");
        assert_eq!(end_of("\u{D7FF}"), "\u{E000}");
        assert!(end_of("\u{10FFFF}") > "\u{10FFFF}".repeat(256));
    }
}
