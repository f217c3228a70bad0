//! `mode=disclose`: the AI disclosure as a call of the program by itself, before the dialplan has the question
//! recorded.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::contract;
use super::parts::Call;
use super::phrase::BargeIn;
use crate::config::{Arguments, Config, Environment, Needs, limits::Callers};
use crate::spending::limits::Refused;
use crate::sys::error::{At, Failure, INTERNAL, Stage};

impl<O: Write> Call<O> {
    /// Says the disclosure, if it is due. Whatever goes wrong, the call goes on, and administrators are told.
    pub(super) fn disclose(&mut self, arguments: &Arguments, environment: Environment<'_>) {
        let disclosed = catch_unwind(AssertUnwindSafe(|| {
            self.try_to_disclose(arguments, environment)
        }));
        self.purse.settle();
        let fault = match disclosed {
            Ok(Ok(())) => self.disclosure.fault.clone(),
            // The question is refused as well, and tells why.
            Ok(Err(failure)) if failure.cause.is::<Refused>() => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some(INTERNAL.to_owned()),
        };
        if self.line.is_hung_up() {
            return;
        }
        if let Some(fault) = &fault {
            contract::tell_fault(&mut self.line, &format!("disclosure: {fault}"));
        }
        self.disclosure.fault = fault;
        self.warn_administrators();
    }

    fn try_to_disclose(
        &mut self,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<(), Failure> {
        // This call has neither a recording nor a reply among its arguments, and the settings of a check want none.
        let config = Config::load(Needs::Stages, arguments, environment);
        let mut config = config.at(Stage::Config)?;
        // The question that follows counts, and is remembered.
        config.limits.calls_per_hour = None;
        config.memory.callers = Callers::None;
        self.meet(&mut config);
        if self.disclosure.due().is_none() {
            return Ok(());
        }
        let services = self.connect(&config)?;
        let encoding = self.encoding(&config);
        self.flow(&config, services, encoding)
            .disclose(BargeIn::Keeps)?;
        Ok(())
    }
}
