//! What lists come wrapped in: `{"data": […], "hasMore": true}` and its relatives.

use serde_json::{Map, Value};

/// What an envelope may hold; anything else makes it an object worth showing.
const KEYS: [&str; 20] = [
    "data",
    "object",
    "url",
    "meta",
    "pagination",
    "hasMore",
    "has_more",
    "nextCursor",
    "next_cursor",
    "cursor",
    "next",
    "previous",
    "total",
    "totalCount",
    "total_count",
    "count",
    "page",
    "limit",
    "requestId",
    "request_id",
];

type Object = Map<String, Value>;

/// The content, and the envelope that it came in.
pub(super) fn open(json: &Value) -> (&Value, Option<&Object>) {
    let envelope = json.as_object().filter(|o| o.keys().all(|key| KEYS.contains(&key.as_str())));
    match envelope.and_then(|o| o.get("data")) {
        Some(data @ (Value::Array(_) | Value::Object(_))) => (data, envelope),
        _ => (json, None),
    }
}

/// Whether the list goes on.
pub(super) fn has_more(envelope: &Object) -> bool {
    find(envelope, &["hasMore", "has_more"]).and_then(Value::as_bool).unwrap_or(false)
}

/// The cursor of what follows.
pub(super) fn next_cursor(envelope: &Object) -> Option<String> {
    find(envelope, &["nextCursor", "next_cursor", "cursor"])?.as_str().map(str::to_owned)
}

/// The first of these keys in the envelope, else in the `pagination` inside it.
fn find<'a>(envelope: &'a Object, keys: &[&str]) -> Option<&'a Value> {
    let inner = envelope.get("pagination").and_then(Value::as_object);
    std::iter::once(envelope).chain(inner).find_map(|holder| keys.iter().find_map(|key| holder.get(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn envelopes_are_opened_and_tell_of_more() {
        for json in [
            json!({"object": "list", "data": [1], "hasMore": true, "nextCursor": "c"}),
            json!({"data": [1], "has_more": true, "next_cursor": "c"}),
            json!({"meta": {}, "data": [1], "pagination": {"hasMore": true, "cursor": "c"}}),
        ] {
            let (content, Some(envelope)) = open(&json) else { panic!("not opened: {json}") };
            assert_eq!(*content, json!([1]));
            assert!(has_more(envelope));
            assert_eq!(next_cursor(envelope).as_deref(), Some("c"));
        }
        assert_eq!(*open(&json!({"data": {"plan": "Pro"}})).0, json!({"plan": "Pro"}));
    }

    #[test]
    fn what_is_more_than_an_envelope_stays_whole() {
        for json in [json!({"data": [1], "plan": "Pro"}), json!({"data": "text"}), json!([1]), json!({})] {
            assert_eq!(open(&json), (&json, None));
        }
    }
}
