//! What a call takes from earlier ones, and leaves for the caller's next. No call fails because of that.

use std::error::Error;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use log::warn;

use super::settings::Settings;
use super::turn::Turn;
use crate::cloud::llm::Exchange;
use crate::config::{Config, Retention};
use crate::memory::{self, Memory, Signs};
use crate::services::Services;
use crate::sys::error::Chain;
use crate::sys::state::State;
use crate::sys::threads;
use crate::text::Action;

/// What a call has to do with memory.
#[derive(Default)]
pub(super) struct Remembering {
    /// What is being recalled.
    recalling: Option<JoinHandle<memory::Recalled>>,
    /// What recalls which services have failed.
    recalling_failures: Option<JoinHandle<()>>,
    /// The caller's memory, if they are to be remembered.
    memory: Option<Memory>,
    /// Which callers are remembered, once that is known.
    settings: Option<Retention>,
    /// Why something was not remembered.
    pub(super) fault: Option<String>,
}

impl Remembering {
    /// Begins to recall what was said with this caller, if they are to be remembered, while the call is prepared. The
    /// model may write a note beside its answer then, and `config` gives it room for that.
    pub(super) fn begin(&mut self, config: &mut Config, signs: Signs<'_>) {
        self.settings = Some(config.memory.clone());
        let Some(memory) = Memory::of(&config.memory, signs) else {
            return;
        };
        let note_tokens = memory::MAX_SUMMARY_CHARS / MIN_CHARS_PER_TOKEN;
        // The services are made from these settings later, so the limit is raised before.
        config.llm.max_output_tokens += u32::try_from(note_tokens).unwrap_or(u32::MAX);
        match memory.begin_recall(SystemTime::now()) {
            Ok(recalling) => self.recalling = Some(recalling),
            Err(refused) => self.has_no_memory(&refused),
        }
    }

    /// Begins to recall which services have failed in earlier calls.
    pub(super) fn recall_failures(&mut self, services: &Arc<Services>, state: State) {
        // Without another thread none is taken to fail, and the work itself will tell why.
        self.recalling_failures = services.begin_recall(state, SystemTime::now()).ok();
    }

    /// Waits for what is being recalled.
    pub(super) fn finish(&mut self) {
        let failures = self.recalling_failures.take().map(threads::join);
        if let Some(Err(cause)) = failures {
            warn!("which services have failed in earlier calls is not known: {cause}");
        }
        let (memory, recalled) = match self.recalling.take().map(threads::join) {
            None => return,
            Some(Ok(recalled)) => recalled,
            Some(Err(cause)) => return self.has_no_memory(&cause),
        };
        if let Err(cause) = &recalled {
            self.has_no_memory(cause);
        }
        // A caller whose server is lost can still be forgotten.
        if let Ok(()) | Err(memory::Error::Lost(_)) = recalled {
            self.memory = Some(memory);
        }
    }

    /// The same settings, with what was said in earlier calls.
    pub(super) fn with_memory(&self, settings: Settings) -> Settings {
        let Some(memory) = &self.memory else {
            return settings;
        };
        let earlier = memory.exchanges().iter().map(|one| Exchange {
            question: one.question.clone(),
            answer: one.answer.clone(),
        });
        settings.remembering(earlier.collect())
    }

    /// What the model is told of the caller, and of how it remembers them; nothing where it does not.
    pub(super) fn instructions(&self, now: SystemTime) -> String {
        let memory = self.memory.as_ref();
        memory
            .map(|memory| memory.instructions(now))
            .unwrap_or_default()
    }

    /// Forgets the caller.
    pub(super) fn forget(&mut self) {
        let forgotten = self.memory.as_mut().map(Memory::forget);
        if let Some(Err(cause)) = forgotten {
            self.has_no_memory(&cause);
        }
    }

    /// Keeps what was asked in `turn` and what was `heard` of the answer, as soon as it has been.
    pub(super) fn keep(&mut self, turn: &Turn, heard: &str) {
        let settled = self.memory.as_mut().map(Memory::settle);
        if let Some(Err(cause)) = settled {
            self.has_no_memory(&cause);
        }
        let question = turn.question_later();
        // An answer of which nothing was heard is no part of what was said: the model would later refer to words that
        // the caller does not know.
        if question.is_empty() || heard.is_empty() {
            return;
        }
        let note = turn.actions.iter().rev().find_map(|action| match action {
            Action::Note(note) => Some(note.as_str()),
            _ => None,
        });
        let Some(memory) = &mut self.memory else {
            return;
        };
        if let Err(cause) = memory.add(question, heard, note, SystemTime::now()) {
            self.has_no_memory(&cause);
        }
    }

    /// Drops what is too old of all callers, once the call is over.
    pub(super) fn sweep(&self) {
        let settings = self.settings.as_ref();
        let is_without_server = self.memory.is_none();
        let swept = settings.map(|settings| settings.sweep(is_without_server, SystemTime::now()));
        if let Some(Err(cause)) = swept {
            warn!("{}", Chain(&cause));
        }
    }

    fn has_no_memory(&mut self, cause: &(dyn Error + 'static)) {
        let line = Chain(cause).to_string();
        warn!("{line}");
        self.fault.get_or_insert(line);
    }
}

/// In languages whose words are several tokens.
const MIN_CHARS_PER_TOKEN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    use crate::config::{Arguments, Needs, limits::Callers};
    use crate::sys::presentation::Presentation;
    use crate::sys::state::server::{Address, Server};

    #[test]
    fn a_call_is_prepared_while_the_server_is_still_to_answer() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("redis://{}", silent.local_addr().expect("ours"));
        let server = Server::new(Address::parse(&url).expect("right"), 2);
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "tts.provider = 'openai'\n").expect("ours");
        let arguments = Arguments::of_file(Some(file));
        let config = Config::load(Needs::Nothing, &arguments, &|_| None);
        let mut config = config.expect("right settings");
        config.memory = Retention {
            callers: Callers::All,
            folder: folder.path().to_owned(),
            server: Some(Arc::new(server.with_patience(Duration::from_secs(20)))),
            ..config.memory
        };
        let signs = Signs {
            channel: "PJSIP/200-0000000a",
            number: "200",
            extension: "",
            presentation: Presentation::Shown,
        };
        let (mut remembering, now) = (Remembering::default(), SystemTime::now());
        remembering.begin(&mut config, signs);
        let asked = silent.accept().expect("it is asked");
        assert_eq!(remembering.instructions(now), "");
        drop(asked);
        remembering.finish();
        let fault = remembering.fault.as_deref().unwrap_or_default();
        assert!(fault.contains(&url), "{fault}");
        assert!(remembering.instructions(now).contains("[[forget]]"));
    }

    #[test]
    fn a_call_goes_on_without_memory_where_what_recalls_it_panics() {
        let mut remembering = Remembering {
            recalling: Some(std::thread::spawn(|| panic!("in a test"))),
            recalling_failures: Some(std::thread::spawn(|| panic!("in a test"))),
            ..Remembering::default()
        };
        remembering.finish();
        let fault = remembering.fault.as_deref().unwrap_or_default();
        assert!(fault.contains("internal error"), "{fault}");
        assert_eq!(remembering.instructions(SystemTime::now()), "");
    }
}
