//! `examples/merchant` behind `serve --dev`, as `make run` starts both.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::support::guard::Guard;
use crate::support::port::free_port;
use crate::support::{Http, Server, Store};

/// Its own tests run here.
#[allow(dead_code, reason = "the example uses what a test does not")]
#[path = "../../examples/merchant/assertion.rs"]
mod assertion;

/// The example, until the test is over.
struct Example {
    http: Http,
    child: Child,
    _guard: Guard,
}

impl Example {
    async fn start(port: u16, vestibule: &str, portal: Option<&str>) -> Self {
        let folder = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().expect("a folder");
        let mut command = Command::new(folder.join("examples/merchant"));
        command.env("MERCHANT_LISTEN", format!("127.0.0.1:{port}")).env("VESTIBULE_URL", vestibule);
        command.envs(portal.map(|portal| ("PORTAL_ID", portal)));
        let child = command.spawn().expect("cargo build --example merchant");
        let _guard = Guard::new(r#"kill -KILL "$1""#, &[&child.id().to_string()]);
        let http = Http::new(port);
        let deadline = Instant::now() + Duration::from_secs(10);
        while http.try_send(Method::GET, "/", None).await.is_err() {
            assert!(Instant::now() < deadline, "the example does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { http, child, _guard }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_shows_a_customer_its_own_data() {
    let port = free_port();
    let upstream = format!("--upstream-url=http://127.0.0.1:{port}");
    let server = Server::with(Store::Sqlite).arg("--dev").arg(&upstream).start().await;
    let example = Example::start(port, &server.public_url(), None).await;
    let greeting = server.stdout();
    let key = greeting.split("Bearer ").nth(1).and_then(|rest| rest.split('\'').next()).expect("a key");
    let api = server.http.key(key);
    let portal = api.get("/v1/portals/default").await.expect(200).json()["id"].as_str().unwrap().to_owned();
    let browser = async |permissions: &[&str]| {
        let body = json!({"customerExternalId": "demo-user", "permissions": permissions, "mode": "token"});
        let made = api.post("/v1/portal-sessions", body).await.expect(201).json();
        server.http.key(made["token"].as_str().unwrap())
    };
    let path = |rest: &str| format!("/v1/portals/{portal}/api/{rest}");

    let all =
        browser(&["api.*.read_key", "api.*.read_analytics", "billing.*.read_billing", "billing.*.cancel_subscription"])
            .await;
    for (rest, count) in [("keys", 3), ("subscriptions", 2), ("invoices", 3), ("docs", 2)] {
        let list = all.get(&path(rest)).await.expect(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{rest}");
    }
    assert_eq!(all.get(&path("keys")).await.json()["data"][0]["owner"], "demo-user");
    assert!(all.get(&path("usage")).await.expect(200).json()["requests"].is_number());
    assert_eq!(all.get(&path("invoices/inv_1")).await.expect(200).json()["data"]["id"], "inv_1");
    let canceled = all.post(&path("subscriptions/sub_1/cancel"), json!({})).await.expect(200).json();
    assert_eq!(canceled["data"]["status"], "canceled");
    all.get(&path("subscriptions/sub_9")).await.expect(404);
    let few = browser(&["api.*.read_key"]).await;
    few.get(&path("keys")).await.expect(200);
    few.get(&path("usage")).await.expect(403);

    example.http.get("/keys").await.expect(401);
    for forged in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        example.http.header("vestibule-assertion", forged).get("/keys").await.expect(401);
    }
    // One that is told its portal takes no assertion that is meant for another.
    let auth = all.get(&format!("/v1/portals/{portal}/auth")).await.expect(200);
    let assertion = auth.header("vestibule-assertion").unwrap();
    for (own, status) in [(portal.as_str(), 200), ("ptl_0000000000000000000000", 401)] {
        let example = Example::start(free_port(), &server.public_url(), Some(own)).await;
        example.http.header("vestibule-assertion", assertion).get("/keys").await.expect(status);
    }
}
