//! `phone-assistant setup`: from a key to a telephone that answers. What was not given as an argument is asked at the
//! terminal, the key is tried, and the settings file changes by the values that are new.

mod error;
mod file;
mod key;
mod notices;
mod words;
mod writing;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::keys::setting;
use crate::config::providers;
use crate::config::{Config, Endpoint, Environment, Needs, first_on};
use crate::sys::deadline::{Clock, Deadline};
use crate::sys::error::Stage;
use crate::sys::identity::Question;
use crate::sys::plain::counted;
use crate::sys::redact;
pub(crate) use error::Error;
use file::SettingsFile;
use key::{Key, ending};
pub(crate) use words::next;
use words::{TERMS, WHERE_KEYS_ARE};

/// What was given, so that it is not asked.
pub(crate) struct Options {
    /// The settings file.
    pub(crate) config: Option<PathBuf>,
    /// What the file of the key holds. No [`Debug`] shows it.
    pub(crate) key: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) voice: Option<String>,
    /// The user and group that Asterisk runs as, where a person has named them.
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    /// Whether the key is tried at its service.
    pub(crate) is_tried: bool,
    /// Whether what is there may be replaced without asking.
    pub(crate) may_replace: bool,
    /// The day by which models are switched off, in days since 1970 in UTC.
    pub(crate) today: u64,
}

/// The person, or the script of answers, that settles what the program asks.
pub(crate) trait Asker {
    /// Asks, and returns the line that is answered.
    ///
    /// # Errors
    /// When there is no answer.
    fn ask(&mut self, question: &str) -> io::Result<String>;

    /// The same where the answer is not to be seen.
    ///
    /// # Errors
    /// When there is no answer.
    fn ask_hidden(&mut self, question: &str) -> io::Result<String>;
}

/// Sets up, and says what was changed.
///
/// # Errors
/// [`Error`]; then the settings are as they were.
pub(crate) fn run<'a>(
    options: Options,
    asker: Option<&'a mut dyn Asker>,
    environment: Environment<'a>,
    clock: Clock,
    out: &'a mut dyn Write,
) -> Result<(), Error> {
    let (file, text) = Config::text_of_file(options.config.as_deref(), environment);
    let text = text.map_err(|source| Error::Unread {
        file: file.clone(),
        source,
    })?;
    let text = text.unwrap_or_default();
    // It comes first, because it tells the line of what is wrong in words for an administrator.
    Config::of_text(Needs::Nothing, &text, file.clone(), environment)?;
    let mut setup = Setup {
        settings: SettingsFile::parse(&text)?,
        file,
        asterisk: Question {
            root: Path::new("/").to_owned(),
            user: options.user,
            group: options.group,
        },
        asker,
        environment,
        out,
        has_new_account: false,
        today: options.today,
    };
    let key = setup.key(options.key)?;
    if let Some(key) = &key {
        setup.take(key, options.is_tried.then_some(clock))?;
    }
    setup.tell_all(notices::switched_off(&setup.understood(), options.today))?;
    setup.language(options.language)?;
    setup.voice(options.voice)?;
    setup.write(key.as_ref(), options.may_replace)
}

struct Setup<'a> {
    file: PathBuf,
    settings: SettingsFile,
    asterisk: Question,
    asker: Option<&'a mut dyn Asker>,
    environment: Environment<'a>,
    out: &'a mut dyn Write,
    /// Whether there will be a service account that the settings do not know yet.
    has_new_account: bool,
    today: u64,
}

