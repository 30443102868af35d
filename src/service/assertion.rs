//! Assertions: what a merchant's back end is told of who asks, signed and short-lived.
//!
//! The signing keys are in the database, so that all instances share them: one for each period of
//! 30 days, made by whoever needs it first. It is published a day before it signs and stays
//! published for a period after, so whoever keeps the published keys for an hour knows every key
//! that it meets.

use super::{
    EndUser, Error, Service,
    seal::{Seal, derive},
};
use crate::{
    domain::{id::uuid_at, session::Session, time::Timestamp},
    store::SigningKey,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long each key signs, in milliseconds.
const PERIOD: i64 = 30 * DAY_MILLIS;
/// How long before it signs a key is published, in milliseconds.
const LEAD: i64 = DAY_MILLIS;
/// How long an assertion holds, in seconds.
const LIFETIME: i64 = 60;

/// The signing keys as an instance remembers them.
#[derive(Default)]
pub(super) struct Signing(Mutex<Option<Arc<Keys>>>);

/// The keys of the last, this and, near its end, the next period.
struct Keys {
    period: i64,
    /// The last period whose key is known.
    until: i64,
    pair: Ed25519KeyPair,
    id: String,
    published: Value,
}

impl EndUser {
    /// Tells a merchant's back end, on the word of `issuer`, who asks: a JWT (RFC 7519) signed by
    /// Ed25519 (RFC 8037), good for a minute.
    ///
    /// # Errors
    /// When the store does not answer, or holds a signing key that can't be opened.
    pub async fn assertion(&self, issuer: &str) -> Result<String, Error> {
        let keys = self.service.signing_keys().await?;
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": keys.id});
        let claims = claims(self.session(), issuer, self.service.clock().nanos());
        let [header, claims] = [header, claims].map(|part| encode(part.to_string()));
        let signature = keys.pair.sign(format!("{header}.{claims}").as_bytes());
        Ok(format!("{header}.{claims}.{}", encode(signature)))
    }
}

impl Service {
    /// The keys by which assertions are checked, as a JWK set (RFC 7517).
    ///
    /// # Errors
    /// When the store does not answer, or holds a signing key that can't be opened.
    pub async fn published_keys(&self) -> Result<Value, Error> {
        Ok(self.signing_keys().await?.published.clone())
    }

    /// Whether the signing keys that are in use open with this service's secret.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn opens_signing_keys(&self) -> Result<bool, Error> {
        let rows = self.store().signing_keys(self.clock().now().millis().div_euclid(PERIOD)).await?;
        Ok(rows.iter().all(|row| self.open_signing_key(row).is_some()))
    }

    async fn signing_keys(&self) -> Result<Arc<Keys>, Error> {
        self.signing_keys_at(self.clock().now()).await
    }

    async fn signing_keys_at(&self, now: Timestamp) -> Result<Arc<Keys>, Error> {
        let period = now.millis().div_euclid(PERIOD);
        let until = (now.millis() + LEAD).div_euclid(PERIOD);
        let known = self.inner.signing.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(keys) = known.filter(|keys| keys.period == period && keys.until >= until) {
            return Ok(keys);
        }
        let store = self.store();
        let mut rows = store.signing_keys(period - 1).await?;
        for missing in [period, until] {
            if !rows.iter().any(|row| row.period == missing) {
                store.insert_signing_key(self.new_signing_key(missing, now)?, period - 1).await?;
                // Another instance may have been first: what the store kept is what counts.
                rows = store.signing_keys(period - 1).await?;
            }
        }
        let keys = Arc::new(self.read_signing_keys(&rows, period, until)?);
        *self.inner.signing.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
        Ok(keys)
    }

    fn new_signing_key(&self, period: i64, created_at: Timestamp) -> Result<SigningKey, Error> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| Error::Internal)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| Error::Internal)?;
        let public_key = pair.public_key().as_ref().to_vec();
        let private_key = document.as_ref().to_vec();
        let (sealed, private_key) = match self.seal_of_keys()? {
            Some(seal) => (true, seal.close(&public_key, private_key).ok_or(Error::Internal)?),
            None => (false, private_key),
        };
        Ok(SigningKey { period, public_key, sealed, private_key, created_at })
    }

    fn read_signing_keys(&self, rows: &[SigningKey], period: i64, until: i64) -> Result<Keys, Error> {
        let own = rows.iter().find(|row| row.period == period).ok_or(Error::Internal)?;
        let pair = self.open_signing_key(own).ok_or_else(|| {
            tracing::error!("the signing key in the database does not open with this gateway.secret");
            Error::Internal
        })?;
        let published = json!({"keys": rows.iter().map(|row| public_jwk(&row.public_key)).collect::<Vec<_>>()});
        Ok(Keys { period, until, pair, id: thumbprint(&encode(&own.public_key)), published })
    }

    fn open_signing_key(&self, row: &SigningKey) -> Option<Ed25519KeyPair> {
        let private_key = match row.sealed {
            true => self.seal_of_keys().ok()??.open(&row.public_key, &row.private_key)?,
            false => row.private_key.clone(),
        };
        Ed25519KeyPair::from_pkcs8(&private_key).ok()
    }

    fn seal_of_keys(&self) -> Result<Option<Seal>, Error> {
        let Some(secret) = &self.inner.settings.signing_secret else { return Ok(None) };
        let mut key = [0; 32];
        derive(b"vestibule gateway 1", secret.reveal(), "signing keys", &mut key).ok_or(Error::Internal)?;
        Seal::new(&key).map(Some).ok_or(Error::Internal)
    }
}

