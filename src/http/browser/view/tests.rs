//! The pages as a whole.

use serde_json::json;

use super::*;

const EVIL: &str = r#"<script>alert("x")</script>&'<img src=x onerror=y>"#;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn portal(name: &str) -> Portal {
    Portal {
        id: "ptl_1".into(),
        brand: Brand { name: name.into(), logo_url: None, color: Color(0xff, 0xd6, 0x00) },
        return_url: Some("https://northwind.example/account?a=1&b=2".into()),
    }
}

fn viewer(external_id: &str) -> Viewer {
    Viewer { external_id: external_id.into(), name: Some(external_id.into()), email: None }
}

fn hosted(portal: &Portal, viewer: &Viewer, preview: bool, tabs: &[Tab], content: Content) -> String {
    let expires_at = at("2026-11-21T20:14:00Z");
    Hosted { locale: Locale::En, portal, viewer, expires_at, preview, tabs, content }.render().unwrap()
}

fn part(title: Option<&'static str>, data: Result<Data, UpstreamFault>) -> Part {
    Part { title, data, first: None, next: Some("?after=\"x".into()), retry: "?".into() }
}

fn data(json: &serde_json::Value) -> TabBody {
    TabBody::Parts(vec![part(None, Ok(Data::new(json, Locale::En)))])
}

/// Some of every kind of page, filled with the same text wherever a user's text may stand.
fn pages(locale: Locale, text: &str) -> Vec<String> {
    let (portal, viewer) = (portal(text), viewer(text));
    let expires_at = at("2026-11-21T20:14:00Z");
    let contents = vec![
        Content::Tab(Tab::Keys, TabBody::NotConnected),
        Content::Tab(Tab::Keys, data(&json!([]))),
        Content::Tab(Tab::Keys, data(&json!([{ "a": text, text: "b", "status": text, "id": text }]))),
        Content::Tab(Tab::Docs, data(&json!({ "a": text, text: { "x": [text], "y": { "z": text } } }))),
        Content::Tab(Tab::Docs, data(&json!([text, 1]))),
        Content::Tab(
            Tab::Billing,
            TabBody::Parts(vec![
                part(Some("One"), Ok(Data::new(&json!([{ "a": text }]), locale))),
                part(Some("Two"), Ok(Data::default())),
                part(Some("Three"), Err(UpstreamFault::Unreachable)),
            ]),
        ),
        Content::Tab(Tab::Billing, TabBody::Upstream { fault: UpstreamFault::TimedOut, retry: "?".into() }),
        Content::Access(Access {
            since: expires_at,
            ip_address: Some("2001:db8::1".into()),
            user_agent: Some(text.into()),
            permissions: vec![format!("a.b.{text}"), "a.b.read_key".into()],
        }),
        Content::Problem(Problem::TabForbidden),
    ];
    let mut pages: Vec<String> = contents
        .into_iter()
        .map(|content| Hosted {
            locale,
            portal: &portal,
            viewer: &viewer,
            expires_at,
            preview: true,
            tabs: &Tab::ALL,
            content,
        })
        .map(|page| page.render().unwrap())
        .collect();
    for problem in Problem::ALL {
        let page =
            ProblemPage { locale, problem, portal: Some(&portal), retry: Some("/r/x"), request_id: Some("req_1") };
        pages.push(page.render().unwrap());
    }
    for auto_submit in [true, false] {
        let page = Landing {
            locale,
            portal: &portal,
            external_id: text,
            valid_until: expires_at,
            action: "/r/pst_x",
            auto_submit,
            preview: false,
        };
        pages.push(page.render().unwrap());
    }
    pages
}

#[test]
fn markup_in_any_text_stays_text() {
    for page in pages(Locale::En, EVIL) {
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches("<script src=\"/assets/").count(), "{page}");
        assert!(!page.contains("<img"), "{page}");
        assert!(!page.contains("\"x\""), "{page}");
    }
}

#[test]
fn nothing_needs_an_unsafe_policy() {
    for page in pages(Locale::En, "Acme") {
        assert!(!page.contains(" style=") && !page.contains("<style"), "{page}");
        assert!(!page.contains("javascript:") && !page.contains("data:"), "{page}");
        let handlers = [" onclick", " onload", " onsubmit", " onerror"];
        assert!(!handlers.iter().any(|handler| page.contains(handler)), "{page}");
    }
}

#[test]
fn every_page_speaks_its_language_and_has_one_main_and_one_h1() {
    for locale in Locale::ALL {
        for page in pages(locale, "Acme") {
            assert!(page.trim_start().starts_with("<!doctype html>"), "{page}");
            assert!(page.contains(&format!("<html lang=\"{}\">", locale.tag())), "{page}");
            assert_eq!((page.matches("<main").count(), page.matches("<h1").count()), (1, 1), "{page}");
        }
    }
}

#[test]
fn the_navigation_shows_what_is_permitted_in_order() {
    let (portal, viewer) = (portal("Acme"), viewer("acme-001"));
    let content = || Content::Tab(Tab::Billing, TabBody::NotConnected);
    let page = hosted(&portal, &viewer, false, &[Tab::Keys, Tab::Billing, Tab::Docs], content());
    let places: Vec<_> = [
        r#"<a href="/p/ptl_1/keys">Keys</a>"#,
        r#"<a href="/p/ptl_1/billing" aria-current="page">Billing</a>"#,
        r#"<a href="/p/ptl_1/docs">Docs</a>"#,
    ]
    .iter()
    .map(|link| page.find(link).unwrap())
    .collect();
    assert!(places.is_sorted());
    assert!(!page.contains("Analytics"));
    assert!(page.contains("acme-001") && page.contains("21 November 2026, 20:14 UTC"));
    assert!(page.contains(r#"<form method="post" action="/p/ptl_1/sign-out">"#));
    assert!(page.contains("https://northwind.example/account?a=1&#38;b=2"));
    assert!(!page.contains("Preview mode"));
    assert!(hosted(&portal, &viewer, true, &[], content()).contains("<strong>Preview mode</strong>"));
}

#[test]
fn only_a_redirect_link_goes_on_by_itself() {
    let pages = pages(Locale::En, "Acme");
    let [by_itself, by_click] = &pages[pages.len() - 2..] else { panic!("no landing pages") };
    assert!(by_itself.contains(" data-auto-submit>") && by_itself.contains(&HREFS.landing));
    assert!(!by_click.contains("data-auto-submit") && !by_click.contains(&HREFS.landing));
    for page in [by_itself, by_click] {
        assert!(page.contains(r#"<form method="post" action="/r/pst_x""#) && page.contains("Continue</button>"));
    }
}

#[test]
fn problems_have_the_status_and_title_of_the_contract() {
    assert_eq!((Problem::LinkOver.status(), Problem::LinkUnknown.status()), (410, 404));
    assert_eq!((Problem::SessionExpired.status(), Problem::TabForbidden.status()), (401, 403));
    let page = ProblemPage {
        locale: Locale::En,
        problem: Problem::SessionExpired,
        portal: None,
        retry: None,
        request_id: None,
    };
    let page = page.render().unwrap();
    assert!(page.contains("<title>Session expired</title>") && page.contains("<h1>Session expired</h1>"));
}
