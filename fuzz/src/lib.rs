//! What must hold for any bytes that somebody sends, one function for each reader of input.
//!
//! A fuzzer runs these (`make fuzz`), and an ordinary test as well (`tests/it/hostile/fuzzed.rs`),
//! since a fuzzer needs a nightly compiler and time.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;
use uuid::Uuid;
use vestibule::domain::id::{CustomerId, EventId, KeyId, PortalId, RequestId, SessionId, TenantId};
use vestibule::domain::permission::{Patterns, Permission, Tab, parse_list};
use vestibule::domain::return_url::{WebUrl, is_loopback, parse_origin, parse_path};
use vestibule::domain::secret::{Credential, Kind};
use vestibule::http::session_cookies;
use vestibule::service::Cursor;

/// The longest URL and path.
const MAX_URL: usize = 2048;

/// A credential that is read is written the same, and nothing but itself is read as it.
pub fn credential(data: &[u8]) {
    check_credential(&String::from_utf8_lossy(data));
    // Hardly any bytes end in their checksum: these do.
    let Some((first, rest)) = data.split_first() else { return };
    let kinds = [
        Kind::Link,
        Kind::Browser,
        Kind::Bearer,
        Kind::SecretKey { live: true },
        Kind::SecretKey { live: false },
        Kind::PublishableKey { live: true },
        Kind::PublishableKey { live: false },
    ];
    let kind = kinds[usize::from(*first) % kinds.len()];
    let mut text = kind.prefix().to_owned();
    text.extend((0..54).map(|at| digit(u64::from(rest.get(at).copied().unwrap_or_default()))));
    let checksum = u64::from(crc32fast::hash(text.as_bytes()));
    text.extend((0..6).rev().map(|at| digit(checksum / 62u64.pow(at))));
    check_credential(&text);
    // 62⁵³ is below 2³²⁰, so that a body which starts with 0 always fits.
    if rest.first().is_none_or(|byte| byte % 62 == 0) {
        assert_eq!(Credential::parse(&text).expect("a whole one").kind(), kind);
    }
}

fn digit(number: u64) -> char {
    char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(number % 62) as usize])
}

fn check_credential(text: &str) {
    let Some(credential) = Credential::parse(text) else { return };
    assert_eq!(credential.reveal(), text);
    assert_eq!(format!("{credential:?}"), format!("{}[redacted]", credential.kind().prefix()));
    let again = Credential::parse(&credential.reveal()).expect("what was written is read");
    assert_eq!((again.kind(), again.id(), again.hash()), (credential.kind(), credential.id(), credential.hash()));
    for other in [format!("{text}0"), format!(" {text}"), format!("{text}\n"), text[..text.len() - 1].to_owned()] {
        assert!(Credential::parse(&other).is_none(), "{other:?}");
    }
    // A checksum tells every change of up to four bytes that follow each other.
    for at in text.len() - 8..text.len() {
        let mut changed = text.to_owned();
        changed.replace_range(at..=at, if &text[at..=at] == "x" { "y" } else { "x" });
        assert!(Credential::parse(&changed).is_none(), "{changed:?}");
    }
}

