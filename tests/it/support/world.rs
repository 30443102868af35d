//! A tenant to test with, on a server that many tests share.

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::db::Db;
use super::http::{Answer, Http};
use super::server::Server;
use super::setup::Merchant;
use super::store::Store;

/// A tenant of its own on the shared server of a store. Servers are dear and
/// tenants are cheap, and that they don't disturb each other is a promise of
/// the product.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) server: &'static Server,
    /// A client without a credential.
    pub(crate) http: Http,
    /// A client with a test key that may do everything.
    pub(crate) api: Http,
    pub(crate) merchant: Merchant,
}

impl World {
    /// A new tenant on this store.
    pub(crate) async fn new(store: Store) -> Self {
        static SERVERS: [OnceCell<Server>; 2] = [const { OnceCell::const_new() }; 2];
        let server = &SERVERS[store as usize];
        // Limits of rate have tests and a server of their own.
        let start = || {
            let setup = Server::with(store);
            let setup = setup.env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0");
            setup.env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0").start()
        };
        let server = server.get_or_init(start).await;
        // The server's own client belongs to the runtime of the test that started it.
        let http = Http::new(server.port());
        let merchant = server.tenant();
        Self { store, server, api: http.key(&merchant.key), http, merchant }
    }

    /// One on each store.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::new(Store::Postgres).await, Self::new(Store::Sqlite).await]
    }

    /// The text of a new secret key of the tenant; `more` as for `Setup::key`.
    pub(crate) fn new_key(&self, mode: &str, more: &[&str]) -> String {
        self.server.key(&self.merchant.slug, mode, "secret", more)
    }

    /// A client with a new secret key of the tenant.
    pub(crate) fn with_key(&self, mode: &str, more: &[&str]) -> Http {
        self.http.key(&self.new_key(mode, more))
    }

    /// A client with a new test key that may do only this.
    pub(crate) fn permitted(&self, permissions: &[&str]) -> Http {
        let more: Vec<&str> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
        self.with_key("test", &more)
    }

    /// Mints a link for `acme-001`, with these fields on top.
    #[track_caller]
    pub(crate) fn mint(&self, fields: Value) -> impl Future<Output = Value> {
        mint(self.api.clone(), fields)
    }

    /// Exchanges a link token for a bearer token.
    pub(crate) async fn exchange(&self, token: &str) -> Answer {
        self.http.post(EXCHANGE, json!({"token": token, "transport": "bearer"})).await
    }

    /// The same with a nonce.
    pub(crate) async fn exchange_with(&self, token: &str, nonce: &str) -> Answer {
        self.http.post(EXCHANGE, json!({"token": token, "transport": "bearer", "nonce": nonce})).await
    }

    /// Mints a link and exchanges it: the creation's answer, and the browser token.
    pub(crate) async fn active(&self, fields: Value) -> (Value, String) {
        let created = self.mint(fields).await;
        let opened = self.exchange(text(&created, "token")).await.expect(200).json();
        (created, text(&opened, "token").to_owned())
    }

    /// Asks who this browser token belongs to.
    pub(crate) async fn who(&self, token: &str) -> Answer {
        self.http.key(token).get("/v1/portal-session").await
    }

    /// The database, to look at and to change behind the service's back.
    pub(crate) async fn db(&self) -> Db {
        Db::open(self.server.database()).await
    }
}

/// Where links are exchanged.
pub(crate) const EXCHANGE: &str = "/v1/portal-sessions/exchange";
/// Where sessions are made and listed.
pub(crate) const SESSIONS: &str = "/v1/portal-sessions";

/// Mints a link for `acme-001` with this client's key, with these fields on top.
pub(crate) async fn mint(api: Http, fields: Value) -> Value {
    api.post(SESSIONS, creation(fields)).await.expect(201).json()
}

/// A creation's body: for `acme-001` with one permission, and these fields on
/// top; a null takes a field away.
pub(crate) fn creation(fields: Value) -> Value {
    let mut body = json!({"customerExternalId": "acme-001", "permissions": ["api.*.read_key"]});
    for (name, value) in fields.as_object().expect("an object") {
        match value {
            Value::Null => body.as_object_mut().expect("an object").remove(name),
            value => body.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
        };
    }
    body
}

