//! Bodies that are too large, too deep, twice there, or no JSON at all.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use reqwest::Method;

use super::*;

const POST: &str = "POST /v1/portal-sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_too_large_is_refused_before_a_byte_of_it() {
    let (server, api) = served(Store::Sqlite).await;
    for length in ["65537", "10000000000", "18446744073709551613"] {
        let asked = Instant::now();
        let text = server.http.raw(format!("{POST}Content-Length: {length}\r\n\r\n")).await;
        assert_eq!(statuses(&text), [413], "{text}");
        assert_eq!(error_in(&text)["code"], "body_too_large");
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
    let body = |size: usize| {
        let body = json!({"customerExternalId": "a", "permissions": ["a.b.c"]}).to_string();
        body.replace(':', &format!(":{}", " ".repeat(size - body.len()))).into_bytes()
    };
    let fits = body(60_000);
    assert!(fits.len() > 65_536, "the space is there twice");
    assert_envelope(&api.send(Method::POST, "/v1/portal-sessions", Some(fits)).await.expect(413), "65537");
    let mut fits = json!({"customerExternalId": "a", "permissions": ["a.b.c"]}).to_string().into_bytes();
    fits.resize(65_536, b' ');
    api.send(Method::POST, "/v1/portal-sessions", Some(fits)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_counted_as_they_come() {
    let (server, _) = served(Store::Sqlite).await;
    let mut stream = server.http.connect();
    let text = tokio::task::spawn_blocking(move || {
        stream.write_all(format!("{POST}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
        for _ in 0..16 {
            write!(stream, "1000\r\n{}\r\n", " ".repeat(4096)).unwrap();
        }
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut early = [0];
        assert!(stream.read(&mut early).is_err(), "64 KiB are allowed");
        // One more, and the answer does not wait for the end.
        stream.write_all(b"1\r\n \r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (asked, mut text) = (Instant::now(), String::new());
        stream.read_to_string(&mut text).unwrap();
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        text
    })
    .await
    .unwrap();
    assert_eq!(statuses(&text), [413]);
    assert_eq!(error_in(&text)["code"], "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_refused() {
    let (_server, api) = served(Store::Sqlite).await;
    let deep = "[".repeat(60_000);
    let deep_object = r#"{"metadata":"#.repeat(5_000);
    let deep_known = format!(r#"{{"metadata":{}1{}}}"#, r#"{"a":"#.repeat(3_000), "}".repeat(3_000));
    let bodies: [&[u8]; 23] = [
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b"\"text\"",
        b"[]",
        b"[null]",
        b"[\"a\", null, null, null, null, null, null, null]",
        b"{",
        b"{}{}",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{\"customerExternalId\":\"\xff\"}",
        b"{\"customerExternalId\":\"\\ud800\"}",
        b"{\"customerExternalId\":\"a\nb\"}",
        b"{\"expiresIn\":NaN}",
        b"// {}\n{}",
        deep.as_bytes(),
        deep_object.as_bytes(),
        deep_known.as_bytes(),
    ];
    for path in ["/v1/portal-sessions", "/v1/portals", "/v1/customers", "/v1/portal-sessions/exchange"] {
        for body in bodies {
            let what = format!("{path}: {:.60}", String::from_utf8_lossy(body));
            let answer = api.send(Method::POST, path, Some(body.into())).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            assert_envelope(&answer, &what);
            assert!(answer.body.len() < 2048, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_there_once_and_of_its_type() {
    for store in Store::both() {
        let (_server, api) = served(store).await;
        let sessions = "/v1/portal-sessions";
        let valid = r#""customerExternalId":"a","permissions":["a.b.c"]"#;
        for (path, body, code) in [
            (sessions, format!(r#"{{{valid},"customerExternalId":"b"}}"#), "invalid_request"),
            (sessions, format!(r#"{{{valid},"metadata":{{"a":"1","a":"2"}}}}"#), "invalid_request"),
            (sessions, "[\"a\"]".into(), "invalid_request"),
            ("/v1/portals", r##"{"slug":"abc","branding":["#ffffff",null,null]}"##.into(), "validation_error"),
            (sessions, format!(r#"{{{valid},"__proto__":{{}}}}"#), "invalid_request"),
            (sessions, format!(r#"{{{valid},"CustomerExternalId":"a"}}"#), "invalid_request"),
            (sessions, format!(r#"{{{valid},"expiresIn":"900"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"expiresIn":900.0}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"expiresIn":-1}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"expiresIn":1e400}}"#), "invalid_request"),
            (sessions, format!(r#"{{{valid},"expiresIn":99999999999999999999}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"preview":"true"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"metadata":{{"a":1}}}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"metadata":[]}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"metadata":{{"a":"\u0000"}}}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"metadata":{{"\u0000":"a"}}}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"portal":"\u0000"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"path":"/\r\nSet-Cookie: a=b"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"path":"/\u0000"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"returnUrl":"https://a.example/\r\nX: y"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"locale":"de\u0000"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"delivery":"Message"}}"#), "validation_error"),
            (sessions, format!(r#"{{{valid},"delivery":{{"message":null}}}}"#), "validation_error"),
            (sessions, r#"{"customerExternalId":"a\u0000b","permissions":["a.b.c"]}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":"a\r\nb","permissions":["a.b.c"]}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":["a"],"permissions":["a.b.c"]}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":"a","permissions":["a.b.c\r\n"]}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":"a","permissions":["a.b.\u0000"]}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":"a","permissions":"a.b.c"}"#.into(), "validation_error"),
            (sessions, r#"{"customerExternalId":"a","permissions":[]}"#.into(), "validation_error"),
            ("/v1/customers", r#"{"externalId":"a","externalId":"b"}"#.into(), "invalid_request"),
            ("/v1/customers", r#"{"externalId":"a","name":"\u0000"}"#.into(), "validation_error"),
            ("/v1/customers", r#"{"externalId":"a","email":"a\r\nBcc: b"}"#.into(), "validation_error"),
            ("/v1/portals", r#"{"slug":"abc","name":"a\u0000"}"#.into(), "validation_error"),
            ("/v1/portals", r#"{"slug":"abc\u0000"}"#.into(), "validation_error"),
            (
                "/v1/portals",
                r#"{"slug":"abc","branding":{"displayName":"a","displayName":"b"}}"#.into(),
                "invalid_request",
            ),
            (
                "/v1/portals",
                r##"{"slug":"abc","branding":{"primaryColor":"#fff;}*{x:y}"}}"##.into(),
                "validation_error",
            ),
            ("/v1/portal-sessions/exchange", r#"{"token":"\u0000"}"#.into(), "session_invalid"),
            ("/v1/portal-sessions/exchange", r#"{"token":"a","token":"b"}"#.into(), "invalid_request"),
            ("/v1/portal-sessions/exchange", r#"{"token":"a","nonce":"short"}"#.into(), "validation_error"),
        ] {
            let answer = api.send(Method::POST, path, Some(body.clone().into())).await;
            assert_eq!(answer.json()["error"]["code"], code, "{body}: {}", answer.text());
            assert_envelope(&answer, &body);
        }
        // Anything else in Unicode is kept as it came.
        for name in ["\u{202e}abc", "👨‍👩‍👧", "<script>", "'; drop table customers; --", "${jndi:x}", "\u{fffd}\u{10ffff}"]
        {
            let made = api.post("/v1/customers", json!({"externalId": name, "name": name})).await.expect(201).json();
            let read = api.get(&format!("/v1/customers/{}", made["id"].as_str().unwrap())).await.expect(200).json();
            assert_eq!([&read["externalId"], &read["name"]], [name, name]);
        }
    }
}
