//! Requests in, answers out: which service is asked, what it answers, and which fault takes the answer's place.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::context::Context;
use super::delivery::{Delivery, End, Right};
use super::fault::Fault;
use super::google_auth::form;
use super::http::{Request, Response};
use super::recorded::{Recorded, WarmUp};
use super::server::{self, Answer};
use super::service::{Service, Stage};
use super::state::{Shared, State};
use super::{
    gemini, gemini_stt, gemini_tts, google_tts, models, openai, openai_chat, openai_stt,
    speech_to_text,
};

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
        self.now()
    }
}

impl Shared {
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

const NOT_FOUND: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server.\n";
