//! What a tab holds: what the portal's upstream tells of this reader.

use super::{
    view::{Data, Locale, TabBody, UpstreamFault},
    visit::Visit,
};
use crate::{
    domain::permission::Tab,
    http::{
        App,
        gateway::{Fault, fetch_json},
    },
};
use serde_json::{Value, json};

/// The body of a tab that this reader may open; `after` is the cursor of the page before.
pub(super) async fn body(app: &App, visit: &Visit, tab: Tab, locale: Locale, after: Option<&str>) -> TabBody {
    let here = format!("/p/{}/{}", visit.portal.id, tab.as_str());
    match fetch(app, visit, tab, after).await {
        Ok(value) => {
            let data = Data::new(&value, locale);
            let next = data.next_cursor.as_deref().or_else(|| last_id(&value)).filter(|_| data.has_more);
            let next = next.map(|cursor| format!("{here}?{}", query(cursor)));
            TabBody::Data { previous: after.map(|_| here), next, data }
        }
        Err(Fault::NotConnected) => TabBody::NotConnected,
        Err(Fault::Unreachable) => TabBody::Upstream { fault: UpstreamFault::Unreachable, retry: here },
        Err(Fault::TimedOut) => TabBody::Upstream { fault: UpstreamFault::TimedOut, retry: here },
        Err(Fault::Failed) => TabBody::Upstream { fault: UpstreamFault::Failed, retry: here },
    }
}

async fn fetch(app: &App, visit: &Visit, tab: Tab, after: Option<&str>) -> Result<Value, Fault> {
    let query = after.map(query);
    let read = |path| fetch_json(app, &visit.user, path, query.as_deref());
    match tab {
        Tab::Keys => read("keys").await,
        Tab::Analytics => read("usage").await,
        Tab::Docs => read("docs").await,
        Tab::Billing => {
            let (subscriptions, invoices) = tokio::join!(read("subscriptions"), read("invoices"));
            Ok(json!({"subscriptions": content(subscriptions?), "invoices": content(invoices?)}))
        }
    }
}

/// How the upstream is asked for what follows, and how our own address asks us.
fn query(cursor: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("startingAfter", cursor).finish()
}

/// A list without its envelope.
fn content(mut value: Value) -> Value {
    value.get_mut("data").map(Value::take).unwrap_or(value)
}

/// The cursor of a list that names none: its last entry's id.
fn last_id(value: &Value) -> Option<&str> {
    value.get("data")?.as_array()?.last()?.get("id")?.as_str()
}
