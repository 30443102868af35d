//! SIGTERM and SIGINT: what has begun is answered, then it ends with success.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{SESSIONS, Server, Store, creation, text};

fn request(key: &str) -> Vec<u8> {
    let body = creation(json!({})).to_string();
    let head = format!("POST {SESSIONS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n");
    format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_signals_end_it_with_success() {
    for store in Store::both() {
        for signal in ["TERM", "INT"] {
            let mut server = Server::start(store).await;
            // An idle connection does not hold it up.
            server.http.get("/healthz").await.expect(200);
            let begun = Instant::now();
            server.signal(signal);
            assert!(server.ended().await.success(), "{signal}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
            assert!(server.log().contains("stopped"), "{}", server.log());
        }
    }
}

/// A request whose body is still on its way is answered, and what it wrote is there afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_has_begun_is_answered() {
    for store in Store::both() {
        let mut server = Server::start(store).await;
        let merchant = server.tenant();
        let request = request(&merchant.key);
        let (first, rest) = request.split_at(request.len() - 20);
        let mut stream = server.http.connect();
        stream.write_all(first).unwrap();
        // Another one, complete, tells that the first was seen: it came later.
        server.http.get("/healthz").await.expect(200);
        server.signal("TERM");
        until_draining(&server).await;
        assert!(server.is_running(), "it waits for the rest");
        stream.write_all(rest).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(server.ended().await.success());
        let created: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        server.restart().await;
        let api = server.http.key(&merchant.key);
        api.get(&format!("{SESSIONS}/{}", text(&created, "id"))).await.expect(200);
    }
}

/// Under load: whoever was answered was served; whoever was not, was not told so.
#[tokio::test(flavor = "multi_thread")]
async fn under_load_nothing_acknowledged_is_lost() {
    for store in Store::both() {
        let setup = Server::with(store).env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0");
        let mut server = setup.start().await;
        let merchant = server.tenant();
        let api = server.http.key(&merchant.key);
        let workers = (0..8).map(|_| {
            let api = api.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                let body = creation(json!({})).to_string().into_bytes();
                while let Ok(answer) = api.try_send(reqwest::Method::POST, SESSIONS, Some(body.clone())).await {
                    match answer.status {
                        201 => acknowledged.push(text(&answer.json(), "id").to_owned()),
                        status => assert_eq!(status, 503, "{}", answer.text()),
                    }
                }
                acknowledged
            })
        });
        let workers: Vec<_> = workers.collect();
        let deadline = Instant::now() + Duration::from_secs(10);
        while api.get("/v1/events?type=portal_session.created").await.expect(200).json()["hasMore"] != true {
            assert!(Instant::now() < deadline, "no load");
        }
        assert!(server.sigterm().await.success());
        let mut acknowledged = Vec::new();
        for worker in workers {
            acknowledged.extend(worker.await.unwrap());
        }
        assert!(acknowledged.len() > 20);
        server.restart().await;
        let api = server.http.key(&merchant.key);
        for id in acknowledged {
            api.get(&format!("{SESSIONS}/{id}")).await.expect(200);
        }
    }
}

async fn until_draining(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("draining") {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
