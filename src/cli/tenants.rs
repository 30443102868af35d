//! `vestibule tenant`.

use super::{Failure, args, view};
use crate::service::Operator;
use clap::Subcommand;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make one, with its portal `default`
    Create {
        /// For people to read
        #[arg(long, value_parser = args::name)]
        name: String,
        /// What the other commands call it
        #[arg(long, value_parser = args::slug)]
        slug: String,
    },
    /// List all, oldest first
    List,
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<Value, Failure> {
        match self {
            Self::Create { name, slug } => Ok(view::tenant(&operator.create_tenant(slug, name).await?)),
            Self::List => Ok(view::list(operator.tenants().await?.iter().map(view::tenant).collect(), false)),
        }
    }
}
