//! `/v1/customers`: made, read, listed, changed.

use serde_json::{Value, json};

use crate::support::{World, ids, text, unknown, uuid};

const CUSTOMERS: &str = "/v1/customers";

/// Every field that may be set and changed, with the longest text it takes (0: no such bound).
const TEXTS: [(&str, usize); 4] = [("email", 256), ("name", 256), ("phone", 64), ("companyName", 256)];

#[tokio::test(flavor = "multi_thread")]
async fn with_and_without_a_profile() {
    for world in World::both().await {
        let made = world.api.post(CUSTOMERS, json!({"externalId": "plain"})).await.expect(201).json();
        let names: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
        let documented = [
            "object",
            "id",
            "externalId",
            "email",
            "name",
            "phone",
            "companyName",
            "defaultCurrency",
            "locale",
            "metadata",
            "livemode",
            "createdAt",
        ];
        assert_eq!(names, documented);
        assert_eq!(
            (&made["object"], &made["metadata"], &made["livemode"]),
            (&json!("customer"), &json!({}), &json!(false))
        );
        let nothing = ["email", "name", "phone", "companyName", "defaultCurrency", "locale"];
        assert!(nothing.iter().all(|field| made[field].is_null()), "{made}");
        let full = json!({
            "externalId": "full", "email": "jo@acme.example", "name": "Jo Doe", "phone": "+49 30 1", "companyName": "Acme",
            "defaultCurrency": "EUR", "locale": "de-DE", "metadata": {"a": "b"},
        });
        let made = world.api.post(CUSTOMERS, full.clone()).await.expect(201).json();
        assert!(full.as_object().unwrap().iter().all(|(field, value)| &made[field] == value), "{made}");
        let id = text(&made, "id");
        assert!(id.starts_with("cus_"));
        for name in [id, &uuid(id).hyphenated().to_string()] {
            assert_eq!(world.api.get(&format!("{CUSTOMERS}/{name}")).await.expect(200).json(), made);
        }
        // A session finds it by its external id.
        let session = world.mint(json!({"customerExternalId": "full"})).await;
        assert_eq!(session["customerId"], made["id"]);
        world.api.post(CUSTOMERS, json!({"externalId": "full"})).await.conflict();
        // One that was made on first sight is taken, too.
        world.mint(json!({"customerExternalId": "seen"})).await;
        world.api.post(CUSTOMERS, json!({"externalId": "seen"})).await.conflict();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_is_changed_by_itself() {
    let full = json!({
        "email": "jo@acme.example", "name": "Jo Doe", "phone": "+49 30 1", "companyName": "Acme",
        "defaultCurrency": "EUR", "locale": "de-DE", "metadata": {"a": "b", "c": "d"},
    });
    for world in World::both().await {
        let mut body = full.clone();
        body["externalId"] = json!("changed");
        let made = world.api.post(CUSTOMERS, body).await.expect(201).json();
        let path = format!("{CUSTOMERS}/{}", text(&made, "id"));
        assert_eq!(world.api.patch(&path, json!({})).await.expect(200).json(), made);
        for (field, value) in full.as_object().unwrap() {
            let mut wanted = made.clone();
            wanted[field] = if field == "metadata" { json!({}) } else { Value::Null };
            assert_eq!(world.api.patch(&path, json!({field: null})).await.expect(200).json(), wanted, "{field}: null");
            assert_eq!(world.api.patch(&path, json!({field: value})).await.expect(200).json(), made, "{field} again");
            assert_eq!(world.api.get(&path).await.expect(200).json(), made);
        }
        let merged = world.api.patch(&path, json!({"metadata": {"a": null, "e": "f", "none": null}})).await.expect(200);
        assert_eq!(merged.json()["metadata"], json!({"c": "d", "e": "f"}), "metadata merge by name");
        for fixed in ["externalId", "id", "object", "livemode", "createdAt", "company_name"] {
            world.api.patch(&path, json!({fixed: "x"})).await.malformed("invalid_request", Some(fixed));
        }
        world.api.patch(&format!("{CUSTOMERS}/{}", unknown("cus")), json!({})).await.missing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds() {
    for world in World::both().await {
        let made = world.api.post(CUSTOMERS, json!({"externalId": "to-be-changed"})).await.expect(201).json();
        let path = format!("{CUSTOMERS}/{}", text(&made, "id"));
        let mut count = 0;
        let mut body = |field: &str, value: &Value| {
            count += 1;
            let mut body = json!({"externalId": format!("c{count}")});
            body[field] = value.clone();
            body
        };
        for (field, longest) in TEXTS {
            for good in ["a".to_owned(), "ä".repeat(longest)] {
                let good = json!(good);
                let made = world.api.post(CUSTOMERS, body(field, &good)).await.expect(201).json();
                assert_eq!(made[field], good);
                assert_eq!(world.api.patch(&path, json!({field: good})).await.expect(200).json()[field], good);
            }
            let long = "ä".repeat(longest + 1);
            for bad in [json!(""), json!(long), json!(" a"), json!("a "), json!("a\u{0}"), json!("a\nb"), json!(1)] {
                world.api.post(CUSTOMERS, body(field, &bad)).await.invalid(field);
                world.api.patch(&path, json!({field: bad})).await.invalid(field);
            }
        }
        for (field, bad) in [
            ("defaultCurrency", vec!["EU", "EURO", "E1R", "", "€€€", "EU\u{0}"]),
            ("locale", vec!["e", "en_US", "", "en-"]),
        ] {
            for bad in bad {
                world.api.post(CUSTOMERS, body(field, &json!(bad))).await.invalid(field);
                world.api.patch(&path, json!({field: bad})).await.invalid(field);
            }
        }
        let too_many: Value = (0..51).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>().into();
        world.api.post(CUSTOMERS, body("metadata", &too_many)).await.invalid("metadata");
        world.api.patch(&path, json!({"metadata": too_many})).await.invalid("metadata");
        let long = json!({"k": "v".repeat(501)});
        world.api.post(CUSTOMERS, body("metadata", &long)).await.invalid("metadata.k");
        world.api.patch(&path, json!({"metadata": long})).await.invalid("metadata.k");
        for bad in ["", " a", "a\u{0}", &"a".repeat(257)] {
            world.api.post(CUSTOMERS, json!({"externalId": bad})).await.invalid("externalId");
        }
        world.api.post(CUSTOMERS, json!({})).await.malformed("invalid_request", Some("externalId"));
        world.api.post(CUSTOMERS, json!({"externalId": null})).await.malformed("invalid_request", Some("externalId"));
        world.api.post(CUSTOMERS, json!({"externalId": "x", "x": 1})).await.malformed("invalid_request", Some("x"));
        // The bound of metadata is one of the whole, also when two changes reach it together.
        let half = |from: usize| -> Value {
            (from..from + 30).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>().into()
        };
        world.api.patch(&path, json!({"metadata": half(0)})).await.expect(200);
        world.api.patch(&path, json!({"metadata": half(30)})).await.invalid("metadata");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_them() {
    for world in World::both().await {
        let mut all = Vec::new();
        for n in 0..5 {
            let made = world.api.post(CUSTOMERS, json!({"externalId": format!("c {n}")})).await.expect(201).json();
            all.insert(0, text(&made, "id").to_owned());
        }
        let page = async |query: &str| {
            let list = world.api.get(&format!("{CUSTOMERS}{query}")).await.expect(200).json();
            assert_eq!((&list["object"], &list["url"]), (&json!("list"), &json!(CUSTOMERS)));
            (ids(&list), list["hasMore"] == true)
        };
        assert_eq!(page("").await, (all.clone(), false));
        assert_eq!(page("?limit=2").await, (all[..2].to_vec(), true));
        assert_eq!(page(&format!("?limit=2&startingAfter={}", all[1])).await, (all[2..4].to_vec(), true));
        assert_eq!(page(&format!("?limit=2&endingBefore={}", all[4])).await, (all[2..4].to_vec(), true));
        assert_eq!(page("?externalId=c%202").await, (vec![all[2].clone()], false));
        assert_eq!(page("?externalId=nobody").await, (vec![], false));
        assert_eq!(page(&format!("?externalId=c+2&startingAfter={}", all[2])).await, (vec![], false));
        world.api.delete(&format!("{CUSTOMERS}/{}", all[2])).await.expect(204);
        assert_eq!(
            page(&format!("?limit=2&startingAfter={}", all[2])).await,
            (all[3..5].to_vec(), false),
            "a deleted row's id"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_kept() {
    for world in World::both().await {
        let made = world.api.post(CUSTOMERS, json!({"externalId": "busy"})).await.expect(201).json();
        let path = format!("{CUSTOMERS}/{}", text(&made, "id"));
        let changes = ["email", "name", "phone", "companyName"].map(|field| {
            let (api, path) = (world.api.clone(), path.clone());
            tokio::spawn(async move { api.patch(&path, json!({field: field})).await })
        });
        for change in changes {
            change.await.unwrap().expect(200);
        }
        let customer = world.api.get(&path).await.expect(200).json();
        assert!(TEXTS.iter().all(|(field, _)| customer[field] == *field), "{customer}");
        let notes: Vec<String> = (0..24).map(|n| format!("note-{n:02}")).collect();
        let changes = notes.iter().map(|note| {
            let (api, path, note) = (world.api.clone(), path.clone(), note.clone());
            tokio::spawn(async move { api.patch(&path, json!({"metadata": {note: "kept"}})).await })
        });
        for change in changes.collect::<Vec<_>>() {
            change.await.unwrap().expect(200);
        }
        let customer = world.api.get(&path).await.expect(200).json();
        let kept: Vec<&String> = customer["metadata"].as_object().unwrap().keys().collect();
        assert_eq!(kept, notes.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_made_by_a_session_can_be_changed() {
    for world in World::both().await {
        let made = world.mint(json!({})).await;
        let path = format!("/v1/customers/{}", made["customerId"].as_str().unwrap());
        assert_eq!(world.api.patch(&path, json!({"name": "Jo"})).await.expect(200).json()["name"], "Jo");
    }
}
