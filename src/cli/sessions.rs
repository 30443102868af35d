//! `vestibule session`.

use super::{
    Failure,
    args::{self, Mode, OfTenant, Page},
    view,
};
use crate::{
    domain::{id::SessionId, time::Timestamp},
    http::native::session_json,
    service::Service,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a tenant's sessions, newest first, whatever became of them
    List {
        #[command(flatten)]
        tenant: OfTenant,
        #[arg(long, value_enum, default_value_t = Mode::Test)]
        mode: Mode,
        #[command(flatten)]
        page: Page,
    },
    /// Revoke one; or, after a restore from a backup, all that the backup revived
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[arg(required_unless_present = "before")]
    id: Option<SessionId>,
    /// Revoke every tenant's sessions that were made before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::time, conflicts_with = "id")]
    before: Option<Timestamp>,
}

impl Command {
    pub(super) async fn run(self, service: &Service) -> Result<Value, Failure> {
        let operator = service.operator();
        match self {
            Self::List { tenant, mode, page } => {
                let tenant = operator.tenant(&tenant.slug).await?;
                let sessions = operator.sessions(&tenant, mode == Mode::Live, page.into()).await?;
                let now = service.clock().now();
                let data = sessions.data.iter().map(|session| session_json(session, now)).collect();
                Ok(view::list(data, sessions.has_more))
            }
            Self::Revoke(Revoke { id, before }) => {
                let mut revoked = 0;
                if let Some(id) = id {
                    operator.revoke_session(id).await?;
                    revoked += 1;
                }
                if let Some(before) = before {
                    revoked += operator.revoke_sessions_before(before).await?;
                }
                Ok(json!({"revoked": revoked}))
            }
        }
    }
}
