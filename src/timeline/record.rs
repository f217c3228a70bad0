//! The log of calls: one JSON object a line, so that any tool can read it, and `phone-assistant calls` does.
//! <https://jsonlines.org>
//!
//! Later versions add fields, and readers pass over what they do not know.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use log::debug;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Mark, Marks, Timeline, ear_to_ear_ms};
use crate::sys::costs::{MicroDollars, Usage};
use crate::sys::date;
use crate::sys::error::{Failure, way_out};
use crate::sys::{files, plain, redact};

/// What the log keeps of one call. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When the program started: RFC 3339, UTC.
    pub time: String,
    /// Asterisk's `UNIQUEID`. A second try has the same.
    pub id: String,
    /// `ASSISTANT_STATUS`.
    pub status: String,
    /// The persona that answered, where the call chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persona: Option<String>,
    /// The time from the caller's last word to the first sample of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ear_to_ear_ms: Option<u64>,
    /// How long the caller had been silent when the program started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
    /// When each step was over, since the start.
    #[serde(default, deserialize_with = "known_marks")]
    pub marks: Marks,
    /// What was used of each service, and what that costs by our price list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<Used>,
    /// What the call cost, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "MicroDollars::is_zero")]
    pub microdollars: MicroDollars,
    /// The stage that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it, which is a part of that text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What the caller said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The writer of these words, where they were not transcribed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question_by: Option<Writer>,
    /// What the voice was to say; a caller who pressed a key or hung up heard less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The writer of what the caller said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// The model, which has heard it itself: the words are its own.
    Model,
    /// A writer that a later version knows.
    #[serde(other)]
    Other,
}

/// What a call has used of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The stage that used it.
    pub stage: String,
    /// The provider and model.
    pub service: String,
    /// How much.
    #[serde(flatten)]
    pub usage: Usage,
    /// What that costs, in millionths of a US dollar.
    pub microdollars: MicroDollars,
}

impl Record {
    /// The record of a call that began at `started`, without a failure and without words.
    pub fn new(started: SystemTime, id: &str, status: &str, timeline: &Timeline) -> Self {
        let (silence_ms, marks) = (timeline.silence_ms(), timeline.marks());
        Self {
            time: date::rfc3339(started),
            id: id.chars().take(MAX_ID).collect(),
            status: status.to_owned(),
            ear_to_ear_ms: ear_to_ear_ms(silence_ms, &marks),
            silence_ms,
            marks,
            ..Self::default()
        }
    }

    /// Adds why the call failed.
    #[must_use]
    pub fn with_failure(mut self, failure: &Failure) -> Self {
        let (stage, error) = (failure.stage.to_string(), failure.to_string());
        let error = error.strip_prefix(&format!("{stage}: ")).unwrap_or(&error);
        self.error = Some(error.to_owned());
        self.remedy = way_out(&*failure.cause);
        self.stage = Some(stage);
        self
    }

    /// Adds what was used, and what all of it cost.
    #[must_use]
    pub fn with_bill(mut self, used: Vec<Used>, total: MicroDollars) -> Self {
        self.used = used;
        self.microdollars = total;
        self
    }

    /// Adds what was said. Only for a log that may hold it (`[log] words`).
    #[must_use]
    pub fn with_words(mut self, question: &str, answer: &str) -> Self {
        let spoken = |words: &str| Some(words.to_owned()).filter(|words| !words.is_empty());
        self.question = spoken(question);
        self.answer = spoken(answer);
        self
    }

    /// Marks the words of the question as the model's own.
    #[must_use]
    pub(crate) fn with_question_of_model(mut self) -> Self {
        self.question_by = self.question.is_some().then_some(Writer::Model);
        self
    }

    fn without_secrets(&self) -> Self {
        let shown = |text: &Option<String>| text.as_deref().map(redact::secrets);
        Self {
            id: redact::secrets(&self.id),
            persona: shown(&self.persona),
            error: shown(&self.error),
            remedy: shown(&self.remedy),
            question: shown(&self.question),
            answer: shown(&self.answer),
            ..self.clone()
        }
    }
}

/// Why a call is missing in the log.
#[derive(Debug, thiserror::Error)]
#[error("cannot add this call to {path}; {}, or set calls in [log]", files::way_out(path.as_ref(), source))]
pub struct Error {
    path: String,
    source: io::Error,
}

/// Appends `record` to the file at `path`, which is made if there is none, and is readable to its owner and group
/// alone. Keys are taken out of it, and what a terminal would obey is escaped. Lines of calls that end at the same
/// moment never mix, because each is one write at the end of the file. That holds for disks of this machine, not for
/// NFS.
///
/// # Errors
/// [`Error`] names the file and the cause. No call fails of that.
pub fn append(path: &Path, record: &Record) -> Result<(), Error> {
    try_appending(path, record).map_err(|source| Error {
        path: path.display().to_string(),
        source,
    })
}

