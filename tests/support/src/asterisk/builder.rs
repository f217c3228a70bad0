//! How a call begins: the program, its arguments and environment, the `agi_*` block, and what will happen when.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something that Asterisk does beside, or instead of, its ordinary reply to a command.
#[derive(Clone, Debug)]
pub enum Act {
    /// Writes these lines before the reply: `HANGUP`, an empty one, `100 result=0 Trying...`.
    Before(Vec<u8>),
    /// Gives this reply instead; several lines are separated by `\n`, and nothing is written for an empty one.
    Reply(Vec<u8>),
    /// Replies that much later; to `STREAM FILE`, that much after the sound, so that a command can cross the reply.
    Delay(Duration),
    /// The caller hangs up when the command arrives: it already finds a dead channel.
    Hangup,
    /// The caller hangs up so long after the command has come, whatever happens then.
    HangupAfter(Duration),
    /// The caller presses a key so long after the command has come; see `Call::press`.
    Press(char, Duration),
    /// Closes the program's standard input instead of replying, after any delay.
    CloseStdin,
}

/// The command at which something happens, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The n-th command of the call, counted from 1.
    Nth(usize),
    /// The first command that begins so.
    Start(String),
}

impl From<usize> for At {
    fn from(number: usize) -> Self {
        Self::Nth(number)
    }
}

impl From<&str> for At {
    fn from(start: &str) -> Self {
        Self::Start(start.to_owned())
    }
}

/// A call in the making; see `Call::builder`.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a thing that a call may have or not"
)]
pub struct CallBuilder {
    pub(super) program: PathBuf,
    pub(super) arg0: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) env: BTreeMap<OsString, OsString>,
    pub(super) working_dir: PathBuf,
    pub(super) sounds_dir: Option<PathBuf>,
    pub(super) sees_empty_files: bool,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) acts: Vec<(At, Act)>,
    pub(super) fast_agi: Option<String>,
    pub(super) server: Option<SocketAddr>,
    pub(super) dead: bool,
    pub(super) real_time: bool,
    pub(super) at_once: Option<PathBuf>,
    pub(super) user: Option<u32>,
    pub(super) audio: Option<PathBuf>,
    agi: Vec<(String, Vec<u8>)>,
    extra_blank_line: bool,
    raw_block: Option<Vec<u8>>,
}

impl CallBuilder {
    pub(super) fn new(program: &Path) -> Self {
        let arg0 = program.file_name().unwrap_or_default().to_owned();
        Self {
            program: program.to_owned(),
            env: AST_ENV
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            agi: values(&arg0),
            arg0,
            args: Vec::new(),
            working_dir: std::env::temp_dir(),
            sounds_dir: None,
            sees_empty_files: false,
            variables: BTreeMap::from([(
                "CHANNEL(audionativeformat)".to_owned(),
                "(ulaw)".to_owned(),
            )]),
            acts: Vec::new(),
            fast_agi: None,
            server: None,
            dead: false,
            real_time: false,
            at_once: None,
            user: None,
            audio: None,
            extra_blank_line: false,
            raw_block: None,
        }
    }

