//! The operations, and how sequences of them are made up.

use proptest::prelude::*;
use proptest::sample::select;
use vestibule::domain::time::Seconds;

/// What a new session starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Link,
    /// A link in place of the customer's unused ones, in one portal or in all.
    Replace {
        only: Option<usize>,
    },
    /// A browser token at once.
    Token,
}

/// Which browser secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    Latest,
    /// The one before, which a repeat has put out of force.
    Replaced,
    Wrong,
}

/// An operation. A session is named by how many were made after it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Create {
        customer: usize,
        portal: usize,
        start: Start,
        /// By the tenant's own id rather than by ours.
        named: bool,
        ttl: Seconds,
    },
    Open {
        session: usize,
        right: bool,
    },
    Exchange {
        session: usize,
        right: bool,
        nonce: Option<u8>,
    },
    Repeat {
        session: usize,
        right: bool,
        nonce: Option<u8>,
    },
    FirstUse {
        session: usize,
        secret: Secret,
    },
    End {
        session: usize,
        secret: Secret,
    },
    Revoke {
        session: usize,
    },
    RevokeAll {
        customer: usize,
        live: bool,
        portal: Option<usize>,
    },
    /// Disables a portal, or enables it again.
    Switch {
        portal: usize,
    },
    Erase {
        customer: usize,
    },
    Pass {
        millis: i64,
    },
    /// To the end of the link or, once that was used, of the time of repeats or the browser session, to where a sweep
    /// may take it, or a millisecond off.
    PassTo {
        session: usize,
        edge: usize,
        off: i64,
    },
    Sweep,
}

impl Op {
    /// The session that it is about.
    pub(super) fn session(&self) -> Option<usize> {
        match *self {
            Self::Open { session, .. }
            | Self::Exchange { session, .. }
            | Self::Repeat { session, .. }
            | Self::FirstUse { session, .. }
            | Self::End { session, .. }
            | Self::Revoke { session }
            | Self::PassTo { session, .. } => Some(session),
            _ => None,
        }
    }
}

/// What a life begins with, so that hardly an operation meets nothing.
pub(super) const FIRST: Op =
    Op::Create { customer: 0, portal: 0, start: Start::Link, named: true, ttl: Seconds(86_400) };

const DAY: i64 = 86_400_000;

/// Up to `most` operations, mostly about the newest sessions: it is on one session that they meet.
pub(super) fn sequences(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let session = || prop_oneof![6 => Just(0usize), 3 => Just(1), 1 => 2usize..6];
    let right = || prop::bool::weighted(0.9);
    let secret = || prop_oneof![6 => Just(Secret::Latest), 1 => Just(Secret::Replaced), 1 => Just(Secret::Wrong)];
    let nonce = || prop_oneof![4 => Just(Some(1u8)), 1 => Just(Some(2)), 1 => Just(None)];
    let only = || select(vec![None, Some(0usize), Some(1)]);
    let start = prop_oneof![
        4 => Just(Start::Link),
        2 => only().prop_map(|only| Start::Replace { only }),
        1 => Just(Start::Token),
    ];
    let passing = prop_oneof![6 => select(vec![1, 1000, 30_000, 600_000, 3_600_000]), 1 => select(vec![DAY, 34 * DAY])];
    let op = prop_oneof![
        5 => (0usize..2, 0usize..2, start, prop::bool::weighted(0.8), ttl())
            .prop_map(|(customer, portal, start, named, ttl)| Op::Create { customer, portal, start, named, ttl }),
        2 => (session(), right()).prop_map(|(session, right)| Op::Open { session, right }),
        7 => (session(), right(), nonce())
            .prop_map(|(session, right, nonce)| Op::Exchange { session, right, nonce }),
        5 => (session(), right(), nonce())
            .prop_map(|(session, right, nonce)| Op::Repeat { session, right, nonce }),
        2 => (session(), secret()).prop_map(|(session, secret)| Op::FirstUse { session, secret }),
        2 => (session(), secret()).prop_map(|(session, secret)| Op::End { session, secret }),
        1 => session().prop_map(|session| Op::Revoke { session }),
        1 => (0usize..2, any::<bool>(), only())
            .prop_map(|(customer, live, portal)| Op::RevokeAll { customer, live, portal }),
        1 => (0usize..2).prop_map(|portal| Op::Switch { portal }),
        1 => (0usize..2).prop_map(|customer| Op::Erase { customer }),
        1 => passing.prop_map(|millis| Op::Pass { millis }),
        1 => Just(Op::Sweep),
    ];
    let step = prop_oneof![6 => (edge(), op).prop_map(|(edge, op)| vec![(edge, op)]), 1 => stories()];
    prop::collection::vec(step, 1..=most).prop_map(move |steps| {
        let ops = steps.into_iter().flatten().flat_map(|(edge, op)| at_an_edge(edge, op).into_iter().chain([op]));
        ops.take(most).collect()
    })
}

/// What ends to the millisecond is tried right there.
type Edge = Option<(usize, i64)>;

fn edge() -> impl Strategy<Value = Edge> {
    prop::option::weighted(0.3, (prop_oneof![4 => 0usize..2, 1 => Just(2)], -1i64..=1))
}

fn at_an_edge(edge: Edge, op: Op) -> Option<Op> {
    let (edge, off) = edge?;
    Some(Op::PassTo { session: op.session().unwrap_or(0), edge, off })
}

/// A link that is exchanged, something in between and what may come of it: chance alone hardly ever makes this.
fn stories() -> impl Strategy<Value = Vec<(Edge, Op)>> {
    let (session, right, nonce, secret) = (0, true, Some(1), Secret::Latest);
    let repeat = Op::Repeat { session, right, nonce };
    let between = select(vec![
        repeat,
        Op::FirstUse { session, secret },
        Op::FirstUse { session, secret: Secret::Replaced },
        Op::End { session, secret },
        Op::Switch { portal: 0 },
        Op::Revoke { session },
    ]);
    let last = prop_oneof![
        4 => Just(repeat),
        1 => Just(Op::Repeat { session, right, nonce: Some(2) }),
        1 => Just(Op::End { session, secret }),
        1 => Just(Op::Sweep),
    ];
    (ttl(), prop::option::of(between), edge(), last).prop_map(move |(ttl, between, edge, last)| {
        let link = Op::Create { customer: 0, portal: 0, start: Start::Link, named: true, ttl };
        let first = [link, Op::Exchange { session, right, nonce }].into_iter().chain(between);
        first.map(|op| (None, op)).chain([(edge, last)]).collect()
    })
}

fn ttl() -> impl Strategy<Value = Seconds> {
    select(vec![Seconds(30), Seconds(3600), Seconds(86_400), Seconds::days(10)])
}