impl Setup<'_> {
    /// The settings with all that setup will have written.
    fn understood(&self) -> Config {
        let mut settings = self.settings.clone();
        if self.has_new_account {
            // A key file that is named counts also before it is there.
            settings
                .set(setting!("google.credentials"), NEW_ACCOUNT)
                .ok();
        }
        let file = self.file.clone();
        let config = Config::of_text(Needs::Stages, &settings.text(), file, self.environment);
        config.unwrap_or_else(|faults| *faults.understood)
    }

    /// The key that is new; `None` where the one that is there stays.
    fn key(&mut self, given: Option<String>) -> Result<Option<Key>, Error> {
        if let Some(key) = given {
            return Key::recognize(&key).map(Some);
        }
        let (text, file) = (self.settings.text(), self.file.clone());
        let config = Config::of_text(Needs::Stages, &text, file, self.environment);
        let known = config.ok().map(|config| described(&config));
        if self.asker.is_none() {
            return known.map(|_| None).ok_or(Error::NoKey);
        }
        self.say(WHERE_KEYS_ARE)?;
        let keep = known.as_ref().map(|known| format!(" [{known}]"));
        let question = format!("Key{}: ", keep.unwrap_or_default());
        let answer = self.ask_hidden(&question)?;
        match (answer.trim(), known) {
            ("", Some(_)) => Ok(None),
            ("", None) => Err(Error::NoKey),
            ("{", _) => Err(Error::FirstLine),
            (text, _) => Key::recognize(text).map(Some),
        }
    }

    /// Tries the key and puts it into the settings.
    fn take(&mut self, key: &Key, clock: Option<Clock>) -> Result<(), Error> {
        if let Some(clock) = clock {
            let deadline = Deadline::after(clock(), PATIENCE, clock);
            let text = self.settings.text();
            let what = match key.try_out(&text, self.file.clone(), deadline)? {
                Some(models) => format!("the key works, {}", counted(models, "model", "models")),
                None => {
                    "the key was not tried, as the settings have an address or a key of their own there, or the service has no \
                     list of models"
                        .to_owned()
                }
            };
            self.tell(&format!("{}: {what}", key.kind()))?;
        }
        key.put_into(&mut self.settings)?;
        self.has_new_account = matches!(key, Key::Account(..));
        match key.tried() {
            (_, "gemini") => self.say(TERMS)?,
            (_, "openai") if self.understood().llm.endpoints.is_empty() => {
                self.settings
                    .set(setting!("llm.openai.model"), MODEL_OF_OPENAI)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn language(&mut self, given: Option<String>) -> Result<(), Error> {
        let current = self.understood().stt.language;
        let question =
            format!("Language that callers speak, such as en-US, de-DE or fr-FR [{current}]: ");
        let Some(language) = self.given_or_asked(given, &question)? else {
            return Ok(());
        };
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !language.split('-').all(is_part) {
            return Err(Error::Language(language));
        }
        if language != current {
            self.settings.set(setting!("stt.language"), &language)?;
        }
        Ok(())
    }

    /// The voice of the provider that is asked first.
    fn voice(&mut self, given: Option<String>) -> Result<(), Error> {
        let config = self.understood();
        let Some(speaker) = first_on(Stage::Tts, &config.tts.endpoints, self.today) else {
            return given.map_or(Ok(()), |voice| Err(Error::NoVoice(voice)));
        };
        let Endpoint {
            provider,
            model,
            voice: current,
            ..
        } = speaker;
        let known = providers::voices(provider.name(), model);
        let is_own = speaker.is_private();
        let question = if is_own || known.is_empty() {
            None
        } else {
            self.say(&format!("Voices: {}", known.join(", ")))?;
            Some(format!("Voice [{current}]: "))
        };
        let voice = match question {
            Some(question) => self.given_or_asked(given, &question)?,
            None => given,
        };
        let Some(voice) = voice.filter(|voice| voice != current) else {
            return Ok(());
        };
        let is_others =
            providers::owner("tts", &voice).is_some_and(|owner| owner != provider.name());
        if !is_own && is_others {
            return Err(Error::Voice {
                voice,
                provider: provider.name(),
                known,
            });
        }
        match provider.setting("tts", "voice") {
            Some(setting) => Ok(self.settings.set(setting, &voice)?),
            None => Err(Error::NoVoice(voice)),
        }
    }

    /// What was given, else what is answered, if that is anything.
    fn given_or_asked(
        &mut self,
        given: Option<String>,
        question: &str,
    ) -> Result<Option<String>, Error> {
        let answer = match (given, &mut self.asker) {
            (Some(given), _) => given,
            (None, Some(asker)) => asker.ask(question).map_err(Error::Unanswered)?,
            (None, None) => return Ok(None),
        };
        Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
    }

    fn ask_hidden(&mut self, question: &str) -> Result<String, Error> {
        match &mut self.asker {
            Some(asker) => asker.ask_hidden(question).map_err(Error::Unanswered),
            None => Err(Error::NoKey),
        }
    }

    /// Says what holds nothing that others have chosen.
    fn say(&mut self, text: &str) -> Result<(), Error> {
        Ok(writeln!(self.out, "{text}")?)
    }

    fn tell_all(&mut self, lines: impl IntoIterator<Item = String>) -> Result<(), Error> {
        lines.into_iter().try_for_each(|line| self.tell(&line))
    }

    /// Tells what may hold anything, in one line.
    fn tell(&mut self, line: &str) -> Result<(), Error> {
        Ok(writeln!(self.out, "{}", redact::shown(line))?)
    }
}

/// What signs in today, for people.
fn described(config: &Config) -> String {
    let all = [
        &config.llm.endpoints,
        &config.stt.endpoints,
        &config.tts.endpoints,
    ];
    let mut keys = all.into_iter().flatten().map(|endpoint| &endpoint.api_key);
    match keys.find_map(Option::as_ref) {
        Some(key) => format!("keep the one that ends in {}", ending(key.expose())),
        None => "keep what there is".to_owned(),
    }
}

/// Stands for the place of a service account.
const NEW_ACCOUNT: &str = "/the/new/account";

/// The model of a key of OpenAI's alone.
const MODEL_OF_OPENAI: &str = "gpt-6-luna";

const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests;
