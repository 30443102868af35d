//! What clients saw, and whether a correct service could have shown it to them.
//!
//! Each session is a register of its own: made once, exchanged at most once, over for good once it
//! is revoked. An answer that never came leaves open whether the request was carried out, so it may
//! explain what others saw, and nothing follows from it.

use std::collections::HashMap;

/// After an acknowledged end, the time in which another instance may still recognise a session.
const GRACE: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Exchange,
    Verify,
    Revoke,
    LogOut,
    /// A back end's look at the session.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Refused,
    /// No answer, or one that says "try again".
    Unknown,
}

/// One request about one session; times are microseconds of one monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) session: u32,
    pub(super) instance: u8,
    pub(super) act: Act,
    pub(super) outcome: Outcome,
    pub(super) asked: u64,
    pub(super) answered: u64,
}

/// What a correct service could not have answered, in words.
pub(super) fn violations(history: &[Op]) -> Vec<String> {
    let mut sessions: HashMap<u32, Vec<&Op>> = HashMap::new();
    for op in history {
        sessions.entry(op.session).or_default().push(op);
    }
    let mut found = Vec::new();
    for ops in sessions.values() {
        let mut report = |what: &str, op: &Op| found.push(format!("{what}: {op:?} in {ops:#?}"));
        for (n, op) in ops.iter().enumerate() {
            if let Some(what) = violation(ops, n) {
                report(what, op);
            }
        }
    }
    found
}

