//! Real servers for each stage, on the ports that the manual's profile without a cloud names. `run` installs them;
//! `servers/serve.py` says what they are.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::TempDir;
use testkit::audio::{Clip, wav};

use crate::lab::Lab;
use crate::processes::Running;

/// Running servers; they end with this.
pub(crate) struct Servers {
    running: Vec<Running>,
    /// What they write.
    _folders: Vec<TempDir>,
}

impl Servers {
    /// Starts one for each stage, with a model that says `answer` whatever it is asked. Waits until all listen and
    /// Whisper has loaded its weights, which it does at its first request.
    pub(crate) fn start(lab: &Lab, answer: &str) -> Self {
        let (running, folders) = STAGES
            .iter()
            .map(|(stage, _)| start(lab, stage, answer))
            .unzip();
        let mut servers = Self {
            running,
            _folders: folders,
        };
        for (index, (stage, port)) in STAGES.iter().enumerate() {
            let server = &mut servers.running[index].0;
            wait_for(server, stage, *port);
        }
        let silence = Clip {
            rate_hz: 8000,
            samples: vec![0; 8000],
        };
        transcribe(&silence).unwrap();
        servers
    }
}

/// What Whisper makes of a clip, while the servers run.
pub(crate) fn transcribe(clip: &Clip) -> Result<String, String> {
    let mut body = format!("{PART_HEAD}\r\n").into_bytes();
    body.extend(wav::with_header(clip, wav::Header::Right));
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    let answer = post(STT, "/v1/audio/transcriptions", &body).map_err(|e| e.to_string())?;
    let (_, json) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let found: Value = serde_json::from_str(json).map_err(|e| format!("{e}: {answer}"))?;
    let text = found["text"].as_str().ok_or(answer)?;
    Ok(text.trim().to_owned())
}

/// Starts one as a user that may write nothing but its own folder, in a network that has nothing but a loopback.
fn start(lab: &Lab, stage: &str, answer: &str) -> (Running, TempDir) {
    let folder = TempDir::new().unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(here.join("tests/asterisk/servers/serve.py")).unwrap();
    let logs = here.join("target/asterisk");
    fs::create_dir_all(&logs).unwrap();
    let log = File::create(logs.join(format!("server-{stage}.log"))).unwrap();
    let user = NOBODY.to_string();
    let server = Command::new("setpriv")
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["--no-new-privs", "--pdeathsig", "KILL"])
        .arg(lab.servers().join("bin/python"))
        .args(["-c", &script, stage])
        .arg(folder.path())
        .arg(answer)
        .env_clear()
        .env("HOME", folder.path())
        .env("LOCAL_TTS_DATA_DIR", folder.path())
        // More threads than processors wait for each other.
        .env("OMP_NUM_THREADS", "1")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    (Running(server), folder)
}

/// # Panics
/// When it does not come to listen.
fn wait_for(server: &mut Child, stage: &str, port: u16) {
    let deadline = Instant::now() + START;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = server.try_wait().unwrap();
        assert!(
            ended.is_none() && Instant::now() < deadline,
            "the server for {stage} does not listen ({ended:?}): see target/asterisk/server-{stage}.log"
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// What is answered to a form.
fn post(port: u16, path: &str, body: &[u8]) -> std::io::Result<String> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(START))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

const STT: u16 = 8000;
const STAGES: [(&str, u16); 3] = [("stt", STT), ("llm", 11_434), ("tts", 8880)];
const BOUNDARY: &str = "boundary-of-the-suite";
const PART_HEAD: &str = "--boundary-of-the-suite\r\n\
    Content-Disposition: form-data; name=\"file\"; filename=\"heard.wav\"\r\nContent-Type: audio/wav\r\n";
/// The user and group of Debian's `nobody`.
const NOBODY: u32 = 65_534;
/// Python imports for seconds, and Whisper's first transcription takes longer than the next.
const START: Duration = Duration::from_secs(120);
