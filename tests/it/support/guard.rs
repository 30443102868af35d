//! Cleans up after the tests, however they end.
//!
//! A destructor doesn't run when the test process is killed, and never for a
//! `static`. A shell of its own waits for the end of a pipe instead: the
//! kernel closes it with the process, whatever became of it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A shell command that is run when this value, or this process, is gone.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Arms `script`, in which `$1`, `$2` … are `args`.
    pub(crate) fn new(script: &str, args: &[&str]) -> Self {
        let child = Command::new("sh")
            .args(["-c", &format!("read -r _; {script}"), "guard"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of a Ctrl-C or a time limit that ends the group.
            .process_group(0)
            .spawn();
        Self(child.expect("sh starts"))
    }

    /// Takes it back: the script won't run.
    pub(crate) fn disarm(mut self) {
        self.0.kill().ok();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

/// Sends `signal` (`TERM`, `STOP` …) to processes; gone ones don't matter.
pub(crate) fn signal(signal: &str, pids: &[u32]) {
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$@" 2>/dev/null"#, "kill", signal]);
    kill.args(pids.iter().map(u32::to_string));
    kill.status().expect("sh starts");
}

/// A temporary folder, removed with this value or with the test process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _guard: Guard,
}

impl Folder {
    /// Makes one that only its owner can enter.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("vestibule-").tempdir();
        let path = folder.expect("a temporary folder").keep();
        // Again and again, as a server that is about to end may still write.
        let script = r#"until rm -rf "$1"; do sleep 0.1; done"#;
        let _guard = Guard::new(script, &[path.to_str().expect("a path in UTF-8")]);
        Self { path, _guard }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
