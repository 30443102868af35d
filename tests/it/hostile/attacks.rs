//! Attacks on those who use the pages and the API.

use reqwest::Method;
use vestibule::domain::secret::{Credential, Kind};

use super::*;

/// A browser session, started by exchanging a new link: its token.
async fn browser_token(api: &Http) -> String {
    let link = link(api).await;
    let body = json!({"token": link["token"], "transport": "bearer"});
    text(&api.post(EXCHANGE, body).await.expect(200).json(), "token").to_owned()
}

/// `name=value` of the only cookie that an answer sets.
fn cookie_of(answer: &Answer) -> String {
    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    cookies[0].split(';').next().unwrap().to_owned()
}

/// Whether a link can still be exchanged, which this does.
async fn is_unspent(http: &Http, token: &str) -> bool {
    http.post(EXCHANGE, json!({"token": token, "transport": "bearer"})).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_signs_nobody_in_or_out() {
    let (server, api) = served(Store::Sqlite).await;
    let link = link(&api).await;
    let token = text(&link, "token");
    let path = format!("/r/{token}");
    let own = server.public_url();
    let form = |http: Http| async move { http.send(Method::POST, &path_of(token), Some(Vec::new())).await };
    let foreign = [
        server.http.clone(),
        server.http.header("origin", "https://evil.example"),
        server.http.header("origin", "null"),
        server.http.header("origin", &format!("{own}.evil.example")),
        server.http.header("origin", &own.replace("http:", "https:")),
        server.http.header("origin", &own.replace("127.0.0.1", "localhost")),
        server.http.header("referer", &format!("{own}{path}")),
        server.http.header("sec-fetch-site", "cross-site").header("origin", &own),
        server.http.header("sec-fetch-site", "same-site").header("origin", &own),
        server.http.header("sec-fetch-site", "none").header("origin", &own),
        server.http.header("sec-fetch-site", "same-origin, same-origin"),
    ];
    for http in foreign.clone() {
        let answer = form(http).await.expect(403);
        assert!(answer.cookies().is_empty() && answer.text().contains("<html"), "{}", answer.text());
    }
    assert!(is_unspent(&server.http, token).await, "a refused click consumes nothing");

    let started = api.post(EXCHANGE, json!({"token": super::link(&api).await["token"]})).await.expect(200);
    let cookie = cookie_of(&started);
    for http in foreign {
        assert_envelope_403(&http.header("cookie", &cookie).delete("/v1/portal-session").await);
    }
    let signed_in = server.http.header("cookie", &cookie);
    signed_in.get("/v1/portal-session").await.expect(200);
    signed_in.header("sec-fetch-site", "same-origin").delete("/v1/portal-session").await.expect(204);
}

fn path_of(token: &str) -> String {
    format!("/r/{token}")
}

#[track_caller]
fn assert_envelope_403(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_cookie_fixes_no_session() {
    let (server, api) = served(Store::Sqlite).await;
    // The attacker's own session, planted in the victim's browser for another portal, or in many copies.
    let portal = api.post("/v1/portals", json!({"slug": "other"})).await.expect(201).json();
    let started = api.post(EXCHANGE, json!({"token": link(&api).await["token"]})).await.expect(200);
    let planted = cookie_of(&started);
    let (_, token) = planted.split_once('=').unwrap();
    let elsewhere = format!("vst_{}={token}", text(&portal, "id"));
    server.http.header("cookie", &elsewhere).get("/v1/portal-session").await.expect(401);
    server.http.header("cookie", &format!("__Host-{planted}")).get("/v1/portal-session").await.expect(401);

    // Whoever redeems a link gets a secret of their own, whatever cookie was there before.
    let mine = text(&link(&api).await, "token").to_owned();
    let browser = server.http.header("sec-fetch-site", "same-origin").header("cookie", &planted);
    let landed = browser.send(Method::POST, &format!("/r/{mine}"), Some(Vec::new())).await.expect(303);
    let fresh = landed.cookies().iter().find(|cookie| cookie.contains("bst_")).map(|cookie| cookie_value(cookie));
    assert!(fresh.is_some_and(|fresh| fresh != token), "{:?}", landed.cookies());
    assert!(!is_unspent(&server.http, &mine).await);

    // A nonce that an attacker knows repeats nothing that the victim has begun to use.
    let link = link(&api).await;
    let known = "0123456789abcdef";
    let body = json!({"token": link["token"], "transport": "bearer", "nonce": known});
    let used = text(&api.post(EXCHANGE, body.clone()).await.expect(200).json(), "token").to_owned();
    server.http.key(&used).get("/v1/portal-session").await.expect(200);
    api.post(EXCHANGE, body).await.expect(401);
    server.http.key(&used).get("/v1/portal-session").await.expect(200);
}

/// A credential's digits under another prefix, with the checksum that belongs to it: no secret is needed for that.
fn under(prefix: &str, token: &str) -> String {
    let body = format!("{prefix}{}", &token[token.len() - 60..token.len() - 6]);
    let mut checksum = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[checksum as usize % 62];
        checksum /= 62;
    }
    body + str::from_utf8(&digits).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_under_another_prefix_opens_nothing() {
    let (server, api) = served(Store::Sqlite).await;
    let http = &server.http;
    let exchanged = browser_token(&api).await;
    let body = json!({"customerExternalId": "acme-001", "permissions": ["a.b.c"], "mode": "token"});
    let given = text(&api.post("/v1/portal-sessions", body).await.expect(201).json(), "token").to_owned();
    for token in [exchanged, given] {
        assert_eq!(under("bst_", &token), token);
        let bearer = under("rkcps_", &token);
        http.get(&path_of(&bearer)).await.expect(404);
        http.key(&bearer).get("/v1/portal-session").await.expect(401);
        http.key(&token).get("/v1/portal-session").await.expect(200);
    }
    // The other way round, too: a bearer is shown as what it is.
    let customer = api.post("/v1/customers", json!({"externalId": "acme-002"})).await.expect(201).json();
    let body = json!({"customer_id": customer["id"]});
    let made = api.post("/v2/customer-portal/sessions", body).await;
    let bearer = text(&made.expect(201).json()["data"], "token").to_owned();
    http.key(&under("bst_", &bearer)).get("/v1/portal-session").await.expect(401);
    http.key(&bearer).get("/v1/portal-session").await.expect(200);
    http.get(&path_of(&bearer)).await.expect(200);
}

fn cookie_value(cookie: &str) -> String {
    cookie.split(';').next().and_then(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned()).unwrap()
}

/// Every way that is known to write an address elsewhere so that a careless check lets it through.
const REDIRECTS: [&str; 40] = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%2F%2Fevil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:\\\\evil.example",
    "https:///evil.example",
    "http://evil.example",
    "HTTP://evil.example",
    "//evil%E3%80%82example",
    "https://evil。example",
    "https://ours.example@evil.example",
    "https://ours.example:pw@evil.example",
    "https://evil.example\\@ours.example",
    "https://evil.example#@ours.example\\",
    "https://ours.example%2f@evil.example",
    "https://ours.example%00.evil.example",
    " https://evil.example",
    "https://evil.example ",
    "\u{1}https://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>",
    "vbscript:x",
    "blob:https://evil.example/x",
    "file:///etc/passwd",
    "ftp://evil.example",
    "https://[::ffff:7f00:1",
    "/../..//evil.example",
    "/.//evil.example",
];

async fn stays_inside(server: &Server, made: &Value) {
    let click = server.http.header("sec-fetch-site", "same-origin");
    let landed = click.send(Method::POST, &path_of(text(made, "token")), Some(Vec::new())).await.expect(303);
    let base = url::Url::parse(&server.public_url()).unwrap();
    let target = base.join(landed.header("location").unwrap()).unwrap();
    assert_eq!(target.origin(), base.origin(), "{made}");
    assert!(target.path().starts_with(&format!("/p/{}/", text(made, "portalId"))), "{target}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_open_redirect_is_taken() {
    let (server, api) = served(Store::Sqlite).await;
    api.patch("/v1/portals/default", json!({"allowedReturnOrigins": ["https://ours.example"]})).await.expect(200);
    for target in
        REDIRECTS.iter().chain(&["https://ours.example.evil.example/", "https://evil.example/?https://ours.example"])
    {
        let body = |field: &str| json!({"customerExternalId": "a", "permissions": ["a.b.c"], field: target});
        let answer = api.post("/v1/portal-sessions", body("returnUrl")).await.expect(400);
        assert_eq!(answer.json()["error"]["param"], "returnUrl", "{target:?}");
        match api.post("/v1/portal-sessions", body("path")).await {
            // An odd path is one all the same, as long as it stays below the portal's.
            made if made.status == 201 => stays_inside(&server, &made.json()).await,
            answer => assert_eq!(answer.expect(400).json()["error"]["param"], "path", "{target:?}"),
        }
        for field in ["appUrl", "upstreamUrl"].iter().filter(|_| REDIRECTS.contains(target)) {
            let refused = api.patch("/v1/portals/default", json!({*field: target})).await;
            let is_plain = target.starts_with("https://evil.example#");
            assert!(refused.status == 400 || is_plain, "{field} {target:?}: {}", refused.text());
        }
    }
    // What a visitor adds to an address leads nowhere else.
    let token = text(&link(&api).await, "token").to_owned();
    for query in ["?returnUrl=https://evil.example", "?next=//evil.example", "?redirect_uri=https://evil.example"] {
        let page = server.http.get(&format!("/r/{token}{query}")).await.expect(200);
        assert!(!page.text().contains("evil.example"), "{query}");
        let click = server.http.header("sec-fetch-site", "same-origin");
        let token = text(&link(&api).await, "token").to_owned();
        let landed = click.send(Method::POST, &format!("/r/{token}{query}"), Some(Vec::new())).await.expect(303);
        assert!(landed.header("location").unwrap().starts_with("/p/"), "{:?}", landed.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_come_from_the_configuration_only() {
    let server = Server::with(Store::Sqlite).env("VESTIBULE_PUBLIC_URL", "https://portal.example").start().await;
    let api = server.http.key(&server.tenant().key);
    let poison = "evil.example";
    let poisoned = [
        "x-forwarded-host",
        "x-forwarded-server",
        "x-host",
        "x-original-host",
        "x-forwarded-proto",
        "x-original-url",
        "x-rewrite-url",
        "forwarded",
    ]
    .iter()
    .fold(api.header("host", poison), |http, name| {
        http.header(name, if *name == "forwarded" { "host=evil.example;proto=http" } else { poison })
    });
    let made = link(&poisoned).await;
    assert!(text(&made, "url").starts_with("https://portal.example/r/pst_"), "{made}");
    let page = poisoned.get(&format!("/r/{}", text(&made, "token"))).await.expect(200);
    assert!(page.text().contains("<html") && !page.text().contains(poison), "{}", page.text());
    for path in ["/openapi.json", "/docs/errors", "/nothing", "/r/x", "/"] {
        let answer = poisoned.get(path).await;
        assert!(!answer.text().contains(poison) && !format!("{:?}", answer.headers).contains(poison), "{path}");
    }
    // On https a cookie is bound to its host, and the next visit too.
    let click = poisoned.header("sec-fetch-site", "same-origin");
    let landed = click.send(Method::POST, &format!("/r/{}", text(&made, "token")), Some(Vec::new())).await.expect(303);
    let cookie = landed.cookies().iter().find(|cookie| cookie.contains("bst_")).unwrap().to_string();
    assert!(cookie.starts_with("__Host-vst_ptl_") && !cookie.to_lowercase().contains("domain"), "{cookie}");
    assert!(landed.header("strict-transport-security").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_works_in_anothers_place() {
    for store in Store::both() {
        let (server, api) = served(store).await;
        let tenant = server.tenant();
        let publishable = server.key(&tenant.slug, "test", "publishable", &[]);
        let (browser, link) = (browser_token(&api).await, text(&link(&api).await, "token").to_owned());
        let unknown = |kind| Credential::mint(kind, vestibule::domain::id::SessionId::at(1).0).reveal();
        for wrong in [&publishable, &browser, &link, &unknown(Kind::Bearer), &unknown(Kind::SecretKey { live: true })] {
            for http in [server.http.key(wrong), server.http.header("x-api-key", wrong)] {
                assert_envelope(&http.get("/v1/portals").await.expect(401), wrong);
                let body = json!({"customerExternalId": "a", "permissions": ["a.b.c"]});
                assert_envelope(&http.post("/v1/portal-sessions", body).await.expect(401), wrong);
            }
        }
        for wrong in [&tenant.key, &publishable, &link, &unknown(Kind::Browser)] {
            let answer = server.http.key(wrong).get("/v1/portal-session").await.expect(401);
            assert_eq!(answer.json()["error"]["code"], "session_invalid");
            let portals = api.get("/v1/portals/default").await.expect(200).json();
            let name = format!("vst_{}={wrong}", text(&portals, "id"));
            server.http.header("cookie", &name).get("/v1/portal-session").await.expect(401);
        }
        for wrong in [&tenant.key, &publishable, &browser, &unknown(Kind::Link)] {
            let answer = server.http.post(EXCHANGE, json!({"token": wrong})).await.expect(401);
            assert_eq!(answer.json()["error"]["code"], "session_invalid");
            assert!(!server.http.get(&format!("/r/{wrong}")).await.text().contains("<form"));
        }
        assert!(is_unspent(&server.http, &link).await, "and nothing was used up");
    }
}
