//! Who asks: the gateway's assertion, checked.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The clocks of two machines may differ by so many seconds.
const LEEWAY: u64 = 5;
/// Unknown key ids make us ask for the keys again, but not more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// Keys are believed for so long after they were read; from half of it on, we ask for them again.
const KEPT: Duration = Duration::from_secs(3600);

/// Whose word counts, and by which keys.
pub(crate) struct Trust {
    issuer: String,
    portal: Option<String>,
    http: reqwest::Client,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Vec<u8>>,
    read: Option<Instant>,
    asked: Option<Instant>,
}

impl Keys {
    /// The key of that id, if it may be believed at `now`, and whether it is time to ask for the keys.
    fn find(&self, id: &str, now: Instant) -> (Option<Vec<u8>>, bool) {
        let age = self.read.map(|read| now.duration_since(read));
        let key = self.by_id.get(id).filter(|_| age.is_some_and(|age| age < KEPT));
        let is_young = key.is_some() && age.is_some_and(|age| age < KEPT / 2);
        let has_waited = self.asked.is_none_or(|asked| now.duration_since(asked) >= PAUSE);
        (key.cloned(), !is_young && has_waited)
    }
}

/// A customer, as Vestibule vouches for it.
pub(crate) struct Caller {
    /// Our own id of the customer.
    pub(crate) customer: String,
    permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    crv: String,
    x: String,
}

impl Caller {
    /// Refuses unless the customer may do one of `actions`.
    pub(crate) fn require(&self, actions: &[&str]) -> Result<(), StatusCode> {
        let own = self.permissions.iter().filter_map(|permission| permission.rsplit('.').next());
        let mut own = own.map(|action| action == "*" || actions.contains(&action));
        own.any(|fits| fits).then_some(()).ok_or(StatusCode::FORBIDDEN)
    }
}

impl FromRequestParts<Arc<Trust>> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, trust: &Arc<Trust>) -> Result<Self, StatusCode> {
        let mut tokens = parts.headers.get_all("vestibule-assertion").iter().map(|value| value.to_str().ok());
        let (Some(Some(token)), None) = (tokens.next(), tokens.next()) else { return Err(StatusCode::UNAUTHORIZED) };
        let claims = trust.check(token).await.ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Self { customer: claims.sub, permissions: claims.permissions })
    }
}

impl Trust {
    pub(crate) fn new(issuer: String, portal: Option<String>) -> reqwest::Result<Self> {
        // Fails when a provider is installed already: any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        Ok(Self { issuer, portal, http, keys: Mutex::default() })
    }

    /// The claims of a token that Vestibule signed for us and that holds now.
    async fn check(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let head: Head = read(head)?;
        let key = self.key(&head.kid).await.filter(|_| head.alg == "EdDSA")?;
        UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &decode(signature)?).ok()?;
        let claims: Claims = read(claims)?;
        let now = now()?;
        let is_current = claims.iat <= now + LEEWAY && now < claims.exp + LEEWAY;
        let is_ours = self.portal.as_ref().is_none_or(|portal| *portal == claims.aud);
        (claims.iss == self.issuer && is_ours && is_current).then_some(claims)
    }

    async fn key(&self, id: &str) -> Option<Vec<u8>> {
        let now = Instant::now();
        let known = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let (known, is_time) = keys.find(id, now);
            if !is_time {
                return known;
            }
            keys.asked = Some(now);
            known
        };
        let Some(published) = self.published().await else { return known };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.by_id = published;
        keys.read = Some(now);
        keys.by_id.get(id).cloned()
    }

    async fn published(&self) -> Option<HashMap<String, Vec<u8>>> {
        let answer = self.http.get(format!("{}/.well-known/jwks.json", self.issuer)).send().await.ok()?;
        let jwks: Jwks = serde_json::from_slice(&answer.error_for_status().ok()?.bytes().await.ok()?).ok()?;
        let usable = jwks.keys.into_iter().filter(|key| key.crv == "Ed25519");
        Some(usable.filter_map(|key| Some((key.kid, decode(&key.x)?))).collect())
    }
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}

fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}

#[expect(clippy::disallowed_methods, reason = "a merchant has only its own clock")]
fn now() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_for_an_hour_at_most() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut keys = Keys::default();
        assert_eq!(keys.find("a", start), (None, true));
        keys.asked = Some(start);
        assert_eq!(keys.find("a", at(9)), (None, false), "not again at once");
        keys.by_id.insert("a".into(), vec![1]);
        keys.read = Some(start);
        assert_eq!(keys.find("a", at(1799)), (Some(vec![1]), false));
        assert_eq!(keys.find("a", at(1800)), (Some(vec![1]), true), "asked for in time");
        assert_eq!(keys.find("b", at(11)), (None, true), "a new key");
        assert_eq!(keys.find("a", at(3600)), (None, true), "believed no longer");
        keys.asked = Some(at(3600));
        assert_eq!(keys.find("a", at(3605)), (None, false));
    }
}
