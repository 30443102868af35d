//! The few static files of the pages, served from the binary under addresses that change with them.

use std::sync::LazyLock;

/// A static file and how to announce it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The file's text.
    pub body: &'static str,
    /// The value for `Content-Type`.
    pub content_type: &'static str,
}

/// The addresses of the static files, each with a hash of its content.
#[derive(Debug)]
pub struct Hrefs {
    /// The style sheet of every page.
    pub style: String,
    /// The script of every page, which none needs.
    pub script: String,
    /// The script that lets a landing page go on by itself.
    pub landing: String,
    /// The icon in the browser's tab.
    pub icon: String,
}

/// The addresses in use, hashed once.
pub static HREFS: LazyLock<Hrefs> = LazyLock::new(|| Hrefs {
    style: href("portal", "css", STYLE),
    script: href("portal", "js", SCRIPT),
    landing: href("landing", "js", LANDING),
    icon: href("icon", "svg", ICON),
});

const STYLE: &str = include_str!("../../../../assets/portal.css");
const SCRIPT: &str = include_str!("../../../../assets/portal.js");
const LANDING: &str = include_str!("../../../../assets/landing.js");
const ICON: &str = include_str!("../../../../assets/icon.svg");

fn href(name: &str, extension: &str, body: &str) -> String {
    format!("/assets/{name}-{:08x}.{extension}", crc32fast::hash(body.as_bytes()))
}

/// The file at a whole path such as `/assets/portal-0a1b2c3d.css`; what it answers may be cached for ever.
pub fn asset(path: &str) -> Option<Asset> {
    let file = |body, content_type| Some(Asset { body, content_type });
    match path {
        p if p == HREFS.style => file(STYLE, "text/css; charset=utf-8"),
        p if p == HREFS.script => file(SCRIPT, "text/javascript; charset=utf-8"),
        p if p == HREFS.landing => file(LANDING, "text/javascript; charset=utf-8"),
        p if p == HREFS.icon => file(ICON, "image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_what_the_pages_name_and_nothing_else() {
        for (path, start) in [
            (&HREFS.style, "text/css"),
            (&HREFS.script, "text/javascript"),
            (&HREFS.landing, "text/javascript"),
            (&HREFS.icon, "image/svg"),
        ] {
            assert!(asset(path).unwrap().content_type.starts_with(start));
        }
        assert_eq!(asset("/assets/portal-00000000.css"), None);
        assert_eq!(asset("/assets/../Cargo.toml"), None);
    }
}
