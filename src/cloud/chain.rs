//! The providers of a stage, in the order of the settings: which one is asked when another fails.
//!
//! A provider that fails before anything of its work is of use is passed over at once, and the next one is asked. A
//! failure that will last for a minute (no connection, no answer, a wrong key, a retired model) is remembered in a file
//! that all calls share, so that the next caller does not wait for it again. It is remembered under a fingerprint of
//! provider, key and settings, so that a provider is asked again at once when one of these is repaired. A provider that
//! is remembered as failing is still asked when no other is left.

mod standing;

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

use log::warn;

use super::Error;
use super::budget::{Budget, Retry};
use crate::config::Endpoint;
use crate::error;
use crate::state::State;
use crate::sync::lock;
use standing::{Failing, Standing};

/// The providers of a stage.
#[derive(Debug)]
pub struct Chain<P: ?Sized> {
    links: Vec<Link<P>>,
    /// How long a link that is not the last may take to begin.
    fallback_after: Duration,
    state: State,
    /// How the links have done, in their order.
    standings: Mutex<Vec<Standing>>,
    /// Which link replaced which, and why.
    stood_in: Mutex<Option<String>>,
}

/// One provider.
#[derive(Debug)]
pub struct Link<P: ?Sized> {
    /// What the settings say of it.
    pub endpoint: Endpoint,
    /// A digest of everything that decides whether it works.
    pub fingerprint: String,
    /// It is asked only after this one has turned out to be retired.
    pub successor_of: Option<usize>,
    /// The provider, which does the work.
    pub provider: Box<P>,
}

/// Work that a link has done.
#[derive(Debug)]
pub struct Done<T> {
    /// Which link.
    pub link: usize,
    /// What came of it.
    pub value: T,
}

/// Work that a link began, and that broke off before it was of use.
#[derive(Debug)]
pub struct Broken<E> {
    /// Which link.
    pub link: usize,
    /// Why.
    pub error: E,
    /// Whether the same link may succeed a second time.
    pub may_retry: bool,
}

/// An error that may hold a service's.
pub trait Cause {
    /// The service's error, if it was a service.
    fn service(&self) -> Option<&Error>;
}

impl Cause for Error {
    fn service(&self) -> Option<&Error> {
        Some(self)
    }
}

impl<P: ?Sized> Chain<P> {
    /// Makes a chain of at least one link. `missing` says which one should be the first and why it cannot be.
    pub fn new(
        links: Vec<Link<P>>,
        missing: Option<String>,
        fallback_after: Duration,
        state: State,
    ) -> Self {
        let fingerprints = links.iter().map(|link| link.fingerprint.as_str());
        Self {
            standings: Mutex::new(standing::remembered(&state, fingerprints)),
            stood_in: Mutex::new(missing),
            links,
            fallback_after,
            state,
        }
    }

    /// Makes `attempt` with one link after the other, until one does the work.
    ///
    /// # Errors
    /// When all fail, that of the first in the settings' order.
    pub fn ask<'c, T, E: Cause + std::error::Error + 'static>(
        &'c self,
        budget: Budget,
        attempt: impl FnMut(&'c Link<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        self.ask_all(None, budget, attempt)
    }

    /// Asks again after a link has broken off: the others, or, if there are none and it may help, the same one once
    /// more.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn ask_again<'c, T, E: Cause + std::error::Error + 'static>(
        &'c self,
        broken: Broken<E>,
        budget: Budget,
        mut attempt: impl FnMut(&'c Link<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        let Broken {
            link,
            error,
            may_retry,
        } = broken;
        let may_retry = may_retry && self.is_last_hope(&[link]);
        if !may_retry && self.next(&[link]).is_some() && moves_on(&error) {
            self.failed(link, &error);
            return self.ask_all(Some((link, error)), budget, attempt);
        }
        match error.service() {
            Some(cause) if may_retry => {
                let value = attempt(&self.links[link], budget.after(cause))?;
                Ok(Done { link, value })
            }
            _ => Err(error),
        }
    }

