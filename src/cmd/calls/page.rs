//! `phone-assistant calls --html`: all that the log tells on one page for the browser. It loads nothing and runs nothing,
//! and whatever callers, services and files have said stands in it as text.
//!
//! Words are there where the log has them, and it has them only where `[log] words` was on.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{self, Path};

use super::summary::{Row, Spread, Summary};
use crate::sys::costs::MicroDollars;
use crate::sys::files;
use crate::sys::packed::{self, packed};
use crate::sys::plain::plain;
use crate::timeline::record::Record;

/// Calls, added newest first.
#[derive(Debug, Default)]
pub(super) struct Page {
    days: BTreeMap<String, Day>,
    services: BTreeMap<(String, String), MicroDollars>,
    /// By stage, kind and remedy.
    failures: BTreeMap<(String, String, String), Failure>,
    newest: Vec<Record>,
}

#[derive(Debug, Default)]
struct Day {
    /// The calls of each of [`KINDS`].
    calls: [u64; KINDS.len()],
    ear_to_ear_ms: Vec<u64>,
    cost: MicroDollars,
}

/// A failure that has happened to calls.
#[derive(Debug)]
struct Failure {
    calls: usize,
    /// What happened to the newest of them.
    what: String,
    time: String,
    id: String,
}

/// Whether a page may be written there: where nothing is yet, or an older page. Any other file may be the log itself.
///
/// # Errors
/// When what is there cannot be opened.
pub(super) fn may_replace(out: &Path) -> io::Result<bool> {
    let mut head = String::new();
    match files::open(out) {
        Ok(file) => {
            let is_text = file.take(HEAD).read_to_string(&mut head).is_ok();
            Ok(is_text && (head.is_empty() || head.starts_with(DOCTYPE) && head.contains(TITLE)))
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(true),
            _ => Err(error),
        },
    }
}

/// Whether two names are those of one file, or of one place where there is none yet.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino()));
    match (id(one), id(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => path::absolute(one).ok() == path::absolute(other).ok(),
    }
}

impl Page {
    pub(super) fn add(&mut self, record: &Record) {
        let day = record.time.chars().take(DATE).collect();
        let day = self.days.entry(day).or_default();
        day.calls[kind(&record.status)] += 1;
        day.ear_to_ear_ms.extend(record.ear_to_ear_ms);
        day.cost = day.cost + record.microdollars;
        for used in &record.used {
            let service = (used.stage.clone(), used.service.clone());
            let cost = self.services.entry(service).or_default();
            *cost = *cost + used.microdollars;
        }
        if let Some(error) = &record.error {
            let stage = record.stage.clone().unwrap_or_default();
            let (what, remedy) = parted(error, record.remedy.as_deref());
            let failure = self.failures.entry((stage, kind_of(&what), remedy));
            let failure = failure.or_insert_with(|| Failure {
                calls: 0,
                what,
                time: record.time.clone(),
                id: record.id.clone(),
            });
            failure.calls += 1;
        }
        if self.newest.len() < MOST_CALLS {
            self.newest.push(record.clone());
        }
    }

    /// The page of these calls, which `summary` sums up, with `notes` on what of the log is not in it.
    pub(super) fn html(&self, summary: &Summary, notes: &[String]) -> String {
        let (oldest, newest) = summary.span();
        let mut span = match summary.calls() {
            0 => "<p>There are none.</p>".to_owned(),
            _ => format!("<p>{} to {}, UTC</p>", minute(oldest), minute(newest)),
        };
        span.extend(
            notes
                .iter()
                .map(|note| format!("<p><b>{}</b></p>", Text(note))),
        );
        let parts = [
            ("span", span),
            ("tiles", tiles(summary)),
            ("days", self.days()),
            ("times", times(summary)),
            ("costs", self.costs()),
            ("failures", self.failures()),
            ("calls", self.calls()),
        ];
        // What is put in has no < of its own, and so no other place for a part.
        let page = packed::text(packed!("page.html"));
        parts.iter().fold(page, |page, (name, part)| {
            page.replace(&format!("<!--{name}-->"), part)
        })
    }

