//! Live and test mode: one tenant, two worlds.

use serde_json::json;

use crate::support::{SESSIONS, World, creation, ids, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_key_decides() {
    for world in World::both().await {
        let live_key = world.new_key("live", &[]);
        assert!(live_key.starts_with("vst_sk_live_") && world.merchant.key.starts_with("vst_sk_test_"));
        let live = world.http.key(&live_key);
        let in_test = world.mint(json!({})).await;
        let in_live = live.post(SESSIONS, creation(json!({}))).await.expect(201).json();
        assert_eq!((&in_test["livemode"], &in_live["livemode"]), (&json!(false), &json!(true)));
        assert_ne!(in_test["customerId"], in_live["customerId"], "each mode has its own acme-001");
        for (api, own) in [(&world.api, &in_test), (&live, &in_live)] {
            assert_eq!(ids(&api.get(SESSIONS).await.expect(200).json()), [text(own, "id")]);
            let customers = api.get("/v1/customers").await.expect(200).json();
            assert_eq!(ids(&customers), [text(own, "customerId")]);
            assert_eq!(customers["data"][0]["livemode"], own["livemode"]);
            let events = api.get("/v1/events?type=portal_session.created").await.expect(200).json();
            assert_eq!(events["data"][0]["portalSessionId"], own["id"]);
            assert_eq!(
                (events["data"].as_array().unwrap().len(), &events["data"][0]["livemode"]),
                (1, &own["livemode"])
            );
        }
        // Portals are the tenant's, whichever key made them.
        live.post("/v1/portals", json!({"slug": "shared"})).await.expect(201);
        world.api.get("/v1/portals/shared").await.expect(200);
        let opened = world.exchange(text(&in_live, "token")).await.expect(200).json();
        assert_eq!(opened["livemode"], true);
    }
}
