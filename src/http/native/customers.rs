//! Customers.

use super::{
    answer,
    dto::CustomerDto,
    lists::{self, CustomerList, List},
    no_content,
    openapi::{ReadErrors, WriteErrors},
    reading::{by_name, given, given_by_name},
    to_json,
};
use crate::{
    domain::{
        Invalid,
        customer::{Customer, Profile},
        id::CustomerId,
        language,
        text::{self, Metadata},
    },
    http::{
        extract::{Json, NoQuery, PathId, Query, field},
        idempotency::Idempotent,
        refusal::Refusal,
    },
    service::{Cursor, Error, Merchant, NewCustomer, Reply},
};
use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A customer to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"externalId": "acme-001", "email": "jo@acme.example"}))]
pub(crate) struct CreateCustomer {
    /// Your own id of the customer; unique, and fixed. 1–256 characters.
    #[schema(value_type = String, required = true, min_length = 1, max_length = 256)]
    external_id: Option<String>,
    /// 1–256 characters.
    #[schema(min_length = 1, max_length = 256)]
    email: Option<String>,
    /// 1–256 characters.
    #[schema(min_length = 1, max_length = 256)]
    name: Option<String>,
    /// 1–64 characters.
    #[schema(min_length = 1, max_length = 64)]
    phone: Option<String>,
    /// 1–256 characters.
    #[schema(min_length = 1, max_length = 256)]
    company_name: Option<String>,
    /// An ISO 4217 code of three letters.
    #[schema(pattern = "^[A-Za-z]{3}$")]
    default_currency: Option<String>,
    /// A BCP 47 language tag.
    locale: Option<String>,
    /// Strings by name.
    #[serde(default, deserialize_with = "by_name")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Option<Metadata>,
}

impl TryFrom<CreateCustomer> for NewCustomer {
    type Error = Error;

    fn try_from(body: CreateCustomer) -> Result<Self, Error> {
        let external_id = body.external_id.ok_or_else(|| Error::missing_field("externalId"))?;
        let optional =
            |name, text: Option<String>, max| field(name, text.map(|text| text::bounded(text, max)).transpose());
        let profile = Profile {
            email: optional("email", body.email, 256)?,
            name: optional("name", body.name, 256)?,
            phone: optional("phone", body.phone, 64)?,
            company_name: optional("companyName", body.company_name, 256)?,
            default_currency: field("defaultCurrency", body.default_currency.map(currency_code).transpose())?,
            locale: field("locale", body.locale.map(language::tag).transpose())?,
            metadata: field("metadata", text::metadata(body.metadata.unwrap_or_default()))?,
        };
        Ok(Self { external_id: field("externalId", text::bounded(external_id, 256))?, profile })
    }
}

/// What to change. A field that is left out stays; null clears it. Metadata merge by name.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "Jo Doe"}))]
pub(crate) struct UpdateCustomer {
    /// 1–256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    email: Option<Option<String>>,
    /// 1–256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    name: Option<Option<String>>,
    /// 1–64 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    phone: Option<Option<String>>,
    /// 1–256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    company_name: Option<Option<String>>,
    /// An ISO 4217 code of three letters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z]{3}$")]
    default_currency: Option<Option<String>>,
    /// A BCP 47 language tag.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    locale: Option<Option<String>>,
    /// Strings by name; a null removes one.
    #[serde(default, deserialize_with = "given_by_name")]
    #[schema(value_type = Option<std::collections::HashMap<String, Option<String>>>)]
    metadata: Option<Option<std::collections::BTreeMap<String, Option<String>>>>,
}

impl UpdateCustomer {
    /// Checks every field and writes those that are given into `profile`.
    fn apply(&self, profile: &mut Profile) -> Result<(), Error> {
        let bounded = |name: &str, target: &mut Option<String>, value: &Option<Option<String>>, max| {
            let Some(value) = value.clone() else { return Ok(()) };
            *target = value.map(|text| field(name, text::bounded(text, max))).transpose()?;
            Ok::<_, Error>(())
        };
        bounded("email", &mut profile.email, &self.email, 256)?;
        bounded("name", &mut profile.name, &self.name, 256)?;
        bounded("phone", &mut profile.phone, &self.phone, 64)?;
        bounded("companyName", &mut profile.company_name, &self.company_name, 256)?;
        if let Some(currency) = self.default_currency.clone() {
            profile.default_currency =
                currency.map(|code| field("defaultCurrency", currency_code(code))).transpose()?;
        }
        if let Some(locale) = self.locale.clone() {
            profile.locale = locale.map(|tag| field("locale", language::tag(tag))).transpose()?;
        }
        match &self.metadata {
            None => {}
            Some(None) => profile.metadata.clear(),
            Some(Some(changes)) => profile.metadata = field("metadata", merged(profile.metadata.clone(), changes))?,
        }
        Ok(())
    }
}

