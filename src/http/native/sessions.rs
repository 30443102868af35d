//! Portal sessions, as back ends handle them.

use super::{
    answer,
    dto::{CreatedDto, SessionDto},
    lists::{self, List, SessionList},
    no_content,
    openapi::{ReadErrors, WriteErrors},
    reading::{by_name, word},
    to_json,
};
use crate::{
    domain::{
        Invalid,
        id::SessionId,
        language, permission,
        portal::{MAX_LINK_TTL, MAX_SESSION_TTL, MIN_LINK_TTL, MIN_SESSION_TTL},
        return_url::{WebUrl, parse_path},
        session::{Delivery, Status},
        text::{self, Metadata},
        time::Seconds,
    },
    http::{
        App,
        extract::{Json, NoQuery, PathId, Query, field},
        idempotency::Idempotent,
        refusal::Refusal,
    },
    service::{Cursor, CustomerRef, Error, Merchant, Minted, Mode, Reply, SessionQuery, SessionRequest},
    store::StatusFilter,
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// A link to be made. Give exactly one of `customerExternalId` and `customerId`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"], "returnUrl": "https://your-app.example/billing"}))]
pub(crate) struct CreatePortalSession {
    /// Your own id of the customer, who is made on first sight. 1–256 characters.
    #[schema(min_length = 1, max_length = 256)]
    customer_external_id: Option<String>,
    /// Our id of a customer that exists.
    customer_id: Option<String>,
    /// Slug or id of the portal; `default` when left out.
    portal: Option<String>,
    /// What the session may do, as tuples `{resourceType}.{resourceId}.{action}`, `*` for any; the portal's `defaultPermissions`
    /// when left out.
    #[schema(min_items = 1, max_items = 100)]
    permissions: Option<Vec<String>>,
    /// Where people go back to: https, or http on a loopback host.
    #[schema(max_length = 2048)]
    return_url: Option<String>,
    /// Seconds that the link lives; the portal's `linkTtl` when left out.
    #[schema(minimum = 60, maximum = 604_800)]
    expires_in: Option<u32>,
    /// Seconds that the browser session lives; the portal's `sessionTtl` when left out.
    #[schema(minimum = 300, maximum = 2_592_000)]
    session_ttl: Option<u32>,
    /// Where to land in the portal; starts with one `/`.
    #[schema(max_length = 2048)]
    path: Option<String>,
    /// `message`: the landing page asks for a click. `redirect`: it goes on by itself; not for mail.
    #[serde(default, deserialize_with = "word")]
    delivery: Option<DeliveryDto>,
    /// `link`, or `token`: a browser token at once and no link.
    #[serde(default, deserialize_with = "word")]
    mode: Option<ModeDto>,
    /// Revokes the customer's unused links first.
    replace_existing: Option<bool>,
    /// Shows the portal with a banner, for trying it out.
    preview: Option<bool>,
    /// A BCP 47 language tag for the pages.
    locale: Option<String>,
    /// Strings by name: at most 50, names of 1–40 and values of at most 500 characters.
    #[serde(default, deserialize_with = "by_name")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Option<Metadata>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Delivery)]
enum DeliveryDto {
    Message,
    Redirect,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Mode)]
enum ModeDto {
    Link,
    Token,
}

impl TryFrom<CreatePortalSession> for SessionRequest {
    type Error = Error;

    fn try_from(body: CreatePortalSession) -> Result<Self, Error> {
        let customer = match (body.customer_external_id, body.customer_id) {
            (Some(name), None) => CustomerRef::ExternalId(field("customerExternalId", text::bounded(name, 256))?),
            (None, Some(id)) => {
                let id = field("customerId", text::without_nul(id))?;
                CustomerRef::Id(id.parse().map_err(|_| Error::Missing("customer"))?)
            }
            _ => return Err(Error::request("Give exactly one of customerExternalId and customerId.")),
        };
        let within = |name, value, from: Seconds, to: Seconds| field(name, seconds(value, from.0, to.0));
        Ok(Self {
            portal: field("portal", body.portal.map(text::without_nul).transpose())?,
            permissions: body.permissions.map(|list| field("permissions", permission::parse_list(list))).transpose()?,
            return_url: body.return_url.map(|url| field("returnUrl", WebUrl::parse(&url))).transpose()?,
            link_ttl: within("expiresIn", body.expires_in, MIN_LINK_TTL, MAX_LINK_TTL)?,
            session_ttl: within("sessionTtl", body.session_ttl, MIN_SESSION_TTL, MAX_SESSION_TTL)?,
            path: body.path.map(|path| field("path", parse_path(&path))).transpose()?,
            delivery: match body.delivery {
                Some(DeliveryDto::Redirect) => Delivery::Redirect,
                Some(DeliveryDto::Message) | None => Delivery::Message,
            },
            mode: match body.mode {
                Some(ModeDto::Token) => Mode::Token,
                Some(ModeDto::Link) | None => Mode::Link,
            },
            replace_existing: body.replace_existing.unwrap_or(false),
            preview: body.preview.unwrap_or(false),
            locale: body.locale.map(|tag| field("locale", language::tag(tag))).transpose()?,
            metadata: field("metadata", text::metadata(body.metadata.unwrap_or_default()))?,
            ..Self::new(customer)
        })
    }
}

/// A span within its bounds, in seconds.
pub(super) fn seconds(value: Option<u32>, from: u32, to: u32) -> Result<Option<Seconds>, Invalid> {
    match value {
        Some(value) if !(from..=to).contains(&value) => {
            Err(Invalid::new(format!("Give between {from} and {to} seconds.")))
        }
        value => Ok(value.map(Seconds)),
    }
}

/// Mint a one-time link
///
/// The answer's `url` is what you send your customer to; `token` and `url` are shown only here.
#[utoipa::path(post, operation_id = "createPortalSession", path = "/v1/portal-sessions", tag = "Portal sessions", request_body = CreatePortalSession,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe: 1–255 visible ASCII characters.")),
    responses((status = 201, description = "Minted", body = CreatedDto), WriteErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn create(
    State(app): State<App>,
    merchant: Merchant,
    _: NoQuery,
    idempotent: Idempotent,
    Json(body): Json<CreatePortalSession>,
) -> Result<Response, Refusal> {
    let record = idempotent.record(move |minted: &Minted| Reply { status: 201, body: to_json(&created(&app, minted)) });
    let minted = merchant.create_session(body.try_into()?, record).await?;
    Ok(answer(StatusCode::CREATED, &created(&app, &minted)))
}

/// The answer to a creation, the same however often it is given.
fn created<'a>(app: &App, minted: &'a Minted) -> CreatedDto<'a> {
    let token = minted.credential.reveal();
    let is_link = minted.session.used_at.is_none();
    let url = is_link.then(|| format!("{}/r/{token}", app.public_url()));
    CreatedDto { session: SessionDto::new(&minted.session, minted.session.created_at), token, url }
}