    fn ask_all<'c, T, E: Cause + std::error::Error + 'static>(
        &'c self,
        failed: Option<(usize, E)>,
        budget: Budget,
        mut attempt: impl FnMut(&'c Link<P>, Budget) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        let mut tried: Vec<usize> = failed.iter().map(|(link, _)| *link).collect();
        let mut first_failure = failed;
        let mut link = self.next(&tried).unwrap_or_default();
        // A link that timed out on a shortened budget, and may be retried last.
        let mut hurried = None;
        loop {
            let is_second_time = tried.contains(&link);
            tried.push(link);
            let is_last_hope = self.is_last_hope(&tried);
            // One with a good link behind it gets less time, and no second attempt.
            let mut share = budget;
            if !is_last_hope {
                share = budget.shortened(self.fallback_after);
            } else if is_second_time {
                share.retry = Retry::Never;
            }
            let error = match attempt(&self.links[link], share) {
                Ok(value) => {
                    self.note(link);
                    return Ok(Done { link, value });
                }
                Err(error) if !moves_on(&error) => return Err(error),
                Err(error) => error,
            };
            self.failed(link, &error);
            if !is_last_hope && matches!(error.service(), Some(Error::Timeout { .. })) {
                hurried = Some(link);
            }
            let failure = match first_failure.take() {
                Some(first) if first.0 < link => first,
                _ => (link, error),
            };
            match self.next(&tried).or_else(|| hurried.take()) {
                Some(next) => link = next,
                None => return Err(failure.1),
            }
            first_failure = Some(failure);
        }
    }

    /// The provider that is asked first.
    pub fn first(&self) -> &P {
        &self.first_link().provider
    }

    /// The link that is asked first.
    pub fn first_link(&self) -> &Link<P> {
        &self.links[self.next(&[]).unwrap_or_default()]
    }

    /// All links.
    pub fn links(&self) -> &[Link<P>] {
        &self.links
    }

    /// Which link replaced which in this call, and why.
    pub fn stood_in(&self) -> Option<String> {
        lock(&self.stood_in).clone()
    }

    /// Which link is to be asked next.
    fn next(&self, tried: &[usize]) -> Option<usize> {
        let standings = lock(&self.standings);
        let is_open = |link: &usize| {
            let retired = |of: usize| standings[of].failing().is_some_and(|why| why.is_retired);
            !tried.contains(link) && self.links[*link].successor_of.is_none_or(retired)
        };
        let rank = |link: &usize| match standings[*link] {
            Standing::Good => 0,
            Standing::Remembered(_) => 1,
            Standing::Failed(_) => 2,
        };
        (0..self.links.len()).filter(is_open).min_by_key(rank)
    }

    /// Whether only links are left that are known to fail.
    fn is_last_hope(&self, tried: &[usize]) -> bool {
        let next = self.next(tried);
        next.is_none_or(|link| lock(&self.standings)[link] != Standing::Good)
    }

    /// Puts a link behind the others, for this call, and for others where that will help them.
    fn failed<E: Cause + std::error::Error + 'static>(&self, link: usize, error: &E) {
        let failing = Failing::of(error, self.fallback_after);
        lock(&self.standings)[link] = Standing::Failed(failing.clone());
        if self.links.len() < 2 {
            return;
        }
        let Link {
            endpoint,
            fingerprint,
            ..
        } = &self.links[link];
        warn!("{endpoint} is passed over: {}", error::Chain(error));
        standing::remember(&self.state, fingerprint, failing);
    }

    /// Notes that a link has done the work in place of the first one.
    fn note(&self, link: usize) {
        let standings = lock(&self.standings);
        if let Some(failing) = standings[0].failing()
            && link != 0
        {
            let [missing, other] = [0, link].map(|index| &self.links[index].endpoint);
            let told = format!("{other} stood in for {missing}: {}", failing.why);
            lock(&self.stood_in).get_or_insert(told);
        }
    }
}

