//! The fuzzer's properties over its corpus, and over what a few changes make of it: the same every
//! time, so that they are watched without a nightly compiler too. `make fuzz` looks further.

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a crate's root elsewhere")]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::figure;

/// What tends to matter to one reader or another.
const WORDS: [&str; 24] = [
    "://",
    "//",
    "\\",
    "@",
    ":",
    "%2e",
    "%2F",
    "%00",
    "..",
    "[::1]",
    "http",
    "https://",
    "localhost",
    ".",
    "*",
    "\n",
    "; ",
    "=",
    "vst_",
    "__Host-",
    "pst_",
    "ps_",
    "\u{200b}",
    "ä",
];

/// A change of some bytes; where is for the bytes to say.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, &'static str),
    Cut(Index, Index),
    Double(Index, Index),
    /// From there on as another of the corpus.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Insert(at, word)),
        (at(), at()).prop_map(|(from, to)| Change::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Change::Double(from, to)),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

impl Change {
    fn make(&self, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let end = data.len() + 1;
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(end), to.index(end));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Put(at, byte) => {
                let at = at.index(end);
                data.splice(at..(at + 1).min(end - 1), [*byte]);
            }
            Self::Insert(at, word) => drop(data.splice(at.index(end)..at.index(end), word.bytes())),
            Self::Cut(from, to) => drop(data.drain(range(from, to))),
            Self::Double(from, to) => {
                let (range, part) = (range(from, to), data[range(from, to)].to_vec());
                data.splice(range.start..range.start, part);
            }
            Self::Splice(at, other, from) => {
                let other = other.get(corpus);
                data.truncate(at.index(end));
                data.extend(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

fn holds(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(corpus.len() >= 8, "{folder:?}");
    for (file, data) in files.iter().zip(&corpus) {
        std::panic::catch_unwind(|| target(data)).unwrap_or_else(|_| panic!("{file:?}"));
    }
    let cases = figure(4000, 1_000_000);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng);
    let input = (any::<Index>(), prop::collection::vec(change(), 1..6));
    let done = runner.run(&input, |(at, changes)| {
        let mut data = at.get(&corpus).clone();
        changes.iter().for_each(|change| change.make(&mut data, &corpus));
        std::panic::catch_unwind(|| target(&data))
            .map_err(|_| TestCaseError::fail(format!("{:?}", String::from_utf8_lossy(&data))))
    });
    if let Err(failure) = done {
        panic!("{name}: {failure}");
    }
}

#[test]
fn credentials() {
    holds("credential", targets::credential);
}

#[test]
fn permissions() {
    holds("permission", targets::permission);
}

#[test]
fn return_urls() {
    holds("return_url", targets::return_url);
}

#[test]
fn cookies() {
    holds("cookie", targets::cookie);
}

#[test]
fn cursors() {
    holds("cursor", targets::cursor);
}
