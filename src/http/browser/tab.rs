//! What a tab holds: what the portal's upstream tells of this reader.

use super::{
    view::{Data, Locale, Part, TabBody, UpstreamFault},
    visit::Visit,
};
use crate::{
    domain::{permission::Tab, session::Session},
    http::{
        App,
        gateway::{Fault, fetch_json},
    },
};
use futures_util::future::join_all;
use serde_json::Value;
use url::form_urlencoded;

/// The name of a cursor at the upstream, and in our own address where the tab has one list only.
const CURSOR: &str = "startingAfter";
/// What lets a session read subscriptions; who may cancel one has to see it.
const SUBSCRIPTIONS: [&str; 3] = ["read_billing", "read_subscription", "cancel_subscription"];
/// What lets it read invoices.
const INVOICES: [&str; 2] = ["read_billing", "read_invoice"];

/// Something of the upstream's that a tab shows, with pages of its own.
struct Source {
    /// Where the upstream has it.
    path: &'static str,
    /// Its cursor in our own address.
    cursor: &'static str,
    /// Its heading, on a tab that has several.
    title: Option<&'static str>,
}

/// The body of a tab that this reader may open; the query of its address holds the cursors.
pub(super) async fn body(app: &App, visit: &Visit, tab: Tab, locale: Locale, query: &str) -> TabBody {
    let sources = sources(tab, visit.user.session(), locale);
    let here = Address { tab: format!("/p/{}/{}", visit.portal.id, tab.as_str()), cursors: cursors(&sources, query) };
    let answers = sources.iter().map(async |source| {
        let query = here.after(source).map(|cursor| written([(CURSOR, cursor)]));
        fetch_json(app, &visit.user, source.path, query.as_deref()).await
    });
    let answers = join_all(answers).await;
    let is_refused = answers.iter().any(|answer| matches!(answer, Err(Fault::Refused)));
    let parts = sources.iter().zip(answers).filter_map(|(source, answer)| {
        let shown = match answer {
            Ok(value) => Ok(value),
            Err(fault) => Err(told(fault)?),
        };
        Some(part(&here, source, shown, locale))
    });
    let parts: Vec<Part> = parts.collect();
    let fault = parts.iter().find_map(|part| part.data.as_ref().err().copied());
    match fault.or(is_refused.then_some(UpstreamFault::Failed)) {
        Some(fault) if parts.iter().all(|part| part.data.is_err()) => TabBody::Upstream { fault, retry: here.tab },
        None if parts.is_empty() => TabBody::NotConnected,
        _ => TabBody::Parts(parts),
    }
}

/// What the reader is told; of what is not there, or not for this reader, nothing.
fn told(fault: Fault) -> Option<UpstreamFault> {
    match fault {
        Fault::NotConnected | Fault::Refused => None,
        Fault::Unreachable => Some(UpstreamFault::Unreachable),
        Fault::TimedOut => Some(UpstreamFault::TimedOut),
        Fault::Failed => Some(UpstreamFault::Failed),
    }
}

/// What a tab shows to the holder of this session.
fn sources(tab: Tab, session: &Session, locale: Locale) -> Vec<Source> {
    let path = match tab {
        Tab::Keys => "keys",
        Tab::Analytics => "usage",
        Tab::Docs => "docs",
        Tab::Billing => return billing(session, locale),
    };
    vec![Source { path, cursor: CURSOR, title: None }]
}

fn billing(session: &Session, locale: Locale) -> Vec<Source> {
    let [subscriptions, invoices] = locale.text().billing;
    let subscriptions = Source { path: "subscriptions", cursor: "subscriptionsAfter", title: Some(subscriptions) };
    let invoices = Source { path: "invoices", cursor: "invoicesAfter", title: Some(invoices) };
    [(subscriptions, &SUBSCRIPTIONS[..]), (invoices, &INVOICES)]
        .into_iter()
        .filter_map(|(source, actions)| session.may(actions).then_some(source))
        .collect()
}

fn part(here: &Address, source: &Source, answer: Result<Value, UpstreamFault>, locale: Locale) -> Part {
    let mut next = None;
    let data = answer.map(|value| {
        let data = Data::new(&value, locale);
        let cursor = data.next_cursor.as_deref().filter(|_| data.has_more);
        next = cursor.map(|cursor| here.with(source, Some(cursor)));
        data
    });
    let first = here.with(source, None);
    Part { title: source.title, data, first: here.after(source).map(|_| first.clone()), next, retry: first }
}

/// The page's own address.
struct Address {
    tab: String,
    cursors: Vec<(&'static str, String)>,
}

impl Address {
    /// How far a source has been read.
    fn after(&self, source: &Source) -> Option<&str> {
        self.cursors.iter().find_map(|(name, cursor)| (*name == source.cursor).then_some(cursor.as_str()))
    }

    /// The page with another cursor of this source; the other sources stay where they are.
    fn with(&self, source: &Source, cursor: Option<&str>) -> String {
        let others = self.cursors.iter().filter(|(name, _)| *name != source.cursor);
        let cursors = others.map(|(name, cursor)| (*name, cursor.as_str()));
        let query = written(cursors.chain(cursor.map(|cursor| (source.cursor, cursor))));
        if query.is_empty() { self.tab.clone() } else { format!("{}?{query}", self.tab) }
    }
}

/// The cursor of each source, where the query has one.
fn cursors(sources: &[Source], query: &str) -> Vec<(&'static str, String)> {
    let given = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name);
    sources.iter().filter_map(|source| Some((source.cursor, given(source.cursor)?.1.into_owned()))).collect()
}

fn written<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
