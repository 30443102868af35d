//! What the hosted tabs show of a merchant's data.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Guest, link, place, portal, portal_of};
use crate::support::{Merchant, Server, Store, Upstream};

struct Shop {
    server: Server,
    merchant: Merchant,
    upstream: Upstream,
}

impl Shop {
    async fn new() -> Self {
        let server = Server::with(Store::Sqlite).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true").start().await;
        let (merchant, upstream) = (server.tenant(), Upstream::start().await);
        portal(&server, &merchant, json!({"upstreamUrl": upstream.url})).await;
        Self { server, merchant, upstream }
    }

    /// A signed-in reader, and the address of the tab Billing.
    async fn reader(&self, permissions: Value) -> (Guest, String) {
        let (path, session) = link(&self.server, &self.merchant, json!({"permissions": permissions})).await;
        let mut guest = Guest::new(&self.server);
        guest.open(&path).await.expect(200);
        place(&guest.submit(&path).await.expect(303));
        (guest, format!("/p/{}/billing", portal_of(&session)))
    }
}

fn has(page: &str, heading: &str) -> bool {
    page.contains(&format!("<h2>{heading}</h2>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_and_invoices_have_pages_of_their_own() {
    let shop = Shop::new().await;
    let subscriptions = json!({"data": [{"id": "sub_1"}, {"id": "sub_2"}], "has_more": true});
    shop.upstream.tell("/subscriptions", 200, subscriptions);
    let invoices = json!({"object": "list", "data": [{"id": "inv_1"}], "hasMore": true, "nextCursor": "a&b"});
    shop.upstream.tell("/invoices", 200, invoices);
    let (mut guest, billing) = shop.reader(json!(["x.*.read_billing"])).await;

    let page = guest.open(&billing).await.expect(200).text();
    assert!(has(&page, "Subscriptions") && has(&page, "Invoices"), "{page}");
    assert!(page.contains("sub_2") && page.contains("inv_1") && !page.contains("Has more"), "{page}");
    assert!(page.contains(&format!(r#"rel="next" href="{billing}?subscriptionsAfter=sub_2""#)), "{page}");
    assert!(page.contains(&format!(r#"rel="next" href="{billing}?invoicesAfter=a%26b""#)), "{page}");
    assert!(!page.contains(r#"rel="first""#), "{page}");
    assert_eq!(shop.upstream.asked(), ["/base/invoices", "/base/subscriptions"]);

    // One list goes on, the other stays where it is.
    let page = guest.open(&format!("{billing}?invoicesAfter=a%26b&subscriptionsAfter=sub_2&x=y")).await.expect(200);
    assert_eq!(
        shop.upstream.asked(),
        ["/base/invoices?startingAfter=a%26b", "/base/subscriptions?startingAfter=sub_2"]
    );
    for href in [
        format!(r#"rel="first" href="{billing}?invoicesAfter=a%26b""#),
        format!(r#"rel="first" href="{billing}?subscriptionsAfter=sub_2""#),
        format!(r#"rel="next" href="{billing}?invoicesAfter=a%26b&#38;subscriptionsAfter=sub_2""#),
        format!(r#"rel="next" href="{billing}?subscriptionsAfter=sub_2&#38;invoicesAfter=a%26b""#),
    ] {
        assert!(page.text().contains(&href), "{href}: {}", page.text());
    }
}

/// The next page begins after the last row that is shown, and ids and cursors may be numbers.
#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_after_what_was_shown() {
    let shop = Shop::new().await;
    let rows: Vec<Value> = (1..=150).map(|n| json!({"id": n})).collect();
    shop.upstream.tell("/subscriptions", 200, json!({"data": rows, "has_more": true, "took": 3}));
    shop.upstream.tell("/invoices", 200, json!({"data": [{"id": "inv_1"}], "has_more": true, "next_cursor": ""}));
    let (mut guest, billing) = shop.reader(json!(["x.*.read_billing"])).await;
    let page = guest.open(&billing).await.expect(200).text();
    assert!(page.contains(&format!(r#"rel="next" href="{billing}?subscriptionsAfter=100""#)), "{page}");
    assert!(page.contains(&format!(r#"rel="next" href="{billing}?invoicesAfter=inv_1""#)), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_half_of_billing_does_not_take_the_other_along() {
    let shop = Shop::new().await;
    let (mut guest, billing) = shop.reader(json!(["x.*.read_billing"])).await;
    let (some, nothing) = (json!({"data": [{"id": "one"}]}), json!({"data": []}));
    let mut page = async |subscriptions: (u16, &Value), invoices: (u16, &Value)| {
        shop.upstream.tell("/subscriptions", subscriptions.0, subscriptions.1.clone());
        shop.upstream.tell("/invoices", invoices.0, invoices.1.clone());
        guest.open(&billing).await.expect(200).text()
    };
    for status in [403, 404] {
        let shown = page((200, &some), (status, &some)).await;
        assert!(has(&shown, "Subscriptions") && !has(&shown, "Invoices") && !shown.contains("alert"), "{shown}");
        let shown = page((status, &some), (200, &some)).await;
        assert!(!has(&shown, "Subscriptions") && has(&shown, "Invoices") && shown.contains("one"), "{shown}");
    }
    let shown = page((200, &some), (200, &nothing)).await;
    assert!(has(&shown, "Invoices") && shown.contains("you will find it here"), "{shown}");
    let shown = page((500, &some), (200, &some)).await;
    assert!(has(&shown, "Subscriptions") && shown.contains("answered with an error"), "{shown}");
    assert!(has(&shown, "Invoices") && shown.contains("one"), "{shown}");
    // All that is left is what went wrong, or that there is nothing.
    for (subscriptions, invoices) in [(500, 500), (403, 500), (500, 404), (403, 403), (403, 404)] {
        let shown = page((subscriptions, &some), (invoices, &some)).await;
        assert!(shown.contains("could not be loaded") && !has(&shown, "Invoices"), "{subscriptions}, {invoices}");
    }
    assert!(page((404, &some), (404, &some)).await.contains("Nothing is connected here yet"));
    let shown = page((200, &nothing), (200, &nothing)).await;
    assert!(shown.contains("No billing activity yet") && !has(&shown, "Invoices"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shown_the_half_that_it_may_read() {
    let shop = Shop::new().await;
    for (permission, asked) in [
        ("x.*.read_invoice", &["/base/invoices"][..]),
        ("x.*.read_subscription", &["/base/subscriptions"]),
        ("x.*.cancel_subscription", &["/base/subscriptions"]),
        ("x.*.read_billing", &["/base/invoices", "/base/subscriptions"]),
        ("x.*.*", &["/base/invoices", "/base/subscriptions"]),
    ] {
        let (mut guest, billing) = shop.reader(json!([permission])).await;
        let page = guest.open(&billing).await.expect(200).text();
        assert_eq!(shop.upstream.asked(), asked, "{permission}");
        assert_eq!(has(&page, "Invoices"), asked.contains(&"/base/invoices"), "{permission}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_language_names_both_halves() {
    let shop = Shop::new().await;
    for (locale, subscriptions, invoices) in [
        ("de", "Abonnements", "Rechnungen"),
        ("fr", "Abonnements", "Factures"),
        ("es", "Suscripciones", "Facturas"),
        ("ja", "ご契約", "請求書"),
    ] {
        let more = json!({"permissions": ["x.*.read_billing"], "locale": locale});
        let (path, session) = link(&shop.server, &shop.merchant, more).await;
        let mut guest = Guest::new(&shop.server);
        guest.sign_in(&path).await.expect(200);
        let page = guest.open(&format!("/p/{}/billing", portal_of(&session))).await.expect(200).text();
        assert!(has(&page, subscriptions) && has(&page, invoices), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_takes_the_place_of_the_initial() {
    let shop = Shop::new().await;
    let logo = "https://cdn.example/logo.svg?v=1";
    let branding = json!({"branding": {"logoUrl": logo, "displayName": "Acme & Sons"}});
    let (mut guest, billing) = shop.reader(json!(["x.*.read_billing"])).await;
    assert!(guest.open(&billing).await.text().contains(r#"class="initial""#));
    portal(&shop.server, &shop.merchant, branding).await;
    let (path, _) = link(&shop.server, &shop.merchant, json!({})).await;
    for page in [guest.open(&billing).await.expect(200), Guest::new(&shop.server).open(&path).await.expect(200)] {
        let image = format!(r#"<img class="logo" src="{logo}" alt="Acme &#38; Sons">"#);
        assert!(page.text().contains(&image) && !page.text().contains(r#"class="initial""#), "{}", page.text());
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("img-src 'self' https://cdn.example;"), "{policy}");
    }
}

/// A page that waits for a merchant's back end keeps a place, as the gateway does not: few may.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_wait_for_an_upstream_take_no_place_from_others() {
    let setup = Server::with(Store::Sqlite).env("VESTIBULE_GATEWAY__ALLOW_PRIVATE", "true");
    let server = setup.env("VESTIBULE_LIMITS__CONCURRENT_REQUESTS", "8").start().await;
    let [one, two, other] = [(); 3].map(|()| server.tenant());
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    portal(&server, &one, json!({"upstreamUrl": url})).await;
    portal(&server, &two, json!({"upstreamUrl": url})).await;
    let mut readers = Vec::new();
    for n in 0..8 {
        let (path, session) = link(&server, [&one, &two][n % 2], json!({})).await;
        let mut guest = Guest::new(&server);
        guest.open(&path).await.expect(200);
        guest.submit(&path).await.expect(303);
        readers.push((guest, format!("/p/{}/keys", portal_of(&session))));
    }
    let pages = join_all(readers.iter_mut().map(|(guest, tab)| guest.open(tab)));
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..4 {
            link(&server, &other, json!({})).await;
        }
    };
    let (pages, ()) = tokio::join!(pages, others);
    pages.into_iter().for_each(|page| drop(page.expect(200)));
}
