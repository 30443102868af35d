//! What processes have used, by the operating system's own accounts (proc(5)).

use std::{fs, path::Path};

/// Microseconds of CPU time that these processes have used, those that they have reaped included.
pub(crate) fn cpu_micros(pids: &[u32]) -> u64 {
    let ticks: u64 = pids.iter().map(|pid| ticks(*pid)).sum();
    ticks * 10_000
}

fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // utime, stime, cutime, cstime: fields 14 to 17, of which the first two stand before the bracket.
    (11..15).filter_map(|field| fields.get(field)?.parse::<u64>().ok()).sum()
}

/// A postmaster and all that it has started.
pub(crate) fn postgres(data: &Path) -> Vec<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(postmaster) = file.lines().next().and_then(|line| line.parse::<u32>().ok()) else { return Vec::new() };
    let children = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()?;
        (parent == postmaster).then_some(pid)
    });
    std::iter::once(postmaster).chain(children).collect()
}

/// Resident memory now and at its peak, in MiB.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let read = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    (read("VmRSS:").unwrap_or(0.0) / 1024.0, read("VmHWM:").unwrap_or(0.0) / 1024.0)
}
