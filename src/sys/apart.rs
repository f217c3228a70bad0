//! Programs that are run apart: in a session of their own, so that they have no terminal to push keys into, with an
//! empty stdin, and with their output read up to a limit. When their time is over they are ended together with all
//! processes in their process group; a process that has made a group or session of its own lives on, with its own
//! rights.
//!
//! The session is made by this program itself, which is started again for that and then becomes another user, or the
//! other program, or both.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group,
    set_dumpable_behavior, set_parent_process_death_signal, setsid, waitid,
};
use rustix::stdio::dup2_stdout;

use crate::sys::rights::Rights;

/// How the run of a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has ended by itself.
    Ended(ExitStatus),
    /// It took longer than its limit and was ended.
    Late,
    /// It wrote more than is read, and was ended.
    TooMuch,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Returns a command that runs this program again, apart, as another user.
pub(crate) fn ourselves(rights: &Rights) -> Command {
    let mut command = Command::new(OURSELVES);
    command.env_clear();
    command.env(MARK, written(rights));
    command
}

/// Returns a command that runs another program apart: as another user and then without an environment, or with the
/// rights and the environment of this process.
pub(crate) fn other(program: &OsStr, rights: Option<&Rights>) -> Command {
    let mut command = rights.map_or_else(|| Command::new(OURSELVES), ourselves);
    let rights = rights.map(written).unwrap_or_default();
    command.env(MARK, format!("{EXEC}{rights}")).arg(program);
    command
}

/// Returns a command that runs this program again with the rights and the environment of this process, for [`leave`].
pub(crate) fn alone() -> Command {
    let mut command = Command::new(OURSELVES);
    command.env(MARK, ALONE);
    command
}

/// Starts it in a session of its own, with nothing to read or write, and leaves it to the system.
///
/// # Errors
/// What the system says where it cannot be started.
pub(crate) fn leave(mut alone: Command) -> io::Result<()> {
    let pipes = alone.stdin(Stdio::null()).stderr(Stdio::null());
    let child = pipes.stdout(Stdio::piped()).spawn()?;
    // Until it has its session, a signal to the group of this process ends it as well.
    child.stdout.map_or(Ok(0), |mut pipe| pipe.read(&mut [0]))?;
    Ok(())
}

/// Does what the first lines of the program must do where it was started apart: no thread is there yet. Returns whether
/// the rest of the program is to run.
///
/// # Errors
/// What the system says where it refuses, or why the other program does not run.
pub(crate) fn enter(arguments: &[OsString]) -> io::Result<()> {
    let Some(mark) = env::var_os(MARK) else {
        return Ok(());
    };
    // A process in the session of root's terminal can push keys into it (TIOCSTI), so it leaves that before anything
    // else.
    setsid()?;
    let mark = mark.to_string_lossy();
    if mark == ALONE {
        dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        return Ok(());
    }
    if let Some(rights) = mark.strip_prefix(EXEC) {
        if !rights.is_empty() {
            take(rights)?;
        }
        // This lasts through the exec below, unless that program changes its user: prctl(2), PR_SET_PDEATHSIG.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let (program, arguments) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let error = Command::new(program)
            .args(arguments)
            // Started again by that program, this one must not take itself for one that is run apart.
            .env_remove(MARK)
            .exec();
        let why = format!("cannot run {}: {error}", program.display());
        return Err(io::Error::new(error.kind(), why));
    }
    take(&mark)?;
    // Root relays what this process says, so no other process of that user may trace it, whatever fs.suid_dumpable is.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // A change of user takes this away, so it comes last.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

fn take(rights: &str) -> io::Result<()> {
    let rights = parse(rights).ok_or(io::ErrorKind::InvalidInput)?;
    rights.take().map_err(io::Error::other)
}

/// Rights as [`MARK`] holds them: user, group, groups.
fn written(rights: &Rights) -> String {
    let Rights { uid, gid, groups } = rights;
    let groups: Vec<_> = groups.iter().map(u32::to_string).collect();
    format!("{uid}:{gid}:{}", groups.join(","))
}

fn parse(text: &str) -> Option<Rights> {
    let mut fields = text.split(':');
    let mut number = || fields.next()?.parse().ok();
    let (uid, gid) = (number()?, number()?);
    let groups = fields.next()?.split(',').filter(|group| !group.is_empty());
    let groups = groups.map(|group| group.parse().ok());
    Some(Rights {
        uid,
        gid,
        groups: groups.collect::<Option<_>>()?,
    })
}

/// Runs a program, and passes on each of its lines, without the line break and as text, while it goes on.
///
/// # Errors
/// What the system says where it cannot be started.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    told: &mut dyn FnMut(Stream, String),
) -> io::Result<End> {
    run_with(command, Stdio::null(), limit, told)
}

