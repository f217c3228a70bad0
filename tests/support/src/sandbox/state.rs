//! What the sandbox remembers and how it decides: requests in, answers out, under one lock.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::delivery::{Delivery, End, ModelPace, Right, VoicePace};
use super::google_auth::{AccessTokens, Claims, Flaw, ServiceAccount, form};
use super::http::{Request, Response};
use super::script::Scripts;
use super::script::UNKNOWN_QUESTION;
use super::server::{self, Answer, Service as _};
use super::{
    CallingTurn, Fault, Recorded, Service, Stage, WarmUp, gemini, gemini_stt, gemini_tts,
    google_tts, models, openai, openai_chat, openai_stt, speech_to_text,
};
use crate::audio::{Clip, clips};

/// All that the connections' threads and the test share.
pub(super) struct Shared {
    account: ServiceAccount,
    scripts: Scripts,
    state: Mutex<State>,
    changed: Condvar,
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
    spoken: VecDeque<String>,
    conducts: [Conduct; 5],
    /// Of single services, before those of their stages.
    pub(super) faults: Vec<(Service, Fault, usize)>,
    tokens: AccessTokens,
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

    fn next_fault(&mut self, service: Service) -> Option<Fault> {
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

    /// The same, for a change that somebody may be waiting for.
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
    fn wait_while_held(&self, stage: Stage) -> bool {
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
        service: Service,
        connection: u64,
        at: Instant,
        request: &Request,
    ) -> (usize, Option<Fault>, Duration) {
        let stage = service.stage();
        let recorded = Recorded {
            stage,
            service,
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
        self.tell(|state| {
            state.requests.push(recorded);
            let index = state.requests.len() - 1;
            (index, state.next_fault(service), state.conduct(stage).delay)
        })
    }

    fn right_answer(&self, service: Service, request: &Request, context: &Context<'_>) -> Right {
        let at_once = |response| Right::whole(response, Duration::ZERO);
        let either = |result: Result<_, _>| at_once(result.unwrap_or_else(|refusal| refusal));
        match service {
            Service::GoogleStt => either(speech_to_text::recognize(request, context)),
            Service::OpenAiStt => either(openai_stt::transcribe(request, context)),
            Service::Gemini => gemini::answer(request, context),
            Service::GeminiStt => either(gemini_stt::transcribe(request, context)),
            Service::GeminiTts => gemini_tts::speak(request, context).unwrap_or_else(at_once),
            Service::OpenAiChat => openai_chat::answer(request, context),
            Service::OpenAiTts => openai::speak(request, context).unwrap_or_else(at_once),
            Service::GoogleTts => google_tts::synthesize(request, context).unwrap_or_else(at_once),
            Service::Token => at_once(self.exchange(request, context)),
            Service::Models => either(models::list(request, context)),
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
        self.tell(|state| {
            if warms_up {
                state.warm_ups.push(WarmUp { connection, at });
            } else {
                state.unhandled.push(format!("{method} {path}"));
            }
        });
        let response = Response::new(404, "text/html; charset=UTF-8", NOT_FOUND);
        Answer {
            number: None,
            begun: at,
            delivery: Delivery::whole(&response),
            response,
        }
    }
}

impl server::Service for Shared {
    fn connected(&self) {
        self.tell(|state| state.connections += 1);
    }

    fn answer(&self, connection: u64, request: Request) -> Answer {
        let at = Instant::now();
        let Some(service) = service_of(&request) else {
            return self.not_found(connection, at, &request);
        };
        let (index, fault, delay) = self.record(service, connection, at, &request);
        let context = Context {
            shared: self,
            stage: service.stage(),
            index,
            is_replaced: fault.as_ref().is_some_and(Fault::leaves_nothing),
        };
        let right = self.right_answer(service, &request, &context);
        self.with(|state| state.requests[index].status = right.response.status);
        let (response, delivery) = match fault {
            Some(fault) => fault.applied(service, &request, right),
            None => (right.response, Delivery::Pieces(right.pieces, End::Right)),
        };
        let was_held = self.wait_while_held(context.stage);
        let begun = if was_held { Instant::now() } else { at };
        Answer {
            number: Some(index),
            begun: begun + delay,
            response,
            delivery,
        }
    }

    fn wait_while_stopped(&self) {
        let locked = self.state.lock().unwrap();
        let is_stopped =
            |state: &mut State| state.conduct(Stage::Llm).model_pace.stops_after.is_some();
        drop(self.changed.wait_while(locked, is_stopped).unwrap());
    }

    fn sent(&self, number: usize) {
        self.tell(|state| state.requests[number].answered = Some(Instant::now()));
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
    /// Nothing of the right answer reaches the client.
    is_replaced: bool,
}

impl Context<'_> {
    /// What is said in a recording: questions of the scripts, or what a voice was just asked to say.
    pub(super) fn heard_in(&self, clip: &Clip) -> Vec<String> {
        if !clip.is_audible() {
            return Vec::new();
        }
        let said = self.shared.scripts.heard_in(clip);
        if !said.is_empty() {
            return said;
        }
        let texts = self.shared.with(|state| state.spoken.clone());
        let heard = texts
            .into_iter()
            .find(|text| self.shared.scripts.says(clip, text));
        vec![heard.unwrap_or_else(|| UNKNOWN_QUESTION.to_owned())]
    }

    /// How a text sounds. What nobody will hear is not made.
    pub(super) fn spoken(&self, text: &str) -> Clip {
        self.shared.with(|state| {
            state.spoken.push_front(text.to_owned());
            state.spoken.truncate(REMEMBERED_TEXTS);
        });
        let text = if self.is_replaced { "" } else { text };
        let said = self.shared.scripts.spoken(text);
        let lead = self
            .shared
            .with(|state| state.conduct(self.stage).voice_lead);
        clips::silence(said.rate_hz, lead.as_secs_f64()).then(&said)
    }

    pub(super) fn is_retired(&self, model: &str) -> bool {
        self.shared
            .with(|state| state.retired.iter().any(|name| name == model))
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

    /// Whether the test says what the model answers.
    pub(super) fn is_answer_set(&self) -> bool {
        self.shared.with(|state| state.answer.is_some())
    }

    /// What the models call, turn by turn.
    pub(super) fn calling(&self) -> Vec<CallingTurn> {
        self.shared.with(|state| state.calling.clone())
    }

    pub(super) fn knows_no_functions(&self) -> bool {
        self.shared.with(|state| state.knows_no_functions)
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

fn service_of(request: &Request) -> Option<Service> {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/speech:recognize") => Some(Service::GoogleStt),
        ("POST", "/v1/audio/transcriptions") => Some(Service::OpenAiStt),
        ("POST", "/v1/chat/completions") => Some(Service::OpenAiChat),
        ("POST", "/v1/audio/speech") => Some(Service::OpenAiTts),
        ("POST", "/v1/text:synthesize") => Some(Service::GoogleTts),
        ("POST", "/token") => Some(Service::Token),
        ("POST", _) if gemini::called(request).is_some() => Some(gemini_service(request)),
        _ if models::called(request) => Some(Service::Models),
        _ => None,
    }
}

fn gemini_service(request: &Request) -> Service {
    if gemini_tts::is_asked(request) {
        Service::GeminiTts
    } else if gemini_stt::is_asked(request) {
        Service::GeminiStt
    } else {
        Service::Gemini
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
    if let Some(form) = openai_stt::readable(request) {
        return form;
    }
    serde_json::from_slice(&request.body).unwrap_or(Value::Null)
}

/// Enough for a sentence that is spoken and then transcribed.
const REMEMBERED_TEXTS: usize = 3;
const NOT_FOUND: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server.\n";
