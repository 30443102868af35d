//! `POST /v1/portal-sessions`: every bound of every field, from both sides.

use serde_json::{Value, json};

use crate::support::{SESSIONS, World, creation, text};

/// Bodies that differ from a good one in one field, all of which are taken.
async fn taken(world: &World, field: &str, values: Vec<Value>) {
    for value in values {
        let created = world.api.post(SESSIONS, creation(json!({field: value}))).await;
        assert_eq!(created.status, 201, "{field}: {value}: {}", created.text());
        let created = created.json();
        // What came in comes out again, in the creation and in the get.
        if created.get(field).is_some() && !value.is_null() {
            assert_eq!(created[field], value, "{field}");
            let got = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200).json();
            assert_eq!(got[field], value, "{field}");
        }
    }
}

/// The same, none of which is taken: the error names `param`.
async fn refused(world: &World, field: &str, param: &str, values: Vec<Value>) {
    for value in values {
        let answer = world.api.post(SESSIONS, creation(json!({field: value}))).await;
        assert_eq!(answer.status, 400, "{field}: {value}: {}", answer.text());
        answer.invalid(param);
    }
}

fn number_of_sessions(list: &Value) -> usize {
    list["data"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customers_external_id() {
    for world in World::both().await {
        let good = ["a".to_owned(), "ä".repeat(256), "a b".into(), "日本 \u{1F600}".into(), "ten_1/\\'\"%_".into()];
        taken(&world, "customerExternalId", good.map(Value::from).to_vec()).await;
        let bad = ["", "ä", " a", "a ", "\u{a0}a", "a\tb", "a\u{0}b", "a\nb", "a\u{7f}", "a\u{85}b"];
        let bad = bad.map(|text| if text == "ä" { text.repeat(257) } else { text.to_owned() });
        let values = bad.map(Value::from).into_iter().chain([json!(1), json!(["a"]), json!(true)]).collect();
        refused(&world, "customerExternalId", "customerExternalId", values).await;
        let listed = world.api.get("/v1/customers?limit=100").await.expect(200).json();
        assert_eq!(number_of_sessions(&listed), 5, "only the good ones made customers: {listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions() {
    let longest = format!("a.b.{}", "c".repeat(251));
    for world in World::both().await {
        let good = [json!(["a.b.c"]), json!([longest]), json!(["*.*.*", "!.~.a"]), json!(vec!["a.b.c"; 100])];
        taken(&world, "permissions", good.to_vec()).await;
        refused(&world, "permissions", "permissions", vec![json!([]), json!(vec!["a.b.c"; 101]), json!("a.b.c")]).await;
        let bad = ["", "a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.c d", "a.b.ç", "a.b.\u{0}", "a.b.c\n"];
        let second = bad.map(|tuple| json!(["a.b.c", tuple]));
        refused(&world, "permissions", "permissions[1]", second.to_vec()).await;
        let wrong = [json!([format!("{longest}c")]), json!([7]), json!([null]), json!([["a.b.c"]])];
        refused(&world, "permissions", "permissions[0]", wrong.to_vec()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_return_url() {
    let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    for world in World::both().await {
        let good = [
            "https://your-app.example/billing?x=1#y".to_owned(),
            "http://localhost:3000/".into(),
            "http://127.0.0.1/".into(),
            "http://[::1]:8080/back".into(),
            long(2048),
        ];
        taken(&world, "returnUrl", good.map(Value::from).to_vec()).await;
        let bad = [
            "",
            "/relative",
            "//a.example",
            "a.example",
            "http://a.example/",
            "ftp://a.example/",
            "javascript:alert(1)",
            "https://user@a.example/",
            "https://user:pw@a.example/",
            "https:a.example",
            "https:\\\\a.example",
            "https://a.example\\@b.example",
            " https://a.example",
            "https://a.example/\u{0}",
            "https://a.example/%00",
            "https://a.example/a b",
            "https://ä.example/",
            "http://127.1/",
            "http://localhost.evil.example/",
        ];
        let bad = bad.map(str::to_owned).into_iter().chain([long(2049)]).map(Value::from);
        refused(&world, "returnUrl", "returnUrl", bad.chain([json!(1), json!({})]).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lifetimes() {
    for world in World::both().await {
        for (field, least, most) in [("expiresIn", 60, 604_800), ("sessionTtl", 300, 2_592_000)] {
            taken(&world, field, vec![json!(least), json!(most)]).await;
            let around = [json!(least - 1), json!(most + 1), json!(0), json!(-1), json!(4_294_967_296_u64)];
            refused(&world, field, field, around.to_vec()).await;
            let wrong = [json!(60.5), json!("900"), json!(true), json!([900]), json!(1e300)];
            refused(&world, field, field, wrong.to_vec()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path() {
    let long = |length: usize| format!("/{}", "x".repeat(length - 1));
    for world in World::both().await {
        let good = ["/".to_owned(), "/keys?x=1#y".into(), "/a%20b/c".into(), long(2048)];
        taken(&world, "path", good.map(Value::from).to_vec()).await;
        let bad = ["", "keys", "//evil.example", "/\\evil.example", "/a/../b", "/%2e%2e/b", "/%2Fx", "/a b", "/\u{0}"];
        let bad = bad.map(str::to_owned).into_iter().chain([long(2049)]).map(Value::from);
        refused(&world, "path", "path", bad.chain([json!(1)]).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_switches() {
    for world in World::both().await {
        taken(&world, "delivery", vec![json!("message"), json!("redirect")]).await;
        taken(&world, "mode", vec![json!("link"), json!("token")]).await;
        for field in ["delivery", "mode"] {
            let bad = [json!("Message"), json!(""), json!("other"), json!(1), json!(true), json!({})];
            refused(&world, field, field, bad.to_vec()).await;
        }
        for field in ["preview", "replaceExisting"] {
            taken(&world, field, vec![json!(true), json!(false)]).await;
            refused(&world, field, field, vec![json!("true"), json!(1), json!([])]).await;
        }
        taken(&world, "locale", ["en", "pt-BR", "zh-Hant-TW", "de-CH-1996"].map(Value::from).to_vec()).await;
        let tags = ["", "e", "en_US", "en-", "-en", "en US", "123", "en\u{0}", "abcdefghi"];
        refused(&world, "locale", "locale", tags.map(Value::from).into_iter().chain([json!(1)]).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    let keys = |count: usize| -> Value {
        let pairs = (0..count).map(|n| (format!("{n:02}{}", "k".repeat(38)), json!("v".repeat(500))));
        Value::Object(pairs.collect())
    };
    for world in World::both().await {
        let good =
            [json!({}), json!({"k": ""}), json!({"ä".repeat(40): "ö".repeat(500)}), keys(50), json!({"a.b": "\n"})];
        taken(&world, "metadata", good.to_vec()).await;
        refused(&world, "metadata", "metadata", vec![keys(51), json!({"": "v"}), json!([]), json!("k")]).await;
        refused(&world, "metadata", "metadata", vec![json!({"k".repeat(41): "v"}), json!({"a\u{0}": "v"})]).await;
        let values = [json!("v".repeat(501)), json!("\u{0}"), json!(1), json!(null), json!({}), json!(["v"])];
        let values = values.map(|value| json!({"ok": "v", "k": value}));
        refused(&world, "metadata", "metadata.k", values.to_vec()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_takes_a_nul() {
    for world in World::both().await {
        for (field, value) in [
            ("customerExternalId", json!("a\u{0}")),
            ("portal", json!("default\u{0}")),
            ("permissions", json!(["a.b.c\u{0}"])),
            ("returnUrl", json!("https://a.example/\u{0}")),
            ("path", json!("/\u{0}")),
            ("delivery", json!("message\u{0}")),
            ("mode", json!("link\u{0}")),
            ("locale", json!("en\u{0}")),
            ("metadata", json!({"a": "\u{0}"})),
        ] {
            let answer = world.api.post(SESSIONS, creation(json!({field: value}))).await;
            answer.invalid(match field {
                "permissions" => "permissions[0]",
                "metadata" => "metadata.a",
                field => field,
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_as_left_out() {
    for world in World::both().await {
        let optional = [
            "portal",
            "returnUrl",
            "expiresIn",
            "sessionTtl",
            "path",
            "delivery",
            "mode",
            "replaceExisting",
            "preview",
            "locale",
            "metadata",
            "customerId",
        ];
        let mut body = creation(json!({}));
        let plain = world.api.post(SESSIONS, body.clone()).await.expect(201).json();
        for field in optional {
            body[field] = Value::Null;
        }
        let with_nulls = world.api.post(SESSIONS, body).await.expect(201).json();
        for (field, value) in plain.as_object().unwrap() {
            let differs = ["id", "createdAt", "expiresAt", "token", "url"].contains(&field.as_str());
            assert!(differs || with_nulls[field] == *value, "{field}: {with_nulls}");
        }
        let mut body = creation(json!({}));
        body["permissions"] = Value::Null;
        // As left out: the portal's defaults, which are none.
        let none = world.api.post(SESSIONS, body).await.expect(201).json();
        assert_eq!(none["permissions"], json!([]));
    }
}
