//! The messages that a caller leaves in a call. Each is on the disk before its caller can hear that it was taken; when the
//! call is over it gets all words of the call, and is delivered.

use std::mem::take;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crossbeam_channel::Sender;
use log::{info, warn};

use super::turn::Turn;
use crate::config::{self, Config};
use crate::knowledge::actions::Number;
use crate::messages::{self, Caller, Entry, Error, Kind, MAX_CHARS, Speaker, Spool, Words};
use crate::sys::date;
use crate::sys::error::Chain;
use crate::text::{self, Message};

/// What a call has to do with messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The settings, where messages can be left.
    settings: Option<config::Messages>,
    /// What earlier calls have left, also where nothing can be left any more.
    spool: Option<Spool>,
    persona: String,
    caller: Caller,
    recording: Option<PathBuf>,
    /// What was said so far.
    said: Vec<Words>,
    spoken: Duration,
    /// The ids of those that were left.
    left: Vec<String>,
    /// What they say, as the assistant wrote it.
    kept: Vec<Message>,
    /// Whether one was left in the answer that was heard last.
    has_just_left: bool,
    is_full: bool,
    /// Whether there is something new to deliver.
    has_news: bool,
    /// Why one was not kept.
    pub(super) fault: Option<String>,
}

impl Messages {
    /// Prepares to take messages, where the settings name a way to deliver them. The model gets room to write them.
    pub(super) fn of(config: &mut Config, persona: Option<&str>, caller: Caller) -> Self {
        let spool = Some(Spool::new(&config.messages.folder));
        if !config.messages.are_delivered() {
            return Self {
                spool,
                ..Self::default()
            };
        }
        config.llm.max_output_tokens += MESSAGE_TOKENS;
        Self {
            spool,
            persona: persona.unwrap_or_default().to_owned(),
            recording: config.keep_recording.then(|| config.recording.clone()),
            caller,
            settings: Some(config.messages.clone()),
            ..Self::default()
        }
    }

    /// Counts what the caller has left lately: who may leave no more is not offered it, instead of being refused at the end.
    pub(super) fn count(&mut self, now: SystemTime) {
        let settings = self.settings.as_ref();
        let most = settings.and_then(|settings| settings.per_hour);
        let (Some(most), Some(spool)) = (most, &self.spool) else {
            return;
        };
        let left = spool.left_lately(&self.caller.key(), now);
        self.is_full = left.is_ok_and(|left| u32::try_from(left).is_ok_and(|left| left >= most));
    }

    /// Whether what is said may be delivered, for which a recogniser transcribes it: what a model writes down is its own.
    pub(super) fn need_words(&self) -> bool {
        self.settings.is_some()
    }

    /// Whether the caller may leave one.
    pub(super) fn are_taken(&self) -> bool {
        self.settings.is_some() && !self.is_full
    }

    /// What the model is told of the number of a caller who may leave one; `None` where they may leave none.
    pub(super) fn allowed(&self) -> Option<Number> {
        let number = if self.caller.withheld {
            Number::Withheld
        } else {
            Number::Known
        };
        self.are_taken().then_some(number)
    }

    /// What the model has written so far in this call. It is told its answers as they were heard, without messages, so that
    /// it would take one for noted of which it has only spoken.
    pub(super) fn so_far(&self, may_come: bool) -> String {
        match self.kept.len() {
            _ if !self.are_taken() => String::new(),
            // One that still comes would be written once more, in other words.
            0 if self.said.is_empty() || may_come => String::new(),
            0 => NONE_SO_FAR.to_owned(),
            count => format!(" So far you have written {count} in this call, which are noted."),
        }
    }

    /// Keeps messages of the caller's, who has just said `question`, and lets what confirms them be spoken where all of
    /// them are kept. Returns whether that is so.
    pub(super) fn keep_and_confirm(
        &mut self,
        messages: &[Message],
        kept: &Sender<()>,
        question: &str,
        now: SystemTime,
    ) -> bool {
        let are_kept = self.keep(messages, question, now);
        if are_kept {
            // A thread that has ended gives up what it was writing.
            kept.send(()).ok();
        }
        are_kept
    }

    fn keep(&mut self, messages: &[Message], question: &str, now: SystemTime) -> bool {
        let Some(settings) = self.settings.clone() else {
            return false;
        };
        for message in messages {
            // An answer that was interrupted before it was heard may say it once more.
            if self.kept.contains(message) {
                continue;
            }
            match self.add(message, question, &settings, now) {
                Ok(id) => {
                    info!("message {id} is kept");
                    self.left.push(id);
                    self.kept.push(message.clone());
                    (self.has_just_left, self.has_news) = (true, true);
                }
                Err(cause) => {
                    let line = Chain(&cause).to_string();
                    warn!("a message was not kept: {line}");
                    self.is_full |= matches!(cause, Error::TooMany { .. });
                    // That one caller has left too many is nothing that administrators must see to.
                    if !self.is_full {
                        self.fault.get_or_insert(line);
                    }
                    return false;
                }
            }
        }
        true
    }

