//! Heads that are malformed, contradict themselves, or carry more than anybody needs.

use reqwest::Method;

use super::*;

/// Sends it; each answer's status. Every connection ends with an answer, or by being closed.
async fn told(http: &Http, request: impl Into<Vec<u8>>) -> Vec<u16> {
    statuses(&http.raw(request).await)
}

const CLOSE: &str = "Host: x\r\nConnection: close\r\n";
/// What an attacker would like to be read as a request of the next one on the connection.
const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const EXCHANGE: &str = "POST /v1/portal-sessions/exchange HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_where_one_reading_only_says() {
    let (server, _) = served(Store::Sqlite).await;
    let length = SMUGGLED.len();
    // Refused, and nothing behind it is read.
    for framing in [
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: 0, {length}\r\n"),
        format!("Content-Length: +{length}\r\n"),
        format!("Content-Length: -{length}\r\n"),
        format!("Content-Length: 0x{length:x}\r\n"),
        format!("Content-Length: {length} 0\r\n"),
        "Content-Length: 99999999999999999999999999\r\n".into(),
        "Content-Length:\r\n".into(),
        "Content-Length : 0\r\n".into(),
        "Transfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: chunked, identity\r\n".into(),
        "Transfer-Encoding: xchunked\r\n".into(),
        "Transfer-Encoding : chunked\r\n".into(),
        "Transfer-Encoding: \x0bchunked\r\n".into(),
        "Transfer-Encoding:\r\n chunked\r\n".into(),
        " Transfer-Encoding: chunked\r\n".into(),
        "X: a\r\n folded\r\n".into(),
        "X: a\r\n\tfolded\r\n".into(),
    ] {
        let text = server.http.raw(format!("{EXCHANGE}{framing}\r\n{SMUGGLED}")).await;
        assert_eq!(statuses(&text), [400], "{framing:?}: {text}");
    }
    // Transfer-Encoding wins (RFC 9112, section 6.3), and the connection ends whatever follows.
    for framing in
        ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"]
    {
        let text = server.http.raw(format!("{EXCHANGE}{framing}\r\n0\r\n\r\n{SMUGGLED}")).await;
        assert_eq!(statuses(&text), [400], "{text}");
        assert!(text.contains("connection: close"), "{text}");
        assert_eq!(error_in(&text)["code"], "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_lie_are_refused_in_the_envelope() {
    let (server, _) = served(Store::Sqlite).await;
    for chunks in [
        "xyz\r\n{}\r\n0\r\n\r\n",
        "-1\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "\r\n{}\r\n",
    ] {
        let text = server.http.raw(format!("{EXCHANGE}Transfer-Encoding: chunked\r\n\r\n{chunks}{SMUGGLED}")).await;
        assert_eq!(statuses(&text), [400], "{chunks:?}: {text}");
        assert_eq!(error_in(&text)["code"], "invalid_request", "{chunks:?}");
    }
    // A chunk's extensions and trailers are nobody's business, but they are not endless.
    let trailers = "X: y\r\n".repeat(50_000);
    let extension = "x".repeat(1 << 20);
    for chunks in [format!("0\r\n{trailers}\r\n"), format!("2;{extension}\r\n{{}}\r\n0\r\n\r\n")] {
        let text = server.http.raw(format!("{EXCHANGE}Transfer-Encoding: chunked\r\n\r\n{chunks}")).await;
        assert_eq!(statuses(&text), [400], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_head_is_refused_by_the_connection() {
    let (server, _) = served(Store::Sqlite).await;
    let many = "X: y\r\n".repeat(101);
    let long = "x".repeat(200_000);
    for (head, status) in [
        ("\0\0\0\0\r\n\r\n".into(), 400),
        ("\x16\x03\x01\x02\x00\x01\r\n\r\n".into(), 400),
        ("GET /healthz\r\n\r\n".into(), 400),
        ("GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n".into(), 400),
        ("GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400),
        ("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400),
        ("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nX\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nX y: z\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nX\0: z\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n".into(), 400),
        (format!("GET /healthz HTTP/1.1\r\n{CLOSE}{many}\r\n"), 431),
        (format!("GET /healthz HTTP/1.1\r\n{CLOSE}X: {long}\r\n\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\n{CLOSE}\r\n"), 414),
    ] {
        let told = told(&server.http, head.as_bytes()).await;
        // A target that overflows the buffer is a head that does.
        let is_long = status == 414 && told == [431];
        assert!(told == [status] || is_long, "{:?}: {told:?}, not {status}", &head[..head.len().min(60)]);
    }
    // HTTP/2 without asking is not spoken here; there is no answer that it would understand.
    assert_eq!(told(&server.http, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, Vec::<u16>::new());
    server.http.get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_targets_lead_nowhere() {
    let (server, api) = served(Store::Sqlite).await;
    for target in [
        "*",
        "http://evil.example/healthz",
        "evil.example:443",
        "healthz",
        "/%",
        "/%zz",
        "/%00",
        "/%ff",
        "/v1/../healthz",
        "//healthz",
        "/healthz/",
        "/v1//portals",
        "/v1/portals/%2e%2e",
        "/v1/portals/a%2Fb",
        "/healthz?%00",
        "/?\u{fffd}",
    ] {
        for method in ["GET", "OPTIONS", "POST", "CONNECT"] {
            let text = server.http.raw(format!("{method} {target} HTTP/1.1\r\n{CLOSE}\r\n")).await;
            let told = statuses(&text);
            assert!(told.len() == 1 && told[0] < 500, "{method} {target}: {text}");
        }
    }
    // A path's broken text names nothing.
    for path in [
        "/v1/portals/%ff",
        "/v1/portals/%00",
        "/v1/portals/%0d%0aX:%20y",
        "/v1/portal-sessions/%ff%fe",
        "/v1/customers/%00",
        "/v1/customers/%F0%9F%92%A9",
    ] {
        for method in [Method::GET, Method::DELETE] {
            let answer = api.send(method.clone(), path, None).await.expect(404);
            assert_envelope(&answer, path);
        }
        if !path.contains("sessions") {
            assert_envelope(&api.patch(path, json!({})).await.expect(404), path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_told_which_there_are() {
    let (server, api) = served(Store::Sqlite).await;
    let known = [
        ("/healthz", "GET,HEAD"),
        ("/v1/portal-sessions", "GET,HEAD,POST"),
        ("/v1/portal-sessions/exchange", "POST"),
        ("/v1/portal-session", "DELETE,GET,HEAD,OPTIONS"),
        ("/v1/portals/x", "DELETE,GET,HEAD,PATCH"),
        ("/v1/customers/x/portal-sessions", "DELETE"),
        ("/v1/events", "GET,HEAD"),
    ];
    for (path, allowed) in known {
        for method in ["PUT", "TRACE", "PROPFIND", "get", "X"] {
            let answer = api.send(Method::from_bytes(method.as_bytes()).unwrap(), path, None).await;
            let what = format!("{method} {path}");
            assert_eq!(answer.status, 405, "{what}: {}", answer.text());
            assert_envelope(&answer, &what);
            let mut told: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
            told.sort_unstable();
            assert_eq!(told.join(","), allowed, "{what}");
        }
    }
    let head = server.http.send(Method::HEAD, "/healthz", None).await.expect(200);
    assert!(head.body.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_contradict_each_other_are_refused() {
    let (server, api) = served(Store::Sqlite).await;
    let (a, b) = (server.tenant().key, server.tenant().key);
    let ask = async |headers: String| {
        let text = server.http.raw(format!("GET /v1/portals HTTP/1.1\r\n{CLOSE}{headers}\r\n")).await;
        let status = statuses(&text);
        assert_eq!(status.len(), 1, "{headers:?}: {text}");
        if status[0] != 200 {
            error_in(&text);
        }
        status[0]
    };
    for (headers, status) in [
        (format!("Authorization: Bearer {a}\r\nx-api-key: {a}\r\n"), 200),
        (format!("Authorization: Bearer {a}\r\nAuthorization: Bearer {a}\r\nx-api-key:\r\n"), 200),
        (format!("Authorization: bEARER   {a}  \r\n"), 200),
        (format!("Authorization: Bearer {a}\r\nAuthorization: Bearer {b}\r\n"), 400),
        (format!("Authorization: Bearer {a}\r\nx-api-key: {b}\r\n"), 400),
        (format!("x-api-key: {a}\r\nx-api-key: {b}\r\n"), 400),
        (format!("Authorization: Basic {a}\r\n"), 401),
        (format!("Authorization: Bearer {a}\r\nAuthorization: Basic {a}\r\n"), 401),
        (format!("Authorization: {a}\r\n"), 401),
        ("Authorization: \r\n".into(), 401),
        ("Authorization: Bearer \u{e9}\r\n".into(), 401),
        ("x-api-key: \u{e9}\r\n".into(), 401),
        (format!("Authorization: Bearer {a} {a}\r\n"), 401),
        (format!("Authorization: Bearer {a},\r\n"), 401),
    ] {
        assert_eq!(ask(headers.clone()).await, status, "{headers:?}");
    }
    let twice = format!(
        "POST /v1/portals HTTP/1.1\r\n{CLOSE}Authorization: Bearer {a}\r\nContent-Type: application/json\r\nIdempotency-Key: 1\r\nIdempotency-Key: 2\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(error_in(&server.http.raw(twice).await)["code"], "invalid_request");
    let types = "Content-Type: application/json\r\nContent-Type: text/plain\r\n";
    let typed = format!(
        "POST /v1/portals HTTP/1.1\r\n{CLOSE}Authorization: Bearer {a}\r\n{types}Content-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(error_in(&server.http.raw(typed).await)["code"], "unsupported_media_type");
    for key in ["", " ", "\u{e4}", &"x".repeat(256)] {
        let answer = api.header("idempotency-key", key).post("/v1/portals", json!({"slug": "abc"})).await.expect(400);
        assert_envelope(&answer, key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_ten_thousand_parameters_is_refused_at_once() {
    let (_server, api) = served(Store::Sqlite).await;
    let unknown: String = (0..10_000).map(|n| format!("&a{n}=1")).collect();
    let repeated = "&limit=1".repeat(7_000);
    for query in [
        &unknown[1..50_000],
        &repeated[1..],
        "limit=1&limit=1",
        "Limit=1",
        "limit=1&%00=1",
        "limit=%ff",
        "limit=-1",
        "limit=0",
        "limit=101",
        "limit=1e1",
        "limit= 1",
        "limit=99999999999999999999",
        "startingAfter=",
        "startingAfter=ps_",
        "startingAfter=%00",
        "endingBefore=1&startingAfter=1",
        "limit[]=1",
    ] {
        for path in ["/v1/portal-sessions", "/v1/portals", "/v1/customers", "/v1/events"] {
            let asked = std::time::Instant::now();
            let answer = api.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query:.60}: {}", answer.text());
            assert_envelope(&answer, query);
            assert!(answer.body.len() < 2048, "{}", answer.body.len());
            assert!(asked.elapsed().as_secs() < 2, "{:?}", asked.elapsed());
        }
    }
}
