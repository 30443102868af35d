//! What the types of requests can't say of their values, by the names of fields and parameters:
//! the document's readers, people and programs, learn here what is going to be refused.

use serde_json::{Map, Value, json};

/// No control character, and no white space at the ends.
const TRIMMED: &str =
    r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";
const NO_NUL: &str = r"^[^\u0000]*$";
const SOME_TEXT: &str = r"^[^\u0000]+$";
/// RFC 5646, section 2.1.
const LANGUAGE_TAG: &str = concat!(
    "^(([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?",
    "(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[A-WYZa-wyz0-9](-[A-Za-z0-9]{2,8})+)*(-[Xx](-[A-Za-z0-9]{1,8})+)?",
    "|[Xx](-[A-Za-z0-9]{1,8})+|en-GB-oed|i-(ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)",
    "|sgn-(BE-FR|BE-NL|CH-DE))$"
);
/// Three segments of visible ASCII.
const PERMISSION: &str = r"^[!-\-/-~]+\.[!-\-/-~]+\.[!-\-/-~]+$";

/// Adds the rules to the document.
pub(super) fn add(document: &mut Value) {
    for schema in each(&mut document["components"]["schemas"]) {
        // What serde's `flatten` makes is a list of parts.
        let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(add_to_fields);
        add_to_fields(schema);
    }
    let given = |field: &str| json!({"required": [field], "properties": {field: {"type": "string"}}});
    document["components"]["schemas"]["CreatePortalSession"]["oneOf"] =
        json!([given("customerExternalId"), given("customerId")]);
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for operation in each(item) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let rule = parameter["name"].as_str().map_or(Value::Null, |name| of_parameter(path, name));
                merge(&mut parameter["schema"], rule);
            }
        }
    }
}

/// Only requests are closed to unknown fields.
fn add_to_fields(schema: &mut Value) {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return;
    }
    for (name, field) in schema["properties"].as_object_mut().into_iter().flatten() {
        merge(field, of_field(name));
    }
}

fn of_field(name: &str) -> Value {
    match name {
        "customerExternalId" | "externalId" | "name" | "email" | "phone" | "companyName" | "displayName" => {
            json!({"pattern": TRIMMED})
        }
        "slug" => json!({"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}),
        "locale" => json!({"pattern": LANGUAGE_TAG, "maxLength": 35}),
        "permissions" | "defaultPermissions" => json!({"items": {"pattern": PERMISSION, "maxLength": 255}}),
        "returnUrl" | "appUrl" | "upstreamUrl" | "logoUrl" => json!({"format": "uri"}),
        "allowedReturnOrigins" | "frameAncestors" => json!({"items": {"format": "origin"}}),
        "path" => json!({"format": "uri-reference"}),
        "metadata" => json!({
            "maxProperties": 50,
            "propertyNames": {"minLength": 1, "maxLength": 40, "pattern": NO_NUL},
            "additionalProperties": {"maxLength": 500, "pattern": NO_NUL},
        }),
        _ => Value::Null,
    }
}

fn of_parameter(path: &str, name: &str) -> Value {
    match (name, path) {
        ("Idempotency-Key", _) => json!({"pattern": "^[!-~]{1,255}$"}),
        ("portalSessionId", _) | ("startingAfter" | "endingBefore", "/v1/portal-sessions") => id("ps"),
        ("customerId", _) | ("startingAfter" | "endingBefore", "/v1/customers") => id("cus"),
        ("startingAfter" | "endingBefore", "/v1/portals") => id("ptl"),
        ("startingAfter" | "endingBefore", "/v1/events") => id("evt"),
        ("permission", _) => json!({"pattern": PERMISSION, "maxLength": 255}),
        ("externalId" | "customerExternalId" | "portal" | "type", _) if !path.contains("{portal}") => {
            json!({"pattern": SOME_TEXT})
        }
        _ => Value::Null,
    }
}

/// An id in its prefixed or its plain form. A first digit above 6 lies beyond the year 10000.
fn id(prefix: &str) -> Value {
    let uuid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
    json!({"pattern": format!("^({prefix}_[0-6][0-9A-Za-z]{{21}}|{uuid})$")})
}

fn each(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// Adds what `more` says, object by object.
fn merge(schema: &mut Value, more: Value) {
    match (schema, more) {
        (Value::Object(schema), Value::Object(more)) => {
            for (name, value) in more {
                merge(schema.entry(name).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (schema, more) => *schema = more,
    }
}