    /// The newest days, each with its calls, how fast the answers were, and what it cost.
    fn days(&self) -> String {
        let days = || self.days.iter().rev().take(MOST_DAYS);
        let most = days().map(|(_, day)| day.calls.iter().sum()).max();
        let row = |(date, day): (&String, &Day)| {
            let Spread { p50, p95, calls } = Spread::of(&day.ear_to_ear_ms);
            let counts = KINDS.iter().zip(day.calls);
            let parts: Vec<_> = counts.map(|(kind, count)| (*kind, count)).collect();
            let bar = bar(&parts, most.unwrap_or_default());
            let (p50, p95) = if calls == 0 {
                Default::default()
            } else {
                (seconds(p50), seconds(p95))
            };
            let (date, all) = (Text(date), day.calls.iter().sum::<u64>());
            let cost = day.cost;
            format!(
                "<tr><td class=d>{date}{bar}<td class=n>{all}<td class=n>{p50}<td class=n>{p95}<td class=n>{cost}"
            )
        };
        let head = "<tr><th>Day<th><th class=n>Calls<th class=n>p50<th class=n>p95<th class=n>Cost";
        table(head, days().map(row))
    }

    fn costs(&self) -> String {
        let most = self.services.values().max().map_or(0, |most| most.0);
        let row = |((stage, service), cost): (&(String, String), &MicroDollars)| {
            let bar = bar(&[("bar", cost.0)], most);
            let (stage, service) = (Text(stage), Text(service));
            format!("<tr><td class=d>{stage}<td class=d>{service}{bar}<td class=n>{cost}")
        };
        let head = "<tr><th>Stage<th>Service<th>Share<th class=n>Cost";
        table(head, self.services.iter().map(row))
    }

    /// What failed, the most frequent first, and what to do about it.
    fn failures(&self) -> String {
        let mut all: Vec<_> = self.failures.iter().collect();
        all.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.calls));
        all.truncate(MOST_FAILURES);
        let row = |((stage, _, remedy), failure): (&(String, _, String), &Failure)| {
            let Failure {
                calls,
                what,
                time,
                id,
            } = failure;
            format!(
                "<tr><td class=n>{calls}<td class=d>{}<td class=w>{}<td class=w>{}<td class=d>{}<br>{}",
                Text(stage),
                Text(what),
                Text(remedy),
                minute(time),
                Text(id)
            )
        };
        let head =
            "<tr><th class=n>Calls<th>Stage<th>What happened<th>What to do<th>Last time, call";
        table(head, all.into_iter().map(row))
    }

    fn calls(&self) -> String {
        let row = |record: &Record| {
            let ear_to_ear = record.ear_to_ear_ms.map(seconds).unwrap_or_default();
            let words = [("“", &record.question), ("→ “", &record.answer)];
            let words = words.into_iter().filter_map(|(mark, words)| {
                let words = Text(words.as_deref()?);
                Some(format!("<tr><td><td colspan=5 class=q>{mark}{words}”"))
            });
            format!(
                "<tr><td class=d>{}<td class=d>{}<td class=d>{}<td>{}<td class=n>{ear_to_ear}<td class=n>{}{}",
                minute(&record.time),
                Text(&record.id),
                Text(&record.status),
                Text(record.persona.as_deref().unwrap_or_default()),
                record.microdollars,
                words.collect::<String>()
            )
        };
        let head =
            "<tr><th>Time<th>Call<th>Status<th>Persona<th class=n>Ear to ear<th class=n>Cost";
        table(head, self.newest.iter().map(row))
    }
}

/// What happened, and what to do about it. Records of earlier versions have that in the error alone, before its causes.
fn parted(error: &str, remedy: Option<&str>) -> (String, String) {
    let older = || {
        let (_, rest) = error.rsplit_once("; ")?;
        rest.split(": ").next()
    };
    let Some(remedy) = remedy.or_else(older) else {
        return (error.to_owned(), String::new());
    };
    (
        error.replacen(&format!("; {remedy}"), "", 1),
        remedy.to_owned(),
    )
}

/// What failures of one kind have in common: the message without its causes, and without numbers such as those of calls
/// and of milliseconds. Those of three digits are statuses.
fn kind_of(what: &str) -> String {
    let message = what.split(": ").next().unwrap_or(what);
    let mut kind = String::new();
    for part in message.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_count = !digits.is_empty() && digits.len() != STATUS_DIGITS;
        kind.push_str(if is_count { "#" } else { digits });
        kind.push_str(&part[digits.len()..]);
    }
    kind.replace("#.#", "#")
}