fn violation(ops: &[&Op], n: usize) -> Option<&'static str> {
    use Act::{Create, Exchange, LogOut, Read, Revoke, Verify};
    use Outcome::{Done, Refused, Unknown};
    let op = ops[n];
    let others = || ops.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, other)| *other);
    // Something that may have been carried out before `op` was answered.
    let may_follow =
        |acts: &[Act]| others().any(|it| acts.contains(&it.act) && it.outcome != Refused && it.asked <= op.answered);
    // Something that was acknowledged before `op` was asked, so much earlier at least.
    let follows =
        |act: Act, by: u64| others().any(|it| it.act == act && it.outcome == Done && it.answered + by < op.asked);
    let follows_here = |act: Act| {
        others().any(|it| it.act == act && it.outcome == Done && it.instance == op.instance && it.answered < op.asked)
    };
    match (op.act, op.outcome) {
        (_, Unknown) | (Create, _) => None,
        (Exchange, Done) if others().any(|it| it.act == Exchange && it.outcome == Done) => Some("exchanged twice"),
        (Exchange, Done) if follows(Revoke, 0) => Some("exchanged after its revocation"),
        (Verify, Done) if follows(Revoke, GRACE) || follows(LogOut, GRACE) => Some("recognised long after its end"),
        (Verify, Done) if follows_here(Revoke) || follows_here(LogOut) => Some("recognised where it was ended"),
        (Revoke, Done) if others().any(|it| it.act == Revoke && it.outcome == Done) => Some("revoked twice"),
        (LogOut, Done) if others().any(|it| it.act == LogOut && it.outcome == Done) => Some("logged out twice"),
        (LogOut, Done) if follows(Revoke, GRACE) => Some("logged out long after its revocation"),
        (Read, Done) if follows(Revoke, 0) => Some("revocation undone"),
        (Exchange, Refused) if !may_follow(&[Exchange, Revoke]) => Some("link lost"),
        (Verify | LogOut, Refused) if !may_follow(&[Revoke, LogOut]) => Some("browser session lost"),
        (Read | Revoke, Refused) if !may_follow(&[Revoke]) => Some("session lost"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Act::*, Outcome::*, *};

    fn op(act: Act, outcome: Outcome, asked: u64, answered: u64) -> Op {
        Op { session: 1, instance: 1, act, outcome, asked, answered }
    }

    fn elsewhere(op: Op) -> Op {
        Op { instance: 2, ..op }
    }

    #[track_caller]
    fn good(history: &[Op]) {
        assert_eq!(violations(history), Vec::<String>::new());
    }

    #[track_caller]
    fn bad(what: &str, history: &[Op]) {
        let found = violations(history);
        assert!(found.iter().any(|it| it.starts_with(what)), "{what} not in {found:?}");
    }

    #[test]
    fn a_usual_life_is_good() {
        let life = [
            op(Create, Done, 0, 1),
            op(Read, Done, 2, 3),
            op(Exchange, Done, 4, 5),
            op(Exchange, Refused, 4, 6),
            op(Verify, Done, 7, 8),
            op(LogOut, Done, 9, 10),
            op(Verify, Refused, 11, 12),
            op(Read, Done, 11, 12),
            op(Revoke, Done, 13, 14),
            op(Revoke, Refused, 15, 16),
            op(Read, Refused, 17, 18),
        ];
        good(&life);
        // Another session's acts say nothing about this one.
        let other = life.iter().map(|op| Op { session: 2, ..*op });
        good(&life.iter().copied().chain(other).collect::<Vec<_>>());
    }

    #[test]
    fn a_token_is_exchanged_once() {
        bad("exchanged twice", &[op(Create, Done, 0, 1), op(Exchange, Done, 2, 5), op(Exchange, Done, 3, 4)]);
        bad("exchanged after", &[op(Revoke, Done, 2, 3), op(Exchange, Done, 4, 5)]);
        // Both under way at once: either may have been first.
        good(&[op(Revoke, Done, 2, 4), op(Exchange, Done, 3, 5)]);
    }

    #[test]
    fn what_has_ended_is_recognised_for_a_second_at_most_and_only_elsewhere() {
        for end in [Revoke, LogOut] {
            let end = op(end, Done, 2, 3);
            good(&[end, elsewhere(op(Verify, Done, 1_000_003, 1_000_009))]);
            bad("recognised long", &[end, elsewhere(op(Verify, Done, 1_000_004, 1_000_009))]);
            bad("recognised where", &[end, op(Verify, Done, 4, 5)]);
            // Asked before the acknowledgement, answered whenever.
            good(&[end, op(Verify, Done, 3, 9_000_000)]);
        }
        bad("logged out long", &[op(Revoke, Done, 2, 3), elsewhere(op(LogOut, Done, 2_000_000, 2_000_001))]);
        bad("revocation undone", &[op(Revoke, Done, 2, 3), op(Read, Done, 4, 5)]);
        bad("revoked twice", &[op(Revoke, Done, 2, 3), op(Revoke, Done, 2, 5)]);
        bad("logged out twice", &[op(LogOut, Done, 2, 3), op(LogOut, Done, 2, 5)]);
    }

    #[test]
    fn a_refusal_needs_a_cause() {
        let made = op(Create, Done, 0, 1);
        bad("link lost", &[made, op(Exchange, Refused, 2, 3)]);
        bad("session lost", &[made, op(Read, Refused, 2, 3)]);
        bad("session lost", &[made, op(Revoke, Refused, 2, 3)]);
        let started = op(Exchange, Done, 2, 3);
        bad("browser session lost", &[made, started, op(Verify, Refused, 4, 5)]);
        bad("browser session lost", &[made, started, op(LogOut, Refused, 4, 5)]);
        // A cause that came later is none, and a refused one neither.
        bad("browser session lost", &[made, started, op(Verify, Refused, 4, 5), op(Revoke, Done, 6, 7)]);
        bad("session lost", &[made, op(Read, Refused, 4, 5), op(Revoke, Refused, 2, 3)]);
        // One whose answer was lost is one.
        good(&[made, op(Exchange, Unknown, 2, 3), op(Exchange, Refused, 4, 5)]);
        good(&[made, op(Revoke, Unknown, 2, 3), op(Read, Refused, 4, 5)]);
        good(&[made, op(Revoke, Unknown, 2, 3), op(Read, Done, 4, 5)]);
    }
}
