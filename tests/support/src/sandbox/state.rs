//! What the sandbox remembers and how it decides: requests in, answers out, under one lock.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::delivery::{Delivery, End, ModelPace, Right, VoicePace};
use super::google_auth::{AccessTokens, Claims, Flaw, ServiceAccount, form};
use super::http::{Request, Response};
use super::script::Scripts;
use super::server::{Answer, Service};
use super::{Fault, Recorded, Stage, WarmUp, gemini, openai, speech_to_text};
use crate::audio::Clip;

/// All that the connections' threads and the test share.
pub(super) struct Shared {
    account: ServiceAccount,
    scripts: Scripts,
    state: Mutex<State>,
    arrived: Condvar,
}

/// What changes while the sandbox runs.
#[derive(Default)]
pub(super) struct State {
    pub(super) requests: Vec<Recorded>,
    pub(super) warm_ups: Vec<WarmUp>,
    pub(super) connections: usize,
    pub(super) unhandled: Vec<String>,
    pub(super) answer: Option<String>,
    pub(super) clock_offset_s: i64,
    conducts: [Conduct; 4],
    tokens: AccessTokens,
}

/// How a stage departs from the best behaviour.
#[derive(Default)]
pub(super) struct Conduct {
    pub(super) faults: VecDeque<(Fault, usize)>,
    pub(super) delay: Duration,
    pub(super) model_pace: ModelPace,
    pub(super) voice_pace: VoicePace,
    pub(super) refuses_self_signed: bool,
}

impl State {
    pub(super) fn conduct(&mut self, stage: Stage) -> &mut Conduct {
        let index = match stage {
            Stage::Stt => 0,
            Stage::Llm => 1,
            Stage::Tts => 2,
            Stage::Token => 3,
        };
        &mut self.conducts[index]
    }

    fn next_fault(&mut self, stage: Stage) -> Option<Fault> {
        let faults = &mut self.conduct(stage).faults;
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
            arrived: Condvar::new(),
        }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Waits until something that arrives is enough; false when the time is over.
    pub(super) fn wait_until(&self, timeout: Duration, is_enough: impl Fn(&State) -> bool) -> bool {
        let locked = self.state.lock().unwrap();
        let (locked, waited) = self
            .arrived
            .wait_timeout_while(locked, timeout, |state| !is_enough(state))
            .unwrap();
        drop(locked);
        !waited.timed_out()
    }

    pub(super) fn spoken(&self, text: &str) -> Clip {
        self.scripts.spoken(text)
    }

    fn seconds_since_1970(&self) -> i64 {
        i64::try_from(
            self.now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        )
        .unwrap()
    }

    /// Writes a request down, and decides how it is treated; who waits for it may change that for the next one only.
    fn record(
        &self,
        stage: Stage,
        connection: u64,
        at: Instant,
        request: &Request,
    ) -> (usize, Option<Fault>, Duration) {
        let recorded = Recorded {
            stage,
            connection,
            at,
            answered: None,
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: readable_body(request),
            status: 0,
            refusal: None,
        };
        let treated = self.with(|state| {
            state.requests.push(recorded);
            let index = state.requests.len() - 1;
            (index, state.next_fault(stage), state.conduct(stage).delay)
        });
        self.arrived.notify_all();
        treated
    }

    fn right_answer(&self, stage: Stage, request: &Request, context: &Context<'_>) -> Right {
        let at_once = |response| Right::whole(response, Duration::ZERO);
        match stage {
            Stage::Stt => at_once(
                speech_to_text::recognize(request, context).unwrap_or_else(|refusal| refusal),
            ),
            Stage::Llm => gemini::answer(request, context),
            Stage::Tts => openai::speak(request, context).unwrap_or_else(at_once),
            Stage::Token => at_once(self.exchange(request, context)),
        }
    }

    fn exchange(&self, request: &Request, context: &Context<'_>) -> Response {
        let now = self.seconds_since_1970();
        let (response, refusal) =
            self.with(|state| state.tokens.exchange(request, &self.account, now));
        if let Some(why) = refusal {
            context.refused(&why);
        }
        response
    }

