//! Why a command failed, in one sentence for the operator.

use crate::{config::ConfigError, service, store::StoreError};
use std::{error::Error, io, net::SocketAddr};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{}", with_causes(.0))]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] service::Error),
    #[error("can't listen on {address} ({variable}): {cause}.")]
    Listen { address: SocketAddr, variable: &'static str, cause: io::Error },
    #[error("{0}")]
    Refused(String),
    #[error("input or output failed: {0}.")]
    Io(#[from] io::Error),
}

/// The database's own words: an operator may read what a client may not.
fn with_causes(error: &StoreError) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
