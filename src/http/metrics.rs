//! How many requests there were and how long they took, for Prometheus.
//!
//! Finding a number by its labels costs more than counting, so each thread keeps those that it has found.

use metrics::{Counter, Histogram, counter, histogram};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

struct Route {
    durations: Histogram,
    /// By method and status, of which a route has a few.
    requests: Vec<((&'static str, u16), Counter)>,
}

impl Route {
    fn named(route: &str) -> Self {
        let durations = histogram!("http_request_duration_seconds", "route" => route.to_owned());
        Self { durations, requests: Vec::new() }
    }

    fn requests(&mut self, route: &str, method: &'static str, status: u16) -> &Counter {
        let at = self.requests.iter().position(|(of, _)| *of == (method, status)).unwrap_or_else(|| {
            let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
            self.requests.push(((method, status), counter!("http_requests_total", &labels)));
            self.requests.len() - 1
        });
        &self.requests[at].1
    }
}

thread_local! {
    // Of a few dozen short names, comparing some takes less than hashing one.
    static ROUTES: RefCell<BTreeMap<Box<str>, Route>> = RefCell::default();
}

/// Counts a request; there are only as many routes as the router has, and only the methods that the log names.
pub(super) fn count(route: &str, method: &'static str, status: u16, took: Duration) {
    ROUTES.with_borrow_mut(|routes| {
        let counts = match routes.get_mut(route) {
            Some(known) => known,
            None => routes.entry(route.into()).or_insert_with(|| Route::named(route)),
        };
        counts.durations.record(took.as_secs_f64());
        counts.requests(route, method, status).increment(1);
    });
}