    /// What no service knows: the front end's page, which is all that a client wants who only warms up.
    fn not_found(&self, connection: u64, at: Instant, request: &Request) -> Answer {
        let Request { method, path, .. } = request;
        let warms_up = path == "/" && ["GET", "HEAD"].contains(&method.as_str());
        self.with(|state| {
            if warms_up {
                state.warm_ups.push(WarmUp { connection, at });
            } else {
                state.unhandled.push(format!("{method} {path}"));
            }
        });
        self.arrived.notify_all();
        let response = Response::new(404, "text/html; charset=UTF-8", NOT_FOUND);
        Answer {
            number: None,
            begun: at,
            delivery: Delivery::whole(&response),
            response,
        }
    }
}

impl Service for Shared {
    fn connected(&self) {
        self.with(|state| state.connections += 1);
        self.arrived.notify_all();
    }

    fn answer(&self, connection: u64, request: Request) -> Answer {
        let at = Instant::now();
        let Some(stage) = stage_of(&request) else {
            return self.not_found(connection, at, &request);
        };
        let (index, fault, delay) = self.record(stage, connection, at, &request);
        let context = Context {
            shared: self,
            stage,
            index,
        };
        let right = self.right_answer(stage, &request, &context);
        self.with(|state| state.requests[index].status = right.response.status);
        let (response, delivery) = match fault {
            Some(fault) => fault.applied(stage, right),
            None => (right.response, Delivery::Pieces(right.pieces, End::Right)),
        };
        Answer {
            number: Some(index),
            begun: at + delay,
            response,
            delivery,
        }
    }

    fn sent(&self, number: usize) {
        self.with(|state| state.requests[number].answered = Some(Instant::now()));
    }

    fn now(&self) -> SystemTime {
        let offset = self.with(|state| state.clock_offset_s);
        let distance = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 {
            SystemTime::now() - distance
        } else {
            SystemTime::now() + distance
        }
    }
}

/// What a service may know beside the request that it answers.
pub(super) struct Context<'a> {
    shared: &'a Shared,
    stage: Stage,
    index: usize,
}

impl Context<'_> {
    pub(super) fn scripts(&self) -> &Scripts {
        &self.shared.scripts
    }

    /// Writes down why a request is refused, for the test that wonders.
    pub(super) fn refused(&self, why: &str) {
        self.shared
            .with(|state| state.requests[self.index].refusal = Some(why.to_owned()));
    }

    pub(super) fn refuses_self_signed(&self) -> bool {
        self.shared
            .with(|state| state.conduct(self.stage).refuses_self_signed)
    }

    pub(super) fn check_self_signed(&self, token: &str) -> Result<Claims, Flaw> {
        self.shared
            .account
            .check(token, self.shared.seconds_since_1970())
    }

    /// The scopes of an access token, if the sandbox has issued it.
    pub(super) fn scope_of(&self, token: &str) -> Option<String> {
        self.shared
            .with(|state| state.tokens.scope_of(token).map(str::to_owned))
    }

    pub(super) fn answer_to(&self, question: &str) -> String {
        let set = self.shared.with(|state| state.answer.clone());
        set.unwrap_or_else(|| self.shared.scripts.answer_to(question))
    }

    pub(super) fn model_pace(&self) -> ModelPace {
        self.shared
            .with(|state| state.conduct(self.stage).model_pace)
    }

    pub(super) fn voice_pace(&self) -> VoicePace {
        self.shared
            .with(|state| state.conduct(self.stage).voice_pace)
    }

    /// A number as a string, as JSON of 64-bit integers is.
    pub(super) fn request_id(&self) -> String {
        format!("{}", 8_000_000_000_000_000_000 + self.index)
    }
}

fn stage_of(request: &Request) -> Option<Stage> {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/speech:recognize") => Some(Stage::Stt),
        ("POST", "/v1/audio/speech") => Some(Stage::Tts),
        ("POST", "/token") => Some(Stage::Token),
        ("POST", _) if gemini::called(request).is_some() => Some(Stage::Llm),
        _ => None,
    }
}

fn readable_body(request: &Request) -> Value {
    let is_form = request
        .header("content-type")
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        return form(&request.body)
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
    }
    serde_json::from_slice(&request.body).unwrap_or(Value::Null)
}

const NOT_FOUND: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server.\n";
