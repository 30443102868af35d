//! The languages of the pages: which one a reader gets, and what a page says in it.

use crate::domain::permission::Tab;

mod de;
mod en;
mod es;
mod fr;
mod ja;

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English, for everybody whose language is not among the others.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Japanese.
    Ja,
}

impl Locale {
    /// Every language, the default first.
    pub const ALL: [Self; 5] = [Self::En, Self::De, Self::Fr, Self::Es, Self::Ja];

    /// Picks the language: the session's if the pages speak it, else the best of `Accept-Language`.
    pub fn negotiate(session_locale: Option<&str>, accept_language: Option<&str>) -> Self {
        session_locale.and_then(Self::of_tag).or_else(|| accept_language.and_then(Self::accepted)).unwrap_or_default()
    }

    /// The BCP 47 tag, for `lang` and `Content-Language`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Ja => "ja",
        }
    }

    /// Everything that the pages say in this language.
    pub fn text(self) -> &'static Text {
        match self {
            Self::En => &en::TEXT,
            Self::De => &de::TEXT,
            Self::Fr => &fr::TEXT,
            Self::Es => &es::TEXT,
            Self::Ja => &ja::TEXT,
        }
    }

    /// The language of a tag such as `de-AT`: its first subtag decides, region and script don't.
    fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split('-').next()?;
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(language))
    }

    /// The best of an `Accept-Language` header (RFC 9110, section 12.5.4).
    fn accepted(header: &str) -> Option<Self> {
        let ranges: Vec<(&str, u16)> = header.split(',').filter_map(range).collect();
        // `*` stands for every language that the header doesn't name.
        let unnamed = || {
            let named: Vec<_> = ranges.iter().filter_map(|(tag, _)| Self::of_tag(tag)).collect();
            Self::ALL.into_iter().find(|locale| !named.contains(locale))
        };
        let mut best: Option<(Self, u16)> = None;
        for &(tag, weight) in ranges.iter().filter(|(_, weight)| *weight > 0) {
            let locale = if tag == "*" { unnamed() } else { Self::of_tag(tag) };
            // Of equal weights the first wins.
            if let Some(locale) = locale
                && best.is_none_or(|(_, most)| weight > most)
            {
                best = Some((locale, weight));
            }
        }
        best.map(|(locale, _)| locale)
    }
}

/// One member of `Accept-Language` with its weight in thousandths; none if it is malformed.
fn range(member: &str) -> Option<(&str, u16)> {
    let (tag, parameter) = match member.split_once(';') {
        Some((tag, parameter)) => (tag.trim(), Some(parameter.trim())),
        None => (member.trim(), None),
    };
    let weight = match parameter {
        None => 1000,
        Some(parameter) => {
            let (name, value) = parameter.split_once('=')?;
            if !name.eq_ignore_ascii_case("q") {
                return None;
            }
            let (whole, thousandths) = value.split_once('.').unwrap_or((value, ""));
            if thousandths.len() > 3 || !thousandths.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let thousandths = format!("{thousandths:0<3}").parse().ok()?;
            match (whole, thousandths) {
                ("0", thousandths) => thousandths,
                ("1", 0) => 1000,
                _ => return None,
            }
        }
    };
    (!tag.is_empty()).then_some((tag, weight))
}

/// A sentence with one name in it.
pub type Named = fn(&str) -> String;

/// The wording of one kind of problem.
#[derive(Debug)]
pub struct Wording {
    /// The page's title and heading.
    pub title: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What the reader can do now.
    pub help: &'static str,
}

