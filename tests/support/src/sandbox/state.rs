//! What the sandbox remembers, under one lock.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::calling_turn::CallingTurn;
use super::delivery::{ModelPace, VoicePace};
use super::fault::Fault;
use super::google_auth::{AccessTokens, ServiceAccount};
use super::recorded::{Recorded, WarmUp};
use super::script::Scripts;
use super::service::{Service, Stage};
use crate::audio::Clip;

/// All that the connections' threads and the test share.
pub(super) struct Shared {
    pub(super) account: ServiceAccount,
    pub(super) scripts: Scripts,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

/// What changes while the sandbox runs.
#[derive(Default)]
pub(super) struct State {
    pub(super) requests: Vec<Recorded>,
    pub(super) warm_ups: Vec<WarmUp>,
    pub(super) connections: usize,
    pub(super) unhandled: Vec<String>,
    pub(super) answer: Option<String>,
    /// What the models call, turn by turn.
    pub(super) calling: Vec<CallingTurn>,
    pub(super) knows_no_functions: bool,
    pub(super) clock_offset_s: i64,
    /// Models that are not offered any more.
    pub(super) retired: Vec<String>,
    /// What the voices were last asked to say.
    pub(super) spoken: VecDeque<String>,
    conducts: [Conduct; 5],
    /// Of single services, before those of their stages.
    pub(super) faults: Vec<(Service, Fault, usize)>,
    pub(super) tokens: AccessTokens,
}

/// How a stage departs from the best behaviour.
#[derive(Default)]
pub(super) struct Conduct {
    pub(super) faults: VecDeque<(Fault, usize)>,
    pub(super) delay: Duration,
    pub(super) is_held: bool,
    pub(super) model_pace: ModelPace,
    pub(super) voice_pace: VoicePace,
    pub(super) voice_lead: Duration,
    pub(super) refuses_self_signed: bool,
}

impl Conduct {
    /// Nothing waits any more.
    pub(super) fn release(&mut self) {
        self.is_held = false;
        self.model_pace.stops_after = None;
    }
}

impl State {
    pub(super) fn conduct(&mut self, stage: Stage) -> &mut Conduct {
        let index = match stage {
            Stage::Stt => 0,
            Stage::Llm => 1,
            Stage::Tts => 2,
            Stage::Token => 3,
            Stage::Models => 4,
        };
        &mut self.conducts[index]
    }

    pub(super) fn release_all(&mut self) {
        for conduct in &mut self.conducts {
            conduct.release();
        }
    }

    pub(super) fn next_fault(&mut self, service: Service) -> Option<Fault> {
        let mut own = self.faults.iter_mut();
        if let Some((_, fault, times)) = own.find(|(of, _, times)| *of == service && *times > 0) {
            *times -= 1;
            return Some(fault.clone());
        }
        let faults = &mut self.conduct(service.stage()).faults;
        while let Some((fault, times)) = faults.front_mut() {
            if *times > 0 {
                *times -= 1;
                return Some(fault.clone());
            }
            faults.pop_front();
        }
        None
    }
}

impl Shared {
    pub(super) fn new(account: ServiceAccount, scripts: Scripts) -> Self {
        Self {
            account,
            scripts,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// The same, for a change that may be waited for.
    pub(super) fn tell<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = self.with(change);
        self.changed.notify_all();
        result
    }

    /// Waits until something that arrives is enough; false when the time is over.
    pub(super) fn wait_until(&self, timeout: Duration, is_enough: impl Fn(&State) -> bool) -> bool {
        let locked = self.state.lock().unwrap();
        let (locked, waited) = self
            .changed
            .wait_timeout_while(locked, timeout, |state| !is_enough(state))
            .unwrap();
        drop(locked);
        !waited.timed_out()
    }

    /// Waits while the answers of a stage are held; whether they were.
    pub(super) fn wait_while_held(&self, stage: Stage) -> bool {
        let mut waited = false;
        let locked = self.state.lock().unwrap();
        let is_held = |state: &mut State| {
            let is_held = state.conduct(stage).is_held;
            waited |= is_held;
            is_held
        };
        drop(self.changed.wait_while(locked, is_held).unwrap());
        waited
    }

    pub(super) fn spoken(&self, text: &str) -> Clip {
        self.scripts.spoken(text)
    }

    /// The time by the clock of the sandbox.
    pub(super) fn now(&self) -> SystemTime {
        let offset = self.with(|state| state.clock_offset_s);
        let distance = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 {
            SystemTime::now() - distance
        } else {
            SystemTime::now() + distance
        }
    }

    pub(super) fn seconds_since_1970(&self) -> i64 {
        i64::try_from(
            self.now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        )
        .unwrap()
    }
}
