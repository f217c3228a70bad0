//! One call, from its first line to its last. The only file that knows the order.
//!
//! The files beside it, in five groups:
//!
//! - The phases, each a `Phase`: `answering`, `listening`, `phrase`, and the entry of a PIN in `pins`. What a phase
//!   is made of: `event`, `keypad`, `playout`, `spoken`, `turn`.
//! - What decides which phase comes next: `dialogue`, `flow`, `interrupted`, `operator`, `saying`.
//! - What plays, hears and waits: `line`, with `caller_audio`, `echo` and `keepalive`.
//! - What is paid for: `job`, the only place where such work begins, with `pipeline`, `max_cost`, `purse`, `settings`,
//!   `toolbox` and `done`.
//! - What comes before and after: `invocation`, `parts`, `preparing`, `caller`, `question`, `announcing`, `disclosure`,
//!   `hours`; and `contract`, `ending`, `messages`, `outcome`, `remembering`, which tell and keep what came of it.

mod announcing;
mod answering;
mod caller;
pub mod caller_audio;
mod contract;
mod dialogue;
mod disclosure;
mod done;
pub mod echo;
mod ending;
mod event;
mod flow;
mod hours;
mod interrupted;
mod invocation;
mod job;
mod keepalive;
mod keypad;
mod line;
mod listening;
mod max_cost;
mod messages;
mod operator;
mod outcome;
mod parts;
mod phase;
mod phrase;
mod pins;
mod pipeline;
mod playout;
mod preparing;
mod purse;
mod question;
mod remembering;
mod saying;
mod settings;
mod spoken;
mod toolbox;
mod turn;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use crate::agi;
use crate::config::{Arguments, Environment};
use crate::sys::error::{At, Failure, Stage};

use outcome::Outcome;
use parts::Call;

pub(crate) use invocation::Invocation;
pub(crate) use max_cost::of_one_question as max_cost_of_question;

/// Carries one call through, and tells the dialplan how it ended: on every path, also after a surprise. Returns whether
/// there was a session at all.
pub(crate) fn run<I: Read + Send + 'static, O: Write>(invocation: Invocation<'_, I, O>) -> bool {
    // Two clocks: one that is never set, for the deadline, and the time of day for the log of calls.
    let (started, began) = ((invocation.clock)(), SystemTime::now());
    let (look_around, deliver) = (invocation.look_around, invocation.deliver);
    let environment = invocation.environment;
    let Some(mut opened) = invocation.open() else {
        return false;
    };
    let (arguments, confirmed) = (opened.arguments, opened.confirmed);
    if arguments.is_check() && confirmed.is_ok() {
        look_around(&arguments, environment);
        return true;
    }
    if arguments.is_hours() && confirmed.is_ok() {
        hours::tell(&mut opened.line, &arguments, environment);
        return true;
    }
    let mut call = Call::new(opened.line, started);
    if arguments.is_disclosure() && confirmed.is_ok() {
        call.disclose(&arguments, environment);
        return true;
    }
    call.contract.is_distrusted = opened.is_distrusted;
    let is_forged = matches!(confirmed, Err(agi::Error::Forged(_) | agi::Error::Unasked));
    let result = catch_unwind(AssertUnwindSafe(|| {
        call.carry_through(confirmed, &arguments, environment)
    }));
    let outcome = Outcome::of(result, is_forged, call.line.is_hung_up(), call.scene.stage);
    let is_to_deliver = call.end(began, &outcome);
    drop(call);
    if is_to_deliver {
        let file = arguments.config.as_deref();
        deliver(file.filter(|_| !arguments.are_remote()));
    }
    true
}

impl<O: Write> Call<O> {
    /// The call itself.
    fn carry_through(
        &mut self,
        confirmed: Result<(), agi::Error>,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<Outcome, Failure> {
        // Held until the call has ended, since dropping it removes the recording.
        let (mut config, _recording) = self.configure(confirmed, arguments, environment)?;
        // This comes before anything is made of the settings: for a caller who is remembered it raises
        // `max_output_tokens`, because the model writes its note beside the answer.
        self.meet(&mut config);
        self.inform(&config, arguments, environment)?;
        let services = self.connect(&config)?;
        let (encoding, reply) = self.prepare(&config).at(Stage::Reply)?;
        if arguments.is_conversation() {
            // Each answer of a conversation has a file of its own. This one was to show that the folder can be written
            // to.
            drop(reply);
            let ended = self.flow(&config, services, encoding).converse();
            return operator::outcome(ended);
        }
        let Some(speech) = self.listen(&config).at(Stage::Recording)? else {
            return Ok(Outcome::NoSpeech);
        };
        let mut flow = self.flow(&config, services, encoding);
        operator::outcome(flow.answer_one(speech, reply))
    }
}