/// Whether another provider may do better. Not after a hang-up, nor when a service will not answer this question.
fn moves_on<E: Cause>(error: &E) -> bool {
    !matches!(
        error.service(),
        Some(Error::HungUp(_) | Error::Blocked { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Refusal, Service};
    use crate::config::Provider;
    use crate::deadline::Deadline;
    use std::cell::RefCell;
    use std::time::Instant;

    const SERVICE: Service = Service {
        name: "a service",
        settings: "[x]",
        key: "key",
    };

    fn refused(status: u16) -> Error {
        Error::Refused(Box::new(Refusal::read(SERVICE, status, b"", &[])))
    }

    fn blocked() -> Error {
        Error::Blocked {
            service: "a service",
            reason: "SAFETY".to_owned(),
        }
    }

    fn late(after: Duration) -> Error {
        Error::Timeout {
            service: "a service",
            host: "example.com".to_owned(),
            after,
        }
    }

    /// A chain of providers that are only names; one that begins with a star is an alias of the one before.
    fn chain(names: &[&str], state: &State) -> Chain<str> {
        let link = |(index, name): (usize, &&str)| Link {
            endpoint: Endpoint {
                provider: Provider::OpenAi,
                base_url: String::new(),
                model: (*name).to_owned(),
                api_key: None,
            },
            fingerprint: (*name).to_owned(),
            successor_of: name.starts_with('*').then(|| index - 1),
            provider: (*name).into(),
        };
        let links = names.iter().enumerate().map(link).collect();
        Chain::new(links, None, Duration::from_secs(4), state.clone())
    }

    /// Asks, and returns who was asked and who did it.
    fn ask(
        chain: &Chain<str>,
        fails: impl Fn(&str) -> Option<Error>,
    ) -> (Vec<String>, Option<String>) {
        let asked = RefCell::new(Vec::new());
        let attempt = |link: &Link<str>, budget: Budget| {
            let twice = if matches!(budget.retry, Retry::Once) {
                "!"
            } else {
                ""
            };
            asked
                .borrow_mut()
                .push(format!("{}{twice}", &*link.provider));
            match fails(&link.provider) {
                Some(error) => Err(error),
                None => Ok(link.provider.to_string()),
            }
        };
        let done = chain.ask(budget(), attempt);
        (asked.into_inner(), done.ok().map(|done| done.value))
    }

    fn budget() -> Budget {
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(20), Instant::now);
        Budget::new(deadline, Duration::from_secs(1))
    }

    fn state() -> (testkit::TempDir, State) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        (folder, state)
    }

    #[test]
    fn each_is_asked_in_turn_and_only_the_last_hope_twice() {
        let (_folder, state) = state();
        let chain = chain(&["a", "b", "c"], &state);
        let (asked, done) = ask(&chain, |name| (name != "c").then(|| refused(503)));
        assert_eq!(asked, ["a", "b", "c!"]);
        assert_eq!(done.as_deref(), Some("c"));
        let told = chain.stood_in().expect("somebody did");
        assert!(
            told.starts_with("openai c stood in for openai a: a service answered 503"),
            "{told}"
        );
        // In one call a link that has failed is not asked again, as long as there are others.
        assert_eq!(ask(&chain, |_| None).0, ["c!"]);
        assert_eq!(
            ask(&chain, |name| (name == "c").then(|| refused(503))).0,
            ["c!", "a!"]
        );
    }

    #[test]
    fn who_was_only_too_slow_is_asked_once_more_when_all_others_fail() {
        let (_folder, state) = state();
        let chain = chain(&["slow", "b"], &state);
        let slow = |budget: Budget| budget.deadline.left() < Duration::from_secs(5);
        let asked = RefCell::new(Vec::new());
        let attempt = |link: &Link<str>, budget: Budget| {
            asked.borrow_mut().push(link.provider.to_string());
            match &*link.provider {
                "slow" if slow(budget) => Err(late(Duration::from_secs(4))),
                "slow" => Ok("done"),
                _ => Err(refused(401)),
            }
        };
        let done = chain.ask(budget(), attempt).expect("the slow one does it");
        assert_eq!((done.link, done.value), (0, "done"));
        assert_eq!(asked.into_inner(), ["slow", "b", "slow"]);
    }

    #[test]
    fn alone_one_is_asked_twice_and_nothing_is_remembered() {
        let (folder, state) = state();
        let (asked, done) = ask(&chain(&["a"], &state), |_| Some(refused(401)));
        assert_eq!((asked, done), (vec!["a!".to_owned()], None));
        assert!(!folder.path().join(standing::FILE).exists());
    }

    #[test]
    fn the_first_failure_in_the_settings_order_is_told() {
        let (_folder, state) = state();
        let chain = chain(&["a", "b"], &state);
        ask(&chain, |name| (name == "a").then(|| refused(503)));
        let fails = |link: &Link<str>, _: Budget| {
            Err::<(), _>(refused(if &*link.provider == "a" { 500 } else { 502 }))
        };
        let error = chain.ask(budget(), fails).expect_err("all fail");
        assert!(error.to_string().contains("answered 500"), "{error}");
    }

    #[test]
    fn what_lasts_is_remembered_for_the_next_call_and_what_passes_is_not() {
        let table: [(fn() -> Error, bool); 6] = [
            (|| refused(401), true),
            (|| refused(404), true),
            (|| refused(503), false),
            (|| refused(400), false),
            (|| late(Duration::from_secs(4)), true),
            (|| late(Duration::from_secs(1)), false),
        ];
        for (error, is_remembered) in table {
            let (_folder, state) = state();
            ask(&chain(&["a", "b"], &state), |name| {
                (name == "a").then(error)
            });
            let next = chain(&["a", "b"], &state);
            let (asked, _) = ask(&next, |_| None);
            // Only a link that is known to fail stands behind.
            let expected = if is_remembered { "b!" } else { "a" };
            assert_eq!(asked, [expected], "{}", error());
            // A link that is remembered as failing is still asked when no other is left.
            let (asked, done) = ask(&next, |name| (name == "b").then(|| refused(503)));
            assert!(asked.iter().any(|name| name.starts_with('a')), "{asked:?}");
            assert_eq!(done.as_deref(), Some("a"));
        }
    }

    #[test]
    fn an_alias_is_asked_only_after_its_model_has_been_switched_off() {
        let (_folder, state) = state();
        let of = |names: &[&str], status: u16| {
            let chain = chain(names, &state);
            ask(&chain, |name| {
                name.starts_with('a').then(|| refused(status))
            })
        };
        assert_eq!(of(&["a", "*a", "b"], 503).0, ["a", "b!"]);
        assert_eq!(of(&["a1", "*a1"], 503).0, ["a1!"]);
        assert_eq!(
            of(&["a2", "*a2", "b"], 404),
            (
                vec!["a2".to_owned(), "*a2".to_owned()],
                Some("*a2".to_owned())
            )
        );
        assert_eq!(of(&["a3", "*a3"], 404).0, ["a3!", "*a3!"]);
        // The next call knows it.
        assert_eq!(of(&["a3", "*a3"], 404).0, ["*a3!"]);
    }

    #[test]
    fn nobody_else_is_asked_after_a_hang_up_or_about_what_must_not_be_answered() {
        let (_folder, state) = state();
        let hung_up = || Error::HungUp("a service");
        assert_eq!(
            ask(&chain(&["a", "b"], &state), |_| Some(blocked())).0,
            ["a"]
        );
        assert_eq!(
            ask(&chain(&["a", "b"], &state), |_| Some(hung_up())).0,
            ["a"]
        );
    }
}
