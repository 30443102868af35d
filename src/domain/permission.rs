//! Permissions: tuples `{resourceType}.{resourceId}.{action}`, and patterns that cover them.

use super::Invalid;
use serde::{Deserialize, Serialize};

const MAX_CHARS: usize = 255;

/// One tuple, in visible ASCII. `*` as a whole segment stands for any value of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(String);

impl Permission {
    /// Reads a tuple.
    ///
    /// # Errors
    /// When it has not three segments of visible ASCII, or is longer than 255 characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        let segments = text.split('.').filter(|segment| !segment.is_empty()).count();
        if text.len() > MAX_CHARS {
            return Err(Invalid::new("A permission has at most 255 characters."));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || segments != 3 || text.split('.').count() != 3 {
            return Err(Invalid::new(
                "A permission is a tuple {resourceType}.{resourceId}.{action} of visible ASCII characters.",
            ));
        }
        Ok(Self(text))
    }

    /// The tuple as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it allows to do: the third segment.
    pub fn action(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }

    /// Whether every tuple that `other` stands for is one that this stands for.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.split('.').zip(other.0.split('.')).all(|(own, asked)| own == "*" || own == asked)
    }

    fn segments(&self) -> [&str; 3] {
        let mut parts = self.0.split('.');
        [(); 3].map(|()| parts.next().unwrap_or_default())
    }
}

impl TryFrom<String> for Permission {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0
    }
}

/// A list of patterns, as a key holds them: what it may call, or what it may give away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patterns(pub Vec<Permission>);

impl Patterns {
    /// The pattern that covers everything.
    pub fn all() -> Self {
        Self(vec![Permission("*.*.*".to_owned())])
    }

    /// Whether one of the patterns covers `permission`.
    pub fn cover(&self, permission: &Permission) -> bool {
        self.0.iter().any(|pattern| pattern.covers(permission))
    }

    /// Whether a resource that goes by any of `names` may be acted on so.
    pub fn allow(&self, resource: &str, names: &[&str], action: &str) -> bool {
        self.of(resource, action).any(|name| name == "*" || names.contains(&name))
    }

    /// The resources that may be acted on so: `None` for all of them.
    pub fn named<'a>(&'a self, resource: &'a str, action: &'a str) -> Option<Vec<&'a str>> {
        let names: Vec<_> = self.of(resource, action).collect();
        (!names.contains(&"*")).then_some(names)
    }

    fn of<'a>(&'a self, resource: &'a str, action: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |pattern| {
            let [kind, name, act] = pattern.segments();
            let fits = (kind == "*" || kind == resource) && (act == "*" || act == action);
            fits.then_some(name)
        })
    }
}

/// Reads a list of 1–100 tuples, as a session holds them.
///
/// # Errors
/// When there are none or more than 100, or one is malformed: the error tells which.
pub fn parse_list(texts: Vec<String>) -> Result<Vec<Permission>, Invalid> {
    if texts.is_empty() || texts.len() > 100 {
        return Err(Invalid::new("Give between 1 and 100 permissions."));
    }
    texts
        .into_iter()
        .enumerate()
        .map(|(n, text)| Permission::parse(text).map_err(|why| why.within(format!("[{n}]"))))
        .collect()
}

/// A tab of the portal, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// API keys.
    Keys,
    /// Usage.
    Analytics,
    /// Subscriptions and invoices.
    Billing,
    /// Documentation.
    Docs,
}

