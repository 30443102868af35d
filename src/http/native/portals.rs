//! Portal configurations.

use super::{
    answer,
    dto::PortalDto,
    lists::{self, List, PageQuery, PortalList},
    no_content,
    openapi::{ReadErrors, WriteErrors},
    reading::{given, given_object},
    to_json,
};
use crate::{
    domain::{
        Invalid, permission,
        portal::{Branding, MAX_LINK_TTL, MAX_SESSION_TTL, MIN_LINK_TTL, MIN_SESSION_TTL, Portal, Settings},
        return_url::{WebUrl, is_policy_source, parse_origin},
        text,
    },
    http::{
        extract::{Json, NoQuery, PortalName, Query, field},
        idempotency::Idempotent,
        refusal::Refusal,
    },
    service::{Error, Merchant, PortalChanges, PortalRequest, Reply},
};
use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// A portal works unless it is said otherwise.
const ENABLED: bool = true;

/// A portal to be made: everything that can be changed later, and a slug.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "only its description is used: what is read is UpdatePortal, so that errors name the field"
)]
#[schema(example = json!({"slug": "my-portal", "name": "My portal"}))]
pub(crate) struct CreatePortal {
    /// 3–64 lower-case letters, digits and single inner hyphens; unique.
    #[schema(min_length = 3, max_length = 64, pattern = "^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
    slug: String,
    #[serde(flatten)]
    changes: UpdatePortal,
}

/// What to change. A field that is left out stays; null clears it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"branding": {"displayName": "Acme"}}))]
pub(crate) struct UpdatePortal {
    /// 3–64 lower-case letters, digits and single inner hyphens; unique.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 3, max_length = 64, pattern = "^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
    slug: Option<Option<String>>,
    /// For people to read; 1–256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    name: Option<Option<String>>,
    /// A disabled portal starts no session and suspends those that it has.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    enabled: Option<Option<bool>>,
    /// Where people are sent when they leave or their session is over.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2048)]
    return_url: Option<Option<String>>,
    /// Origins that a session's `returnUrl` must lie in; empty for any.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    allowed_return_origins: Option<Option<Vec<String>>>,
    /// Your own portal, in place of the hosted pages.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2048)]
    app_url: Option<Option<String>>,
    /// How the hosted pages look.
    #[serde(default, deserialize_with = "given_object")]
    #[schema(value_type = Option<BrandingChanges>)]
    branding: Option<Option<BrandingChanges>>,
    /// Seconds that a link lives, 900 unless set.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 60, maximum = 604_800)]
    link_ttl: Option<Option<u32>>,
    /// Seconds that a browser session lives, 86400 unless set.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 300, maximum = 2_592_000)]
    session_ttl: Option<Option<u32>>,
    /// What a session may do when its creation doesn't say.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    default_permissions: Option<Option<Vec<String>>>,
    /// Origins that may show the portal in a frame; empty for none. A Content-Security-Policy has to be able to name them: no
    /// IPv6 address, and no host with an underscore.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    frame_ancestors: Option<Option<Vec<String>>>,
    /// Your back end behind the gateway.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2048)]
    upstream_url: Option<Option<String>>,
}

/// How the hosted pages look.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BrandingChanges {
    /// `#rrggbb`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "#2563eb", pattern = "^#[0-9a-fA-F]{6}$")]
    primary_color: Option<Option<String>>,
    /// An https address of an image.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2048)]
    logo_url: Option<Option<String>>,
    /// The name on the pages; 1–256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    display_name: Option<Option<String>>,
}

