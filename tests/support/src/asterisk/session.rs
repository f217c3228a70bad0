//! The loop that serves one program's commands, as `run_agi` of Asterisk does.

use std::io::Write;
use std::process::ChildStdin;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Log;
use super::builder::{Act, At, CallBuilder};
use super::channel::{Channel, Reply};
use super::outcome::Direction;
use super::pipe::Reader;

/// What can happen to a session.
pub(super) enum Event {
    /// The program wrote a line.
    Line(Vec<u8>),
    /// The program closed its standard output.
    End,
    /// The caller hung up; with `AGIEXITONHANGUP` Asterisk closes the pipes, too.
    Hangup { and_close: bool },
    /// The test closes the program's standard input.
    CloseStdin,
    /// The program has ended.
    Exited,
}

/// One program on one channel.
pub(super) struct Session {
    channel: Channel,
    stdin: Option<ChildStdin>,
    stdout: Option<Reader>,
    program: Pid,
    log: Log,
    acts: Vec<(At, Act)>,
    block: Vec<u8>,
    commands: usize,
    fast_agi: bool,
    real_time: bool,
    sends_hangup: bool,
}

impl Session {
    pub(super) fn new(
        builder: CallBuilder,
        stdin: ChildStdin,
        stdout: Reader,
        program: Pid,
        log: Log,
    ) -> Self {
        Self {
            block: builder.block(),
            // Asterisk reads this variable once, when the AGI starts.
            sends_hangup: !builder
                .variables
                .get("AGISIGHUP")
                .is_some_and(|value| is_false(value)),
            channel: Channel {
                variables: builder.variables,
                verbose: Vec::new(),
                dead: builder.dead,
                sounds_dir: builder.sounds_dir,
            },
            stdin: Some(stdin),
            stdout: Some(stdout),
            program,
            log,
            acts: builder.acts,
            commands: 0,
            fast_agi: builder.fast_agi.is_some(),
            real_time: builder.real_time,
        }
    }

    /// Serves until the program ends.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Channel {
        let block = std::mem::take(&mut self.block);
        self.write(&block);
        let mut waiting = None;
        while let Some(event) = waiting.take().or_else(|| events.recv().ok()) {
            match event {
                Event::Line(line) => waiting = self.serve(&line, events),
                Event::End => break,
                other => self.happen(&other),
            }
        }
        self.close();
        self.channel
    }

    /// Serves one command; the event is one that came before its reply and is still to be seen to.
    fn serve(&mut self, line: &[u8], events: &Receiver<Event>) -> Option<Event> {
        self.log.line(Direction::ToAsterisk, line);
        self.commands += 1;
        let text = String::from_utf8_lossy(line).into_owned();
        let acts = self.acts_at(&text);
        if acts.iter().any(|act| matches!(act, Act::Hangup)) {
            self.hang_up(false);
        }
        let mut reply = self.channel.run(&text);
        let mut pause = reply.plays.filter(|_| self.real_time).unwrap_or_default();
        for act in acts {
            match act {
                Act::Before(lines) => self.write(&[&lines, &b"\n"[..]].concat()),
                Act::Reply(text) => {
                    reply = Reply {
                        text,
                        plays: None,
                        wrong: false,
                        hangs_up: false,
                    }
                }
                Act::Delay(delay) => pause += delay,
                Act::CloseStdin => self.stdin = None,
                Act::Hangup => {}
            }
        }
        if reply.wrong {
            self.log
                .violation(format!("the program sent a wrong command: {text:?}"));
        }
        self.finish(&reply, pause, events)
    }

    /// Waits, unless something happens before, and replies.
    fn finish(
        &mut self,
        reply: &Reply,
        pause: Duration,
        events: &Receiver<Event>,
    ) -> Option<Event> {
        let interruption = events.recv_timeout(pause).ok();
        match &interruption {
            // Whatever a program writes stops the sound, and then there is no reply to STREAM FILE.
            Some(Event::Line(_)) if reply.plays.is_some() => return interruption,
            Some(Event::Line(line)) => {
                let line = String::from_utf8_lossy(line);
                self.log.violation(format!(
                    "the program wrote a command before the reply to the one before it: {line:?}"
                ));
            }
            Some(Event::Hangup { .. }) if reply.plays.is_some() => {
                self.write(b"200 result=-1 endpos=0\n");
                return interruption;
            }
            _ => {}
        }
        if !reply.text.is_empty() {
            self.write(&[&reply.text, &b"\n"[..]].concat());
        }
        if reply.hangs_up {
            self.hang_up(false);
        }
        interruption
    }

    fn acts_at(&mut self, command: &str) -> Vec<Act> {
        let number = self.commands;
        let is_now = |at: &At| match at {
            At::Nth(nth) => *nth == number,
            At::Start(start) => command.starts_with(start),
        };
        self.acts
            .extract_if(.., |(at, _)| is_now(at))
            .map(|(_, act)| act)
            .collect()
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Hangup { and_close } => self.hang_up(*and_close),
            Event::CloseStdin => self.stdin = None,
            // What is still in the pipe is served before the end is noticed.
            Event::Exited => self.stdout.iter_mut().for_each(Reader::stop),
            Event::Line(_) | Event::End => {}
        }
    }

    fn hang_up(&mut self, and_close: bool) {
        self.channel.dead = true;
        if self.fast_agi && self.sends_hangup {
            self.write(b"HANGUP\n");
        } else if self.sends_hangup {
            // A program that has ended but is not reaped yet takes the signal, too.
            kill_process(self.program, Signal::HUP).unwrap();
        }
        if and_close {
            self.close();
        }
    }

    /// Closes both pipes: a program that sees the end of its input finds its output closed, too.
    fn close(&mut self) {
        if let Some(stdout) = self.stdout.take() {
            stdout.join();
        }
        self.stdin = None;
    }

    fn write(&mut self, bytes: &[u8]) {
        for line in bytes
            .strip_suffix(b"\n")
            .unwrap_or(bytes)
            .split(|byte| *byte == b'\n')
        {
            self.log.line(Direction::ToProgram, line);
        }
        if let Some(stdin) = &mut self.stdin {
            // Asterisk, too, goes on when the program does not listen any more.
            stdin.write_all(bytes).ok();
        }
    }
}

/// As `ast_false` of Asterisk reads a value.
fn is_false(value: &str) -> bool {
    ["no", "false", "n", "f", "0", "off"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}
