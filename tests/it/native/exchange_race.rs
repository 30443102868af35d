//! Exchanges at the same moment: with each other, with repeats, with a revocation.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, EXCHANGE, Http, SESSIONS, Server, World, text, uuid};

/// Sends the same exchange many times at once, spread over these clients.
async fn at_once(clients: &[Http], count: usize, token: &str, nonce: Option<&str>) -> Vec<Answer> {
    let body = json!({"token": token, "transport": "bearer", "nonce": nonce});
    let mut all = JoinSet::new();
    for n in 0..count {
        let (client, body) = (clients[n % clients.len()].clone(), body.clone());
        all.spawn(async move { client.post(EXCHANGE, body).await });
    }
    all.join_all().await
}

fn tokens(answers: &[Answer]) -> Vec<String> {
    let won = answers.iter().filter(|answer| answer.status == 200);
    won.map(|answer| text(&answer.json(), "token").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_one_wins() {
    for world in World::both().await {
        let mut other = Server::join(world.server).env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0").start().await;
        for round in 0..4 {
            // On one instance, and on two.
            let clients =
                if round % 2 == 0 { vec![world.http.clone()] } else { vec![world.http.clone(), other.http.clone()] };
            let created = world.mint(json!({})).await;
            let answers = at_once(&clients, 64, text(&created, "token"), None).await;
            let won = tokens(&answers);
            assert_eq!(won.len(), 1, "winners");
            for lost in answers.iter().filter(|answer| answer.status != 200) {
                lost.no_session();
            }
            world.who(&won[0]).await.expect(200);
            let path = format!("/v1/events?type=portal_session.exchanged&portalSessionId={}", text(&created, "id"));
            let told = world.api.get(&path).await.expect(200).json();
            assert_eq!(told["data"].as_array().unwrap().len(), 1);
        }
        assert!(other.sigterm().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repeats_leave_one_live_secret() {
    for world in World::both().await {
        for _ in 0..3 {
            let created = world.mint(json!({})).await;
            let answers =
                at_once(std::slice::from_ref(&world.http), 24, text(&created, "token"), Some("0123456789abcdef")).await;
            let secrets = tokens(&answers);
            assert_eq!(secrets.len(), 24, "each repeat is served");
            // The secrets are looked at in the database's order of things only by using them: the
            // first accepted use ends all repeats.
            let mut live = Vec::new();
            for secret in &secrets {
                if world.who(secret).await.status == 200 {
                    live.push(secret);
                }
            }
            assert_eq!(live.len(), 1, "live secrets");
        }
    }
}

/// A use among the repeats: whatever the order, at most one secret is ever accepted from then on.
#[tokio::test(flavor = "multi_thread")]
async fn repeats_against_the_first_use() {
    for world in World::both().await {
        for _ in 0..6 {
            let created = world.mint(json!({})).await;
            let link = text(&created, "token").to_owned();
            let first =
                text(&world.exchange_with(&link, "0123456789abcdef").await.expect(200).json(), "token").to_owned();
            let clients = [world.http.clone()];
            let (used, repeats) =
                tokio::join!(world.who(&first), at_once(&clients, 6, &link, Some("0123456789abcdef")));
            let mut live = Vec::new();
            for secret in tokens(&repeats).iter().chain([&first]) {
                if world.who(secret).await.status == 200 {
                    live.push(secret.clone());
                }
            }
            assert_eq!(live.len(), 1, "live secrets");
            if used.status == 200 {
                assert_eq!(live, [first], "what was accepted once stays");
            }
        }
    }
}

/// Whoever comes first: after both answers nothing opens anything.
#[tokio::test(flavor = "multi_thread")]
async fn revoke_against_exchange() {
    for world in World::both().await {
        for round in 0..12 {
            let created = world.mint(json!({})).await;
            let path = format!("{SESSIONS}/{}", text(&created, "id"));
            let exchange = world.exchange(text(&created, "token"));
            let (opened, revoked) = match round % 2 {
                0 => tokio::join!(exchange, world.api.delete(&path)),
                _ => {
                    let (revoked, opened) = tokio::join!(world.api.delete(&path), exchange);
                    (opened, revoked)
                }
            };
            revoked.expect(204);
            if opened.status == 200 {
                world.who(text(&opened.json(), "token")).await.no_session();
            } else {
                opened.no_session();
            }
            world.exchange(text(&created, "token")).await.no_session();
            world.api.get(&path).await.missing();
        }
    }
}

/// A client that hangs up while the database is busy: the write stands all the same, and what others
/// are told afterwards does, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_write_outlives_a_client_that_hangs_up() {
    for world in World::both().await {
        let db = world.db().await;
        let mut stood = false;
        // Nothing tells from outside that the write has begun, so it may take more than one go.
        for _ in 0..10 {
            let created = world.mint(json!({})).await;
            let lock = db.lock_session(text(&created, "id")).await;
            let mut stream = world.http.connect();
            stream.write_all(&request(text(&created, "token"))).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(stream);
            lock.release().await;
            let path = format!("{SESSIONS}/{}", text(&created, "id"));
            for _ in 0..50 {
                stood |= world.api.get(&path).await.expect(200).json()["isUsed"] == true;
                tokio::time::sleep(Duration::from_millis(if stood { 0 } else { 10 })).await;
            }
            if stood {
                break;
            }
        }
        assert!(stood, "the exchange was lost with its client");
        for _ in 0..20 {
            let (created, _) = world.active(json!({})).await;
            let id = db.literal(uuid(text(&created, "id")));
            let kept = format!("select count(*) from portal_sessions where id = {id} and used_at is not null");
            assert_eq!(db.number(&kept).await, 1, "acknowledged and not committed");
        }
    }
}

fn request(token: &str) -> Vec<u8> {
    let body = json!({"token": token, "transport": "bearer"}).to_string();
    let head = format!("POST {EXCHANGE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
