//! `vestibule portal`.

use super::{
    Failure,
    args::{self, OfTenant, Page},
    view,
};
use crate::{
    domain::portal::Settings,
    http::native::portal_json,
    service::{Operator, PortalChanges, PortalRequest},
};
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make one
    Create {
        #[command(flatten)]
        tenant: OfTenant,
        /// Its name in requests
        #[arg(long, value_parser = args::slug)]
        slug: String,
        #[command(flatten)]
        fields: Fields,
        /// Start no sessions yet
        #[arg(long)]
        disabled: bool,
    },
    /// Change one; an empty value clears a field
    Update {
        #[command(flatten)]
        tenant: OfTenant,
        /// Its slug or id
        portal: String,
        #[command(flatten)]
        fields: Fields,
        /// Start sessions again, and revive those that have not expired
        #[arg(long)]
        enable: bool,
        /// Start no sessions, and suspend those that there are
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
    },
    /// List a tenant's portals, newest first
    List {
        #[command(flatten)]
        tenant: OfTenant,
        #[command(flatten)]
        page: Page,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct Fields {
    /// For people to read
    #[arg(long, value_parser = args::name_or_nothing)]
    name: Option<String>,
    /// Where people go when they leave
    #[arg(long, value_name = "URL", value_parser = args::url_or_nothing)]
    return_url: Option<String>,
    /// The merchant's own portal, in place of the hosted pages
    #[arg(long, value_name = "URL", value_parser = args::url_or_nothing)]
    app_url: Option<String>,
    /// The merchant's back end behind the gateway
    #[arg(long, value_name = "URL", value_parser = args::url_or_nothing)]
    upstream_url: Option<String>,
}

impl Fields {
    fn apply(&self, settings: &mut Settings) {
        let put = |field: &mut Option<String>, given: &Option<String>| {
            if let Some(text) = given {
                *field = (!text.is_empty()).then(|| text.clone());
            }
        };
        put(&mut settings.name, &self.name);
        put(&mut settings.return_url, &self.return_url);
        put(&mut settings.app_url, &self.app_url);
        put(&mut settings.upstream_url, &self.upstream_url);
    }
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<Value, Failure> {
        match self {
            Self::Create { tenant, slug, fields, disabled } => {
                let tenant = operator.tenant(&tenant.slug).await?;
                let mut settings = Settings::default();
                fields.apply(&mut settings);
                let request = PortalRequest { slug, enabled: !disabled, settings };
                Ok(portal_json(&operator.create_portal(&tenant, request).await?))
            }
            Self::Update { tenant, portal, fields, enable, disable } => {
                let tenant = operator.tenant(&tenant.slug).await?;
                let enabled = (enable || disable).then_some(enable);
                let settings = Box::new(move |settings: &mut Settings| fields.apply(settings));
                let changes = PortalChanges { slug: None, enabled, settings };
                Ok(portal_json(&operator.update_portal(&tenant, &portal, changes).await?))
            }
            Self::List { tenant, page } => {
                let tenant = operator.tenant(&tenant.slug).await?;
                let portals = operator.portals(&tenant, page.into()).await?;
                Ok(view::list(portals.data.iter().map(portal_json).collect(), portals.has_more))
            }
        }
    }
}
