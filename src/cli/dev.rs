//! `vestibule serve --dev`: something to try within a minute, on this machine only.

use super::Failure;
use crate::{
    config::Config,
    domain::{
        event::ClientInfo,
        permission::{Patterns, Permission},
        portal::{DEFAULT_SLUG, Settings},
        return_url::{WebUrl, is_loopback},
        secret::Credential,
        tenant::Tenant,
        time::Seconds,
    },
    service::{CustomerRef, KeyRequest, Operator, PortalChanges, Service, SessionRequest},
};
use std::io::{Write as _, stdout};

/// The tenant to try things with, and the name of its key.
const TENANT: &str = "dev";
const KEY: &str = "serve --dev";
const CUSTOMER: &str = "demo-user";
const PERMISSIONS: [&str; 3] = ["api.*.read_key", "api.*.read_analytics", "billing.*.read_invoice"];
/// How long the key of the last start stays good, for whoever still uses it.
const OVERLAP: Seconds = Seconds::days(1);
const USUAL_URL: &str = "http://localhost:8080";

/// Refuses to be reachable from elsewhere, and allows what is safe only so.
pub(super) fn prepare(config: &mut Config) -> Result<(), Failure> {
    let is_local = WebUrl::parse(&config.public_url).is_ok_and(|url| is_loopback(url.url()));
    if !config.listen.ip().is_loopback() || !config.ops_listen.ip().is_loopback() || !is_local {
        return Err(Failure::Refused(
            "serve --dev stays on this machine: VESTIBULE_LISTEN, VESTIBULE_OPS_LISTEN and VESTIBULE_PUBLIC_URL must be loopback addresses.".into(),
        ));
    }
    config.gateway.allow_private = true;
    Ok(())
}

/// Has the link lead to the port that is listened on, when it is not the usual one.
pub(super) fn publish(config: &mut Config) {
    if config.public_url == USUAL_URL {
        config.public_url = format!("http://localhost:{}", config.listen.port());
    }
}

/// Gives the tenant's first portal a back end, so that its pages show something.
pub(super) async fn connect(service: &Service, upstream_url: Option<String>) -> Result<(), Failure> {
    let operator = service.operator();
    let (Some(url), Some(tenant)) = (upstream_url, tenant(&operator).await?) else { return Ok(()) };
    let url = Some(url).filter(|url| !url.is_empty());
    let settings = Box::new(move |settings: &mut Settings| settings.upstream_url.clone_from(&url));
    let changes = PortalChanges { slug: None, enabled: None, settings };
    operator.update_portal(&tenant, DEFAULT_SLUG, changes).await?;
    Ok(())
}

/// Prints a command that works when pasted, and a link that opens.
pub(super) async fn greet(service: &Service, config: &Config) -> Result<(), Failure> {
    let operator = service.operator();
    let Some(tenant) = tenant(&operator).await? else {
        tracing::info!("there are tenants, but none with the slug dev: nothing is made to try things with");
        return Ok(());
    };
    let key = key(service, &operator, &tenant).await?.reveal();
    let link = link(service, &key).await?;
    let url = &config.public_url;
    let permissions = PERMISSIONS.map(|permission| format!("{permission:?}")).join(",");
    writeln!(
        stdout().lock(),
        "\n\
        The tenant `dev` has a key, in test mode. Make a link for a customer:\n\
        \n\
        curl -s {url}/v1/portal-sessions \\\n  \
          -H 'Authorization: Bearer {key}' \\\n  \
          -H 'Content-Type: application/json' \\\n  \
          -d '{{\"customerExternalId\":\"{CUSTOMER}\",\"permissions\":[{permissions}]}}'\n\
        \n\
        Or open this one, which works once and for 15 minutes:\n\
        \n\
        {url}/r/{link}\n"
    )?;
    Ok(())
}

/// The tenant to try things with; made only in an empty store.
async fn tenant(operator: &Operator) -> Result<Option<Tenant>, Failure> {
    let tenants = operator.tenants().await?;
    if tenants.is_empty() {
        return Ok(Some(operator.create_tenant(TENANT.into(), "Development".into()).await?));
    }
    Ok(tenants.into_iter().find(|tenant| tenant.slug == TENANT))
}

/// A key that can be shown: a new one at the first start, and at each later one its successor.
async fn key(service: &Service, operator: &Operator, tenant: &Tenant) -> Result<Credential, Failure> {
    let now = service.clock().now();
    let keys = operator.keys(tenant).await?;
    let last =
        keys.iter().rfind(|key| key.name.as_deref() == Some(KEY) && key.is_live_at(now) && key.expires_at.is_none());
    if let Some(last) = last {
        return Ok(operator.roll_key(last.id, OVERLAP).await?.1);
    }
    let request = KeyRequest {
        is_secret: true,
        livemode: false,
        name: Some(KEY.into()),
        permissions: Patterns::all(),
        grants: Patterns::all(),
    };
    Ok(operator.create_key(tenant, request).await?.1)
}

/// A new link's token.
async fn link(service: &Service, key: &str) -> Result<String, Failure> {
    let merchant = service.authenticate(key, ClientInfo::default()).await?;
    let permissions = PERMISSIONS.into_iter().filter_map(|permission| Permission::parse(permission).ok()).collect();
    let customer = CustomerRef::ExternalId(CUSTOMER.into());
    let request = SessionRequest { permissions: Some(permissions), ..SessionRequest::new(customer) };
    Ok(merchant.create_session(request, None).await?.credential.reveal())
}
