//! The live sessions of a portal, by the customers that hold them.

use super::{
    Store, StoreError, fetch_all,
    listing::floor_of_live,
    read,
    row::{SessionRow, session_columns},
    statements::statements,
};
use crate::domain::{
    id::{PortalId, TenantId},
    session::Session,
    time::Timestamp,
};

/// A page of customers in the byte order of their external ids, and then their sessions: `$order`
/// names the collation, since the database's own may be another.
macro_rules! held {
    ($order:literal) => {
        concat!(
            "with c as (select id, external_id from customers c where tenant_id = $1 and livemode = $2 \
            and external_id collate ", $order, " >= $4 and external_id collate ", $order, " < $5 \
            and exists (select 1 from portal_sessions s where s.customer_id = c.id and s.portal_id = $3 and s.id > $6 \
                and (s.used_at is null and s.link_expires_at > $7 or s.ended_at is null and s.browser_expires_at > $7)) \
            order by external_id collate ", $order, " limit $8) \
            select ", session_columns!(), " from c join portal_sessions s on s.customer_id = c.id join portals p on p.id = s.portal_id \
            where s.portal_id = $3 and s.id > $6 \
            and (s.used_at is null and s.link_expires_at > $7 or s.ended_at is null and s.browser_expires_at > $7) \
            order by c.external_id collate ", $order, ", s.id desc"
        )
    };
}

statements! {
    Postgres HELD = held!("\"C\"");
    Sqlite HELD_SQLITE = held!("binary");
}

/// Whose live sessions to read.
#[derive(Clone, Debug)]
pub struct HolderFilter {
    /// Whose customers.
    pub tenant_id: TenantId,
    /// In which mode.
    pub livemode: bool,
    /// Sessions of which portal.
    pub portal_id: PortalId,
    /// Only customers whose external id comes after this one.
    pub after: Option<String>,
    /// Only customers whose external id starts so.
    pub prefix: Option<String>,
    /// Live when.
    pub now: Timestamp,
}

impl HolderFilter {
    /// The range of external ids, from the first bound up to the second without it.
    fn range(&self) -> (String, String) {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        // An external id holds no control characters, so that nothing lies between.
        let next = self.after.as_ref().map(|after| format!("{after}\u{1}")).unwrap_or_default();
        (next.max(prefix.to_owned()), end_of(prefix))
    }
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
    /// The live sessions of at most `limit` customers, by external id and then newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn held_sessions(&self, filter: HolderFilter, limit: u32) -> Result<Vec<Session>, StoreError> {
        let sql = match self {
            Self::Postgres(_) => HELD,
            Self::Sqlite(_) => HELD_SQLITE,
        };
        let ((from, to), floor) = (filter.range(), floor_of_live(filter.now));
        let HolderFilter { tenant_id, livemode, portal_id, now, .. } = filter;
        let rows = read!(self, |link| {
            Ok(fetch_all!(
                link,
                SessionRow,
                sql,
                tenant_id,
                livemode,
                portal_id,
                from,
                to,
                floor,
                now,
                i64::from(limit)
            )?)
        })?;
        Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
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