    fn add(
        &self,
        message: &Message,
        question: &str,
        settings: &config::Messages,
        now: SystemTime,
    ) -> Result<String, Error> {
        let note = text::limit(&message.text, MAX_CHARS);
        let mut words = self.said.clone();
        words.extend(said(Speaker::Caller, question));
        let entry = Entry {
            recipient: message.to.clone(),
            note: note.to_owned(),
            is_cut: message.is_cut || note.len() < message.text.len(),
            words,
            // Its call goes on and adds to it. One that is killed does not, and is not waited for any longer.
            due: date::seconds(now) + LONGEST_CALL.as_secs(),
            ..self.entry(Kind::Message, settings, now)?
        };
        Spool::new(&settings.folder).add(&entry, settings.per_hour)?;
        Ok(entry.id)
    }

    fn entry(
        &self,
        kind: Kind,
        settings: &config::Messages,
        now: SystemTime,
    ) -> Result<Entry, Error> {
        Ok(Entry {
            persona: self.persona.clone(),
            caller: self.caller.clone(),
            recording: self.recording.clone(),
            audio_ms: u64::try_from(self.spoken.as_millis()).unwrap_or(u64::MAX),
            ..Entry::new(kind, Spool::new_id(now)?, settings, now)
        })
    }

    /// Notes what was asked in a turn, and what was `heard` of the answer.
    pub(super) fn said(&mut self, turn: &Turn, heard: &str) {
        if self.settings.is_some() {
            self.said
                .extend(said(Speaker::Caller, turn.question_later()));
            self.said.extend(said(Speaker::Assistant, heard));
        }
    }

    /// Notes that the caller has spoken for so long.
    pub(super) fn spoke(&mut self, length: Duration) {
        self.spoken += length;
    }

    /// Whether a message was left in the answer that was heard last; true once.
    pub(super) fn has_just_left(&mut self) -> bool {
        take(&mut self.has_just_left)
    }

    /// The caller wants to be forgotten, so that no words of the call are delivered but those of messages.
    pub(super) fn forget(&mut self) {
        if let Some(settings) = &mut self.settings {
            settings.transcripts = false;
        }
    }

    /// Tells administrators something by mail, where there is an address.
    pub(super) fn notify(&mut self, text: &str, now: SystemTime) {
        let settings = self.settings.clone();
        let Some(settings) = settings.filter(|settings| !settings.mail_to.is_empty()) else {
            return;
        };
        let notice = || {
            let entry = Entry {
                note: text.to_owned(),
                persona: self.persona.clone(),
                ..Entry::new(Kind::Notice, Spool::new_id(now)?, &settings, now)
            };
            Spool::new(&settings.folder).add(&entry, None)
        };
        match notice() {
            Ok(()) => self.has_news = true,
            Err(cause) => warn!("administrators get no mail: {}", Chain(&cause)),
        }
    }

    /// What administrators should know of messages that wait.
    pub(super) fn trouble(&self, now: SystemTime) -> Option<String> {
        let spool = self.spool.as_ref().filter(|_| self.settings.is_some())?;
        self.fault.clone().or_else(|| messages::trouble(spool, now))
    }

    /// Completes what was left, now that the call is over. Returns whether there is something to deliver, or to remove
    /// after its days.
    pub(super) fn finish(&mut self, now: SystemTime) -> bool {
        let Some(spool) = self.spool.clone() else {
            return false;
        };
        // What was delivered long ago is removed by the process that delivers.
        let is_sweep_due = spool.is_sweep_due(now);
        let Some(settings) = self.settings.clone() else {
            return is_sweep_due;
        };
        let (words, spoken) = (self.said.clone(), self.spoken.as_millis());
        for id in take(&mut self.left) {
            let complete = |entry: &mut Entry| {
                entry.words.clone_from(&words);
                entry.audio_ms = u64::try_from(spoken).unwrap_or(u64::MAX);
                entry.due = date::seconds(now);
            };
            if let Err(cause) = spool.change(&id, Kind::Message, complete) {
                warn!(
                    "message {id} has not all words of its call: {}",
                    Chain(&cause)
                );
            }
        }
        if settings.transcripts && !words.is_empty() {
            let transcript = self.entry(Kind::Transcript, &settings, now);
            let added = transcript.and_then(|entry| spool.add(&Entry { words, ..entry }, None));
            match added {
                Ok(()) => self.has_news = true,
                Err(cause) => warn!(
                    "the words of this call are not delivered: {}",
                    Chain(&cause)
                ),
            }
        }
        // What an earlier call has left may be due by now.
        self.has_news || is_sweep_due || spool.has_waiting()
    }
}

fn said(who: Speaker, text: &str) -> Option<Words> {
    let text = text.to_owned();
    (!text.is_empty()).then_some(Words { who, text })
}

/// What the model may write more where a message can be in its answer: as many as it is told, in languages whose words
/// are several tokens.
const MESSAGE_TOKENS: u32 = 500;
const NONE_SO_FAR: &str = " So far you have written none in this call: if you have told the caller that one was noted, write \
     it now.";

/// `conversation.max_minutes` goes up to 120, and the usual 10 are over long before.
const LONGEST_CALL: Duration = Duration::from_secs(15 * 60);
