//! Whether the database takes writes: a full or read-only one goes on answering everything else.

use super::StoreError;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long after a refused write another one is not expected to be done, unless one was. It is short, since an
/// instance that gets no requests because it is not ready would not notice that the database has recovered.
const BELIEVED: Duration = Duration::from_secs(1);

/// When a write was last refused, unless one was done since.
#[derive(Debug, Default)]
pub(super) struct Writes(Mutex<Option<Instant>>);

impl Writes {
    /// Takes note of how a write ended.
    pub(super) fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let refused = match &result {
            Ok(_) => None,
            Err(StoreError::Unavailable(_)) => Some(Instant::now()),
            Err(_) => return result,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        result
    }

    pub(super) fn are_done(&self) -> bool {
        let refused = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_none_or(|at| at.elapsed() > BELIEVED)
    }
}
