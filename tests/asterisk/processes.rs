//! Processes of the suite's own namespace: which there are, and what they use. See proc(5).

use std::fs;
use std::process::Child;
use std::str::FromStr;
use std::time::Duration;

/// All process ids of the namespace.
pub(crate) fn process_ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The id of the process that has started another.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    status(pid, "PPid:")
}

/// A process that ends with this.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a process has used.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) peak_kib: u64,
    pub(crate) cpu: Duration,
    /// The processor time of its children that have ended.
    pub(crate) children_cpu: Duration,
}

impl Use {
    /// Of a process that still runs.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the last bracket may hold spaces; behind it the 12th to 15th fields are the times.
        let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
        let ticks: Vec<u32> = times.filter_map(|ticks| ticks.parse().ok()).collect();
        Some(Self {
            peak_kib: status(pid, "VmHWM:")?,
            cpu: TICK * ticks.iter().take(2).sum(),
            children_cpu: TICK * ticks.iter().skip(2).sum(),
        })
    }
}

/// How long the machine that this one runs on has given its processors to others although they were wanted here.
pub(crate) fn stolen() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let ticks = stat
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().nth(8));
    TICK * ticks.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// A number of a process's status.
fn status<T: FromStr>(pid: u32, name: &str) -> Option<T> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Debian makes.
const TICK: Duration = Duration::from_millis(10);