impl UpdatePortal {
    /// Checks every field and writes those that are given into `settings`.
    fn apply(&self, settings: &mut Settings) -> Result<(), Error> {
        let fresh = Settings::default();
        let web = |url: String| WebUrl::parse(&url).map(|url| url.as_str().to_owned());
        let origins = |list: Vec<String>| {
            let parse = |(n, text): (usize, String)| parse_origin(&text).map_err(|why| why.within(format!("[{n}]")));
            let list: Vec<_> = list.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?;
            (list.len() <= 50).then_some(list).ok_or_else(|| Invalid::new("Give at most 50 origins."))
        };
        let permissions =
            |list: Vec<String>| if list.is_empty() { Ok(Vec::new()) } else { permission::parse_list(list) };
        let ttl =
            |from, to| move |value| Ok(super::sessions::seconds(Some(value), from, to)?.map_or(from, |span| span.0));
        set(&mut settings.name, "name", &self.name, None, |name| text::bounded(name, 256).map(Some))?;
        set(&mut settings.return_url, "returnUrl", &self.return_url, None, |url| web(url).map(Some))?;
        set(&mut settings.app_url, "appUrl", &self.app_url, None, |url| web(url).map(Some))?;
        set(&mut settings.upstream_url, "upstreamUrl", &self.upstream_url, None, |url| web(url).map(Some))?;
        set(
            &mut settings.allowed_return_origins,
            "allowedReturnOrigins",
            &self.allowed_return_origins,
            Vec::new(),
            origins,
        )?;
        // The scheme alone would let every site frame the portal.
        let framing = |list: Vec<String>| {
            let list = origins(list)?;
            let nameless = list.iter().position(|origin| !is_policy_source(origin));
            let why =
                || Invalid::new("A Content-Security-Policy can't name an IPv6 address or a host with an underscore.");
            nameless.map_or(Ok(list), |n| Err(why().within(format!("[{n}]"))))
        };
        set(&mut settings.frame_ancestors, "frameAncestors", &self.frame_ancestors, Vec::new(), framing)?;
        set(
            &mut settings.default_permissions,
            "defaultPermissions",
            &self.default_permissions,
            Vec::new(),
            permissions,
        )?;
        set(&mut settings.link_ttl, "linkTtl", &self.link_ttl, fresh.link_ttl, ttl(MIN_LINK_TTL.0, MAX_LINK_TTL.0))?;
        set(
            &mut settings.session_ttl,
            "sessionTtl",
            &self.session_ttl,
            fresh.session_ttl,
            ttl(MIN_SESSION_TTL.0, MAX_SESSION_TTL.0),
        )?;
        match &self.branding {
            None => Ok(()),
            Some(None) => {
                settings.branding = Branding::default();
                Ok(())
            }
            Some(Some(changes)) => changes.apply(&mut settings.branding),
        }
    }

    fn checked(self) -> Result<PortalChanges, Error> {
        let slug = self.slug.clone().map(|slug| field("slug", new_slug(slug))).transpose()?;
        // Every check is one of the value alone, so what passes here passes on any portal.
        self.apply(&mut Settings::default())?;
        let enabled = self.enabled.map(|enabled| enabled.unwrap_or(ENABLED));
        let settings = Box::new(move |settings: &mut Settings| drop(self.apply(settings)));
        Ok(PortalChanges { slug, enabled, settings })
    }
}

/// A portal always has a slug, so null can't clear it.
fn new_slug(slug: Option<String>) -> Result<String, Invalid> {
    slug.ok_or_else(|| Invalid::new("A portal keeps its slug: give another, or leave the field out."))
        .and_then(text::slug)
}

impl BrandingChanges {
    fn apply(&self, branding: &mut Branding) -> Result<(), Error> {
        let fresh = Branding::default();
        let https = |url: String| match WebUrl::parse(&url) {
            Ok(parsed) if parsed.url().scheme() == "https" => Ok(Some(url)),
            _ => Err(Invalid::new("Give an https:// URL.")),
        };
        set(
            &mut branding.primary_color,
            "branding.primaryColor",
            &self.primary_color,
            fresh.primary_color,
            text::colour,
        )?;
        set(&mut branding.logo_url, "branding.logoUrl", &self.logo_url, None, https)?;
        set(&mut branding.display_name, "branding.displayName", &self.display_name, None, |name| {
            text::bounded(name, 256).map(Some)
        })
    }
}