    /// An argument of the dialplan's `AGI(program,argument,...)`: in `argv` and as `agi_arg_N`.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// A variable of the environment beside Asterisk's own; nothing of the test's environment is inherited.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Leaves one variable of Asterisk's out: without `AST_AGI_DIR` the program was not started by Asterisk.
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.remove(OsStr::new(name));
        self
    }

    /// The working directory. Defaults to that of temporary files.
    pub fn working_dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.working_dir);
        self
    }

    /// Where relative names of sounds are looked up. Defaults to the working directory of the test.
    pub fn sounds_dir(mut self, dir: &Path) -> Self {
        self.sounds_dir = Some(dir.to_owned());
        self
    }

    /// Asterisk sees every sound file empty, as over a mount that lags behind: each ends at once.
    pub fn sees_empty_files(mut self) -> Self {
        self.sees_empty_files = true;
        self
    }

    /// A value of the `agi_*` block, in place of the default or after the defaults; any bytes but a line's end.
    pub fn agi(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.agi.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.agi.push((name.to_owned(), value)),
        }
        self
    }

    /// Exactly these bytes instead of the `agi_*` block and its empty line.
    pub fn raw_block(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.raw_block = Some(bytes.as_ref().to_vec());
        self
    }

    /// One empty line too many after the block, as FreePBX's own FastAGI server sends.
    pub fn extra_blank_line(mut self) -> Self {
        self.extra_blank_line = true;
        self
    }

    /// As over FastAGI: the script in the block, no arguments in `argv`, and a hang-up is a line `HANGUP`, no signal.
    pub fn fast_agi(mut self, script: &str) -> Self {
        self.fast_agi = Some(script.to_owned());
        self.env.clear();
        self
    }

    /// As by `AGI(agi://SERVER/PROGRAM,argument,...)`: connects instead of starting the program. Nobody learns how that
    /// ends, nor what it writes to its standard error; environment and working directory are the server's.
    pub fn over(self, server: SocketAddr) -> Self {
        let script = self.arg0.to_string_lossy().into_owned();
        let request = format!("agi://{server}/{script}");
        Self {
            server: Some(server),
            ..self.fast_agi(&script).agi("agi_request", request)
        }
    }

    /// A variable of the channel, or a function by its whole call: `CALLERID(num)`.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The channel has hung up already, as in an `h` extension.
    pub fn dead(mut self) -> Self {
        self.dead = true;
        self
    }

    /// `STREAM FILE` plays a frame every 20 ms, and plays on while the file grows; else the whole file, as it stands,
    /// is played at once.
    pub fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// But this sound, named without extension, is over at once.
    pub fn at_once(mut self, sound: &Path) -> Self {
        self.at_once = Some(sound.to_owned());
        self
    }

    /// The program runs as the user and the group of this number, which only root can arrange.
    pub fn user(mut self, id: u32) -> Self {
        self.user = Some(id);
        self
    }

    /// As by `EAGI()`: the caller's sound, signed linear, is read from this pipe as file descriptor 3. The program does
    /// not start before the pipe is opened to write.
    pub fn enhanced(mut self, audio: &Path) -> Self {
        self.audio = Some(audio.to_owned());
        self.agi("agi_enhanced", "1.0")
    }

    /// Does something at a command: at the n-th, or at the first that begins with a text.
    pub fn at(mut self, at: impl Into<At>, act: Act) -> Self {
        self.acts.push((at.into(), act));
        self
    }

    /// What Asterisk writes first.
    pub(super) fn block(&self) -> Vec<u8> {
        if let Some(bytes) = &self.raw_block {
            return bytes.clone();
        }
        let mut block = Vec::new();
        let mut line = |name: &str, value: &[u8]| {
            block.extend([name.as_bytes(), b": ", value, b"\n"].concat());
        };
        if let Some(script) = &self.fast_agi {
            line("agi_network", b"yes");
            line("agi_network_script", script.as_bytes());
        }
        for (name, value) in &self.agi {
            line(name, value);
        }
        for (index, arg) in self.args.iter().enumerate() {
            line(&format!("agi_arg_{}", index + 1), arg.as_encoded_bytes());
        }
        block.extend_from_slice(if self.extra_blank_line {
            b"\n\n"
        } else {
            b"\n"
        });
        block
    }
}

/// The whole block of a call from `number` with arguments, its empty line included, for those who write it themselves.
pub fn agi_block(number: &str, arguments: &[&str]) -> String {
    let call = CallBuilder::new(Path::new("phone-assistant")).agi("agi_callerid", number);
    let call = arguments.iter().fold(call, CallBuilder::arg);
    String::from_utf8_lossy(&call.block()).into_owned()
}

fn values(request: &OsStr) -> Vec<(String, Vec<u8>)> {
    let request = (
        "agi_request".to_owned(),
        request.as_encoded_bytes().to_vec(),
    );
    let rest = AGI_BLOCK
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    std::iter::once(request).chain(rest).collect()
}

/// After `agi_request`, in Asterisk's order.
const AGI_BLOCK: [(&str, &str); 19] = [
    ("agi_channel", "PJSIP/1001-00000011"),
    ("agi_language", "en"),
    ("agi_type", "PJSIP"),
    ("agi_uniqueid", "1700000000.17"),
    ("agi_version", "22.10.1"),
    ("agi_callerid", "1001"),
    ("agi_calleridname", "Reception"),
    ("agi_callingpres", "0"),
    ("agi_callingani2", "0"),
    ("agi_callington", "0"),
    ("agi_callingtns", "0"),
    ("agi_dnid", "8008"),
    ("agi_rdnis", "unknown"),
    ("agi_context", "custom-openai"),
    ("agi_extension", "8008"),
    ("agi_priority", "9"),
    ("agi_enhanced", "0.0"),
    ("agi_accountcode", ""),
    ("agi_threadid", "140191871116992"),
];
/// What res_agi sets before it starts a script, with the paths of FreePBX.
const AST_ENV: [(&str, &str); 11] = [
    ("AST_CONFIG_DIR", "/etc/asterisk"),
    ("AST_CONFIG_FILE", "/etc/asterisk/asterisk.conf"),
    ("AST_MODULE_DIR", "/usr/lib64/asterisk/modules"),
    ("AST_SPOOL_DIR", "/var/spool/asterisk"),
    ("AST_MONITOR_DIR", "/var/spool/asterisk/monitor"),
    ("AST_VAR_DIR", "/var/lib/asterisk"),
    ("AST_DATA_DIR", "/var/lib/asterisk"),
    ("AST_LOG_DIR", "/var/log/asterisk"),
    ("AST_AGI_DIR", "/var/lib/asterisk/agi-bin"),
    ("AST_KEY_DIR", "/var/lib/asterisk/keys"),
    ("AST_RUN_DIR", "/var/run/asterisk"),
];
