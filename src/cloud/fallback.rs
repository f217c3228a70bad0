//! The providers of a stage, in the order of the settings: which one is asked when another fails.
//!
//! Where a provider fails before it has delivered anything of use, the next one is asked at once. A
//! failure that will last for a minute (no connection, no answer, a wrong key, a retired model) is remembered in a file
//! that all calls share, so that the next caller does not wait for it again. It is remembered under a fingerprint of
//! provider, key and settings, so that a provider is asked again at once when one of these is repaired. A provider that
//! is remembered as failing is still asked when no other is left.
//!
//! One whose vendor has switched the model off is not asked any more, from the first moment of that day in UTC on.

mod standing;

use std::fmt::Debug;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use log::warn;

use super::budget::{Budget, Retry};
use super::{Cause, Error};
use crate::config::Endpoint;
use crate::sys::date::WallClock;
use crate::sys::hangup::Hangup;
use crate::sys::state::State;
use crate::sys::sync::lock;
use crate::sys::{date, error};
use standing::{Failing, Standing};

/// The providers of a stage, in the order of the settings.
#[derive(Debug)]
pub(crate) struct Fallback<P: ?Sized> {
    candidates: Vec<Candidate<P>>,
    /// How long a candidate with a good one behind it may take to begin.
    limit: Duration,
    state: State,
    clock: WallClock,
    /// Ends the pause before a second attempt.
    hangup: Hangup,
    /// How the candidates have done, in their order.
    standings: Mutex<Vec<Standing>>,
    /// Which candidate replaced which, and why.
    stood_in: Mutex<Option<String>>,
}

/// A provider that may be asked.
#[derive(Debug)]
pub(crate) struct Candidate<P: ?Sized> {
    /// What the settings say of it.
    pub(crate) endpoint: Endpoint,
    /// A digest of everything that decides whether it works.
    pub(crate) fingerprint: String,
    /// The candidate that must turn out to be retired before this one is asked.
    pub(crate) successor_of: Option<usize>,
    /// The first day, in days since 1970 in UTC, on which its model is not there any more, if that is known.
    pub(crate) closes: Option<u64>,
    /// The provider, which does the work, also on threads that outlast the request for it.
    pub(crate) provider: Arc<P>,
}

/// Work that a candidate has done.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// The candidate's place in the order.
    pub(crate) candidate: usize,
    /// Whether it has been asked only once and may be asked again.
    pub(crate) may_retry: bool,
    /// The result.
    pub(crate) value: T,
}

/// Work that broke off before it was of use.
#[derive(Debug)]
pub(crate) struct Broken<E> {
    /// The candidate's place in the order.
    pub(crate) candidate: usize,
    /// Why it broke off.
    pub(crate) error: E,
    /// Whether the same candidate may be asked a second time.
    pub(crate) may_retry: bool,
}

/// How the candidates of a fallback have done, and by which fingerprints that is kept.
#[derive(Debug)]
pub(crate) struct ToRecall<'a> {
    fingerprints: Vec<&'a str>,
    standings: &'a Mutex<Vec<Standing>>,
}

