//! Idempotency keys: a repeated POST gets the first one's answer.
//!
//! The kept answer may hold a link token. It is sealed under a key that is derived from the
//! presented secret key and the Idempotency-Key, neither of which is stored: a copy of the
//! database opens nothing.

use super::{
    Error, Service,
    seal::{Seal, derive},
};
use crate::{
    domain::{
        secret::SecretHash,
        time::{Seconds, Timestamp},
    },
    store::{IdempotencyRow, RecordFor, StoreError},
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// How long an answer is kept.
const KEPT: Seconds = Seconds::days(1);

/// An answer: status and body.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// What identifies a request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The secret key's text, as it was presented.
    pub secret: &'a str,
    /// The `Idempotency-Key` header.
    pub idempotency_key: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path with its query.
    pub target: &'a str,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// What to do with a request that has an idempotency key.
pub enum Claim {
    /// Run it and keep the answer.
    Run(Slot),
    /// It ran before; this was the answer.
    Replay(Reply),
}

/// The place of one answer; while it lives, the same request is "in progress" here.
#[derive(Clone)]
pub struct Slot {
    shared: Arc<Shared>,
}

struct Shared {
    id: SecretHash,
    fingerprint: SecretHash,
    seal: Seal,
    expires_at: Timestamp,
    is_kept: AtomicBool,
    /// Freed when the answer is sent or given up.
    _running: Running,
}

/// The requests that run on this instance.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<[u8; 32]>>>);

/// A request that runs; it no longer does once this is dropped.
struct Running {
    all: InFlight,
    id: [u8; 32],
}

impl InFlight {
    fn claim(&self, id: SecretHash) -> Result<Running, Error> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.0);
        is_first.then(|| Running { all: self.clone(), id: id.0 }).ok_or(Error::IdempotencyInProgress)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Slot {
    /// What a write keeps beside itself: the rendered answer, sealed.
    pub fn record<T>(&self, render: impl Fn(&T) -> Reply + Send + Sync + 'static) -> RecordFor<T> {
        let shared = Arc::clone(&self.shared);
        Box::new(move |done| {
            shared.is_kept.store(true, Ordering::Relaxed);
            shared.seal(&render(done))
        })
    }

    /// Whether a write has kept the answer.
    pub fn is_kept(&self) -> bool {
        self.shared.is_kept.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn new(request: Request<'_>, now: Timestamp, running: &InFlight) -> Result<Self, Error> {
        let mut keys = [0; 64];
        let derived = derive(b"vestibule idempotency 1", request.secret, request.idempotency_key, &mut keys);
        derived.ok_or(Error::Internal)?;
        let (seal, print) = keys.split_at(32);
        let seal = Seal::new(seal).ok_or(Error::Internal)?;
        let parts = [request.secret, request.method, request.target, request.idempotency_key];
        let id = digest(parts.map(str::as_bytes));
        Ok(Self {
            id,
            fingerprint: digest([print, request.body, &[], &[]]),
            seal,
            expires_at: now.plus(KEPT),
            is_kept: AtomicBool::new(false),
            _running: running.claim(id)?,
        })
    }

    fn seal(&self, reply: &Reply) -> IdempotencyRow {
        let text = [&reply.status.to_be_bytes()[..], &reply.body].concat();
        // Sealing fails only without randomness; an empty record then opens to nothing.
        let sealed = self.seal.close(&self.bound_to(), text).unwrap_or_default();
        IdempotencyRow { id: self.id, expires_at: self.expires_at, fingerprint: self.fingerprint, sealed }
    }

    fn open(&self, row: &IdempotencyRow) -> Option<Reply> {
        let text = self.seal.open(&self.bound_to(), &row.sealed)?;
        let (status, body) = text.split_at_checked(2)?;
        Some(Reply { status: u16::from_be_bytes(status.try_into().ok()?), body: body.to_vec() })
    }

    /// What the seal binds the answer to.
    fn bound_to(&self) -> Vec<u8> {
        [self.id.0, self.fingerprint.0].concat()
    }
}

impl Service {
    /// Looks whether this request ran before; claims its place otherwise.
    ///
    /// # Errors
    /// When it came with another body before, or is still running.
    pub async fn claim(&self, request: Request<'_>) -> Result<Claim, Error> {
        let now = self.clock().now();
        let shared = Arc::new(Shared::new(request, now, &self.inner.in_flight)?);
        match self.store().find_answer(shared.id, now).await? {
            None => Ok(Claim::Run(Slot { shared })),
            Some(row) if row.fingerprint != shared.fingerprint => Err(Error::IdempotencyConflict),
            Some(row) => shared.open(&row).map(Claim::Replay).ok_or(Error::Internal),
        }
    }

    /// Keeps an answer that came without a write.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_answer(&self, slot: &Slot, reply: &Reply) -> Result<(), Error> {
        match self.store().keep_answer(slot.shared.seal(reply), self.clock().now()).await {
            Ok(()) | Err(StoreError::IdempotencyTaken) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A hash over parts that can't be confused with other parts of the same concatenation.
fn digest(parts: [&[u8]; 4]) -> SecretHash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    SecretHash(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::uuid_at,
        secret::{Credential, Kind},
    };

    const BODY: &[u8] = b"{}";

    /// Who has this secret and this Idempotency-Key, and all that the database holds.
    fn opened_by(secret: &str, idempotency_key: &str, row: &IdempotencyRow) -> Option<Reply> {
        let request = Request { secret, idempotency_key, method: "POST", target: "/v1/portal-sessions", body: BODY };
        let own = Shared::new(request, Timestamp::from_millis(0), &InFlight::default()).unwrap();
        // The place is no secret, so it must not be all that keeps a thief out.
        Shared { id: row.id, fingerprint: row.fingerprint, ..own }.open(row)
    }

    #[test]
    fn an_answer_opens_only_with_the_secret_and_the_idempotency_key() {
        let credential = Credential::mint(Kind::SecretKey { live: true }, uuid_at(1_700_000_000_000_000_000));
        let (secret, key) = (credential.reveal(), "2f1c9d");
        let request = Request {
            secret: &secret,
            idempotency_key: key,
            method: "POST",
            target: "/v1/portal-sessions",
            body: BODY,
        };
        let reply = Reply { status: 201, body: b"{\"token\":\"pst_\"}".to_vec() };
        let row = Shared::new(request, Timestamp::from_millis(0), &InFlight::default()).unwrap().seal(&reply);
        assert!(opened_by(&secret, key, &row) == Some(reply));

        let other = Credential::mint(Kind::SecretKey { live: true }, credential.id()).reveal();
        assert!(opened_by(&other, key, &row).is_none(), "by another key's secret");
        assert!(opened_by(&secret, "2f1c9e", &row).is_none(), "with another Idempotency-Key");
        assert!(opened_by(&secret, "", &row).is_none() && opened_by("", key, &row).is_none());
        // What a copy of the database tells: the hash of the secret, the key's id, the row itself.
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let id = credential.id();
        let known =
            [hex(&credential.hash().0), hex(&row.id.0), hex(&row.fingerprint.0), hex(id.as_bytes()), id.to_string()];
        for guess in &known {
            assert!(opened_by(guess, key, &row).is_none(), "{guess}, and the Idempotency-Key from a log");
            assert!(known.iter().all(|key| opened_by(guess, key, &row).is_none()), "{guess}");
        }
    }
}