/// One text for each tab: keys, analytics, billing, docs.
#[derive(Debug)]
pub struct PerTab(pub [&'static str; 4]);

impl PerTab {
    /// The text for this tab.
    pub fn of(&self, tab: &Tab) -> &'static str {
        let [keys, analytics, billing, docs] = self.0;
        match tab {
            Tab::Keys => keys,
            Tab::Analytics => analytics,
            Tab::Billing => billing,
            Tab::Docs => docs,
        }
    }
}

/// The actions that have a sentence of their own, in the order of [`Text::actions`].
pub const ACTIONS: [&str; 10] = [
    "*",
    "read_key",
    "create_key",
    "update_key",
    "delete_key",
    "read_analytics",
    "read_billing",
    "read_invoice",
    "read_subscription",
    "cancel_subscription",
];

/// All wording of the pages in one language; being a struct, no language can lack a text.
#[derive(Debug)]
#[allow(missing_docs, reason = "each field is named after what it says; en.rs reads as their documentation")]
pub struct Text {
    pub skip: &'static str,
    pub signed_in_as: &'static str,
    pub until: &'static str,
    pub sign_out: &'static str,
    pub return_to: Named,
    pub try_again: &'static str,
    pub reference: &'static str,
    pub preview_mode: &'static str,
    pub preview_note: &'static str,
    pub sections: &'static str,

    pub landing_title: Named,
    pub landing_lead: &'static str,
    pub landing_lead_redirect: &'static str,
    pub link_for: &'static str,
    pub valid_until: &'static str,
    pub go_on: &'static str,
    pub landing_note: &'static str,

    pub tabs: PerTab,
    pub tab_leads: PerTab,
    /// Subscriptions, invoices.
    pub billing: [&'static str; 2],
    pub nothing_yet: PerTab,
    pub nothing_yet_note: &'static str,
    pub not_connected: &'static str,
    pub not_connected_note: Named,
    pub not_connected_preview: &'static str,

    pub upstream_title: &'static str,
    /// Unreachable, timed out, failed.
    pub upstream: [&'static str; 3],
    pub first_page: &'static str,
    pub next: &'static str,
    pub pages: &'static str,
    pub cut: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub none: &'static str,
    pub entries: fn(usize) -> String,

    pub access: &'static str,
    pub access_lead: &'static str,
    pub account: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    pub portal: &'static str,
    pub since: &'static str,
    pub ip_address: &'static str,
    pub device: &'static str,
    pub abilities: &'static str,
    pub no_abilities: &'static str,
    pub actions: [&'static str; 10],
    pub sign_out_note: &'static str,

    pub link_over: Wording,
    pub link_unknown: Wording,
    pub session_expired: Wording,
    pub tab_forbidden: Wording,
    pub cross_site: Wording,
    pub not_found: Wording,
    pub too_many_requests: Wording,
    pub internal: Wording,
    pub unavailable: Wording,
    pub signed_out: Wording,

    pub months: [&'static str; 12],
    /// Day, month's name, year.
    pub date: fn(u32, &str, i32) -> String,
    /// What stands between a date and the time of day.
    pub date_time: &'static str,
    pub thousands: char,
    pub decimal: char,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_locale_comes_first() {
        assert_eq!(Locale::negotiate(Some("de-AT"), Some("fr")), Locale::De);
        assert_eq!(Locale::negotiate(Some("JA-jp-u-ca-japanese"), None), Locale::Ja);
        assert_eq!(Locale::negotiate(Some("pt-BR"), Some("es-MX,en;q=0.5")), Locale::Es);
        assert_eq!(Locale::negotiate(Some("pt"), None), Locale::En);
        assert_eq!(Locale::negotiate(None, None), Locale::En);
    }

    #[test]
    fn accept_language_is_weighed() {
        for (header, locale) in [
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Locale::Fr),
            ("en;q=0.8, de;q=0.9", Locale::De),
            ("pt, it;q=0.9, ja ; q=0.3, es;q=0.301", Locale::Es),
            ("de;q=0, *", Locale::En),
            ("en;q=0, *;q=0.1", Locale::De),
            ("de;q=0", Locale::En),
            ("de, fr", Locale::De),
            ("*", Locale::En),
            ("de-DE-1996;q=1.000", Locale::De),
            ("fr;Q=0.2,de;q=0.1", Locale::Fr),
        ] {
            assert_eq!(Locale::negotiate(None, Some(header)), locale, "{header}");
        }
    }

    #[test]
    fn malformed_members_are_passed_over() {
        for header in ["", ",,", "fr;q=2, de", "fr;q=0.1234, de", "fr;q=, de", "fr;x=1, de", "fr;q=0.٣, de;q=0.1"] {
            let expected = if header.contains("de") { Locale::De } else { Locale::En };
            assert_eq!(Locale::negotiate(None, Some(header)), expected, "{header}");
        }
        assert_eq!(Locale::negotiate(None, Some("deutsch, english, x-de")), Locale::En);
    }

    #[test]
    fn every_language_says_everything_in_its_own_words() {
        for locale in Locale::ALL {
            // Debug shows every field that is a plain text, so an empty one shows as `""`.
            let all = format!("{:?}", locale.text());
            assert!(!all.contains("\"\""), "{locale:?} has an empty text");
        }
        let titles = |pick: fn(&Text) -> &'static str| {
            let mut all: Vec<_> = Locale::ALL.iter().map(|l| pick(l.text())).collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        assert_eq!(titles(|t| t.session_expired.title), 5);
        assert_eq!(titles(|t| t.sign_out), 5);
    }

    #[test]
    fn names_that_others_rely_on() {
        let text = Locale::En.text();
        assert_eq!(text.tabs.0, ["Keys", "Analytics", "Billing", "Docs"]);
        assert_eq!(text.preview_mode, "Preview mode");
        assert_eq!(text.session_expired.title, "Session expired");
    }
}
