//! The loop that serves one program's commands, as `run_agi` of Asterisk does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::builder::{Act, At, CallBuilder};
use super::channel::{Channel, Playback, Reply};
use super::lines::SOUND;
use super::log::Log;
use super::outcome::{Direction, Frame};
use super::pipe::Reader;

/// What can happen to a session.
pub(super) enum Event {
    /// The program wrote a line.
    Line(Vec<u8>),
    /// The program closed its standard output.
    End,
    /// The caller hung up; with `AGIEXITONHANGUP` Asterisk closes the pipes, too.
    Hangup { and_close: bool },
    /// The caller pressed a key.
    Press(char),
    /// The test closes the program's standard input.
    CloseStdin,
    /// The program has ended.
    Exited,
}

/// One program on one channel.
pub(super) struct Session {
    channel: Channel,
    stdin: Option<Box<dyn Write + Send>>,
    stdout: Option<Reader>,
    /// `None` over a network.
    program: Option<Pid>,
    log: Log,
    acts: Vec<(At, Act)>,
    /// What will happen by itself, and when.
    scheduled: Vec<(Instant, Event)>,
    block: Vec<u8>,
    commands: usize,
    fast_agi: bool,
    real_time: bool,
    at_once: Option<PathBuf>,
    sends_hangup: bool,
}

