//! Addresses that a merchant gives us and that a browser will follow.
//!
//! RFC 3986 read strictly: what only a lenient parser takes (back slashes, missing slashes,
//! white space, numbers for hosts, bytes outside ASCII) is refused, because a browser and a
//! server that read it differently are how open redirects come about.

use super::Invalid;
use std::fmt;
use url::Url;

const MAX_BYTES: usize = 2048;

/// An absolute https address, or http on a loopback host, kept as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct WebUrl {
    text: String,
    url: Url,
}

impl WebUrl {
    /// Reads a web address.
    ///
    /// # Errors
    /// For anything but a strict absolute https (or loopback http) address of at most 2048
    /// bytes without user-info.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_BYTES {
            return Err(Invalid::new("A URL has at most 2048 characters."));
        }
        let url = strict(text).ok_or_else(|| {
            Invalid::new("Give an absolute https:// URL (http:// only on a loopback host) without user-info.")
        })?;
        Ok(Self { text: text.to_owned(), url })
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, as browsers write an origin.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The parsed address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A path below the address, whose own query comes first. As long as both together.
    pub fn below(&self, path: &str) -> Option<Self> {
        let mut url = self.url.clone();
        let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        if !path.is_empty() {
            url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        }
        let queries: Vec<_> = [url.query(), query].into_iter().flatten().filter(|query| !query.is_empty()).collect();
        let query = queries.join("&");
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        if fragment.is_some() {
            url.set_fragment(fragment);
        }
        let text = String::from(url);
        Some(Self { url: strict(&text)?, text })
    }

    /// The address with `name=value` added to its query.
    pub fn with_query(&self, name: &str, value: &str) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair(name, value);
        url.into()
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An origin: scheme, host and port, nothing behind them.
///
/// # Errors
/// For anything that [`WebUrl::parse`] refuses or that has a path, query or fragment.
pub fn parse_origin(text: &str) -> Result<String, Invalid> {
    let url = WebUrl::parse(text)?;
    let bare = text.splitn(4, '/').nth(3).is_none() && !text.contains(['?', '#']);
    bare.then(|| url.origin()).ok_or_else(|| Invalid::new("Give an origin: scheme, host and port without a path."))
}

/// Whether a policy can name this origin: the grammar of CSP (level 3, section 2.3.1) has neither an IPv6 address nor an
/// underscore.
pub fn is_policy_source(origin: &str) -> bool {
    !origin.contains(['[', '_'])
}

/// A path inside the portal: starts with one `/` and stays inside.
///
/// # Errors
/// For a second slash or a back slash at the start, dot segments, white space or bytes that RFC 3986
/// does not allow, and above 2048 bytes.
pub fn parse_path(text: &str) -> Result<String, Invalid> {
    let refuse = || Err(Invalid::new("A path starts with one / and stays within the portal (RFC 3986)."));
    let path = text.split(['?', '#']).next().unwrap_or_default();
    // Some servers take what stands behind a semicolon for parameters, and the rest for the segment.
    let dots = |segment: &str| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".").replace("%3b", ";");
        matches!(segment.split(';').next(), Some("." | ".."))
    };
    if text.len() > MAX_BYTES || !text.starts_with('/') || text.starts_with("//") || !is_tail(text) {
        return refuse();
    }
    // An encoded slash or back slash is decoded by some servers on the way.
    let hidden = path.to_ascii_lowercase();
    if path.split('/').any(dots) || hidden.contains("%2f") || hidden.contains("%5c") {
        return refuse();
    }
    Ok(text.to_owned())
}

fn strict(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority)?;
    if !is_tail(tail) || !is_host(host) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    // The lenient parser turns `127.1` and `0x7f000001` into addresses: what it read must be what is written.
    let read = url.host_str()?;
    if !host.starts_with('[') && !read.eq_ignore_ascii_case(host) {
        return None;
    }
    let secure = scheme.eq_ignore_ascii_case("https");
    (secure || scheme.eq_ignore_ascii_case("http") && is_loopback(&url)).then_some(url)
}

fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end_of_host = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end_of_host);
    match port.strip_prefix(':') {
        Some("") => None,
        Some(port) => Some((host, port)),
        None => port.is_empty().then_some((host, "")),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether the host is this machine itself, so that plain http never leaves it.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// What may stand behind an authority: path, query and fragment with only the characters that each may hold (RFC 3986,
/// appendix A), with well-formed escapes, of which none is a NUL. In a query square brackets are taken, too, as browsers
/// and frameworks write them.
fn is_tail(text: &str) -> bool {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    is_text(path, b"/") && is_text(query, b"/?[]") && is_text(fragment, b"/?")
}

/// Whether it holds only what a path's segment may, and these.
fn is_text(text: &str, also: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => {
            let hex = bytes.get(at + 1..at + 3);
            hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit) && hex != b"00")
        }
        b'-' | b'.' | b'_' | b'~' | b':' | b'@' => true,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
        byte => byte.is_ascii_alphanumeric() || also.contains(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_addresses_are_kept_as_written() {
        for good in [
            "https://your-app.com/billing",
            "https://a.example",
            "https://a.example:8443/x?y=1#z",
            "HTTPS://A.example/",
            "http://localhost:3000/back",
            "http://127.0.0.1/",
            "http://app.localhost/",
            "http://[::1]:80/x",
            "https://[2001:db8::1]/",
            "https://xn--bcher-kva.example/%C3%A4",
            "https://my_host.example/a@b",
            "https://a.example/?a[]=1&b=/?#c/?",
        ] {
            assert_eq!(WebUrl::parse(good).map(|url| url.as_str().to_owned()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_only_a_lenient_parser_takes_is_refused() {
        for bad in [
            "",
            "/relative",
            "//evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://a.example/",
            "ftp://a.example/",
            "https:a.example",
            "https:/a.example",
            "https:///a.example",
            "https:\\\\a.example",
            "https://a.example\\@b.example",
            "https://user@a.example/",
            "https://user:pw@a.example/",
            "https://@a.example",
            " https://a.example",
            "https://a.example ",
            "https://a.exa\tmple",
            "https://a.example\n",
            "https://a.example/\0",
            "https://",
            "https://:443/",
            "https://a.example:/",
            "https://a.example:99999/",
            "https://a..example/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0177.0.0.1/",
            "https://%61.example/",
            "https://bücher.example/",
            "https://a.example/%zz",
            "https://a.example/%",
            "https://a.example/<x>",
            "https://a.example/\u{200b}",
            "https://a。example/",
            "http://localhost.evil.example/",
            "http://[::ffff:10.0.0.1]/",
            "https://[::1",
            "https://-a.example",
            "https://a.example/x y",
            "http://localhost%2eevil.example",
            "https://a.example/%00",
            "https://a.example/[x]",
            "https://a.example/#[x]",
            "https://a.example/#a#b",
            "https://a[x].example/",
        ] {
            assert!(WebUrl::parse(bad).is_err(), "{bad:?}");
        }
        assert!(WebUrl::parse(&format!("https://a.example/{}", "x".repeat(2048 - 18))).is_ok());
        assert!(WebUrl::parse(&format!("https://a.example/{}", "x".repeat(2049 - 18))).is_err());
    }

    #[test]
    fn a_reason_joins_the_query_that_is_there() {
        let url = WebUrl::parse("https://a.example/b?c=d#e").unwrap();
        assert_eq!(url.with_query("reason", "session_expired"), "https://a.example/b?c=d&reason=session_expired#e");
    }

    #[test]
    fn a_path_is_joined_below_an_address() {
        let (long, longer) = (format!("/{}", "x".repeat(1500)), format!("/{}", "y".repeat(600)));
        for (base, path, joined) in [
            ("https://app.example", "", "https://app.example/"),
            ("https://app.example/", "/billing", "https://app.example/billing"),
            ("https://app.example/portal/", "/billing?id=7#top", "https://app.example/portal/billing?id=7#top"),
            ("https://app.example/portal?tenant=1", "/a?b=2", "https://app.example/portal/a?tenant=1&b=2"),
            ("https://app.example/portal?tenant=1#x", "", "https://app.example/portal?tenant=1#x"),
            ("https://app.example/p", "/%C3%A4?q=%26", "https://app.example/p/%C3%A4?q=%26"),
            (&format!("https://app.example{long}"), &longer, &format!("https://app.example{long}{longer}")),
        ] {
            assert_eq!(WebUrl::parse(base).unwrap().below(path).unwrap().as_str(), joined);
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(parse_origin("https://A.example:443"), Ok("https://a.example".to_owned()));
        for bad in
            ["https://a.example/", "https://a.example/x", "https://a.example?x", "https://a.example#x", "null", "*"]
        {
            assert!(parse_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_stays_inside() {
        for good in ["/", "/keys", "/a/b?c=d", "/a%20b", "/x..y", "/x;..", "/a/?next=//x"] {
            assert!(parse_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "keys",
            "//evil.example",
            "/\\evil.example",
            "/a/../b",
            "/..",
            "/%2e%2E/x",
            "/a b",
            "/a\n",
            "/ä",
            "/a/.",
            "/%2fevil.example",
            "/%5Cx",
            "/..;/x",
            "/a/%2E.;v=1/b",
            "/.%3bx/b",
        ] {
            assert!(parse_path(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// Whatever is accepted reads the same to a lenient parser: same host, same scheme, nobody's name in it.
        #[test]
        fn accepted_means_understood_alike(text in "(https?|HTTPS)?:?[/\\\\]{0,3}[a-z0-9.@:%\\[\\]_ -]{0,20}[/?#\\\\]?[ -~]{0,12}") {
            if let Ok(url) = WebUrl::parse(&text) {
                let lenient = Url::parse(&text).unwrap();
                prop_assert!(lenient.username().is_empty() && lenient.password().is_none());
                prop_assert!(lenient.scheme() == "https" || is_loopback(&lenient));
                prop_assert_eq!(url.origin(), lenient.origin().ascii_serialization());
                let host = lenient.host_str().unwrap();
                let written = text.to_ascii_lowercase().contains(&["://", host].concat());
                prop_assert!(host.starts_with('[') || written);
            }
        }
    }
}
