//! No secret that was handed out is in the database or in the log, in whatever writing.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::postgres;
use crate::support::{Database, EXCHANGE, SESSIONS, Server, Store, creation, text};

/// What was handed out, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 16, "{what}: {secret}");
        self.0.insert(format!("{what} {}", self.0.len()), secret.to_owned());
    }

    /// Every writing of every secret.
    fn writings(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for (what, secret) in &self.0 {
            add_writings(&mut all, what, secret.as_bytes());
            // Of a credential also the part that its checksum covers, and the bytes that it stands for.
            let body = secret.rsplit('_').next().unwrap();
            if body.len() == 60 && secret.contains('_') {
                all.push((format!("{what}, its body"), body.as_bytes()[..54].to_vec()));
                let bytes = decode(&body[..54]);
                add_writings(&mut all, &format!("{what}, its bytes"), &bytes);
                add_writings(&mut all, &format!("{what}, its secret bytes"), &bytes[16..]);
            }
        }
        all
    }

    #[track_caller]
    fn nowhere_in(&self, place: &str, haystack: &[u8]) {
        let writings = self.writings();
        assert_eq!(found(haystack, &writings), None, "in {place}");
        // Hexadecimal digits come in either case.
        let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
        let in_hex = writings.into_iter().filter(|(what, _)| !what.contains("base64"));
        let in_hex: Vec<_> = in_hex.map(|(what, writing)| (what, lower(&writing))).collect();
        assert_eq!(found(&lower(haystack), &in_hex), None, "in {place}");
    }
}

/// The first of many writings that is somewhere in the haystack.
fn found<'a>(haystack: &[u8], writings: &'a [(String, Vec<u8>)]) -> Option<&'a str> {
    const START: usize = 8;
    let mut starts: HashMap<&[u8], Vec<&(String, Vec<u8>)>> = HashMap::new();
    for writing in writings {
        starts.entry(&writing.1[..START]).or_default().push(writing);
    }
    (0..haystack.len()).find_map(|at| {
        let candidates = starts.get(haystack.get(at..at + START)?)?;
        let here = candidates.iter().find(|(_, writing)| haystack[at..].starts_with(writing))?;
        Some(here.0.as_str())
    })
}

fn add_writings(all: &mut Vec<(String, Vec<u8>)>, what: &str, bytes: &[u8]) {
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    all.push((what.to_owned(), bytes.to_vec()));
    all.push((format!("{what} in hex"), hex.into_bytes()));
    for (engine, name) in [(&STANDARD_NO_PAD, "base64"), (&URL_SAFE_NO_PAD, "base64url")] {
        // Inside something longer it may begin at any of three places; its own ends differ then.
        for skip in 0..3 {
            let encoded = engine.encode(&bytes[skip..]);
            let whole = encoded[..encoded.len() - encoded.len() % 4].to_owned();
            all.push((format!("{what} in {name} from byte {skip}"), whole.into_bytes()));
        }
    }
}

/// The 40 bytes behind 54 base62 digits.
fn decode(digits: &str) -> Vec<u8> {
    let mut number = vec![0u8; 40];
    for digit in digits.bytes() {
        let mut carry = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            _ => digit - b'a' + 36,
        } as u32;
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * 62;
            *byte = carry as u8;
            carry >>= 8;
        }
    }
    number
}