/// The figures at the top.
fn tiles(summary: &Summary) -> String {
    let mut out = String::new();
    let mut tile = |figure: &dyn fmt::Display, name: &dyn fmt::Display| {
        // A text takes in everything.
        write!(out, "<div><b>{figure}</b><span>{name}</span></div>").ok();
    };
    tile(&summary.calls(), &"calls");
    for (status, calls) in summary.statuses() {
        tile(&calls, &Text(status));
    }
    let of_row = summary.times().find(|(row, _)| *row == Row::EarToEar);
    if let Some((_, Spread { p50, p95, .. })) = of_row {
        tile(&seconds(p50), &"ear to ear, half of the calls");
        tile(&seconds(p95), &"ear to ear, 95 of 100");
    }
    tile(&summary.cost(), &"in all, by this version's prices");
    out
}

/// Each step where it usually begins, as long as it usually takes.
fn times(summary: &Summary) -> String {
    let mut at = 0_u64;
    let rows: Vec<_> = summary
        .times()
        .map(|(row, spread)| {
            let from = if row == Row::EarToEar { 0 } else { at };
            if row != Row::EarToEar {
                at = at.saturating_add(spread.p50);
            }
            (row, from, spread)
        })
        .collect();
    let ends = rows.iter();
    let ends = ends.map(|(_, from, spread)| from.saturating_add(spread.p95));
    let end = ends.max().unwrap_or_default();
    let row = |(row, from, Spread { p50, p95, calls }): &(Row, u64, Spread)| {
        let parts = [("gap", *from), ("bar", *p50), ("late", p95 - p50)];
        let bar = bar(&parts, end);
        let (p50, p95) = (seconds(*p50), seconds(*p95));
        format!("<tr><td class=d>{row}{bar}<td class=n>{p50}<td class=n>{p95}<td class=n>{calls}")
    };
    let head = "<tr><th>Step<th>From the caller's last word<th class=n>p50<th class=n>p95<th class=n>Calls";
    table(head, rows.iter().map(row))
}

fn table(head: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.collect();
    if rows.is_empty() {
        "<tr><td>There are none.".to_owned()
    } else {
        format!("{head}{rows}")
    }
}

/// A cell with a bar of these parts, where `whole` is as long as the cell.
fn bar(parts: &[(&str, u64)], whole: u64) -> String {
    let parts = parts.iter().filter(|(_, part)| *part > 0);
    let parts = parts.map(|(class, part)| {
        let per_mille = u128::from(*part) * 1000 / u128::from(whole.max(1));
        let (percent, tenth) = (per_mille / 10, per_mille % 10);
        format!("<i class={class} style=width:{percent}.{tenth}%></i>")
    });
    format!("<td class=b><div>{}</div>", parts.collect::<String>())
}

fn seconds(ms: u64) -> String {
    if ms < 100 {
        format!("{ms} ms")
    } else {
        format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
    }
}

/// The minute of a time in the log, such as `2026-11-25 03:18`.
fn minute(time: &str) -> String {
    let minute: String = time.chars().take(MINUTE).collect();
    Text(&minute.replacen('T', " ", 1)).to_string()
}

/// What the status of a call counts as: an index of [`KINDS`].
fn kind(status: &str) -> usize {
    match status {
        "ANSWERED" | "TRANSFER" => 0,
        "PARTIAL" | "LIMITED" => 1,
        "FAILED" => 2,
        _ => 3,
    }
}

/// A text as HTML shows it, with nothing in it that HTML or a reader's eye would take for more.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in plain(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

const KINDS: [&str; 4] = ["good", "half", "bad", "other"];
/// The length of a date at the beginning of a time.
const DATE: usize = 10;
/// That of a minute.
const MINUTE: usize = 16;
/// Those of a status of HTTP.
const STATUS_DIGITS: usize = 3;
/// A page shows two months, and as many calls and failures as are looked through.
const MOST_DAYS: usize = 62;
const MOST_CALLS: usize = 100;
const MOST_FAILURES: usize = 50;

