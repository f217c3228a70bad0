//! Calls of a model that was asked before it was known that the caller had ended.

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::*;
use crate::call::event::{Calls, Permit};

fn calls() -> (Input, Receiver<Vec<Permit>>) {
    let (permit, permitted) = bounded(1);
    let calls = Calls {
        names: vec!["order".to_owned()],
        needs_pin: false,
        permit,
    };
    (Input::Work(Event::Calls(calls)), permitted)
}

#[test]
fn calls_wait_for_the_end_of_the_turn_and_are_dropped_where_the_caller_goes_on() {
    for goes_on in [false, true] {
        let mut call = listening(|_| {});
        let spoke = call.hears(0, 1000, Line::Quiet);
        let quiet = call.hears(spoke, 1500, Line::Voice);
        let (order, permitted) = calls();
        call.hears(quiet, 400, Line::Quiet);
        call.on(2900, transcribed("A table.", Completeness::Unknown));
        call.on(2900, order);
        assert_eq!(permitted.try_recv(), Err(TryRecvError::Empty));
        if goes_on {
            call.hears(2900, 600, Line::Voice);
            assert_eq!(permitted.try_recv(), Err(TryRecvError::Disconnected));
        } else {
            call.hears(2900, 600, Line::Quiet);
            assert_eq!(ended(&call), "3260 turn of 2.2 s, 1 events");
            assert_eq!(permitted.try_recv(), Err(TryRecvError::Empty));
        }
        let steps = call.told();
        assert!(steps.iter().all(|(_, step)| !step.starts_with("permit")));
    }
}