impl Session {
    pub(super) fn new(
        builder: CallBuilder,
        stdin: Box<dyn Write + Send>,
        stdout: Reader,
        program: Option<Pid>,
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
                warnings: Vec::new(),
                dead: builder.dead,
                sounds_dir: builder.sounds_dir,
                sees_empty_files: builder.sees_empty_files,
                played: Vec::new(),
                music: Vec::new(),
            },
            stdin: Some(stdin),
            stdout: Some(stdout),
            program,
            log,
            acts: builder.acts,
            scheduled: Vec::new(),
            commands: 0,
            fast_agi: builder.fast_agi.is_some(),
            real_time: builder.real_time,
            at_once: builder.at_once,
        }
    }

    /// Serves until the program ends.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Channel {
        let block = std::mem::take(&mut self.block);
        self.write(&block);
        let mut waiting = None;
        while let Some(event) = waiting.take().or_else(|| self.wait(events, None)) {
            match event {
                Event::Line(line) => waiting = self.serve(&line, events),
                Event::End => break,
                other => self.happen(&other),
            }
        }
        self.close();
        self.channel
    }

    /// The next event, from the test, the program or the schedule; `None` when there is none until a moment.
    fn wait(&mut self, events: &Receiver<Event>, until: Option<Instant>) -> Option<Event> {
        let first = (0..self.scheduled.len()).min_by_key(|index| self.scheduled[*index].0);
        let due = first.map(|index| self.scheduled[index].0);
        let Some(moment) = due.into_iter().chain(until).min() else {
            return events.recv().ok();
        };
        match events.recv_timeout(moment.saturating_duration_since(Instant::now())) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) if due == Some(moment) => {
                first.map(|index| self.scheduled.swap_remove(index).1)
            }
            Err(_) => None,
        }
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
        let mut pause = Duration::ZERO;
        for act in acts {
            match act {
                Act::Before(lines) => self.write(&[&lines, &b"\n"[..]].concat()),
                Act::Reply(text) => reply = Reply::new(text),
                Act::Delay(delay) => pause += delay,
                Act::HangupAfter(delay) => self.schedule(delay, Event::Hangup { and_close: false }),
                Act::Press(key, delay) => self.schedule(delay, Event::Press(key)),
                Act::CloseStdin => reply.ends_input = true,
                Act::Hangup => {}
            }
        }
        if reply.wrong {
            self.log
                .violation(format!("the program sent a wrong command: {text:?}"));
        }
        let is_sound = text.starts_with(SOUND);
        if let Some(playback) = reply.plays.take()
            && let Some(stop) = self.play(playback, events)
        {
            reply.text = stop.reply;
            if stop.event.is_some() {
                self.reply(&reply);
                return stop.event;
            }
        }
        if let Some(longest) = reply.waits {
            let (text, event) = self.wait_for_key(longest, events);
            reply.text = text;
            if event.is_some() {
                self.reply(&reply);
                return event;
            }
        }
        self.finish(&reply, is_sound, pause, events)
    }

    /// Waits for a key; what else may have ended the wait.
    fn wait_for_key(
        &mut self,
        longest: Duration,
        events: &Receiver<Event>,
    ) -> (Vec<u8>, Option<Event>) {
        let until = Instant::now() + longest;
        let mut event = self.wait(events, Some(until));
        while let Some(Event::CloseStdin) = event {
            self.end_input();
            event = self.wait(events, Some(until));
        }
        let result = match event {
            Some(Event::Press(key)) => {
                return (format!("200 result={}", u32::from(key)).into(), None);
            }
            Some(Event::Hangup { .. }) => "-1",
            Some(Event::Line(_)) => {
                let warning =
                    "the program wrote while Asterisk waited for a key, which logs a warning";
                self.log.violation(warning.to_owned());
                "1"
            }
            _ => "0",
        };
        (format!("200 result={result}").into(), event)
    }

    /// Plays a sound frame by frame, in real time unless all is to be over at once; what stopped it before its end.
    fn play(&mut self, mut playback: Playback, events: &Receiver<Event>) -> Option<Stop> {
        let sound = &mut playback.sound;
        let is_real = self.takes_time(&sound.path);
        let mut due = Instant::now();
        while let Some((bytes, lasts)) = sound.next_frame() {
            self.log.frame_begins();
            self.channel.played.push(Frame {
                // By the clock of the sound: that this thread is late is no fault of the program.
                at: due,
                lasts,
                bytes,
                path: sound.path.clone(),
            });
            if !is_real {
                continue;
            }
            due += lasts;
            while let Some(event) = self.wait(events, Some(due)) {
                let ended =
                    |result: &str| format!("200 result={result} endpos={}", sound.position());
                match event {
                    Event::Press(key) if playback.escape_digits.contains(key) => {
                        let code = u32::from(key).to_string();
                        return Some(Stop::new(&ended(&code), None));
                    }
                    Event::Press(_) => {}
                    Event::CloseStdin => self.happen(&event),
                    Event::Hangup { .. } => return Some(Stop::new(&ended("-1"), Some(event))),
                    // Whatever a program writes stops the sound, its end does, too, and then there is no reply.
                    Event::Line(_) | Event::End | Event::Exited => {
                        return Some(Stop::new("", Some(event)));
                    }
                }
            }
        }
        None
    }

    fn takes_time(&self, path: &Path) -> bool {
        let name = path.with_extension("");
        self.real_time && self.at_once.as_ref() != Some(&name)
    }

    /// Waits, unless something happens before, and replies.
    fn finish(
        &mut self,
        reply: &Reply,
        is_sound: bool,
        pause: Duration,
        events: &Receiver<Event>,
    ) -> Option<Event> {
        let until = Instant::now() + pause;
        let mut interruption = self.wait(events, Some(until));
        // A key that is not waited for is lost.
        while let Some(Event::Press(_)) = interruption {
            interruption = self.wait(events, Some(until));
        }
        // A program that wants to stop a sound cannot know that it is over or was never played, and one whose input has ended gets no reply
        // that it could wait for.
        if let Some(Event::Line(line)) = &interruption
            && !is_sound
            && !self.log.has_input_ended()
        {
            let line = String::from_utf8_lossy(line);
            self.log.violation(format!(
                "the program wrote a command before the reply to the one before it: {line:?}"
            ));
        }
        self.reply(reply);
        interruption
    }

    fn reply(&mut self, reply: &Reply) {
        if reply.ends_input {
            self.end_input();
        } else if !reply.text.is_empty() {
            self.write(&[&reply.text, &b"\n"[..]].concat());
        }
        if reply.hangs_up {
            self.hang_up(false);
        }
    }

    fn schedule(&mut self, delay: Duration, event: Event) {
        self.scheduled.push((Instant::now() + delay, event));
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
            Event::CloseStdin => self.end_input(),
            // What is still in the pipe is served before the end is noticed.
            Event::Exited => self.stdout.iter_mut().for_each(Reader::stop),
            Event::Press(_) | Event::Line(_) | Event::End => {}
        }
    }

    fn hang_up(&mut self, and_close: bool) {
        self.channel.hang_up();
        if self.fast_agi && self.sends_hangup {
            self.write(b"HANGUP\n");
        } else if let Some(program) = self.program.filter(|_| self.sends_hangup) {
            // A program that has ended but is not reaped yet takes the signal, too.
            kill_process(program, Signal::HUP).unwrap();
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
        self.end_input();
    }

    fn end_input(&mut self) {
        self.log.input_ends();
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

/// How a sound was stopped.
struct Stop {
    /// Empty if the command gets none.
    reply: Vec<u8>,
    /// What is still to be seen to.
    event: Option<Event>,
}

impl Stop {
    fn new(reply: &str, event: Option<Event>) -> Self {
        Self {
            reply: reply.into(),
            event,
        }
    }
}

/// As `ast_false` of Asterisk reads a value.
fn is_false(value: &str) -> bool {
    ["no", "false", "n", "f", "0", "off"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}
