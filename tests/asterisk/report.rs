//! What the scenes found: a line for each check, and a table of figures at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Collects checks and figures from all scenes.
pub(crate) struct Report {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: usize,
    failed: Vec<String>,
    figures: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// Tells whether `name`, a sentence, holds; a panic is a failure like any other.
    pub(crate) fn check(&self, name: &str, check: impl FnOnce() -> Result<(), String>) {
        let result = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "panicked".into()))
        });
        let at = self.begun.elapsed().as_secs();
        let mut state = self.state.lock().unwrap();
        match result {
            Ok(()) => {
                state.passed += 1;
                println!("{at:>4} s  ok      {name}");
            }
            Err(why) => {
                let line = format!("{name}: {why}");
                println!("{at:>4} s  FAILED  {line}");
                state.failed.push(line);
            }
        }
    }

    /// A report of its own for one scene.
    pub(crate) fn of_scene(&self) -> Self {
        Self {
            begun: self.begun,
            state: Mutex::default(),
        }
    }

    /// Whether all of it held.
    pub(crate) fn has_held(&self) -> bool {
        self.state.lock().unwrap().failed.is_empty()
    }

    /// Takes over what a scene found.
    pub(crate) fn add(&self, scene: Self) {
        let scene = scene.state.into_inner().unwrap();
        let mut state = self.state.lock().unwrap();
        state.passed += scene.passed;
        state.failed.extend(scene.failed);
        state.figures.extend(scene.figures);
    }

    /// Notes a figure that was measured.
    pub(crate) fn figure(&self, name: impl Into<String>, value: impl Into<String>) {
        self.state
            .lock()
            .unwrap()
            .figures
            .push((name.into(), value.into()));
    }

    /// Notes how long something took that happened often, each time; 95 in 100 must have taken no longer than `limit`.
    pub(crate) fn p95(
        &self,
        name: impl Into<String>,
        mut times: Vec<Duration>,
        limit: Duration,
    ) -> Result<(), String> {
        times.sort_unstable();
        if times.is_empty() {
            return Err("nothing was measured".to_owned());
        }
        let at = |index: usize| ms(times[index]);
        let p95 = times[(times.len() * 95).div_ceil(100) - 1];
        let (first, median, last) = (at(0), at(times.len() / 2), at(times.len() - 1));
        self.figure(
            name,
            format!("{first} to {last}, median {median}, p95 {}", ms(p95)),
        );
        if p95 <= limit {
            Ok(())
        } else {
            Err(format!("p95 is {}", ms(p95)))
        }
    }

    /// Prints the table and the count; did everything hold?
    pub(crate) fn close(&self) -> bool {
        let state = self.state.lock().unwrap();
        let widest = state
            .figures
            .iter()
            .map(|(name, _)| name.chars().count())
            .max();
        println!();
        for (name, value) in &state.figures {
            println!("{name:<width$}  {value}", width = widest.unwrap_or(0));
        }
        println!("\ntook {} s", self.begun.elapsed().as_secs());
        for line in &state.failed {
            println!("FAILED: {line}");
        }
        println!("{} passed, {} failed", state.passed, state.failed.len());
        state.failed.is_empty() && state.passed > 0
    }
}

/// A duration as a table shows it.
pub(crate) fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
