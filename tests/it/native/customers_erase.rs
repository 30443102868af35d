//! `DELETE /v1/customers/{id}`: the person goes, the trail keeps only ids.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Db, uuid};
use crate::support::{SESSIONS, Store, World, ids, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_end_and_the_person_is_gone() {
    for world in World::both().await {
        let person = json!({"externalId": "jo-4711", "email": "jo-4711@acme.example", "name": "Jo Zebra-4711"});
        let customer = world.api.post("/v1/customers", person).await.expect(201).json();
        let id = text(&customer, "id").to_owned();
        let path = format!("/v1/customers/{id}");
        let link = world.mint(json!({"customerExternalId": "jo-4711", "metadata": {"note": "zebra-4711"}})).await;
        let agent = world.http.header("user-agent", "Zebra-4711/1");
        let active = world.mint(json!({"customerExternalId": "jo-4711"})).await;
        let opened =
            agent.post("/v1/portal-sessions/exchange", json!({"token": active["token"], "transport": "bearer"}));
        let token = text(&opened.await.expect(200).json(), "token").to_owned();
        world.who(&token).await.expect(200);
        let (_, other) = world.active(json!({"customerExternalId": "somebody-else"})).await;

        assert_eq!(world.api.delete(&path).await.expect(204).text(), "");
        world.who(&token).await.no_session();
        world.exchange(text(&link, "token")).await.no_session();
        for answer in
            [world.api.get(&path).await, world.api.delete(&path).await, world.api.patch(&path, json!({})).await]
        {
            answer.missing();
        }
        world.api.delete(&format!("{path}/portal-sessions")).await.missing();
        world.api.get(&format!("{SESSIONS}/{}", text(&link, "id"))).await.missing();
        let by_name = world.api.get("/v1/customers?externalId=jo-4711").await.expect(200).json();
        assert_eq!(ids(&by_name), [""; 0]);
        world.who(&other).await.expect(200);

        // The events are there, about ids alone.
        let events = world.api.get("/v1/events?limit=100").await.expect(200).json();
        let about: Vec<&Value> =
            events["data"].as_array().unwrap().iter().filter(|event| event["customerId"] == id.as_str()).collect();
        let types: Vec<&str> = about.iter().map(|event| text(event, "type")).collect();
        for kind in ["customer.created", "portal_session.created", "portal_session.exchanged", "portal_session.revoked"]
        {
            assert!(types.contains(&kind), "{types:?}");
        }
        assert_eq!(types[0], "customer.deleted");
        for event in &about[1..] {
            assert_eq!(
                (&event["ipAddress"], &event["userAgent"], &event["data"]),
                (&Value::Null, &Value::Null, &json!({}))
            );
        }
        // Nor is the person anywhere else in the database, a moment later.
        let db = world.db().await;
        for _ in 0..500 {
            if db.number("select count(*) from events where user_agent like '%4711%'").await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for (table, column) in [
            ("customers", "profile"),
            ("customers", "external_id"),
            ("portal_sessions", "metadata"),
            ("portal_sessions", "user_agent"),
            ("events", "data"),
            ("events", "user_agent"),
        ] {
            let sql = format!("select count(*) from {table} where lower({column}) like '%4711%'");
            assert_eq!(db.number(&sql).await, 0, "{table}.{column}");
        }
        let left = format!("select count(*) from portal_sessions where customer_id = {}", db.literal(uuid(&id)));
        assert_eq!(db.number(&left).await, 0);
        assert_eq!(matches!(db, Db::Postgres(_)), world.store == Store::Postgres);

        // The tenant's id is free for somebody new.
        let again = world.mint(json!({"customerExternalId": "jo-4711"})).await;
        assert_ne!(again["customerId"], id.as_str());
    }
}

/// A session that is made while its customer is erased is no way back in.
#[tokio::test(flavor = "multi_thread")]
async fn against_creations_and_exchanges() {
    for world in World::both().await {
        for _ in 0..6 {
            let first = world.mint(json!({"customerExternalId": "fleeting"})).await;
            let id = text(&first, "customerId").to_owned();
            let by_id = json!({"customerExternalId": null, "customerId": id});
            let body = crate::support::creation(by_id);
            let path = format!("/v1/customers/{id}");
            let (erased, created, opened) = tokio::join!(
                world.api.delete(&path),
                world.api.post(SESSIONS, body),
                world.exchange(text(&first, "token")),
            );
            erased.expect(204);
            if created.status == 201 {
                let created = created.json();
                world.exchange(text(&created, "token")).await.no_session();
                world.api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.missing();
            } else {
                created.missing();
            }
            if opened.status == 200 {
                world.who(text(&opened.json(), "token")).await.no_session();
            }
        }
    }
}