/// The same for a program that reads this.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_with(
    command: &mut Command,
    stdin: Stdio,
    limit: Duration,
    told: &mut dyn FnMut(Stream, String),
) -> io::Result<End> {
    let pipes = command.stdin(stdin).stdout(Stdio::piped());
    let mut running = Running {
        child: pipes.stderr(Stdio::piped()).spawn()?,
        is_reaped: false,
    };
    let (sender, lines) = bounded(MANY);
    if let Some(pipe) = running.child.stdout.take() {
        follow(Stream::Out, pipe, sender.clone())?;
    }
    if let Some(pipe) = running.child.stderr.take() {
        follow(Stream::Err, pipe, sender.clone())?;
    }
    // The readers hold the other senders, so the channel ends when both pipes have.
    drop(sender);
    let cut = running.follow(&lines, Instant::now() + limit, told)?;
    let status = running.end()?;
    Ok(cut.unwrap_or(End::Ended(status)))
}

/// A line, or an error where more was written than is read.
type Line = Result<(Stream, String), ()>;

fn follow(stream: Stream, pipe: impl Read + Send + 'static, to: Sender<Line>) -> io::Result<()> {
    thread::Builder::new().spawn(move || read(stream, pipe, &to))?;
    Ok(())
}

/// Reads lines of at most [`MAX_LINE`] bytes, and at most [`MAX_BYTES`] bytes in all.
fn read(stream: Stream, pipe: impl Read, sender: &Sender<Line>) {
    // One byte more than is read tells too much from just enough.
    let mut pipe = BufReader::new(pipe.take(MAX_BYTES + 1));
    let mut total = 0;
    loop {
        let mut line = Vec::new();
        let len = (&mut pipe).take(MAX_LINE).read_until(b'\n', &mut line);
        // A pipe that cannot be read any more counts as ended.
        let len = len.unwrap_or_default();
        total += len;
        if len == 0 {
            return;
        }
        let is_too_much = u64::try_from(total).is_ok_and(|total| total > MAX_BYTES);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = String::from_utf8_lossy(line).into_owned();
        let told = if is_too_much {
            Err(())
        } else {
            Ok((stream, line))
        };
        if sender.send(told).is_err() || is_too_much {
            return;
        }
    }
}

/// A running program, which ends with its group when this is dropped. Until then it is not reaped, so that its number,
/// which is its group's too, is given to no other process.
struct Running {
    child: Child,
    is_reaped: bool,
}

impl Running {
    /// Passes on its lines until it has ended by itself. Returns why it must be ended, if it must.
    fn follow(
        &self,
        lines: &Receiver<Line>,
        end: Instant,
        told: &mut dyn FnMut(Stream, String),
    ) -> io::Result<Option<End>> {
        let mut last = None;
        loop {
            let (now, until) = (Instant::now(), last.unwrap_or(end));
            if now >= until {
                return Ok(last.is_none().then_some(End::Late));
            }
            // The pipes may outlast the program, in what it has started, so its own end is looked for every 20 ms.
            match lines.recv_timeout(PAUSE.min(until - now)) {
                Ok(Ok((stream, line))) => told(stream, line),
                Ok(Err(())) => return Ok(Some(End::TooMuch)),
                // No process holds its pipes any more.
                Err(RecvTimeoutError::Disconnected) if last.is_some() => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => thread::sleep(PAUSE.min(until - now)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if last.is_none() && self.has_ended()? {
                // What it has started may hold its pipes for ever.
                last = Some(end.min(Instant::now() + REST));
            }
        }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether it has ended; it is not reaped by this.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(self.id()), options)?.is_some())
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        if !self.is_reaped {
            // No process is left in the group, or the child has not made its session yet.
            kill_process_group(self.id(), Signal::KILL).ok();
            // It has ended already.
            kill_process(self.id(), Signal::KILL).ok();
        }
        let status = self.child.wait()?;
        self.is_reaped = true;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There is no caller left to report an error to.
        self.end().ok();
    }
}

