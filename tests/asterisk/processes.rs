//! Processes of the suite's own namespace: which there are, and what they use. See proc(5).

use std::fs;
use std::time::Duration;

/// All process ids of the namespace.
pub(crate) fn process_ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// What a process has used.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) peak_kib: u64,
    pub(crate) cpu: Duration,
}

impl Use {
    /// Of a process that still runs.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the last bracket may hold spaces; behind it the 12th and 13th fields are the times.
        let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(Self {
            peak_kib: peak.trim().trim_end_matches(" kB").parse().ok()?,
            cpu: TICK * u32::try_from(ticks).ok()?,
        })
    }
}

/// `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Debian makes.
const TICK: Duration = Duration::from_millis(10);