fn currency_code(code: String) -> Result<String, Invalid> {
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_uppercase()).ok_or_else(|| Invalid::new("Give an ISO 4217 code of three letters."))
}

fn merged(
    mut old: Metadata,
    changes: &std::collections::BTreeMap<String, Option<String>>,
) -> Result<Metadata, Invalid> {
    for (name, value) in changes {
        match value {
            Some(value) => old.insert(name.clone(), value.clone()),
            None => old.remove(name),
        };
    }
    text::metadata(old)
}

/// Create a customer
#[utoipa::path(post, operation_id = "createCustomer", path = "/v1/customers", tag = "Customers", request_body = CreateCustomer,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe: 1–255 visible ASCII characters.")),
    responses((status = 201, description = "Made", body = CustomerDto), WriteErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn create(
    merchant: Merchant,
    _: NoQuery,
    idempotent: Idempotent,
    Json(body): Json<CreateCustomer>,
) -> Result<Response, Refusal> {
    let record = idempotent.record(|made: &Customer| Reply { status: 201, body: to_json(&CustomerDto::new(made)) });
    let customer = merchant.create_customer(body.try_into()?, record).await?;
    Ok(answer(StatusCode::CREATED, &CustomerDto::new(&customer)))
}

/// Which customers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only the one with your own id.
    external_id: Option<String>,
    /// How many entries, 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The id of the customer that the page comes after.
    starting_after: Option<String>,
    /// The id of the customer that the page comes before: the ones just newer.
    ending_before: Option<String>,
}

/// List customers
#[utoipa::path(get, operation_id = "listCustomers", path = "/v1/customers", tag = "Customers", params(ListQuery),
    responses((status = 200, description = "A page", body = List<CustomerDto<'static>>), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn list(merchant: Merchant, Query(query): Query<ListQuery>) -> Result<Response, Refusal> {
    let cursor =
        Cursor { limit: query.limit, starting_after: query.starting_after, ending_before: query.ending_before };
    let _turn = lists::turn().await;
    let page = merchant.customers(query.external_id, cursor).await?;
    let list: CustomerList<'_> = List::new("/v1/customers", &page, CustomerDto::new);
    Ok(answer(StatusCode::OK, &list))
}

/// Get a customer
#[utoipa::path(get, operation_id = "getCustomer", path = "/v1/customers/{id}", tag = "Customers",
    params(("id" = String, Path, description = "The customer's id")),
    responses((status = 200, description = "The customer", body = CustomerDto), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn get(merchant: Merchant, _: NoQuery, PathId(id): PathId<CustomerId>) -> Result<Response, Refusal> {
    Ok(answer(StatusCode::OK, &CustomerDto::new(&merchant.customer(id).await?)))
}

/// Change a customer
#[utoipa::path(patch, operation_id = "updateCustomer", path = "/v1/customers/{id}", tag = "Customers", request_body = UpdateCustomer,
    params(("id" = String, Path, description = "The customer's id")),
    responses((status = 200, description = "Changed", body = CustomerDto), WriteErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn update(
    merchant: Merchant,
    _: NoQuery,
    PathId(id): PathId<CustomerId>,
    Json(body): Json<UpdateCustomer>,
) -> Result<Response, Refusal> {
    body.apply(&mut Profile::default())?;
    let customer = merchant.update_customer(id, Box::new(move |profile| body.apply(profile))).await?;
    Ok(answer(StatusCode::OK, &CustomerDto::new(&customer)))
}

/// Erase a customer
///
/// The person's sessions end, personal data go, and events keep only ids.
#[utoipa::path(delete, operation_id = "eraseCustomer", path = "/v1/customers/{id}", tag = "Customers",
    params(("id" = String, Path, description = "The customer's id")),
    responses((status = 204, description = "Erased"), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn erase(merchant: Merchant, _: NoQuery, PathId(id): PathId<CustomerId>) -> Result<Response, Refusal> {
    merchant.erase_customer(id).await?;
    Ok(no_content())
}

/// How many sessions were revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedSessions)]
pub(crate) struct RevokedDto {
    revoked: u64,
}

/// Revoke all sessions of a customer
#[utoipa::path(delete, operation_id = "revokeCustomerPortalSessions", path = "/v1/customers/{id}/portal-sessions", tag = "Customers",
    params(("id" = String, Path, description = "The customer's id")),
    responses((status = 200, description = "How many there were", body = RevokedDto), ReadErrors), security(("secretKey" = []), ("apiKey" = [])))]
pub(crate) async fn revoke_sessions(
    merchant: Merchant,
    _: NoQuery,
    PathId(id): PathId<CustomerId>,
) -> Result<Response, Refusal> {
    let revoked = merchant.revoke_customer_sessions(id, None).await?;
    Ok(answer(StatusCode::OK, &RevokedDto { revoked }))
}