fn try_appending(path: &Path, record: &Record) -> io::Result<()> {
    let line = plain::escaped(&serde_json::to_string(&record.without_secrets())?) + "\n";
    let mut file = files::open_to_append(path, MODE)?;
    // FreePBX makes the files below /var/log/asterisk readable to everybody at each `fwconsole start`
    // (Chown.class.php), so the mode is set again for each call.
    if let Err(error) = files::narrow(&file, MODE) {
        debug!("{} keeps its mode: {error}", path.display());
    }
    let written = file.write(line.as_bytes())?;
    if written == line.len() {
        Ok(())
    } else {
        // A second write could end up behind another call's line.
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Marks of a later version are passed over.
fn known_marks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Marks, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let known = |(key, ms): (String, Value)| Some((Mark::of_key(&key)?, ms.as_u64()?));
    Ok(all.into_iter().filter_map(known).collect())
}

/// Asterisk's are of at most 149 characters; a client of the port of FastAGI may name any.
const MAX_ID: usize = 150;

/// The user writes, the group reads: what was said may be in it.
const MODE: u32 = 0o640;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::error::{At, Stage};
    use std::time::{Duration, Instant};

    /// 2026-11-25, 03:18:00.250 UTC.
    const STARTED: Duration = Duration::from_millis(1_795_576_680_250);

    fn record() -> Record {
        let start = Instant::now();
        let mut timeline = Timeline::new(start);
        timeline.set_waited_before(Duration::from_millis(1940));
        timeline.reached(Mark::Stt, start + Duration::from_micros(706_900));
        timeline.reached(Mark::FirstPlayed, start + Duration::from_millis(1847));
        Record::new(
            SystemTime::UNIX_EPOCH + STARTED,
            "1795576680.17",
            "ANSWERED",
            &timeline,
        )
    }

    fn line(record: &Record) -> String {
        serde_json::to_string(record).expect("a record is JSON")
    }

    fn read(line: &[u8]) -> Record {
        serde_json::from_slice(line).expect("readable")
    }

    #[test]
    fn a_record_is_one_line_without_words_and_without_what_is_not_known() {
        assert_eq!(
            line(&record()),
            r#"{"time":"2026-11-25T03:18:00.250Z","id":"1795576680.17","status":"ANSWERED","ear_to_ear_ms":3787,"silence_ms":1940,"marks":{"stt":706,"first_played":1847}}"#
        );
    }

    #[test]
    fn words_and_failures_stand_in_it_when_they_are_added_and_never_break_the_line() {
        let failure = Err::<(), _>("answered 429\nslow down")
            .at(Stage::Llm)
            .expect_err("it is one");
        let full = record()
            .with_failure(&failure)
            .with_words("How \"far\"\n?", "")
            .with_question_of_model();
        let written = line(&full);
        assert!(
            written.ends_with(
                r#""stage":"llm","error":"answered 429 slow down","question":"How \"far\"\n?","question_by":"model"}"#
            ),
            "{written}"
        );
        assert_eq!(read(written.as_bytes()), full);
    }

    #[test]
    fn what_to_do_stands_by_itself_without_the_causes() {
        let cause = files::NewFile::create(Path::new("/nonexistent/x"), files::Readers::Owner);
        let failure = cause.at(Stage::Reply).expect_err("there is no such folder");
        let record = record().with_failure(&failure);
        assert_eq!(record.remedy.as_deref(), Some("make its folder first"));
        let error = record.error.unwrap_or_default();
        assert!(
            error.contains("; make its folder first: No such file"),
            "{error}"
        );
    }

    #[test]
    fn an_id_longer_than_asterisk_makes_any_is_cut() {
        let timeline = Timeline::new(Instant::now());
        let record = |id: &str| Record::new(SystemTime::UNIX_EPOCH, id, "FAILED", &timeline);
        let longest = format!("pbx-{}.17", "é".repeat(MAX_ID - 7));
        assert_eq!(record(&longest).id, longest);
        assert_eq!(record(&format!("{longest}8")).id, longest);
        assert_eq!(record(&"1".repeat(60_000)).id.len(), MAX_ID);
    }

    #[test]
    fn fields_and_marks_of_a_later_version_are_passed_over() {
        let line = br#"{"time":"t","id":"1.2","status":"ANSWERED","cost":{"stt":0.004},"marks":{"stt":7,"barge_in":9,"tools":[1]}}"#;
        let read = read(line);
        assert_eq!(read.marks, Marks::from([(Mark::Stt, 7)]));
        assert_eq!((read.id.as_str(), read.silence_ms), ("1.2", None));
    }
}
