//! One conversation with Asterisk: a command out, its reply in, never two at a time. But a command that stops
//! a sound is written while that plays.
//!
//! A thread reads, so that the end of stdin or a `HANGUP` line is noticed while no reply is awaited. It only raises
//! [`Hangup`]: after a hang-up Asterisk goes on serving commands, and the session goes on asking, until the pipes
//! close. This is the only place that writes to stdout.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select_biased, unbounded};
use log::{debug, warn};

use super::command::Command;
use super::env::{Env, Forgery};
use super::reply::{Line, Reply};
use crate::sys::digest::hex;
use crate::sys::hangup::Hangup;
use crate::sys::random;
use crate::sys::threads::{self, NoThread};

/// Why Asterisk did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pipes are closed, or were from the start.
    #[error("Asterisk closed the session")]
    Closed,
    /// The channel is dead and the command is not one of those that still work then.
    #[error("Asterisk refused the command, because the channel has been hung up")]
    Dead,
    /// The command is not as Asterisk wants it.
    #[error("Asterisk answered {answer} to {command}, which Asterisk 22 knows; update Asterisk")]
    Refused {
        /// The command; of what was said, only the size.
        command: String,
        /// What came back.
        answer: Line,
    },
    /// No reply came in time.
    #[error("Asterisk did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The block of the beginning is not Asterisk's alone.
    #[error(transparent)]
    Forged(#[from] Forgery),
    /// There are lines before the first reply.
    #[error(
        "there are lines before Asterisk's first reply: the caller's number or name, or an argument of AGI(), holds a line break; such a call is not answered"
    )]
    Unasked,
    /// Nothing can be read from it.
    #[error("Asterisk was not listened to")]
    NoThread(#[from] NoThread),
    /// Reading or writing failed.
    #[error("talking to Asterisk")]
    Io(#[from] io::Error),
}

/// A session whose environment block has been read.
#[derive(Debug)]
pub struct Session<W> {
    env: Env,
    lines: Receiver<(Instant, Line)>,
    output: W,
    end: End,
    hangup: Hangup,
    log_words: bool,
    log_keys: bool,
    /// Answers that were given up and may still come.
    overdue: usize,
    /// What [`confirm`](Self::confirm) is to ask for.
    unforeseen: Option<String>,
    /// The command whose reply is due, as a log may hold it.
    pending: String,
}

/// What the end of the input means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Asterisk's pipe has closed: a hang-up.
    Hangup,
    /// A recorded session is over: every further command counts as `200 result=0`.
    Success,
}

impl<W: Write> Session<W> {
    /// Reads the environment block and starts listening.
    ///
    /// # Errors
    /// [`Error::Closed`] when the input ends within the block, [`Error::Silent`] when it does not come in time,
    /// [`Error::Io`] when it is not Asterisk's.
    pub fn open(
        input: impl Read + Send + 'static,
        end: End,
        output: W,
        hangup: &Hangup,
    ) -> Result<Self, Error> {
        let (env_read, env) = unbounded();
        let (line_read, lines) = unbounded();
        let raise = hangup.clone();
        let unforeseen = match end {
            End::Hangup => Some(unforeseen()?),
            End::Success => None,
        };
        let awaited = unforeseen.clone();
        threads::spawn(move || {
            // Whatever ends the reading, nothing more will come from Asterisk.
            let input = BufReader::new(input);
            match listen(input, awaited.as_deref(), &env_read, &line_read, &raise) {
                Ok(()) => debug!("AGI input ended"),
                Err(error) => warn!("AGI input is given up: {error}"),
            }
            if end == End::Hangup {
                raise.raise();
            }
        })?;
        let env = first(&env, hangup)?;
        Ok(Self {
            env,
            lines,
            output,
            end,
            hangup: hangup.clone(),
            log_words: false,
            log_keys: false,
            overdue: 0,
            unforeseen,
            pending: String::new(),
        })
    }

    /// Makes sure that Asterisk alone is heard, before anything else is asked and anything is done for the caller.
    ///
    /// A caller whose number holds line breaks can end the block early, and what follows would be read as replies.
    /// Asterisk has written all of that before it reads a command. So it is asked for a text that cannot be foreseen:
    /// what comes before that was not asked for. From then on commands and replies are in step. A recorded session is
    /// not asked.
    ///
    /// # Errors
    /// [`Error::Forged`], [`Error::Unasked`], or why Asterisk did not answer.
    pub fn confirm(&mut self) -> Result<(), Error> {
        let is_alone = match self.unforeseen.take() {
            Some(text) => self.answers_at_once(&text)?,
            None => true,
        };
        match self.env.forgery() {
            Some(forgery) => Err(forgery.clone().into()),
            None if is_alone => Ok(()),
            None => Err(Error::Unasked),
        }
    }

