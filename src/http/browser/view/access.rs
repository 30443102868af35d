//! "Your access": what a session may do and where it is used, in words.

use chrono::{DateTime, Utc};

use super::data::humanise;
use super::text::{ACTIONS, Text};

/// What the page "Your access" tells of a session, beyond what every page does.
#[derive(Clone, Debug)]
pub struct Access {
    /// When the session began.
    pub since: DateTime<Utc>,
    /// The address that the session was opened from.
    pub ip_address: Option<String>,
    /// The browser that the session was opened with, as it calls itself.
    pub user_agent: Option<String>,
    /// The session's tuples.
    pub permissions: Vec<String>,
}

/// One thing that a session may do, and the tuples that say so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ability {
    pub(super) sentence: String,
    pub(super) tuples: Vec<String>,
}

impl Access {
    /// The permissions by action, in the order of their first appearance.
    pub(super) fn abilities(&self, text: &Text) -> Vec<Ability> {
        let mut abilities: Vec<Ability> = Vec::new();
        for tuple in &self.permissions {
            let action = tuple.rsplit('.').next().unwrap_or(tuple);
            let known = ACTIONS.iter().zip(text.actions).find(|(name, _)| **name == action);
            let sentence = known.map_or_else(|| humanise(action), |(_, sentence)| sentence.to_owned());
            match abilities.iter_mut().find(|ability| ability.sentence == sentence) {
                Some(ability) => ability.tuples.push(tuple.clone()),
                None => abilities.push(Ability { sentence, tuples: vec![tuple.clone()] }),
            }
        }
        abilities
    }

    /// Browser and system by the names people know, if the user agent gives them away.
    pub(super) fn device(&self) -> Option<String> {
        let agent = self.user_agent.as_deref()?;
        let known =
            |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
        // Browsers name those that they descend from, so the youngest come first.
        let browser = known(&[
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("SamsungBrowser/", "Samsung Internet"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ])?;
        let system = known(&[
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Mac OS X", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ]);
        Some(system.map_or_else(|| browser.to_owned(), |system| format!("{browser} · {system}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::browser::view::text::Locale;

    fn access(permissions: &[&str], user_agent: &str) -> Access {
        Access {
            since: DateTime::UNIX_EPOCH,
            ip_address: None,
            user_agent: Some(user_agent.into()),
            permissions: permissions.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn abilities_are_grouped_by_action() {
        let access = access(&["api.a.read_key", "db.*.run_query", "api.b.read_key", "api.*.*", "a.b.--"], "");
        let abilities = access.abilities(Locale::En.text());
        assert_eq!(abilities.len(), 4);
        assert_eq!(abilities[0].sentence, "See API keys");
        assert_eq!(abilities[0].tuples, ["api.a.read_key", "api.b.read_key"]);
        assert_eq!(abilities[1].sentence, "Run query");
        assert_eq!(abilities[2].sentence, "Everything in the portal");
        assert_eq!(abilities[3].sentence, "--");
    }

    #[test]
    fn devices_have_names() {
        let device = |agent: &str| access(&[], agent).device();
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(device(chrome).unwrap(), "Chrome · Windows");
        assert_eq!(device(&format!("{chrome} Edg/140.0")).unwrap(), "Edge · Windows");
        assert_eq!(
            device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0").unwrap(),
            "Firefox · Linux"
        );
        assert_eq!(device("curl/8.0"), None);
    }
}