/// The variable that is set where this program was started apart: to [`EXEC`] where it must become another program,
/// and then to the user that it must become, if any; to [`ALONE`] where it is only to have a session of its own.
const MARK: &str = "PHONE_ASSISTANT_APART";
const EXEC: &str = "exec";
const ALONE: &str = "alone";
/// The running program itself, whatever file may stand at its place on the disk.
const OURSELVES: &str = "/proc/self/exe";

// A program whose lines are not taken waits for its pipe, instead of filling our memory.
const MANY: usize = 256;
const MAX_LINE: u64 = 1024 * 1024;
const MAX_BYTES: u64 = 8 * 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(20);
/// How long the lines that are still in the pipes are waited for.
const REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> (End, Vec<(Stream, String)>) {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        let mut told = |stream, line| lines.push((stream, line));
        let end = run(&mut command, limit, &mut told).expect("every machine has a shell");
        (end, lines)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_are_passed_on_with_where_they_were_written() {
        let (end, mut lines) = shell("echo one; echo two >&2; printf three; exit 3", LONG);
        assert!(
            matches!(end, End::Ended(status) if status.code() == Some(3)),
            "{end:?}"
        );
        lines.sort_by_key(|(_, line)| line.clone());
        let expected = [
            (Stream::Out, "one"),
            (Stream::Out, "three"),
            (Stream::Err, "two"),
        ];
        assert_eq!(
            lines,
            expected.map(|(stream, line)| (stream, line.to_owned()))
        );
    }

    #[test]
    fn a_program_that_never_ends_is_ended_with_what_it_has_started() {
        // On a busy machine it takes a while until the shell has begun.
        let lines = [300, 3_000, 30_000].into_iter().find_map(|limit| {
            let (end, lines) = shell("sleep 1000 & echo $!; wait", Duration::from_millis(limit));
            assert_eq!(end, End::Late);
            (!lines.is_empty()).then_some(lines)
        });
        let lines = lines.expect("a shell that begins");
        let started: i32 = lines[0].1.parse().expect("a number");
        let started = Pid::from_raw(started).expect("no zero");
        // Killed before this; the process that inherits it may take a moment to reap it.
        let is_gone = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", started.as_raw_nonzero()));
            state.map_or(true, |stat| stat.contains(") Z "))
        };
        let end = Instant::now() + LONG;
        while !is_gone() && Instant::now() < end {
            thread::yield_now();
        }
        assert!(is_gone());
    }

    #[test]
    fn a_program_that_leaves_its_pipes_to_another_is_not_waited_for() {
        let (end, lines) = shell("sleep 1000 & echo done", LONG);
        assert!(
            matches!(end, End::Ended(status) if status.success()),
            "{end:?}"
        );
        assert_eq!(lines, [(Stream::Out, "done".to_owned())]);
    }

    #[test]
    fn the_number_of_a_program_that_has_ended_is_nobody_elses_while_it_is_followed() {
        let script = "echo $$; (while :; do echo tick; sleep 0; done) & exit 7";
        let (mut id, mut ticks, mut lost) = (String::new(), 0_u32, 0_u32);
        let mut told = |_, line: String| {
            if line != "tick" {
                id = line;
                return;
            }
            ticks += 1;
            let is_there = std::path::Path::new("/proc").join(&id).exists();
            lost += u32::from(!is_there);
        };
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        let end = run(&mut command, LONG, &mut told).expect("every machine has a shell");
        assert!(
            matches!(end, End::Ended(status) if status.code() == Some(7)),
            "{end:?}"
        );
        assert!(ticks > 0);
        assert_eq!(lost, 0, "of {ticks}");
    }

    #[test]
    fn a_flood_is_cut_off() {
        let (end, lines) = shell("yes 123456789012345", LONG);
        assert_eq!(end, End::TooMuch);
        let bytes: usize = lines.iter().map(|(_, line)| line.len() + 1).sum();
        assert!(u64::try_from(bytes).expect("few") <= MAX_BYTES);
        let (end, lines) = shell("head -c 3000000 /dev/zero", LONG);
        assert!(matches!(end, End::Ended(_)), "{end:?}");
        assert_eq!(lines.len(), 3, "a line without an end comes in pieces");
    }

    #[test]
    fn rights_survive_their_way() {
        let rights = Rights {
            uid: 102,
            gid: 103,
            groups: vec![103, 5],
        };
        assert_eq!(written(&rights), "102:103:103,5");
        assert_eq!(parse("102:103:103,5"), Some(rights));
        assert_eq!(parse("102:103:").map(|rights| rights.groups), Some(vec![]));
        for text in ["", "102", "102:103", "x:1:", "1:1:x", "-1:0:"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