impl Tab {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Keys, Self::Analytics, Self::Billing, Self::Docs];

    /// Its name in addresses and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Analytics => "analytics",
            Self::Billing => "billing",
            Self::Docs => "docs",
        }
    }

    fn is_shown_for(self, action: &str) -> bool {
        match self {
            Self::Keys => matches!(action, "read_key" | "create_key" | "update_key" | "delete_key"),
            Self::Analytics => action == "read_analytics",
            Self::Billing => {
                matches!(action, "read_billing" | "read_invoice" | "read_subscription" | "cancel_subscription")
            }
            Self::Docs => true,
        }
    }

    /// The tabs that these permissions show; a `*` action shows them all.
    pub fn visible(permissions: &[Permission]) -> Vec<Self> {
        let shown = |tab: &Self| {
            permissions.iter().any(|permission| permission.action() == "*" || tab.is_shown_for(permission.action()))
        };
        Self::ALL.into_iter().filter(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tuple(text: &str) -> Permission {
        Permission::parse(text).unwrap()
    }

    #[test]
    fn only_tuples_are_read() {
        for good in ["api.*.read_key", "a.b.c", "*.*.*", "api.api_123.create_key", "a.b*.c"] {
            assert!(Permission::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a.b", "a..c", ".b.c", "a.b.", "a.b.c.d", "a.b.c d", "a.b.ç", "a.b.c\n", "a.b.c."] {
            assert!(Permission::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Permission::parse(format!("a.b.{}", "c".repeat(251))).is_ok());
        assert!(Permission::parse(format!("a.b.{}", "c".repeat(252))).is_err());
    }

    #[test]
    fn a_star_covers_a_whole_segment_only() {
        assert!(tuple("api.*.read_key").covers(&tuple("api.api_1.read_key")));
        assert!(tuple("api.*.read_key").covers(&tuple("api.*.read_key")));
        assert!(!tuple("api.api_1.read_key").covers(&tuple("api.*.read_key")));
        assert!(!tuple("api.a*.read_key").covers(&tuple("api.api_1.read_key")));
    }

    #[test]
    fn a_list_tells_which_one_is_wrong() {
        let why = parse_list(vec!["a.b.c".into(), "nope".into()]).unwrap_err();
        assert_eq!(why.at, "[1]");
        assert!(parse_list(vec![]).is_err());
        assert!(parse_list(vec!["a.b.c".into(); 101]).is_err());
        assert!(parse_list(vec!["a.b.c".into(); 100]).is_ok());
    }

    #[test]
    fn tabs_stand_in_order() {
        let permissions = ["b.*.read_invoice", "a.*.read_analytics", "a.*.delete_key"].map(tuple);
        assert_eq!(Tab::visible(&permissions), Tab::ALL);
        assert_eq!(Tab::visible(&[tuple("x.y.z")]), [Tab::Docs]);
        assert_eq!(Tab::visible(&[]), []);
    }

    #[test]
    fn keys_name_what_they_may_call() {
        let patterns = Patterns(["portal.docs.read_session", "event.*.read"].map(tuple).to_vec());
        assert!(patterns.allow("portal", &["ptl_1", "docs"], "read_session"));
        assert!(!patterns.allow("portal", &["ptl_2", "other"], "read_session"));
        assert_eq!(patterns.named("portal", "read_session"), Some(vec!["docs"]));
        assert_eq!(patterns.named("portal", "create_session"), Some(vec![]));
        assert_eq!(Patterns::all().named("portal", "create_session"), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_kept_to_the_letter(text in "[!-~]{1,5}\\.[!-~]{1,5}\\.[!-~]{1,5}") {
            if let Ok(permission) = Permission::parse(text.clone()) {
                prop_assert_eq!(permission.as_str(), &text);
                prop_assert!(permission.covers(&permission));
                prop_assert!(Patterns::all().cover(&permission));
            } else {
                prop_assert!(text.split('.').count() != 3);
            }
        }

        #[test]
        fn covering_is_transitive(a in "[ab*]\\.[ab*]\\.[ab*]", b in "[ab*]\\.[ab*]\\.[ab*]", c in "[ab*]\\.[ab*]\\.[ab*]") {
            let [a, b, c] = [a, b, c].map(|text| tuple(&text));
            if a.covers(&b) && b.covers(&c) {
                prop_assert!(a.covers(&c));
            }
        }
    }
}
