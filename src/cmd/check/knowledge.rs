//! What the model is told of the house: the clock, the facts, the opening hours, and what that costs.

use std::time::SystemTime;

use super::finding::Report;
use super::personas::of_personas;
use crate::cloud::llm::functions;
use crate::config::{self, Arguments, Config, Conversation, Environment, Needs, catalogue};
use crate::knowledge::actions::{Actions, Number};
use crate::knowledge::clock::{self, Clock};
use crate::knowledge::facts;
use crate::knowledge::hours::{EXAMPLE, Hours};
use crate::knowledge::language::ENGLISH;
use crate::knowledge::{Knowledge, TurnParts, words};
use crate::spending::bill;
use crate::sys::error::{Chain, Stage};
use crate::tools::{CallerKind, Tools};

/// Looks at what calls without a persona are told, and at what personas have instead.
pub(super) fn examine(
    config: &Config,
    arguments: &Arguments,
    environment: Environment<'_>,
    report: &mut Report<'_>,
) {
    let own = &config.knowledge;
    report_clock(&Clock::of(&own.time_zone, environment), report);
    examine_facts(own, "", report);
    examine_hours(own, environment, "", report);
    let cost = examine_cost(config, environment, "", None, report);
    for (of, config) in of_personas(config, Needs::Nothing, arguments, environment) {
        if config.knowledge.facts != own.facts {
            examine_facts(&config.knowledge, &of, report);
        }
        if config.knowledge.opening_hours != own.opening_hours {
            examine_hours(&config.knowledge, environment, &of, report);
        }
        examine_cost(&config, environment, &of, cost, report);
    }
}

fn report_clock(clock: &Result<Clock, clock::Error>, report: &mut Report<'_>) {
    let id = "local time";
    match clock {
        Ok(clock) if clock.is_assumed => report.warn(
            id,
            "this machine has no time zone (/etc/localtime), so callers are told the time in UTC",
            "name the house's under [knowledge], as in time_zone = \"Europe/Paris\", or run timedatectl set-timezone",
        ),
        Ok(clock) => match clock.local(SystemTime::now()) {
            Some(now) => {
                let (date, time) = (ENGLISH.date(now.date()), words::time(now.time()));
                let told = format!("{date}, {time} {}", clock.name);
                report.ok(id, told.trim_end());
            }
            None => report.fail(id, "the time zone has no time for today", "install a newer tzdata"),
        },
        Err(error) => report.fail_with(id, error),
    }
}

fn examine_facts(settings: &config::Knowledge, of: &str, report: &mut Report<'_>) {
    let id = "facts";
    let Some(place) = &settings.facts else { return };
    let shown = place.display();
    match facts::read(place) {
        Ok(text) => report.ok(
            id,
            &format!("{of}{shown}, {} of {} bytes", text.len(), facts::MAX),
        ),
        Err(error) => {
            let text = format!("{of}{}", Chain(&error));
            let text = text.replacen(&format!("; {}", error.remedy()), "", 1);
            report.fail(id, &text, &error.remedy());
        }
    }
}

fn examine_hours(
    settings: &config::Knowledge,
    environment: Environment<'_>,
    of: &str,
    report: &mut Report<'_>,
) {
    let id = "opening hours";
    if settings.opening_hours.is_empty() {
        return;
    }
    let hours = match Hours::parse(&settings.opening_hours, &settings.country) {
        Ok(hours) => hours,
        Err(fault) => {
            let remedy = format!("write it as in opening_hours = \"{EXAMPLE}\"");
            return report.fail(id, &format!("{of}{fault}"), &remedy);
        }
    };
    // What is wrong with the clock is told there.
    let clock = Clock::of(&settings.time_zone, environment).ok();
    let Some(now) = clock.and_then(|clock| clock.local(SystemTime::now())) else {
        return;
    };
    let week = ENGLISH.week(&hours.week(now.date()));
    if hours.lacks_country {
        report.warn(
            id,
            &format!("{of}no day is a public holiday (PH), because no country is named; {week}"),
            "set country under [knowledge], as in country = \"FR\"",
        );
    } else if hours.never_opens(now) {
        report.warn(
            id,
            &format!("{of}the house does not open within a year"),
            "see what phone-assistant hours prints, and correct opening_hours under [knowledge]",
        );
    } else {
        report.ok(id, &format!("{of}{week}"));
    }
}

/// Tells what a question and a turn cost because of what the model is told with each, unless that is as long as `known`.
/// Returns how long they are.
fn examine_cost(
    config: &Config,
    environment: Environment<'_>,
    of: &str,
    known: Option<[usize; 2]>,
    report: &mut Report<'_>,
) -> Option<[usize; 2]> {
    let model = config.llm.endpoints.first()?;
    let now = SystemTime::now();
    let knowledge = Knowledge::read(config, environment, now);
    let all = [None, Some(&config.conversation)];
    let lengths = all.map(|conversation| told_bytes(config, &knowledge, conversation, now));
    if Some(lengths) != known {
        let price = catalogue::price(Stage::Llm, model, now);
        let told = lengths.map(|bytes| bill::estimate(bytes, 0));
        let [question, turn] = told;
        let turns = config.conversation.max_turns;
        let line = format!(
            "{of}the model is told {} bytes with a question, some {} tokens: {}; {} with a turn of a conversation, \
             some {} tokens: {}, in {turns} turns {}",
            lengths[0],
            question.input_tokens,
            price.of(question),
            lengths[1],
            turn.input_tokens,
            price.of(turn),
            price.of(turn).times(turns.into())
        );
        report.ok("prompt", &line);
    }
    Some(lengths)
}

/// The number of bytes that the model is told with a question or a turn of a phone of this Asterisk, beside what is said,
/// or was.
fn told_bytes(
    config: &Config,
    knowledge: &Knowledge,
    conversation: Option<&Conversation>,
    now: SystemTime,
) -> usize {
    let tools = Tools::new(config).ok();
    let functions = tools.map(|tools| tools.functions(CallerKind::Internal));
    let functions = functions.unwrap_or_default();
    let actions = Actions {
        conversation,
        messages: config.messages.are_delivered().then_some(Number::Known),
        has_tools: !functions.is_empty(),
        has_pins: config.has_pins(),
    };
    let parts = TurnParts {
        actions: &actions.told(),
        may_transfer: actions.may_transfer(),
        has_tools: !functions.is_empty(),
        ..TurnParts::default()
    };
    knowledge.prompt(parts, now).len() + functions::bytes(&functions, &[])
}

#[cfg(test)]
mod tests;
