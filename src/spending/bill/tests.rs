//! What a call has used and spent.

use super::*;
use crate::config::Provider;

fn endpoint(provider: Provider, model: &str) -> Endpoint {
    Endpoint {
        provider,
        base_url: "https://service.example".into(),
        model: model.into(),
        voice: String::new(),
        api_key: None,
        is_reserve: false,
    }
}

fn voice() -> Endpoint {
    endpoint(Provider::called("openai"), "tts-1")
}

fn spoken(characters: u64) -> Usage {
    Usage {
        characters,
        ..Usage::default()
    }
}

#[test]
fn a_request_counts_as_the_most_that_it_can_be_until_its_outcome_is_known() {
    let bill = Arc::new(Bill::default());
    let entry = bill.begin(Stage::Tts, &voice(), spoken(1000));
    let max_cost = bill.total();
    assert!(max_cost > MicroDollars::default());
    entry.used(spoken(10));
    let used = bill.total();
    assert!(used < max_cost && used > MicroDollars::default());
}

#[test]
fn what_a_service_cannot_have_used_is_not_believed() {
    let bill = Arc::new(Bill::default());
    let entry = bill.begin(Stage::Tts, &voice(), spoken(10));
    let max_cost = bill.total();
    entry.used(spoken(1_000_000));
    assert!(bill.total() <= max_cost + max_cost, "{:?}", bill.total());
}

#[test]
fn what_was_not_reached_was_refused_or_came_empty_costs_nothing_and_what_broke_off_may() {
    let service = "a service";
    let bill = Arc::new(Bill::default());
    for error in [
        cloud::Error::Clock {
            service,
            ahead: 900,
        },
        cloud::Error::Empty {
            service,
            remedy: "try again",
            transient: true,
            tokens: None,
        },
    ] {
        bill.begin(Stage::Tts, &voice(), spoken(10)).failed(&error);
        assert_eq!(bill.total(), MicroDollars::default(), "{error}");
    }
    let hung_up = cloud::Error::HungUp("a service");
    bill.begin(Stage::Tts, &voice(), spoken(10))
        .failed(&hung_up);
    assert!(bill.total() > MicroDollars::default());
}

#[test]
fn what_a_service_has_told_with_an_error_is_paid_for() {
    let told = Tokens {
        input: 70,
        output: 30,
    };
    let max_usage = Usage {
        input_tokens: 1000,
        output_tokens: 1000,
        ..Usage::default()
    };
    let gemini = endpoint(Provider::called("gemini"), "gemini-3.5-flash-lite");
    let empty = cloud::Error::Empty {
        service: "a service",
        remedy: "try again",
        transient: true,
        tokens: Some(told),
    };
    let failed = cloud::Error::Failed {
        service: cloud::Service {
            name: "a service",
            settings: "[x]",
            key: "key",
        },
        reason: "SAFETY".to_owned(),
        tokens: Some(told),
    };
    for error in [empty, failed] {
        let bill = Arc::new(Bill::default());
        bill.begin(Stage::Stt, &gemini, max_usage).failed(&error);
        assert_eq!(bill.used()[0].usage, tokens(told), "{error}");
    }
}

#[test]
fn requests_to_one_service_are_one_line_of_the_bill() {
    let bill = Arc::new(Bill::default());
    for chars in [10, 20] {
        bill.begin(Stage::Tts, &voice(), spoken(100))
            .used(spoken(chars));
    }
    bill.begin(
        Stage::Llm,
        &endpoint(Provider::called("gemini"), "gemini-3.5-flash-lite"),
        estimate(90, 30),
    )
    .used(estimate(90, 30));
    let used = bill.used();
    let lines: Vec<_> = used
        .iter()
        .map(|used| {
            (
                used.stage.as_str(),
                used.usage.characters,
                used.usage.output_tokens,
            )
        })
        .collect();
    assert_eq!(lines, [("tts", 30, 0), ("llm", 0, 10)]);
    let sum = used.iter().map(|used| used.microdollars).sum();
    assert_eq!(bill.total(), sum);
}

#[test]
fn no_request_of_work_that_is_over_begins() {
    let billing = Billing::default();
    let begin = |billing: &Billing| billing.begin(Stage::Tts, &voice(), spoken(10)).is_ok();
    assert!(begin(&billing));
    billing.clone().end();
    assert!(!begin(&billing));
}
