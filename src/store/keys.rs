//! Keys.

use super::{
    Revoked, Store, StoreError, events, execute, fetch_all, fetch_optional, read, revocations,
    statements::statements,
    transact,
    values::{from_json, json},
};
use crate::domain::{
    event::NewEvent,
    id::{KeyId, TenantId},
    key::Key,
    secret::SecretHash,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, tenant_id, is_secret, livemode, name, permissions, grants, secret_hash, created_at, expires_at, revoked_at"
    };
}

statements! {
    Both INSERT = concat!("insert into keys (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    Both BY_ID = concat!("select ", columns!(), " from keys where id = $1");
    Both LIST = concat!("select ", columns!(), " from keys where tenant_id = $1 order by id");
    Both REVOKE = "update keys set revoked_at = $2 where id = $1 and revoked_at is null";
    // Once: what was rolled has an end, and another would bring it back.
    Both EXPIRE = "update keys set expires_at = $2 where id = $1 and revoked_at is null and expires_at is null";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: KeyId,
    tenant_id: TenantId,
    is_secret: bool,
    livemode: bool,
    name: Option<String>,
    permissions: String,
    grants: String,
    secret_hash: SecretHash,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl TryFrom<Row> for Key {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            is_secret: row.is_secret,
            livemode: row.livemode,
            name: row.name,
            permissions: from_json(&row.permissions)?,
            grants: from_json(&row.grants)?,
            secret_hash: row.secret_hash,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
    }
}

macro_rules! insert {
    ($conn:ident, $key:expr) => {{
        let key = $key;
        let (permissions, grants) = (json(&key.permissions)?, json(&key.grants)?);
        execute!(
            $conn,
            INSERT,
            key.id,
            key.tenant_id,
            key.is_secret,
            key.livemode,
            key.name,
            permissions,
            grants,
            key.secret_hash,
            key.created_at,
            key.expires_at,
            key.revoked_at,
        )?;
    }};
}

impl Store {
    /// Keeps a new key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn insert_key(&self, key: Key, event: NewEvent) -> Result<(), StoreError> {
        transact!(self, |conn| {
            insert!(conn, key);
            events::insert!(conn, event);
            Ok(())
        })
    }

    /// The key of that id, also when it is revoked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        read!(self, |conn| Ok(fetch_optional!(conn, Row, BY_ID, id)?.map(Key::try_from).transpose()?))
    }

    /// A tenant's keys, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<Key>, StoreError> {
        read!(self, |conn| {
            let rows = fetch_all!(conn, Row, LIST, tenant)?;
            Ok(rows.into_iter().map(Key::try_from).collect::<Result<_, _>>()?)
        })
    }

    /// Revokes a key; whether it was live.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_key(&self, id: KeyId, event: NewEvent) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            if execute!(conn, REVOKE, id, event.at)? == 0 {
                return Ok(false);
            }
            revocations::insert!(conn, Revoked::Key(id), event.at);
            events::insert!(conn, event);
            Ok(true)
        })
    }

    /// Keeps `new` in place of the key `old`, which is refused from `until` on; whether that was live, and not
    /// rolled before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn roll_key(&self, old: KeyId, until: Timestamp, new: Key, event: NewEvent) -> Result<bool, StoreError> {
        transact!(self, |conn| {
            if execute!(conn, EXPIRE, old, until)? == 0 {
                return Ok(false);
            }
            insert!(conn, new);
            revocations::insert!(conn, Revoked::Key(old), event.at);
            events::insert!(conn, event);
            Ok(true)
        })
    }
}
