//! The keys of the merchant's JSON: read as words, and as hints at what their values are.

/// Words that are written in capitals.
const ACRONYMS: [&str; 12] = ["api", "csv", "http", "https", "iban", "id", "ip", "pdf", "sku", "uri", "url", "vat"];
/// Words of amounts, when a currency is near.
const MONEY: [&str; 15] = [
    "amount", "balance", "charge", "cost", "credit", "discount", "due", "fee", "paid", "price", "refunded", "revenue",
    "subtotal", "tax", "total",
];
/// Words of numbers that are no amounts, whatever else is in the name.
const PLAIN: [&str; 10] =
    ["code", "count", "id", "number", "percent", "percentage", "quantity", "rate", "units", "year"];
/// Words of what is counted, and may have a price.
const COUNTED: [&str; 11] =
    ["call", "calls", "decimal", "event", "events", "request", "requests", "seats", "token", "tokens", "usage"];
/// Last words of moments.
const MOMENT: [&str; 12] =
    ["at", "created", "date", "end", "ends", "expires", "on", "start", "starts", "time", "timestamp", "updated"];

/// A key for people: `createdAt` and `created_at` are `Created at`, `customerId` is `Customer ID`; one
/// without any word stays as it is.
pub(in super::super) fn humanise(key: &str) -> String {
    let words: Vec<String> = words(key)
        .into_iter()
        .map(|word| if ACRONYMS.contains(&word.as_str()) { word.to_uppercase() } else { word })
        .collect();
    let text = words.join(" ");
    let mut chars = text.chars();
    chars.next().map_or_else(|| key.to_owned(), |first| first.to_uppercase().chain(chars).collect())
}

/// The words of a key in camel, snake or kebab case, in lower case.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = key.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && !chars[i - 1].is_uppercase();
        let before_lower = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        let separator = !c.is_alphanumeric();
        // `HTTPStatus` is two words as well.
        if separator || (c.is_uppercase() && (after_lower || before_lower)) {
            words.push(String::new());
        }
        if !separator && let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn ends_in(key: &str, list: &[&str]) -> bool {
    words(key).last().is_some_and(|word| list.contains(&word.as_str()))
}

/// Whether a number under this key is money, given that a currency is near.
pub(super) fn is_money(key: &str) -> bool {
    let words = words(key);
    // `price_per_call` is a price.
    let words = words.split(|word| word == "per").next().unwrap_or_default();
    let has_any = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    // `token_price` is one as well; `total_tokens` and `tokens_total` are tokens.
    let is_price = words.last().is_some_and(|last| last != "total" && MONEY.contains(&last.as_str()));
    has_any(&MONEY) && !has_any(&PLAIN) && !is_moment(key) && (is_price || !has_any(&COUNTED))
}

/// Whether a large number under this key is a moment.
pub(super) fn is_moment(key: &str) -> bool {
    ends_in(key, &MOMENT)
}

/// Whether a number under this key is a name rather than a quantity.
pub(super) fn is_label(key: &str) -> bool {
    ends_in(key, &["code", "id", "number", "port", "year", "zip"])
}

/// Whether the value names a thing for programs.
pub(super) fn is_id(key: &str) -> bool {
    ends_in(key, &["id"])
}

/// Whether the value says how things stand.
pub(super) fn is_status(key: &str) -> bool {
    ends_in(key, &["status", "state"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_words() {
        for (key, label) in [
            ("createdAt", "Created at"),
            ("created_at", "Created at"),
            ("last-used-at", "Last used at"),
            ("customerId", "Customer ID"),
            ("APIKeyID", "API key ID"),
            ("HTTPStatus", "HTTP status"),
            ("größe", "Größe"),
            ("p95", "P95"),
            ("__", "__"),
            ("", ""),
        ] {
            assert_eq!(humanise(key), label, "{key}");
        }
    }

    #[test]
    fn keys_hint_at_values() {
        assert!(is_money("amountDue") && is_money("total_price"));
        assert!(!is_money("taxRate") && !is_money("totalCount") && !is_money("name"));
        assert!(!is_money("paid_at") && !is_money("dueDate"));
        for counted in ["total_tokens", "tokens_total", "totalRequests", "unit_amount_decimal", "usage"] {
            assert!(!is_money(counted), "{counted}");
        }
        for price in ["usageCharge", "token_price", "request_fee", "price_per_call", "costPerRequest", "api_calls_cost"]
        {
            assert!(is_money(price), "{price}");
        }
        assert!(is_moment("createdAt") && is_moment("created") && !is_moment("createdBy"));
        assert!(is_status("paymentStatus") && is_id("customer_id") && is_label("invoiceNumber"));
    }
}