/// A tuple for each line: what is read is kept to the letter, and covering is an order of patterns.
pub fn permission(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.split('\n').collect();
    let read: Vec<_> = lines.iter().map(|line| Permission::parse(*line)).collect();
    let good: Vec<&Permission> = read.iter().flatten().take(8).collect();
    for permission in &good {
        let segments: Vec<&str> = permission.as_str().split('.').collect();
        assert_eq!(segments.len(), 3);
        assert!(lines.contains(&permission.as_str()) && segments.iter().all(|segment| !segment.is_empty()));
        assert_eq!(permission.action(), segments[2]);
        assert_eq!(Permission::parse(permission.as_str()).as_ref(), Ok(*permission));
        assert!(permission.covers(permission) && Patterns::all().cover(permission));
        let one = Patterns(vec![(*permission).clone()]);
        for other in &good {
            assert_eq!(one.cover(other), permission.covers(other));
            assert!(!permission.covers(other) || !other.covers(permission) || permission == other);
            let chain = |third: &&&Permission| other.covers(third) && !permission.covers(third);
            assert!(!permission.covers(other) || !good.iter().any(|third| chain(&third)), "{good:?}");
        }
    }
    let patterns = Patterns(good.iter().map(|permission| (*permission).clone()).collect());
    for permission in &good {
        let [kind, name, action] = <[&str; 3]>::try_from(permission.as_str().split('.').collect::<Vec<_>>()).unwrap();
        // Three ways to ask one question.
        assert!(patterns.allow(kind, &[name], action));
        let named = patterns.named(kind, action);
        assert_eq!(named.is_none(), patterns.allow(kind, &[], action));
        assert!(named.is_none_or(|names| names.contains(&name)));
    }
    let tabs = Tab::visible(&patterns.0);
    assert!(tabs.is_sorted() && tabs.contains(&Tab::Docs) != good.is_empty());
    let first_bad = read.iter().position(Result::is_err);
    match parse_list(lines.iter().map(|line| (*line).to_owned()).collect()) {
        Ok(list) => assert!(list.len() == lines.len() && list.len() <= 100 && first_bad.is_none()),
        Err(_) if lines.len() > 100 => {}
        Err(why) => assert_eq!(why.at, format!("[{}]", first_bad.expect("a bad one"))),
    }
}

/// Whatever is accepted leads a browser to a host that the text names, by https or to this very machine.
pub fn return_url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(url) = WebUrl::parse(&text) {
        assert_eq!(url.as_str(), text);
        assert!(text.is_ascii() && text.len() <= MAX_URL && !text.contains(['\\', ' ', '<', '>', '"']));
        check_url(url.url());
        let host = url.url().host_str().expect("a host");
        let written = text.to_ascii_lowercase();
        assert!(host.starts_with('[') || written.split_once("://").is_some_and(|(_, rest)| rest.starts_with(host)));
        assert_eq!(parse_origin(&url.origin()).as_ref(), Ok(&url.origin()));
        // What a browser makes of it is read again, and as itself.
        let normal = url.url().as_str();
        if normal.len() <= MAX_URL {
            let again = WebUrl::parse(normal).expect("the normal form");
            assert_eq!((again.url().as_str(), again.origin()), (normal, url.origin()));
        }
        let asked = Url::parse(&url.with_query("reason", &text)).expect("a URL");
        check_url(&asked);
        assert_eq!(asked.origin(), url.url().origin());
        assert!(asked.query_pairs().any(|(name, value)| name == "reason" && value == text));
    }
    if let Ok(origin) = parse_origin(&text) {
        assert_eq!(parse_origin(&origin).as_ref(), Ok(&origin));
        assert_eq!(origin, WebUrl::parse(&text).expect("an address").origin());
    }
    if let Ok(path) = parse_path(&text) {
        assert_eq!(path, text);
        let portal = Url::parse("https://portal.example/").expect("a URL");
        let landing = portal.join(&path).expect("a URL");
        assert_eq!(landing.origin(), portal.origin());
        assert_eq!(landing.path(), path.split(['?', '#']).next().expect("a path"));
        assert_eq!(parse_path(landing.path()).as_deref(), Ok(landing.path()));
    }
}