/// Everything that the database would give to somebody who copies it.
fn dump(database: &Database) -> Vec<u8> {
    match database.store() {
        Store::Postgres => {
            let output = postgres::shared().client("pg_dump").args(["--dbname", database.url()]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            output.stdout
        }
        Store::Sqlite => {
            let file = database.url().strip_prefix("sqlite://").unwrap();
            let files = ["", "-wal", "-shm"].map(|ending| std::fs::read(format!("{file}{ending}")).unwrap_or_default());
            files.concat()
        }
    }
}

/// A day's work, with everything that may go wrong in it; what was handed out.
async fn use_everything(server: &Server) -> Secrets {
    let mut secrets = Secrets::default();
    let merchant = server.tenant();
    secrets.add("a key", &merchant.key);
    for (mode, kind) in [("live", "secret"), ("test", "publishable"), ("live", "publishable")] {
        let key = server.key(&merchant.slug, mode, kind, &[]);
        server.http.key(&key).get(SESSIONS).await;
        secrets.add("a key", &key);
    }
    let made = server.cli(&["key", "create", "--tenant", &merchant.slug]);
    let rolled = server.cli(&["key", "roll", text(&made, "id"), "--overlap", "60"]);
    secrets.add("a rolled key", text(&made, "key"));
    secrets.add("its successor", text(&rolled, "key"));
    let api = server.http.key(&merchant.key);
    let as_api_key = server.http.header("x-api-key", &merchant.key);

    // Links: minted under an idempotency key, left alone, exchanged both ways, repeated, refused.
    let name = "idempotency-key-0123456789";
    secrets.add("an idempotency key", name);
    for _ in 0..2 {
        let answer = api.header("idempotency-key", name).post(SESSIONS, creation(json!({}))).await.expect(201).json();
        secrets.add("a link whose answer is sealed", text(&answer, "token"));
    }
    for path in ["/v1/portals", "/v1/customers"] {
        let sealed = json!({"slug": "sealed", "name": "sealed-name-0123456789"});
        let body = if path == "/v1/portals" { sealed } else { json!({"externalId": "sealed"}) };
        api.header("idempotency-key", name).post(path, body).await.expect(201);
    }
    let unused = as_api_key.post(SESSIONS, creation(json!({}))).await.expect(201).json();
    secrets.add("an unused link", text(&unused, "token"));
    let at_once = api.post(SESSIONS, creation(json!({"mode": "token"}))).await.expect(201).json();
    secrets.add("a browser token at once", text(&at_once, "token"));
    let nonce = "nonce-of-the-exchange-0123456789";
    secrets.add("a nonce", nonce);
    for transport in ["bearer", "cookie"] {
        let created = api.post(SESSIONS, creation(json!({}))).await.expect(201).json();
        let link = text(&created, "token");
        secrets.add("a link", link);
        let body = json!({"token": link, "transport": transport, "nonce": nonce});
        for _ in 0..2 {
            let answer = server.http.post(EXCHANGE, body.clone()).await.expect(200);
            let token = match answer.cookies().first() {
                Some(cookie) => cookie.split(['=', ';']).nth(1).unwrap().to_owned(),
                None => text(&answer.json(), "token").to_owned(),
            };
            secrets.add("a browser token", &token);
        }
        let token = secrets.0.values().rfind(|secret| secret.starts_with("bst_")).unwrap().clone();
        server.http.key(&token).get("/v1/portal-session").await;
        let cookie = format!("vst_{}={token}", text(&created, "portalId"));
        server.http.header("cookie", &cookie).get("/v1/portal-session").await;
        server.http.post(EXCHANGE, json!({"token": link})).await.no_session();
        // Where a token does not belong: paths, queries, bodies, other headers.
        for secret in [link, &token, &merchant.key] {
            for path in [
                format!("/r/{secret}"),
                format!("/?session={secret}"),
                format!("/?code={secret}"),
                format!("/v1/{secret}"),
                format!("/v1/portals/{secret}"),
                format!("{SESSIONS}/{secret}"),
                format!("{SESSIONS}?limit={secret}"),
                format!("/v1/events?type={secret}"),
                format!("/v1/customers?{secret}=1"),
            ] {
                api.get(&path).await;
                server.http.get(&path).await;
            }
            api.post(SESSIONS, creation(json!({"portal": secret}))).await;
            api.post(SESSIONS, creation(json!({"expiresIn": secret}))).await;
            api.send(reqwest::Method::POST, SESSIONS, Some(format!("{{{secret}").into_bytes())).await;
            server.http.key(secret).post(SESSIONS, json!({})).await;
            server.http.header("x-api-key", secret).header("referer", &format!("/r/{secret}")).get(SESSIONS).await;
            server.http.header("authorization", &format!("Basic {secret}")).get(SESSIONS).await;
            server.http.raw(format!("GET /r/{secret} HTTP/1.1\r\nhost: x\r\nbroken\r\n\r\n")).await;
            server.http.raw(format!("{secret} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        }
        server.http.key(&token).delete("/v1/portal-session").await;
        api.delete(&format!("{SESSIONS}/{}", text(&created, "id"))).await;
    }
    api.post(SESSIONS, creation(json!({"replaceExisting": true}))).await.expect(201);
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn none_is_in_the_database_or_in_the_log() {
    for store in Store::both() {
        let setup = Server::with(store).log_filter("trace").env("VESTIBULE_LOG__FORMAT", "text");
        let mut server = setup.start().await;
        let mut secrets = use_everything(&server).await;
        let json = Server::join(&server).log_filter("trace").env("VESTIBULE_LOG__FORMAT", "json");
        let mut json = json.start().await;
        let more = use_everything(&json).await;
        secrets.0.extend(more.0.into_iter().map(|(what, secret)| (format!("{what} of the other"), secret)));
        // Once while it runs, and once after the files are brought to rest.
        secrets.nowhere_in("the database", &dump(server.database()));
        for server in [&mut json, &mut server] {
            assert!(server.sigterm().await.success());
            let log = server.log();
            secrets.nowhere_in("the log", log.as_bytes());
            secrets.nowhere_in("standard output", server.stdout().as_bytes());
            // The search is one of a log that is whole.
            assert!(log.lines().count() > 150, "{log}");
            for route in ["/v1/portal-sessions/exchange", "/r/{token}", "/v1/portals/{portal}"] {
                assert!(log.contains(route), "{route} is not in the log");
            }
        }
        let copy = dump(server.database());
        secrets.nowhere_in("the database at rest", &copy);

        // And finds what is there: a key's hash in the copy.
        let key = secrets.0.values().find(|secret| secret.starts_with("vst_sk_test_")).unwrap();
        let hash = vestibule::domain::secret::Credential::parse(key).unwrap().hash();
        let mut writings = Vec::new();
        add_writings(&mut writings, "a hash", &hash.0);
        assert!(found(&copy, &writings).is_some(), "no hash in the copy");
        assert!(found(&copy, &[("a customer".into(), b"acme-001".to_vec())]).is_some());
    }
}

/// The search itself can find every writing.
#[test]
fn the_search_finds() {
    let mut secrets = Secrets::default();
    let credential = vestibule::domain::secret::Credential::mint(
        vestibule::domain::secret::Kind::Link,
        vestibule::domain::id::uuid_at(1_700_000_000_000_000_000),
    );
    secrets.add("a link", &credential.reveal());
    let text = credential.reveal();
    let bytes = decode(&text[4..58]);
    assert_eq!(bytes[..16], *credential.id().as_bytes());
    assert_eq!(vestibule::domain::secret::SecretHash::of(&bytes[16..]), credential.hash());
    let hex: String = bytes[16..].iter().map(|byte| format!("{byte:02X}")).collect();
    for place in [
        format!("x{text}x").into_bytes(),
        format!("x{}x", &text[4..58]).into_bytes(),
        [b"ab", &bytes[..], b"c"].concat(),
        format!("\\x{hex}").into_bytes(),
        STANDARD_NO_PAD.encode([b"a", &bytes[16..]].concat()).into_bytes(),
        URL_SAFE_NO_PAD.encode([b"ab", text.as_bytes(), b"c"].concat()).into_bytes(),
    ] {
        let found = std::panic::catch_unwind(|| secrets.nowhere_in("there", &place));
        assert!(found.is_err(), "{}", String::from_utf8_lossy(&place));
    }
    secrets.nowhere_in("nowhere", b"nothing of it");
}

/// A copy of the database opens no sealed answer: the link token in it is not there in the clear, and
/// the record is longer than what it seals only by nonce and tag.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_answers_open_nothing() {
    for store in Store::both() {
        let server = Server::start(store).await;
        let merchant = server.tenant();
        let api = server.http.key(&merchant.key).header("idempotency-key", "sealed");
        let answer = api.post(SESSIONS, creation(json!({"metadata": {"note": "zebra-0123456789"}}))).await.expect(201);
        let db = crate::support::Db::open(server.database()).await;
        let length = db.number("select cast(length(sealed) as bigint) from idempotency").await;
        assert_eq!(length, answer.body.len() as i64 + 2 + 12 + 16, "status, nonce and tag");
        let hex = match store {
            Store::Postgres => "encode(sealed, 'hex')",
            Store::Sqlite => "lower(hex(sealed))",
        };
        for plain in [text(&answer.json(), "token"), "zebra-0123456789", "portal_session", "customerId"] {
            let needle: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
            let sql = format!("select count(*) from idempotency where {hex} like '%{needle}%'");
            assert_eq!(db.number(&sql).await, 0, "{plain}");
        }
    }
}
