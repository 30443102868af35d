//! `GET /v1/portal-sessions` and `GET /v1/portal-sessions/{id}`; what holds for all lists is here as well.

use serde_json::{Value, json};

use crate::support::{Http, SESSIONS, World, ids, text, unknown, uuid};

async fn listed(api: &Http, query: &str) -> (Vec<String>, bool) {
    let list = api.get(&format!("{SESSIONS}{query}")).await.expect(200).json();
    let names: Vec<&str> = list.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["object", "url", "data", "hasMore"]);
    assert_eq!((&list["object"], &list["url"]), (&json!("list"), &json!(SESSIONS)));
    (ids(&list), list["hasMore"].as_bool().unwrap())
}

/// The ids of these sessions, newest first.
fn newest_first(sessions: &[&Value]) -> Vec<String> {
    sessions.iter().rev().map(|session| text(session, "id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_by_its_id() {
    for world in World::both().await {
        let created = world.mint(json!({"metadata": {"k": "v"}, "locale": "de", "path": "/x"})).await;
        let id = text(&created, "id");
        let got = world.api.get(&format!("{SESSIONS}/{id}")).await.expect(200);
        let plain = uuid(id).hyphenated().to_string();
        for other in [plain.as_str(), &plain.to_uppercase()] {
            let again = world.api.get(&format!("{SESSIONS}/{other}")).await.expect(200);
            assert_eq!(again.json(), got.json());
        }
        let braced = format!("%7B{plain}%7D");
        let simple = uuid(id).simple().to_string();
        let cut = &id[..24];
        let as_customer = id.replacen("ps_", "cus_", 1);
        for wrong in [unknown("ps").as_str(), &braced, &simple, cut, &as_customer, "x", "%00", "%ff", "a%2Fb"] {
            world.api.get(&format!("{SESSIONS}/{wrong}")).await.missing();
            world.api.delete(&format!("{SESSIONS}/{wrong}")).await.missing();
        }
        world.api.get(&format!("{SESSIONS}/{id}?expand=customer")).await.malformed("invalid_request", Some("expand"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_both_directions() {
    for world in World::both().await {
        assert_eq!(listed(&world.api, "").await, (vec![], false));
        let mut made = Vec::new();
        for n in 0..25 {
            made.push(world.mint(json!({"customerExternalId": format!("c{}", n % 3)})).await);
        }
        let all = newest_first(&made.iter().collect::<Vec<_>>());
        assert_eq!(listed(&world.api, "").await, (all[..20].to_vec(), true), "20 unless asked otherwise");
        assert_eq!(listed(&world.api, "?limit=25").await, (all.clone(), false));
        assert_eq!(listed(&world.api, "?limit=24").await, (all[..24].to_vec(), true));
        assert_eq!(listed(&world.api, "?limit=1").await, (all[..1].to_vec(), true));
        assert_eq!(listed(&world.api, "?limit=100").await.0.len(), 25);
        let after = |id: &str, limit: u32| format!("?limit={limit}&startingAfter={id}");
        let before = |id: &str, limit: u32| format!("?limit={limit}&endingBefore={id}");
        assert_eq!(listed(&world.api, &after(&all[4], 7)).await, (all[5..12].to_vec(), true));
        assert_eq!(listed(&world.api, &after(&all[17], 7)).await, (all[18..25].to_vec(), false));
        assert_eq!(listed(&world.api, &after(&all[24], 7)).await, (vec![], false));
        assert_eq!(listed(&world.api, &before(&all[12], 5)).await, (all[7..12].to_vec(), true), "the page next to it");
        assert_eq!(listed(&world.api, &before(&all[5], 5)).await, (all[..5].to_vec(), false));
        assert_eq!(listed(&world.api, &before(&all[0], 5)).await, (vec![], false));

        world.api.delete(&format!("{SESSIONS}/{}", all[9])).await.expect(204);
        assert_eq!(listed(&world.api, &after(&all[9], 3)).await, (all[10..13].to_vec(), true), "a deleted row's id");
        assert_eq!(listed(&world.api, &before(&all[9], 3)).await, (all[6..9].to_vec(), true));
        let plain = uuid(&all[9]).hyphenated().to_string();
        assert_eq!(listed(&world.api, &after(&plain, 3)).await.0, all[10..13]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_cursors_limits_and_filters() {
    for world in World::both().await {
        let id = text(&world.mint(json!({})).await, "id").to_owned();
        for list in [SESSIONS, "/v1/portals", "/v1/customers", "/v1/events"] {
            for limit in ["0", "101", "-1", "4294967297", "x", "1.5", ""] {
                world.api.get(&format!("{list}?limit={limit}")).await.invalid("limit");
            }
            for cursor in ["startingAfter", "endingBefore"] {
                for bad in ["x", "", "%00", "key_0000000000000000000000"] {
                    world.api.get(&format!("{list}?{cursor}={bad}")).await.invalid(cursor);
                }
            }
            world.api.get(&format!("{list}?limit=5&limit=6")).await.invalid("limit");
            world.api.get(&format!("{list}?offset=5")).await.malformed("invalid_request", Some("offset"));
            world
                .api
                .get(&format!("{list}?starting_after=x"))
                .await
                .malformed("invalid_request", Some("starting_after"));
        }
        let both = format!("{SESSIONS}?startingAfter={id}&endingBefore={id}");
        world.api.get(&both).await.malformed("invalid_request", Some("endingBefore"));
        for status in ["used", "Pending", "", "pending,opened"] {
            world.api.get(&format!("{SESSIONS}?status={status}")).await.invalid("status");
        }
        for flag in ["yes", "1", "TRUE", ""] {
            world.api.get(&format!("{SESSIONS}?includeExpired={flag}")).await.invalid("includeExpired");
        }
        world.api.get(&format!("{SESSIONS}?customerId=x")).await.invalid("customerId");
        for (list, filter) in [(SESSIONS, "customerExternalId"), (SESSIONS, "portal"), ("/v1/events", "type")] {
            world.api.get(&format!("{list}?{filter}=a%00")).await.invalid(filter);
        }
        world.api.get("/v1/customers?externalId=a%00").await.invalid("externalId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters() {
    for world in World::both().await {
        let second = world.api.post("/v1/portals", json!({"slug": "second"})).await.expect(201).json();
        let a = world.mint(json!({"customerExternalId": "a"})).await;
        let b = world.mint(json!({"customerExternalId": "b & c"})).await;
        let c = world.mint(json!({"customerExternalId": "a", "portal": "second"})).await;
        let of = async |query: String| listed(&world.api, &query).await.0;
        let customer = text(&a, "customerId");
        assert_eq!(of(format!("?customerId={customer}")).await, newest_first(&[&a, &c]));
        assert_eq!(of(format!("?customerId={}", uuid(customer).hyphenated())).await, newest_first(&[&a, &c]));
        assert_eq!(of("?customerExternalId=a".into()).await, newest_first(&[&a, &c]));
        assert_eq!(of("?customerExternalId=b%20%26+c".into()).await, newest_first(&[&b]));
        assert_eq!(of("?portal=second".into()).await, newest_first(&[&c]));
        assert_eq!(of(format!("?portal={}", text(&second, "id"))).await, newest_first(&[&c]));
        assert_eq!(of("?portal=default&customerExternalId=a".into()).await, newest_first(&[&a]));
        assert_eq!(of(format!("?customerId={customer}&customerExternalId=a")).await, newest_first(&[&a, &c]));
        for nobody in ["customerExternalId=z", &format!("customerId={}", unknown("cus"))] {
            assert_eq!(listed(&world.api, &format!("?{nobody}")).await, (vec![], false));
        }
        assert_eq!(of(format!("?customerId={customer}&customerExternalId=b+%26+c")).await, [""; 0]);
        world.api.get(&format!("{SESSIONS}?portal=nowhere")).await.missing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_where_they_stand() {
    for world in World::both().await {
        let db = world.db().await;
        let pending = world.mint(json!({})).await;
        let opened = world.mint(json!({})).await;
        let (active, _) = world.active(json!({})).await;
        let (ended, token) = world.active(json!({})).await;
        world.http.key(&token).delete("/v1/portal-session").await.expect(204);
        let link_over = world.mint(json!({})).await;
        db.expire_link(text(&link_over, "id")).await;
        let (session_over, _) = world.active(json!({"sessionTtl": 300})).await;
        db.shift(text(&session_over, "id"), &["browser_expires_at"], -301).await;
        let opened_at = match &db {
            crate::support::Db::Postgres(_) => "now()",
            crate::support::Db::Sqlite(_) => "unixepoch() * 1000",
        };
        let id = db.literal(uuid(text(&opened, "id")));
        db.execute(&format!("update portal_sessions set opened_at = {opened_at} where id = {id}")).await;

        let all = [&pending, &opened, &active, &ended, &link_over, &session_over];
        assert_eq!(listed(&world.api, "").await.0, newest_first(&[&pending, &opened]), "neither used nor expired");
        assert_eq!(listed(&world.api, "?includeExpired=false").await.0, newest_first(&[&pending, &opened]));
        assert_eq!(listed(&world.api, "?includeExpired=true").await.0, newest_first(&all));
        for (status, expected) in [
            ("pending", vec![&pending]),
            ("opened", vec![&opened]),
            ("active", vec![&active]),
            ("ended", vec![&ended]),
            ("expired", vec![&link_over, &session_over]),
        ] {
            for more in ["", "&includeExpired=true", "&customerExternalId=acme-001", "&limit=100&includeExpired=false"]
            {
                let list = listed(&world.api, &format!("?status={status}{more}")).await.0;
                assert_eq!(list, newest_first(&expected), "{status}{more}");
            }
            for session in expected {
                let got = world.api.get(&format!("{SESSIONS}/{}", text(session, "id"))).await.expect(200).json();
                assert_eq!(got["status"], status);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_is_the_whole_object() {
    for world in World::both().await {
        let (created, _) = world.active(json!({"metadata": {"a": "b"}, "preview": true})).await;
        let one = world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200).json();
        let list = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        assert_eq!(list["data"], json!([one]));
        let names: Vec<&str> = one["browserSession"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["startedAt", "expiresAt", "endedAt", "ipAddress", "userAgent"]);
        assert_eq!((&one["browserSession"]["ipAddress"], &one["isUsed"]), (&json!("127.0.0.1"), &json!(true)));
    }
}

/// Every field, in texts that a database's or a format's own signs could break.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_each_session_as_it_is_shown_alone() {
    for world in World::both().await {
        let awkward = "a\"b\\c'd%_{}[],:/\u{7f}\u{e9}\u{2028}\u{1f511}";
        let full = json!({
            "customerExternalId": "c'\"\\\u{1f511}", "metadata": {"k": awkward, "n": "1"}, "locale": "de-AT",
            "path": "/a?b=%22&c='#d", "expiresIn": 1800, "sessionTtl": 600,
        });
        world.mint(json!({})).await;
        world.active(full.clone()).await;
        let (_, token) = world.active(full.clone()).await;
        world.http.key(&token).delete("/v1/portal-session").await.expect(204);
        let list = world.api.get(&format!("{SESSIONS}?includeExpired=true")).await.expect(200).json();
        let listed = list["data"].as_array().unwrap();
        assert_eq!(listed.iter().filter(|session| session["metadata"]["k"] == awkward).count(), 2);
        for session in listed {
            let alone = world.api.get(&format!("{SESSIONS}/{}", text(session, "id"))).await.expect(200);
            assert_eq!(*session, alone.json());
        }
    }
}