/// Leaves a field, clears it, or sets it to what `parse` makes of the value.
fn set<T, V: Clone>(
    target: &mut T,
    name: &str,
    value: &Option<Option<V>>,
    cleared: T,
    parse: impl FnOnce(V) -> Result<T, Invalid>,
) -> Result<(), Error> {
    match value {
        None => {}
        Some(None) => *target = cleared,
        Some(Some(value)) => *target = field(name, parse(value.clone()))?,
    }
    Ok(())
}

/// Create a portal
#[utoipa::path(post, operation_id = "createPortal", path = "/v1/portals", tag = "Portals", request_body = CreatePortal,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe: 1–255 visible ASCII characters.")),
    responses((status = 201, description = "Made", body = PortalDto), WriteErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn create(
    merchant: Merchant,
    _: NoQuery,
    idempotent: Idempotent,
    Json(body): Json<UpdatePortal>,
) -> Result<Response, Refusal> {
    let mut settings = Settings::default();
    body.apply(&mut settings)?;
    let slug = body.slug.flatten().ok_or_else(|| Error::missing_field("slug"))?;
    let enabled = body.enabled.flatten().unwrap_or(ENABLED);
    let request = PortalRequest { slug: field("slug", text::slug(slug))?, enabled, settings };
    let record = idempotent.record(|portal: &Portal| Reply { status: 201, body: to_json(&PortalDto::new(portal)) });
    let portal = merchant.create_portal(request, record).await?;
    Ok(answer(StatusCode::CREATED, &PortalDto::new(&portal)))
}

/// List portals
#[utoipa::path(get, operation_id = "listPortals", path = "/v1/portals", tag = "Portals", params(PageQuery),
    responses((status = 200, description = "A page", body = List<PortalDto<'static>>), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn list(merchant: Merchant, Query(page): Query<PageQuery>) -> Result<Response, Refusal> {
    let _turn = lists::turn().await;
    let page = merchant.portals(page.into()).await?;
    let list: PortalList<'_> = List::new("/v1/portals", &page, PortalDto::new);
    Ok(answer(StatusCode::OK, &list))
}

/// Get a portal
#[utoipa::path(get, operation_id = "getPortal", path = "/v1/portals/{portal}", tag = "Portals",
    params(("portal" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "The portal", body = PortalDto), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn get(merchant: Merchant, _: NoQuery, PortalName(name): PortalName) -> Result<Response, Refusal> {
    Ok(answer(StatusCode::OK, &PortalDto::new(&*merchant.portal(&name).await?)))
}

/// Change a portal
#[utoipa::path(patch, operation_id = "updatePortal", path = "/v1/portals/{portal}", tag = "Portals", request_body = UpdatePortal,
    params(("portal" = String, Path, description = "Id or slug")),
    responses((status = 200, description = "Changed", body = PortalDto), WriteErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn update(
    merchant: Merchant,
    _: NoQuery,
    PortalName(name): PortalName,
    Json(body): Json<UpdatePortal>,
) -> Result<Response, Refusal> {
    let portal = merchant.update_portal(&name, body.checked()?).await?;
    Ok(answer(StatusCode::OK, &PortalDto::new(&portal)))
}

/// Delete a portal
///
/// Its sessions end. The portal `default` can't be deleted.
#[utoipa::path(delete, operation_id = "deletePortal", path = "/v1/portals/{portal}", tag = "Portals",
    params(("portal" = String, Path, description = "Id or slug")),
    responses((status = 204, description = "Deleted"), (status = 409, description = "It is `default`", body = super::error::ErrorBody), ReadErrors),
    security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn delete(merchant: Merchant, _: NoQuery, PortalName(name): PortalName) -> Result<Response, Refusal> {
    merchant.delete_portal(&name).await?;
    Ok(no_content())
}