/// A field that is a text.
#[track_caller]
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}"))
}

/// The ids of a list, in its order.
#[track_caller]
pub(crate) fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().expect("a list").iter().map(|entry| text(entry, "id").to_owned()).collect()
}

/// The UUID in an id of any kind.
#[track_caller]
pub(crate) fn uuid(id: &str) -> Uuid {
    let digits = id.split_once('_').expect("a prefix").1;
    let as_session = format!("ps_{digits}");
    as_session.parse::<vestibule::domain::id::SessionId>().expect("an id").0
}

/// An id of the same kind that belongs to nothing.
pub(crate) fn unknown(prefix: &str) -> String {
    let id = vestibule::domain::id::SessionId::at(1_700_000_000_000_000_000).to_string();
    id.replacen("ps", prefix, 1)
}

impl Answer {
    /// The error of an answer that refuses: its whole envelope is checked.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: &str, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.text());
        let body = self.json();
        assert_eq!(body.as_object().map(|body| body.len()), Some(1), "{body}");
        let error = body["error"].clone();
        assert_eq!((text(&error, "type"), text(&error, "code")), (kind, code), "{error}");
        assert!(!text(&error, "message").is_empty());
        assert_eq!(Some(text(&error, "requestId")), self.header("request-id"));
        assert!(text(&error, "docUrl").ends_with(&format!("/docs/errors#{code}")), "{error}");
        let known = ["type", "code", "message", "param", "requestId", "docUrl"];
        for (name, value) in error.as_object().expect("an object") {
            assert!(known.contains(&name.as_str()) && !value.is_null(), "{error}");
        }
        error
    }

    /// A refusal of the request as it is written: 400.
    #[track_caller]
    pub(crate) fn malformed(&self, code: &str, param: Option<&str>) -> Value {
        let error = self.refused(400, "invalid_request_error", code);
        assert_eq!(error["param"].as_str(), param, "{error}");
        error
    }

    /// A refusal of a field's value or type.
    #[track_caller]
    pub(crate) fn invalid(&self, param: &str) -> Value {
        self.malformed("validation_error", Some(param))
    }

    /// A refusal that looks like absence.
    #[track_caller]
    pub(crate) fn missing(&self) -> Value {
        self.refused(404, "invalid_request_error", "resource_missing")
    }

    /// A refusal for want of a live key.
    #[track_caller]
    pub(crate) fn unauthenticated(&self) -> Value {
        assert_eq!(self.header("www-authenticate"), Some("Bearer"));
        self.refused(401, "authentication_error", "unauthenticated")
    }

    /// A refusal for want of a live session.
    #[track_caller]
    pub(crate) fn no_session(&self) -> Value {
        assert_eq!(self.header("www-authenticate"), Some("Bearer"));
        let error = self.refused(401, "authentication_error", "session_invalid");
        assert_eq!(text(&error, "message"), "Session is invalid, expired, or has already been used.");
        error
    }

    /// A refusal of what the key may not do or give.
    #[track_caller]
    pub(crate) fn forbidden(&self) -> Value {
        self.refused(403, "permission_error", "permission_denied")
    }

    /// A refusal because something is taken.
    #[track_caller]
    pub(crate) fn conflict(&self) -> Value {
        self.refused(409, "invalid_request_error", "conflict")
    }

    /// Everything that a client sees, save what tells one request from another.
    pub(crate) fn but_for_its_id(&self) -> (u16, Vec<(String, String)>, String) {
        let id = self.header("request-id").expect("a request id").to_owned();
        let lossy = |value: &[u8]| String::from_utf8_lossy(value).replace(&id, "req_");
        let seen = self.headers.iter().filter(|(name, _)| name.as_str() != "date");
        let seen = seen.map(|(name, value)| (name.to_string(), lossy(value.as_bytes())));
        (self.status, seen.collect(), lossy(&self.body))
    }
}
