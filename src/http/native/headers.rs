//! Headers that layers add to answers, by their status: no handler declares them, so the document learns of them here.

use serde_json::{Map, Value, json};

/// Adds the headers to the document.
pub(super) fn add(document: &mut Value) {
    document["components"]["headers"] = json!({
        "Request-Id": {"required": true, "schema": {"type": "string", "pattern": "^req_[0-6][0-9A-Za-z]{21}$"},
            "description": "Names the request, in the log as well."},
        "Retry-After": {"required": true, "schema": {"type": "integer", "minimum": 1},
            "description": "In how many seconds it is worth trying again (RFC 9110, section 10.2.3)."},
        "RateLimit": {"required": true, "schema": {"type": "string"},
            "description": "How many requests are left, `r`, and the seconds until there are more, `t`."},
        "RateLimit-Policy": {"required": true, "schema": {"type": "string"},
            "description": "How many requests may come at once, `q`, and in how many seconds as many come back, `w`."},
        "WWW-Authenticate": {"required": true, "schema": {"type": "string", "const": "Bearer"},
            "description": "How to show a credential (RFC 9110, section 11.6.1)."},
        "Idempotency-Replayed": {"schema": {"type": "string", "const": "true"},
            "description": "On the answer to a repeat, which is the first one's."},
    });
    let operations = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let takes = operation["parameters"].as_array().into_iter().flatten();
        let is_idempotent = takes.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            for name in of(status, is_idempotent) {
                response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
            }
        }
    }
}

fn of(status: &str, is_idempotent: bool) -> Vec<&'static str> {
    let mut names = vec!["Request-Id"];
    match status {
        "401" => names.push("WWW-Authenticate"),
        "429" => names.extend(["Retry-After", "RateLimit", "RateLimit-Policy"]),
        "503" => names.push("Retry-After"),
        // What was decided after authentication is kept.
        "200" | "201" | "204" | "400" | "403" | "404" | "415" if is_idempotent => names.push("Idempotency-Replayed"),
        _ => {}
    }
    names
}