/// Lets fallbacks know what earlier calls have left of their candidates at `now`, all by one question.
pub(crate) fn recall(state: &State, now: SystemTime, fallbacks: &[ToRecall<'_>]) {
    // Where there is no fallback, nothing is remembered of the only provider.
    let several = fallbacks.iter().filter(|one| one.fingerprints.len() > 1);
    let several: Vec<_> = several.collect();
    let fingerprints = several.iter().flat_map(|one| &one.fingerprints);
    let fingerprints: Vec<_> = fingerprints.copied().collect();
    let found = standing::remembered(state, &fingerprints, date::seconds(now));
    let mut found = found.into_iter();
    for one in several {
        let count = one.fingerprints.len();
        *lock(one.standings) = found.by_ref().take(count).collect();
    }
}

impl<P: ?Sized> Fallback<P> {
    /// Makes a fallback of at least one candidate. `missing` says which one should be the first and why it cannot be.
    pub(crate) fn new(
        candidates: Vec<Candidate<P>>,
        missing: Option<String>,
        limit: Duration,
        state: State,
        clock: WallClock,
        hangup: Hangup,
    ) -> Self {
        Self {
            standings: Mutex::new(vec![Standing::Good; candidates.len()]),
            stood_in: Mutex::new(missing),
            candidates,
            limit,
            state,
            clock,
            hangup,
        }
    }

    /// What [`recall`] needs of it.
    pub(crate) fn to_recall(&self) -> ToRecall<'_> {
        ToRecall {
            fingerprints: self
                .candidates
                .iter()
                .map(|one| &*one.fingerprint)
                .collect(),
            standings: &self.standings,
        }
    }

    /// Makes `attempt` with one candidate after the other, until one does the work; the last hope may get a second one.
    ///
    /// # Errors
    /// When all fail, that of the first in the settings' order, of those that have answered with nothing to say if any
    /// has; [`Error::SwitchedOff`] when none is left.
    pub(crate) fn ask<'c, T, E: Cause + From<Error> + std::error::Error + 'static>(
        &'c self,
        budget: Budget,
        attempt: impl FnMut(&'c Candidate<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        self.ask_others(None, budget, attempt)
    }

    /// Makes `attempt` once with the candidate that is asked first, where the work can be done in another way too: on the
    /// budget of a candidate with a good one behind it. What the candidate refuses of this request alone is not held
    /// against it.
    ///
    /// # Errors
    /// That of the attempt; [`Error::SwitchedOff`] when there is no candidate.
    pub(crate) fn ask_first<'c, T>(
        &'c self,
        budget: Budget,
        attempt: impl FnOnce(&'c Candidate<P>, Budget) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(first) = self.next(&[]) else {
            return Err(Error::SwitchedOff(self.candidates[0].endpoint.to_string()));
        };
        // The other way to do the work needs time as well, so even a candidate without another one behind it gets a
        // share.
        let share = budget.shortened(self.limit);
        let given = share.deadline.left();
        let result = attempt(&self.candidates[first], share);
        match &result {
            Ok(_) => self.note_success(first),
            Err(error) if moves_on(error) && !is_of_request(error) => {
                self.note_failure(first, error, given);
            }
            Err(_) => {}
        }
        result
    }

    /// Makes `attempt` again after a candidate has broken off: with the others, or, if there are none and it may help,
    /// with the same one once more.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) fn ask_again<'c, T, E: Cause + From<Error> + std::error::Error + 'static>(
        &'c self,
        broken: Broken<E>,
        budget: Budget,
        mut attempt: impl FnMut(&'c Candidate<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        let (candidate, mut error) = (broken.candidate, broken.error);
        if broken.may_retry
            && !self.candidates[candidate].is_closed(date::day((self.clock)()))
            && self.is_last_hope(&[candidate])
        {
            match budget.second(error, &self.hangup) {
                Ok(second) => {
                    let value = attempt(&self.candidates[candidate], second)?;
                    return Ok(Done {
                        candidate,
                        may_retry: false,
                        value,
                    });
                }
                Err(why) => error = why,
            }
        }
        if self.next(&[candidate]).is_none() || !moves_on(&error) {
            return Err(error);
        }
        self.note_failure(candidate, &error, Duration::ZERO);
        self.ask_others(Some((candidate, error)), budget, attempt)
    }

    fn ask_others<'c, T, E: Cause + From<Error> + std::error::Error + 'static>(
        &'c self,
        failed: Option<(usize, E)>,
        budget: Budget,
        mut attempt: impl FnMut(&'c Candidate<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        let mut tried: Vec<usize> = failed.iter().map(|(index, _)| *index).collect();
        let mut first_failure = failed;
        let Some(mut candidate) = self.next(&tried) else {
            let switched_off = || self.candidates[0].endpoint.to_string();
            let failed = first_failure.map(|(_, error)| error);
            return Err(failed.unwrap_or_else(|| Error::SwitchedOff(switched_off()).into()));
        };
        // Timed out on a shortened budget; may be retried last.
        let mut hurried = None;
        loop {
            let is_second_time = tried.contains(&candidate);
            tried.push(candidate);
            // A candidate that is known to fail is no hope: with only such ones behind it, a healthy candidate that is
            // slow gets the whole time.
            let is_last_hope = self.is_last_hope(&tried);
            let share = match (is_last_hope, is_second_time) {
                (false, _) => budget.shortened(self.limit),
                (true, false) => budget,
                // This is its second time, with the whole of what is left: what is set aside for a call pays for no
                // third attempt.
                (true, true) => Budget {
                    retry: Retry::Never,
                    ..budget
                },
            };
            // Measured before the request is prepared, which takes time of its own.
            let given = share.deadline.left();
            let error = match self.ask_one(candidate, share, &mut attempt) {
                Err(error) if moves_on(&error) => error,
                done => return done,
            };
            self.note_failure(candidate, &error, given);
            // Only a time-out on a shortened budget leaves open whether the candidate would have answered within the
            // whole one.
            if !is_last_hope && matches!(error.service(), Some(Error::Timeout { .. })) {
                hurried = Some(candidate);
            }
            let failure = (candidate, error);
            let failure = match first_failure.take() {
                Some(first) if rank(&first) < rank(&failure) => first,
                _ => failure,
            };
            match self.next(&tried).or_else(|| hurried.take()) {
                Some(next) => candidate = next,
                None => return Err(failure.1),
            }
            first_failure = Some(failure);
        }
    }

    /// Asks one of them, once more where its budget allows that.
    fn ask_one<'c, T, E: Cause + From<Error>>(
        &'c self,
        candidate: usize,
        share: Budget,
        attempt: &mut impl FnMut(&'c Candidate<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        // The same candidate may be asked again after it has broken off only if this was its first attempt: the money
        // that is set aside pays for `MAX_TRIES`.
        let mut retry = share.retry;
        let value = share.attempt(&self.hangup, |budget| {
            retry = budget.retry;
            attempt(&self.candidates[candidate], budget)
        })?;
        self.note_success(candidate);
        Ok(Done {
            candidate,
            may_retry: retry == Retry::Once,
            value,
        })
    }

    /// The provider that is asked first.
    pub(crate) fn first(&self) -> &P {
        &self.first_candidate().provider
    }

    /// The candidate that is asked first.
    pub(crate) fn first_candidate(&self) -> &Candidate<P> {
        &self.candidates[self.next(&[]).unwrap_or_default()]
    }

    /// Those that may be asked on a day, in the settings' order, with the successors of models that may turn out to be
    /// retired before it is known.
    pub(crate) fn available_on(&self, day: u64) -> impl Iterator<Item = &Candidate<P>> {
        let indices =
            (0..self.candidates.len()).filter(move |index| self.is_available(*index, day));
        indices.map(|index| &self.candidates[index])
    }

    /// The one that is asked first on a day, as far as that is known ahead.
    pub(crate) fn first_on(&self, day: u64) -> Option<&Candidate<P>> {
        self.available_on(day)
            .find(|candidate| self.is_next_in_line(candidate, day))
    }

    /// All candidates.
    pub(crate) fn candidates(&self) -> &[Candidate<P>] {
        &self.candidates
    }

    /// Which candidate replaced which in this call, and why.
    pub(crate) fn stood_in(&self) -> Option<String> {
        lock(&self.stood_in).clone()
    }

    /// The best candidate that was not tried: of equally good ones, the first in the settings' order.
    fn next(&self, tried: &[usize]) -> Option<usize> {
        let standings = lock(&self.standings);
        let today = date::day((self.clock)());
        let is_retired =
            |index: usize| standings[index].failing().is_some_and(|why| why.is_retired);
        let is_open = |index: &usize| {
            let candidate = &self.candidates[*index];
            !tried.contains(index)
                && self.is_available(*index, today)
                && (self.is_next_in_line(candidate, today)
                    || candidate.successor_of.is_some_and(is_retired))
        };
        let all = 0..self.candidates.len();
        all.filter(is_open)
            .min_by_key(|index| standings[*index].rank())
    }

    /// Whether a candidate's model is there on a day, and the candidate is no reserve that others make needless.
    fn is_available(&self, index: usize, day: u64) -> bool {
        let others = || {
            self.candidates
                .iter()
                .filter(|one| !one.endpoint.is_reserve)
        };
        let candidate = &self.candidates[index];
        !candidate.is_closed(day)
            && (!candidate.endpoint.is_reserve || others().all(|one| one.is_closed(day)))
    }

    /// Whether no model before it, which it would follow, is still there.
    fn is_next_in_line(&self, candidate: &Candidate<P>, day: u64) -> bool {
        let before = candidate.successor_of.map(|index| &self.candidates[index]);
        before.is_none_or(|before| before.is_closed(day))
    }

    /// Whether every candidate that was not tried is known to fail.
    fn is_last_hope(&self, tried: &[usize]) -> bool {
        let next = self.next(tried);
        next.is_none_or(|index| lock(&self.standings)[index].rank() > Standing::Good.rank())
    }

    /// Puts a candidate that was given `given` to begin behind the others for this call, and for later ones if it will
    /// still fail then.
    fn note_failure<E: Cause + std::error::Error + 'static>(
        &self,
        index: usize,
        error: &E,
        given: Duration,
    ) {
        let now = date::seconds((self.clock)());
        let failing = Failing::of(error, given, self.limit, now);
        // Whether there were words to hear is known once another one has heard some, and emoji alone are an answer.
        let is_at_work = matches!(
            error.service(),
            Some(Error::Unheard { .. } | Error::Unsayable { .. })
        );
        if !is_at_work {
            lock(&self.standings)[index] = Standing::Failed(failing.clone());
        }
        // The only candidate is asked by the next call in any case, so nothing is remembered of it.
        if self.candidates.len() > 1 {
            let candidate = &self.candidates[index];
            warn!(
                "{} is passed over: {}",
                candidate.endpoint,
                error::Chain(error)
            );
            standing::remember(&self.state, &candidate.fingerprint, failing, now);
        }
    }

    /// Notes that one candidate heard no words and that another, in its place, has heard some. In the next turn it is asked
    /// as before; the second time it is put behind the others for this call.
    pub(crate) fn note_unheard(&self, unheard: &Candidate<P>, heard: usize) {
        let mut candidates = self.candidates.iter();
        let Some(index) = candidates.position(|candidate| ptr::eq(candidate, unheard)) else {
            return;
        };
        let provider = unheard.endpoint.provider.name();
        let now = date::seconds((self.clock)());
        let error = Error::Unheard { provider };
        let failing = Failing::of(&error, Duration::ZERO, self.limit, now);
        {
            // This block ends the lock, which `note_success` takes again.
            let standing = &mut lock(&self.standings)[index];
            *standing = match standing {
                Standing::Doubted(_) => Standing::Failed(failing),
                _ => Standing::Doubted(failing),
            };
        }
        self.note_success(heard);
    }

    /// Notes that a candidate has done the work, and whether in place of the first one.
    fn note_success(&self, index: usize) {
        let mut standings = lock(&self.standings);
        if matches!(standings[index], Standing::Doubted(_)) {
            standings[index] = Standing::Good;
        }
        if let Some(failing) = standings[0].failing()
            && index != 0
        {
            let [missing, other] = [0, index].map(|index| &self.candidates[index].endpoint);
            let told = format!("{other} stood in for {missing}: {}", failing.why);
            lock(&self.stood_in).get_or_insert(told);
        }
    }
}

impl<P: ?Sized> Candidate<P> {
    /// Whether its model is not there any more on a day.
    pub(crate) fn is_closed(&self, day: u64) -> bool {
        self.closes.is_some_and(|first| first <= day)
    }
}

/// Whether another provider may do better. Not after a hang-up, nor when a service will not answer this question.
fn moves_on<E: Cause>(error: &E) -> bool {
    !matches!(
        error.service(),
        Some(Error::HungUp(_) | Error::Blocked { .. })
    )
}

/// Which failure is told where all candidates fail: the lowest rank.
fn rank<E: Cause>((candidate, error): &(usize, E)) -> (bool, usize) {
    let has_answered = matches!(error.service(), Some(Error::Unsayable { .. }));
    (!has_answered, *candidate)
}

/// Whether a candidate refuses this request alone.
fn is_of_request(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => refusal.is_of_request(),
        error => matches!(error, Error::Deaf { .. }),
    }
}

#[cfg(test)]
mod tests;
