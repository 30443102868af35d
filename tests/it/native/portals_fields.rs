//! Portals: every bound of every field, on create and on PATCH.

use serde_json::{Value, json};

use crate::support::{World, text};

const PORTALS: &str = "/v1/portals";

struct Bench {
    world: World,
    made: u32,
    changed: String,
}

impl Bench {
    async fn both() -> [Self; 2] {
        let mut benches = Vec::new();
        for world in World::both().await {
            let portal = world.api.post(PORTALS, json!({"slug": "to-be-changed"})).await.expect(201).json();
            benches.push(Self { world, made: 0, changed: format!("{PORTALS}/{}", text(&portal, "id")) });
        }
        benches.try_into().ok().expect("two")
    }

    fn new_body(&mut self, field: &str, value: &Value) -> Value {
        self.made += 1;
        let mut body = json!({"slug": format!("made-{}", self.made)});
        body[field] = value.clone();
        body
    }

    async fn taken(&mut self, field: &str, values: Vec<Value>) {
        for value in values {
            let body = self.new_body(field, &value);
            let made = self.world.api.post(PORTALS, body).await;
            assert_eq!(made.status, 201, "{field}: {value}: {}", made.text());
            assert_eq!(made.json()[field], value);
            if field != "slug" {
                let changed = self.world.api.patch(&self.changed, json!({field: value})).await;
                assert_eq!(changed.expect(200).json()[field], value);
            }
        }
    }

    async fn refused(&mut self, field: &str, param: &str, values: Vec<Value>) {
        let before = self.world.api.get(&self.changed).await.expect(200).json();
        for value in values {
            let body = self.new_body(field, &value);
            let made = self.world.api.post(PORTALS, body).await;
            assert_eq!(made.status, 400, "{field}: {value}: {}", made.text());
            made.invalid(param);
            let changed = self.world.api.patch(&self.changed, json!({field: value})).await;
            assert_eq!(changed.status, 400, "{field}: {value}: {}", changed.text());
            changed.invalid(param);
        }
        assert_eq!(self.world.api.get(&self.changed).await.expect(200).json(), before, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slug_and_name() {
    for mut bench in Bench::both().await {
        let good = ["abc", "a-b", "0a9", &"a".repeat(64)].map(Value::from);
        bench.taken("slug", good.to_vec()).await;
        let bad = ["", "ab", "-abc", "abc-", "a--b", "Abc", "a_b", "a b", "äbc", "abc\u{0}", &"a".repeat(65)];
        bench.refused("slug", "slug", bad.map(Value::from).into_iter().chain([json!(123)]).collect()).await;
        bench.world.api.post(PORTALS, json!({"name": "N"})).await.malformed("invalid_request", Some("slug"));
        bench.world.api.post(PORTALS, json!({"slug": null})).await.malformed("invalid_request", Some("slug"));
        bench.taken("name", ["a".to_owned(), "ä".repeat(256)].map(Value::from).to_vec()).await;
        let bad = [json!(""), json!("ä".repeat(257)), json!(" a"), json!("a\u{0}"), json!(1)];
        bench.refused("name", "name", bad.to_vec()).await;
        bench.taken("enabled", vec![json!(true), json!(false)]).await;
        bench.refused("enabled", "enabled", vec![json!("true"), json!(1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses() {
    let long = |length: usize| json!(format!("https://a.example/{}", "x".repeat(length - 18)));
    for mut bench in Bench::both().await {
        for field in ["returnUrl", "appUrl", "upstreamUrl"] {
            bench
                .taken(field, vec![json!("https://a.example/x?y=z"), json!("http://localhost:3000/"), long(2048)])
                .await;
            let bad =
                ["", "/x", "http://a.example/", "https://u@a.example/", "javascript:x", "https://a.example/\u{0}"];
            bench.refused(field, field, bad.map(Value::from).into_iter().chain([long(2049), json!(1)]).collect()).await;
        }
        // A policy has to be able to name what may frame the portal.
        let nameless = ["http://[::1]:3000", "https://my_shop.example"];
        for (field, local) in [("allowedReturnOrigins", nameless[0]), ("frameAncestors", "http://localhost:3000")] {
            let most: Vec<String> = (0..50).map(|n| format!("https://a{n}.example")).collect();
            bench.taken(field, vec![json!([]), json!(["https://a.example:8443", local]), json!(most)]).await;
            let bad = ["https://a.example/", "a.example", "*", "https://*.example", "null", "http://a.example", ""];
            let second = bad.map(|origin| json!(["https://a.example", origin])).to_vec();
            bench.refused(field, &format!("{field}[1]"), second).await;
            bench.refused(field, field, vec![json!(vec!["https://a.example"; 51]), json!("https://a.example")]).await;
            bench.refused(field, &format!("{field}[0]"), vec![json!([1]), json!([null])]).await;
        }
        bench.taken("allowedReturnOrigins", vec![json!(nameless)]).await;
        let nameless = nameless.map(|origin| json!([origin])).to_vec();
        bench.refused("frameAncestors", "frameAncestors[0]", nameless).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lifetimes_and_permissions() {
    for mut bench in Bench::both().await {
        for (field, least, most) in [("linkTtl", 60, 604_800), ("sessionTtl", 300, 2_592_000)] {
            bench.taken(field, vec![json!(least), json!(most)]).await;
            let bad = [json!(least - 1), json!(most + 1), json!(0), json!(-1), json!("900"), json!(900.5)];
            bench.refused(field, field, bad.to_vec()).await;
        }
        bench.taken("defaultPermissions", vec![json!([]), json!(["a.b.c"]), json!(vec!["*.*.*"; 100])]).await;
        bench
            .refused("defaultPermissions", "defaultPermissions", vec![json!(vec!["a.b.c"; 101]), json!("a.b.c")])
            .await;
        let bad = [json!(["a.b.c", "a.b"]), json!(["a.b.c", "a.b.c "])];
        bench.refused("defaultPermissions", "defaultPermissions[1]", bad.to_vec()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branding() {
    for mut bench in Bench::both().await {
        let whole = |colour: &str, logo: Value, name: Value| json!({"primaryColor": colour, "logoUrl": logo, "displayName": name});
        let good = [
            whole("#000000", json!(null), json!(null)),
            whole("#abcdef", json!("https://a.example/l.png"), json!("ä".repeat(256))),
        ];
        bench.taken("branding", good.to_vec()).await;
        for (field, bad) in [
            (
                "primaryColor",
                vec![json!("red"), json!("#fff"), json!("#gggggg"), json!("#0000000"), json!(""), json!(0)],
            ),
            (
                "logoUrl",
                vec![json!("http://localhost/l.png"), json!("/l.png"), json!("data:image/png;base64,x"), json!(1)],
            ),
            ("displayName", vec![json!(""), json!("a".repeat(257)), json!("a\u{0}"), json!(1)]),
        ] {
            let values = bad.into_iter().map(|value| json!({field: value})).collect();
            bench.refused("branding", &format!("branding.{field}"), values).await;
        }
        bench.refused("branding", "branding", vec![json!("x"), json!([]), json!(["#000000", null, null])]).await;
        let answer = bench.world.api.patch(&bench.changed, json!({"branding": {"color": "#000000"}})).await;
        answer.malformed("invalid_request", Some("branding.color"));
        for field in ["id", "object", "createdAt", "livemode", "link_ttl"] {
            bench.world.api.patch(&bench.changed, json!({field: "x"})).await.malformed("invalid_request", Some(field));
            let body = json!({"slug": "never", field: "x"});
            bench.world.api.post(PORTALS, body).await.malformed("invalid_request", Some(field));
        }
    }
}
