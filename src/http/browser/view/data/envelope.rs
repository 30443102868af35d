//! What lists come wrapped in: `{"data": […], "hasMore": true}` and its relatives.

use serde_json::{Map, Value};

/// What an envelope may hold; anything else makes it an object worth showing.
const KEYS: [&str; 22] = [
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
    "next_page",
    "success",
    "limit",
    "requestId",
    "request_id",
];

/// What tells that it is a list, whatever else stands beside.
const MORE: [&str; 2] = ["hasMore", "has_more"];

type Object = Map<String, Value>;

/// The content, and the envelope that it came in.
pub(super) fn open(json: &Value) -> (&Value, Option<&Object>) {
    let is_list = |o: &Object| o.get("data").is_some_and(Value::is_array) && find(o, &MORE).is_some();
    let envelope = json.as_object().filter(|o| is_list(o) || o.keys().all(|key| KEYS.contains(&key.as_str())));
    match envelope.and_then(|o| o.get("data")) {
        Some(data @ (Value::Array(_) | Value::Object(_))) => (data, envelope),
        _ => (json, None),
    }
}

/// Whether the list goes on.
pub(super) fn has_more(envelope: &Object) -> bool {
    find(envelope, &MORE).and_then(Value::as_bool).unwrap_or(false)
}

/// The cursor of what follows.
pub(super) fn next_cursor(envelope: &Object) -> Option<String> {
    cursor(find(envelope, &["nextCursor", "next_cursor", "cursor"])?)
}

/// The cursor that a value is: some count in numbers, and none is an empty text.
pub(in super::super) fn cursor(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
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
            json!({"data": [1], "has_more": true, "cursor": "c", "took": 5}),
            json!({"data": [1], "took": 5, "pagination": {"hasMore": true, "cursor": "c"}}),
        ] {
            let (content, Some(envelope)) = open(&json) else { panic!("not opened: {json}") };
            assert_eq!(*content, json!([1]));
            assert!(has_more(envelope));
            assert_eq!(next_cursor(envelope).as_deref(), Some("c"));
        }
        assert_eq!(*open(&json!({"data": {"plan": "Pro"}})).0, json!({"plan": "Pro"}));
        let next = |cursor: Value| next_cursor(json!({"next_cursor": cursor}).as_object().unwrap());
        assert_eq!([next(json!(17)).as_deref(), next(json!("")).as_deref()], [Some("17"), None]);
    }

    #[test]
    fn what_is_more_than_an_envelope_stays_whole() {
        for json in [json!({"data": [1], "plan": "Pro"}), json!({"data": "text"}), json!([1]), json!({})] {
            assert_eq!(open(&json), (&json, None));
        }
    }
}
