//! What a merchant or a customer is called, on pages and in headers.

use reqwest::Method;

use super::*;

const MARKUP: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "<!--",
    "]]><x>",
    "{{70001*70003}}${70001*70003}<%= 70001*70003 %>",
    "&lt;b&gt;&#x3c;script&#x3e;",
];

/// Everything that would be alive if a name were taken for markup.
#[track_caller]
fn assert_inert(page: &Answer, name: &str) {
    let html = page.text();
    assert!(html.contains("<html"), "{html}");
    let lower = html.to_lowercase();
    for alive in
        ["<script>alert", "<img src=x", "onerror=alert(1)>", "' onmouseover='", "<svg/onload", "<x>", "4900280003"]
    {
        assert!(!lower.contains(alive), "{name} is alive as {alive}: {html}");
    }
    // Escaped once, and not twice.
    if name.starts_with("&lt;") {
        assert!(html.contains("&amp;lt;b") || html.contains("&#38;lt;b"), "{html}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains('\n') && policy.matches("script-src").count() <= 1, "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_names_and_branding_is_text() {
    let (server, api) = served(Store::Sqlite).await;
    for name in MARKUP {
        let branding = json!({"name": name, "branding": {"displayName": name}});
        api.patch("/v1/portals/default", branding).await.expect(200);
        let body = json!({"customerExternalId": name, "permissions": ["a.b.read_key"], "preview": true});
        let made = api.post("/v1/portal-sessions", body).await.expect(201).json();
        let customer = made["customerId"].as_str().unwrap();
        api.patch(&format!("/v1/customers/{customer}"), json!({"name": name, "companyName": name})).await.expect(200);
        let path = format!("/r/{}", made["token"].as_str().unwrap());
        assert_inert(&server.http.get(&path).await.expect(200), name);

        let click =
            server.http.header("sec-fetch-site", "same-origin").header("user-agent", &name.replace('\u{0}', ""));
        let landed = click.send(Method::POST, &path, Some(Vec::new())).await.expect(303);
        let cookies: Vec<_> =
            landed.cookies().iter().map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect();
        let browser = server.http.header("cookie", &cookies.join("; "));
        let portal = made["portalId"].as_str().unwrap();
        for tab in ["keys", "docs", "access"] {
            assert_inert(&browser.get(&format!("/p/{portal}/{tab}")).await.expect(200), name);
        }
        // In a header it is percent-encoded, whatever it is.
        let passed = browser.get(&format!("/v1/portals/{portal}/auth")).await.expect(200);
        let told = passed.header("vestibule-customer-external-id").unwrap();
        assert!(told.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte)), "{told}");
        assert_inert(&server.http.get(&format!("/p/{portal}/{}", "keys")).await.expect(401), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_branding_brings_its_own_css_or_svg() {
    let (_server, api) = served(Store::Sqlite).await;
    for colour in [
        "red",
        "#fff",
        "#2563eb;",
        "#2563eb}*{display:none",
        "url(//evil.example)",
        "expression(alert(1))",
        "var(--x)",
        "#２563eb",
        "#2563e\u{0}",
        "\\23 2563eb",
    ] {
        let answer = api.patch("/v1/portals/default", json!({"branding": {"primaryColor": colour}})).await.expect(400);
        assert_eq!(answer.json()["error"]["param"], "branding.primaryColor", "{colour:?}");
    }
    // A logo is an image element's address, on https, that can't end its attribute or the policy.
    for logo in [
        "http://cdn.example/x.svg",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "javascript:alert(1)",
        "//cdn.example/x.svg",
        "/x.svg",
        "https://cdn.example/\"onerror=\"alert(1)",
        "https://cdn.example/'; script-src *",
        "https://cdn.example/a b",
        "https://cdn.example;script-src/x",
        "https://user@cdn.example/",
        "https://cdn.example/\r\nX: y",
    ] {
        let answer = api.patch("/v1/portals/default", json!({"branding": {"logoUrl": logo}})).await.expect(400);
        assert_eq!(answer.json()["error"]["param"], "branding.logoUrl", "{logo:?}");
    }
    for origin in [
        "*",
        "https://*.example",
        "'self'",
        "https://a.example; script-src *",
        "https://a.example 'unsafe-inline'",
        "data:",
        "https://a.example,https://b.example",
    ] {
        for field in ["frameAncestors", "allowedReturnOrigins"] {
            let answer = api.patch("/v1/portals/default", json!({field: [origin]})).await.expect(400);
            assert_eq!(answer.json()["error"]["param"], format!("{field}[0]"), "{origin:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_becomes_a_header() {
    let (server, api) = served(Store::Sqlite).await;
    for path in [
        "/r/x%0d%0aSet-Cookie:%20a=b",
        "/?session=%0d%0aX:%20y",
        "/?code=x%0aLocation:%20//evil.example",
        "/p/%0d%0aX:%20y/keys",
        "/docs/%0d%0aX:%20y",
        "/v1/portals/%0d%0aX:%20y",
    ] {
        for http in [&server.http, &api, &server.http.header("cookie", "a=%0d%0ab; vst_=x")] {
            let answer = http.get(path).await;
            assert!(answer.status < 500, "{path}: {}", answer.text());
            let headers = format!("{:?}", answer.headers).to_lowercase();
            assert!(
                !headers.contains("evil") && !headers.contains("x: y") && answer.headers.get("x").is_none(),
                "{path}: {headers}"
            );
        }
    }
}