fn check_url(url: &Url) {
    assert!(url.scheme() == "https" || url.scheme() == "http" && is_loopback(url), "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.has_host(), "{url}");
}

/// The first line says whether by https, each other one is a header: only cookies that are there are found.
pub fn cookie(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let is_https = lines.next().is_some_and(|line| line.len() % 2 == 1);
    let prefix = if is_https { "__Host-vst_" } else { "vst_" };
    let mut headers = HeaderMap::new();
    for value in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(header::COOKIE, value);
    }
    let found: Vec<(PortalId, &str)> = session_cookies(&headers, is_https, None).collect();
    assert!(found.len() <= 16);
    for (portal, value) in &found {
        assert!(!value.contains(';') && value.chars().all(|char| char == '\t' || !char.is_control()));
        let names = [portal.to_string(), portal.0.hyphenated().to_string()];
        let is_it = |pair: &str| {
            let name = pair.strip_suffix(value).and_then(|rest| rest.strip_suffix('='));
            let id = name.and_then(|name| name.strip_prefix(prefix));
            id.is_some_and(|id| id == names[0] || id.eq_ignore_ascii_case(&names[1]))
        };
        let pairs = headers.values().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut pairs = pairs.filter_map(|pair| std::str::from_utf8(pair).ok());
        assert!(pairs.any(|pair| is_it(pair.trim())), "{portal}={value:?} in {headers:?}");
    }
    // One of our own is found, whatever stands around it.
    let portal = PortalId(uuid_of(data));
    let others = data.iter().copied().filter(|byte| *byte >= b' ' && *byte != 0x7f);
    let mut own: Vec<u8> = others.clone().collect();
    own.extend(format!("; {prefix}{portal}=token; ").into_bytes());
    own.extend(others);
    let own = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_bytes(&own).expect("no control characters"))]);
    assert!(session_cookies(&own, is_https, Some(portal)).any(|found| found == (portal, "token")));
    // The cookie that http sets counts for nothing by https, and the other way round.
    assert!(session_cookies(&own, !is_https, None).all(|found| found != (portal, "token")));
}

fn uuid_of(data: &[u8]) -> Uuid {
    Uuid::from_u128(data.iter().fold(0, |number: u128, byte| number.rotate_left(7) ^ u128::from(*byte)))
}

/// Three lines, how many and the two ids: a page has just the bounds that were asked for.
pub fn cursor(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let limit = lines.next().and_then(|line| line.parse().ok());
    let mut id = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let cursor = Cursor { limit, starting_after: id(), ending_before: id() };
    for text in [&cursor.starting_after, &cursor.ending_before].into_iter().flatten() {
        let read = [
            check_id::<TenantId>(text),
            check_id::<KeyId>(text),
            check_id::<PortalId>(text),
            check_id::<CustomerId>(text),
            check_id::<SessionId>(text),
            check_id::<EventId>(text),
            check_id::<RequestId>(text),
        ];
        // A prefix tells one kind; without one it may be any.
        let kinds = read.iter().filter(|is_read| **is_read).count();
        assert!(matches!((kinds, text.len()), (0, _) | (1, 25..=26) | (7, 36)), "{text:?}: {read:?}");
    }
    let is_id = |text: &Option<String>| text.as_ref().is_none_or(|text| text.parse::<SessionId>().is_ok());
    let ids = is_id(&cursor.starting_after) && is_id(&cursor.ending_before);
    let both = cursor.starting_after.is_some() && cursor.ending_before.is_some();
    let good = ids && !both && (1..=100).contains(&cursor.limit.unwrap_or(20));
    let page = cursor.page::<SessionId>();
    assert_eq!(page.is_ok(), good, "{cursor:?}");
    let Ok(page) = page else { return };
    assert_eq!(page.fetch(), i64::from(cursor.limit.unwrap_or(20)) + 1);
    assert!(page.below() >= page.above() && page.is_down() == cursor.ending_before.is_none());
    for there in [0, page.limit, page.limit + 1] {
        let (kept, has_more) = page.cut((0..there).collect());
        assert_eq!((kept.len(), has_more), (there.min(page.limit) as usize, there > page.limit));
    }
}

/// Whether it is read as an id of that kind; if so it is written and read as the same.
fn check_id<I: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) -> bool {
    let Ok(id) = text.parse::<I>() else { return false };
    let written = id.to_string();
    assert_eq!(written.parse::<I>().expect("what was written is read"), id);
    assert!(written == text || text.len() == 36, "{text:?} was read as {written}");
    true
}
