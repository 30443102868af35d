//! `vestibule key`.

use super::{
    Failure,
    args::{self, Mode, OfTenant},
    view,
};
use crate::{
    domain::{
        id::KeyId,
        permission::{Patterns, Permission},
        time::Seconds,
    },
    service::{KeyRequest, MAX_OVERLAP, Operator},
};
use clap::{Args, Subcommand, ValueEnum, value_parser};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make one; its text is shown only now
    Create(Create),
    /// List a tenant's keys, oldest first
    List {
        #[command(flatten)]
        tenant: OfTenant,
    },
    /// Replace one by a new one with the same settings
    Roll {
        /// The key's id, or the key itself
        #[arg(value_parser = args::key_id)]
        id: KeyId,
        /// How many seconds the old one is good for, 30 days at most
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = value_parser!(u32).range(..=i64::from(MAX_OVERLAP.0)))]
        overlap: u32,
    },
    /// Revoke one at once
    Revoke {
        /// The key's id, or the key itself
        #[arg(value_parser = args::key_id)]
        id: KeyId,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    tenant: OfTenant,
    #[arg(long, value_enum, default_value_t = Mode::Test)]
    mode: Mode,
    #[arg(long, value_enum, default_value_t = Kind::Secret)]
    kind: Kind,
    /// For people to read
    #[arg(long, value_parser = args::name)]
    name: Option<String>,
    /// What it may call, such as portal.default.create_session or event.*.read; everything when left out
    #[arg(long = "permission", value_name = "P", value_parser = args::permission)]
    permissions: Vec<Permission>,
    /// What its sessions may be given, such as api.*.*; everything when left out
    #[arg(long = "grant", value_name = "G", value_parser = args::permission)]
    grants: Vec<Permission>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Secret,
    Publishable,
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<Value, Failure> {
        match self {
            Self::Create(create) => create.run(operator).await,
            Self::List { tenant } => {
                let tenant = operator.tenant(&tenant.slug).await?;
                Ok(view::list(operator.keys(&tenant).await?.iter().map(view::key).collect(), false))
            }
            Self::Roll { id, overlap } => {
                let (key, credential) = operator.roll_key(id, Seconds(overlap)).await?;
                Ok(view::new_key(&key, &credential))
            }
            Self::Revoke { id } => Ok(view::key(&operator.revoke_key(id).await?)),
        }
    }
}

impl Create {
    async fn run(self, operator: &Operator) -> Result<Value, Failure> {
        let tenant = operator.tenant(&self.tenant.slug).await?;
        let all_if_none = |patterns: Vec<_>| if patterns.is_empty() { Patterns::all() } else { Patterns(patterns) };
        let request = KeyRequest {
            is_secret: self.kind == Kind::Secret,
            livemode: self.mode == Mode::Live,
            name: self.name,
            permissions: all_if_none(self.permissions),
            grants: all_if_none(self.grants),
        };
        let (key, credential) = operator.create_key(&tenant, request).await?;
        Ok(view::new_key(&key, &credential))
    }
}