    /// Asks for a text. Returns whether that is the first that comes.
    fn answers_at_once(&mut self, text: &str) -> Result<bool, Error> {
        match self.ask(Command::Echo(text)) {
            // The reader hands on one line for all that came unasked, and then the true reply. Both are taken, so that
            // commands and replies are in step again and the dialplan can be given a status.
            Err(Error::Refused { .. }) => self.reply_within(PATIENCE).map(|_| false),
            Ok(_) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Lets the log hold what was said.
    pub(crate) fn log_words(&mut self, allowed: bool) {
        self.log_words = allowed;
    }

    /// Lets the log hold what was typed.
    pub(crate) fn log_keys(&mut self, allowed: bool) {
        self.log_keys = allowed;
    }

    /// The environment that Asterisk sent at the beginning.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The value of a channel variable or dialplan function; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] tells why Asterisk did not do it.
    pub fn get_variable(&mut self, name: &str) -> Result<Option<String>, Error> {
        let reply = self.ask(Command::GetVariable(name))?;
        Ok(reply.value.filter(|_| reply.result == "1"))
    }

    /// Sends one command in one write and waits for its reply.
    ///
    /// # Errors
    /// [`Error`] tells why Asterisk did not do it. After [`Error::Closed`] no command will reach it.
    pub fn ask(&mut self, command: Command<'_>) -> Result<Reply, Error> {
        self.start(command)?;
        self.reply()
    }

    /// Waits for the reply to the command that was started.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn reply(&mut self) -> Result<Reply, Error> {
        self.reply_within(PATIENCE)
    }

    fn reply_within(&mut self, patience: Duration) -> Result<Reply, Error> {
        loop {
            // After one late reply, or once the caller has hung up, wait only briefly.
            let in_step = self.overdue == 0 && !self.hangup.is_raised();
            let limit = if in_step { PATIENCE } else { LITTLE_PATIENCE };
            let patience = patience.min(limit);
            let line = match self.next_line(patience) {
                Err(RecvTimeoutError::Timeout) => {
                    // The reply may still come. It is counted, so that it is not taken for the reply to the next
                    // command.
                    self.overdue += 1;
                    return Err(Error::Silent(patience));
                }
                Err(RecvTimeoutError::Disconnected) => None,
                Ok((_, line)) => Some(line),
            };
            if let Some(reply) = self.answer(line)? {
                return Ok(reply);
            }
        }
    }

    /// Sends one command in one write. Its reply is to be taken from [`lines`](Self::lines) before any other
    /// command is sent but [`stop`](Self::stop).
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Io`].
    pub fn start(&mut self, command: Command<'_>) -> Result<(), Error> {
        self.pending = command.for_log(false);
        self.send(command)
    }

    fn send(&mut self, command: Command<'_>) -> Result<(), Error> {
        debug!("AGI > {}", command.for_log(self.log_words));
        // The whole line goes out in one write: after a part of a line Asterisk blocks the channel's thread in
        // `fgets`, without noticing a hang-up, and over FastAGI it spins until the rest comes (`run_agi` in
        // res_agi.c).
        let line = format!("{command}\n");
        self.output
            .write_all(line.as_bytes())
            .and_then(|()| self.output.flush())
            .map_err(|error| self.broken(error))
    }

    /// What Asterisk writes, and when, for those who wait for other things as well. Each line is to be handed to
    /// [`answer`](Self::answer).
    pub fn lines(&self) -> &Receiver<(Instant, Line)> {
        &self.lines
    }

    /// What `line`, or the end of the lines, means to the command whose reply is due. `None`: wait on.
    ///
    /// # Errors
    /// [`Error`] tells why Asterisk did not do it.
    pub fn answer(&mut self, line: Option<Line>) -> Result<Option<Reply>, Error> {
        match &line {
            Some(Line::Reply(reply)) if !self.log_keys && reply.key().is_some() => {
                debug!("AGI < a key ends the sound");
            }
            Some(line) => debug!("AGI < {line}"),
            None => debug!("AGI < end of the input"),
        }
        match line {
            // Only the reply to a sound has an `endpos`, and no sound is given up for being late.
            Some(Line::Reply(reply)) if reply.endpos.is_some() => Ok(Some(reply)),
            // The answer to an earlier command that was given up.
            Some(_) if self.overdue > 0 => {
                self.overdue -= 1;
                Ok(None)
            }
            Some(Line::Reply(reply)) => Ok(Some(reply)),
            Some(Line::Dead) => {
                self.hangup.raise();
                Err(Error::Dead)
            }
            Some(answer) => Err(Error::Refused {
                command: self.pending.clone(),
                answer,
            }),
            None if self.end == End::Success => Ok(Some(Reply::success())),
            None => Err(Error::Closed),
        }
    }

    /// Stops the sound that is playing. Asterisk then gives no reply to that, unless it had ended just before: that is
    /// returned.
    ///
    /// Asterisk stops when there is something to read in the pipe. Where it has read the command together with the one
    /// that began the sound, there is not: it plays on, until something more comes.
    ///
    /// # Errors
    /// [`Error`] tells why Asterisk did not do it.
    pub fn stop(&mut self) -> Result<Option<Reply>, Error> {
        // The sound's reply is still the one that is due.
        self.send(Command::Noop)?;
        let (mut ended, mut patience) = (None, SOON);
        let mut end = Instant::now() + PATIENCE;
        loop {
            if self.hangup.is_raised() {
                end = end.min(Instant::now() + LITTLE_PATIENCE);
            }
            // A peer that goes on writing other lines is not waited for any longer.
            let left = end.saturating_duration_since(Instant::now());
            match self.reply_within(patience.min(left)) {
                Ok(reply) if reply.endpos.is_none() => return Ok(ended),
                Ok(reply) => ended = Some(reply),
                Err(Error::Silent(SOON)) => {
                    // Two NOOPs are under way from here on. The reply to the first counts as overdue and is passed
                    // over, so the wait ends with that of the second.
                    patience = PATIENCE;
                    self.send(Command::Noop)?;
                }
                // Nothing refuses a NOOP: that was the sound's, and the NOOP's own reply follows.
                Err(Error::Dead | Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next line, waited for only briefly after a hang-up.
    fn next_line(&self, patience: Duration) -> Result<(Instant, Line), RecvTimeoutError> {
        select_biased! {
            // What Asterisk has already written counts before the hang-up: the reply to a sound that had just ended
            // tells how much of it was heard. After a hang-up a dead channel still answers some commands.
            recv(self.lines) -> line => line.map_err(|_| RecvTimeoutError::Disconnected),
            recv(self.hangup.raised()) -> _ => self.lines.recv_timeout(LITTLE_PATIENCE),
            default(patience) => Err(RecvTimeoutError::Timeout),
        }
    }

    fn broken(&self, error: io::Error) -> Error {
        match error.kind() {
            // The second is how a socket says so.
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                self.hangup.raise();
                Error::Closed
            }
            _ => Error::Io(error),
        }
    }
}

/// The environment, unless the caller hangs up or the time is up before it has come.
fn first(env: &Receiver<io::Result<Env>>, hangup: &Hangup) -> Result<Env, Error> {
    let steps = PATIENCE.as_millis() / STEP.as_millis();
    for _ in 0..steps {
        match env.recv_timeout(STEP) {
            Ok(env) => return Ok(env?),
            Err(RecvTimeoutError::Timeout) if !hangup.is_raised() => {}
            Err(_) => return Err(Error::Closed),
        }
    }
    Err(Error::Silent(PATIENCE))
}

/// Hands on the environment, then every line that answers a command, until the input ends or the receiver is gone. What
/// comes before the reply that is `awaited` answers nothing.
fn listen(
    mut input: impl BufRead,
    awaited: Option<&str>,
    env_read: &Sender<io::Result<Env>>,
    line_read: &Sender<(Instant, Line)>,
    hangup: &Hangup,
) -> io::Result<()> {
    let Some(env) = Env::read(&mut input).transpose() else {
        return Ok(());
    };
    let is_whole = env.is_ok();
    if env_read.send(env).is_err() || !is_whole {
        return Ok(());
    }
    let mut nonsense = match awaited {
        Some(text) => await_reply(&mut input, text, line_read, hangup)?,
        None => 0,
    };
    while let Some((line, len)) = next_line(&mut input)? {
        match line {
            Line::Hangup => hangup.raise(),
            Line::Blank | Line::Provisional => {}
            _ if line_read.len() > MAX_UNREAD => return Err(not_asterisk()),
            ref answer => {
                if line_read.send((Instant::now(), answer.clone())).is_err() {
                    break;
                }
            }
        }
        // A long conversation has any number of replies, so of these only what is longer than Asterisk makes them
        // counts.
        nonsense += match line {
            Line::Reply(_) => len.saturating_sub(LONGEST_REPLY),
            _ => len,
        };
        if nonsense > MAX_NONSENSE {
            return Err(not_asterisk());
        }
    }
    Ok(())
}

/// Hands on the reply that gives back `text`, and before it the first line that was not asked for. Returns how many
/// bytes came before the reply. Lines are taken as they are: none of them may swallow the reply.
fn await_reply(
    input: &mut impl BufRead,
    text: &str,
    line_read: &Sender<(Instant, Line)>,
    hangup: &Hangup,
) -> io::Result<usize> {
    let reply = format!("200 result=1 ({text})\n");
    let (mut len, mut is_alone) = (0, true);
    while let Some(line) = read_text(input)? {
        let is_reply = line == reply;
        match line.as_str() {
            // Over FastAGI Asterisk may send this at any time, also before the first reply, so it is no sign of a
            // forged block. A caller who forges it ends their own call, which still counts as forged.
            "HANGUP\n" => hangup.raise(),
            "\n" => {}
            _ if is_reply || is_alone => {
                is_alone = is_reply;
                let line = if is_reply {
                    Line::parse(&line)
                } else {
                    Line::Other(UNASKED.to_owned())
                };
                line_read.send((Instant::now(), line)).ok();
            }
            _ => {}
        }
        if is_reply {
            break;
        }
        len += line.len();
        if len > MAX_NONSENSE {
            return Err(not_asterisk());
        }
    }
    Ok(len)
}

/// The next line that stands for itself, and the bytes it took: a value with line breaks is put together, and of a
/// usage message only its end is given. `None` at the end of the input.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<(Line, usize)>> {
    let Some(mut text) = read_text(input)? else {
        return Ok(None);
    };
    while Line::is_unfinished(&text) && text.len() < usize::from(MAX_VALUE) {
        let Some(more) = read_text(input)? else { break };
        text.push_str(&more);
    }
    let (mut line, mut len) = (Line::parse(&text), text.len());
    if line == Line::UsageBegins {
        while line != Line::Usage {
            let Some(more) = read_text(input)? else {
                return Ok(None);
            };
            len += more.len();
            if len > MAX_NONSENSE {
                return Err(not_asterisk());
            }
            line = Line::parse(&more);
        }
    }
    Ok(Some((line, len)))
}

/// One line with its line break, at most [`MAX_VALUE`] bytes of it; what is not UTF-8 becomes U+FFFD.
fn read_text(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = input.take(MAX_VALUE.into()).read_until(b'\n', &mut bytes)?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

fn not_asterisk() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it holds more than 64 kB that Asterisk does not say",
    )
}

/// A random text, which cannot be guessed.
fn unforeseen() -> Result<String, Error> {
    let bytes =
        random::bytes::<16>().map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(hex(&bytes))
}

/// Asterisk answers the commands we use within milliseconds; a machine that swaps may take seconds.
const PATIENCE: Duration = Duration::from_secs(5);
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);
/// The patience for a sound to stop, which takes no more than a packet.
const SOON: Duration = Duration::from_millis(100);

/// How soon a hang-up before the first line is noticed.
const STEP: Duration = Duration::from_millis(50);

/// `GET VARIABLE` gives 1,023 bytes at most; the rest is room for surprises.
const MAX_VALUE: u16 = u16::MAX;

/// The maximum length of a reply to our commands.
const LONGEST_REPLY: usize = 2048;

/// Stands for whatever comes before the first reply, in the log too.
const UNASKED: &str = "a line that nobody has asked for";

/// The maximum size of what Asterisk writes beside replies, which is a few lines.
const MAX_NONSENSE: usize = 64 * 1024;

/// The maximum number of unread lines; each command is sent when the one before it has been answered.
const MAX_UNREAD: usize = 64;

#[cfg(test)]
mod tests;