fn claims(session: &Session, issuer: &str, nanos: u64) -> Value {
    let now = (nanos / 1_000_000_000) as i64;
    json!({
        "iss": issuer,
        "aud": session.portal_id,
        "sub": session.customer_external_id,
        "exp": now + LIFETIME,
        "iat": now,
        "jti": uuid_at(nanos).to_string(),
        "tenant": session.tenant_id,
        "customer": session.customer_id,
        "session": session.id,
        "permissions": session.permissions,
        "preview": session.preview,
        "livemode": session.livemode,
    })
}

fn public_jwk(key: &[u8]) -> Value {
    let x = encode(key);
    json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint(&x), "use": "sig", "alg": "EdDSA"})
}

/// The thumbprint of RFC 7638, over the members that RFC 8037 requires.
fn thumbprint(x: &str) -> String {
    encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::time::Seconds,
        service::Settings,
        store::{Options, Retention, Store},
    };

    async fn service(url: &str) -> Service {
        let url = url.to_owned();
        let store = Store::open(&Options { url, max_connections: 1, busy_timeout: Options::SERVING }).await.unwrap();
        store.migrate().await.unwrap();
        let retention = Retention { sessions: Seconds::days(30), events: Seconds::days(400) };
        let settings = Settings { retention, cached_sessions: 1, waiting_writes: 1, signing_secret: None };
        Service::start(store, settings).await.unwrap()
    }

    /// The id of the key that signs then, and of those that are published.
    async fn at(service: &Service, millis: i64) -> (String, Vec<String>) {
        let keys = service.signing_keys_at(Timestamp::from_millis(millis)).await.unwrap();
        let published = keys.published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap());
        (keys.id.clone(), published.map(str::to_owned).collect())
    }

    #[tokio::test]
    async fn keys_rotate_with_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("vestibule.db").display());
        let (one, other) = (service(&url).await, service(&url).await);
        let start = 700 * PERIOD;
        let (first, published) = at(&one, start + 10 * DAY_MILLIS).await;
        assert_eq!(published, [first.as_str()], "the first of all has none before it");
        let lead = start + PERIOD - DAY_MILLIS;
        assert_eq!(at(&one, lead - 1).await, (first.clone(), vec![first.clone()]));
        // A day ahead the next one is published, and does not sign.
        let (signs, published) = at(&one, lead).await;
        assert_eq!((&signs, &published[0], published.len()), (&first, &first, 2));
        let second = published[1].clone();
        assert_ne!(first, second);
        let both = vec![first.clone(), second.clone()];
        assert_eq!(at(&other, lead).await, (first.clone(), both.clone()), "on every instance");
        assert_eq!(at(&one, start + PERIOD - 1).await, (first.clone(), both.clone()));
        // At the turn it signs, and the old one stays published for a period.
        for service in [&one, &other] {
            assert_eq!(at(service, start + PERIOD).await, (second.clone(), both.clone()));
            assert_eq!(at(service, start + 2 * PERIOD - DAY_MILLIS - 1).await, (second.clone(), both.clone()));
        }
        let (signs, published) = at(&one, start + 2 * PERIOD - DAY_MILLIS).await;
        assert_eq!((&signs, &published[..2], published.len()), (&second, &both[..], 3));
        let third = published[2].clone();
        assert_eq!(at(&other, start + 2 * PERIOD).await, (third.clone(), vec![second, third]), "the first is gone");
    }

    /// The example of RFC 8037, appendix A.3.
    #[test]
    fn keys_are_named_by_their_thumbprint() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(thumbprint(x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