/// Get a portal session
#[utoipa::path(get, operation_id = "getPortalSession", path = "/v1/portal-sessions/{id}", tag = "Portal sessions",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, description = "The session", body = SessionDto), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn get(merchant: Merchant, _: NoQuery, PathId(id): PathId<SessionId>) -> Result<Response, Refusal> {
    let session = merchant.session(id).await?;
    Ok(answer(StatusCode::OK, &SessionDto::new(&session, merchant.service().clock().now())))
}

/// Which sessions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only this customer's, by our id.
    customer_id: Option<String>,
    /// Only this customer's, by your id.
    customer_external_id: Option<String>,
    /// Only this portal's: slug or id.
    portal: Option<String>,
    /// Only those that stand there: `pending`, `opened`, `active`, `ended` or `expired`.
    #[param(value_type = Option<String>, pattern = "^(pending|opened|active|ended|expired)$")]
    status: Option<Status>,
    /// Used and expired ones as well.
    include_expired: Option<bool>,
    /// How many entries, 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The id of the session that the page comes after.
    starting_after: Option<String>,
    /// The id of the session that the page comes before: the ones just newer.
    ending_before: Option<String>,
}

impl ListQuery {
    fn parse(self) -> Result<(SessionQuery, Cursor), Error> {
        let id = self.customer_id.map(|id| id.parse().map_err(|_| Invalid::new("Give a customer's id.")));
        let query = SessionQuery {
            customer_id: field("customerId", id.transpose())?,
            customer_external_id: self.customer_external_id,
            portal: self.portal,
            status: match (self.status, self.include_expired) {
                (Some(status), _) => StatusFilter::Only(status),
                (None, Some(true)) => StatusFilter::All,
                (None, _) => StatusFilter::Unused,
            },
        };
        Ok((
            query,
            Cursor { limit: self.limit, starting_after: self.starting_after, ending_before: self.ending_before },
        ))
    }
}

/// List portal sessions
///
/// Newest first. Used and expired sessions are left out unless `status` or `includeExpired` asks for them.
#[utoipa::path(get, operation_id = "listPortalSessions", path = "/v1/portal-sessions", tag = "Portal sessions", params(ListQuery),
    responses((status = 200, description = "A page", body = List<SessionDto<'static>>), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn list(merchant: Merchant, Query(query): Query<ListQuery>) -> Result<Response, Refusal> {
    let (query, cursor) = query.parse()?;
    let _turn = lists::turn().await;
    let page = merchant.sessions(query, cursor).await?;
    let now = merchant.service().clock().now();
    let list: SessionList<'_> = List::new("/v1/portal-sessions", &page, |session| SessionDto::new(session, now));
    Ok(answer(StatusCode::OK, &list))
}

/// Revoke a portal session
///
/// A hard delete: the link and the browser session both stop at once.
#[utoipa::path(delete, operation_id = "revokePortalSession", path = "/v1/portal-sessions/{id}", tag = "Portal sessions",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "Revoked"), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn revoke(merchant: Merchant, _: NoQuery, PathId(id): PathId<SessionId>) -> Result<Response, Refusal> {
    merchant.revoke_session(id).await?;
    Ok(no_content())
}