/// How a page begins, which has its title within so many bytes.
const DOCTYPE: &str = "<!doctype html>";
const TITLE: &str = "<title>Calls of phone-assistant</title>";
const HEAD: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Mark;
    use crate::timeline::record::Used;

    fn page(records: &[Record]) -> String {
        let (mut page, mut summary) = (Page::default(), Summary::default());
        for record in records {
            page.add(record);
            summary.add(record);
        }
        page.html(&summary, &[])
    }

    fn record(time: &str, status: &str) -> Record {
        Record {
            time: time.to_owned(),
            id: "1.2".to_owned(),
            status: status.to_owned(),
            ..Record::default()
        }
    }

    #[test]
    fn what_strangers_have_said_is_text() {
        let hostile = "<script>alert('1')</script><!--calls-->\"&\u{202E}";
        let text = || Some(hostile.to_owned());
        let all = Record {
            id: hostile.to_owned(),
            persona: text(),
            stage: text(),
            error: text(),
            question: text(),
            answer: text(),
            ..record(hostile, hostile)
        };
        let page = page(&[all]);
        assert!(
            !page.contains("<script") && !page.contains("<!--"),
            "{page}"
        );
        assert!(!page.contains('\u{202E}'));
        let shown = page.matches("&lt;script&gt;alert(&#39;1&#39;)").count();
        assert!(shown >= 8, "{shown}: {page}");
        // The page asks no other place for anything, and the browser would not let it.
        assert!(page.contains("default-src 'none'"));
        for outside in ["http:", "https:", "//", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn days_failures_and_costs_are_summed_up() {
        let failed = Record {
            stage: Some("tts".to_owned()),
            error: Some("answered 429; no credit; see its billing page".to_owned()),
            microdollars: MicroDollars(4000),
            ..record("2026-11-25T10:00:00.000Z", "FAILED")
        };
        let answered = Record {
            ear_to_ear_ms: Some(3787),
            ..record("2026-11-24T10:00:00.000Z", "ANSWERED")
        };
        let all = page(&[failed.clone(), failed, answered]);
        for part in [
            "<td class=n>2<td class=d>tts<td class=w>answered 429; no credit<td class=w>see its billing page",
            "<td class=d>2026-11-25<td class=b><div><i class=bad style=width:100.0%></i></div><td class=n>2",
            "<td class=d>2026-11-24<td class=b><div><i class=good style=width:50.0%></i></div><td class=n>1<td class=n>3.78 s",
            "$0.008",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
        assert!(!all.contains("class=q>"), "no words were logged");
        let none = page(&[]);
        assert!(none.contains("There are none."), "{none}");
    }

    #[test]
    fn failures_of_one_kind_are_one_and_their_causes_are_no_remedy() {
        let failed = |error: &str, remedy: Option<&str>| Record {
            stage: Some("stt".to_owned()),
            error: Some(error.to_owned()),
            remedy: remedy.map(str::to_owned),
            ..record("2026-11-25T10:00:00.000Z", "FAILED")
        };
        let way = "let Asterisk's user read its folder";
        let text = |call: &str| {
            format!(
                "cannot open the recording /c/{call}.wav; {way}: Permission denied (os error 13)"
            )
        };
        let all = page(&[
            failed(&text("1795582701.36"), Some(way)),
            failed(&text("1795582702.37"), Some(way)),
            // As an earlier version has written it.
            failed(&text("1795582703.38"), None),
            failed("answered 429 after 4.1 s", None),
            failed("answered 429 after 12 s", None),
            failed("answered 503 after 4.2 s", None),
        ]);
        for row in [
            "<td class=n>3<td class=d>stt<td class=w>cannot open the recording /c/1795582701.36.wav: \
             Permission denied (os error 13)<td class=w>let Asterisk&#39;s user read its folder<",
            "<td class=n>2<td class=d>stt<td class=w>answered 429 after 4.1 s<td class=w><",
            "<td class=n>1<td class=d>stt<td class=w>answered 503 after 4.2 s<td class=w><",
        ] {
            assert!(all.contains(row), "{row} in {all}");
        }
    }

    #[test]
    fn shares_are_right_however_much_was_spent_or_waited() {
        let used = |stage: &str, microdollars| Used {
            stage: stage.to_owned(),
            microdollars: MicroDollars(microdollars),
            ..Used::default()
        };
        let spent = Record {
            used: vec![used("stt", u64::MAX / 2), used("tts", u64::MAX)],
            silence_ms: Some(u64::MAX),
            marks: [(Mark::FirstPlayed, 5)].into(),
            ..record("2026-11-25T10:00:00.000Z", "ANSWERED")
        };
        let page = page(&[spent]);
        for part in [
            "<td class=d>stt<td class=d><td class=b><div><i class=bar style=width:49.9%>",
            "<td class=d>tts<td class=d><td class=b><div><i class=bar style=width:100.0%>",
            "<i class=gap style=width:100.0%></i><i class=bar style=width:0.0%></i>",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn words_are_shown_where_the_log_has_them() {
        let spoken = Record {
            question: Some("How far?".to_owned()),
            ..record("2026-11-25T10:00:00.000Z", "ANSWERED")
        };
        assert!(page(&[spoken]).contains("class=q>“How far?”"));
    }
}
