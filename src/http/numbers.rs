//! How many requests there were and how long they took, for Prometheus.
//!
//! Finding a number by its labels costs more than counting, so each thread keeps those that it has found.

use metrics::{Counter, Histogram, counter, histogram};
use std::{cell::RefCell, collections::HashMap, time::Duration};

struct Route {
    durations: Histogram,
    /// By method and status.
    requests: HashMap<(&'static str, u16), Counter>,
}

thread_local! {
    static ROUTES: RefCell<HashMap<Box<str>, Route>> = RefCell::default();
}

/// Counts a request; there are only as many routes as the router has, and only the methods that the log names.
pub(super) fn count(route: &str, method: &'static str, status: u16, took: Duration) {
    ROUTES.with_borrow_mut(|routes| {
        if !routes.contains_key(route) {
            let durations = histogram!("http_request_duration_seconds", "route" => route.to_owned());
            routes.insert(route.into(), Route { durations, requests: HashMap::new() });
        }
        let Some(numbers) = routes.get_mut(route) else { return };
        numbers.durations.record(took.as_secs_f64());
        let requests = numbers.requests.entry((method, status)).or_insert_with(|| {
            let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
            counter!("http_requests_total", &labels)
        });
        requests.increment(1);
    });
}
