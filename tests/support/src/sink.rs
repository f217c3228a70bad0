//! Where messages arrive: a webhook on loopback, and a program in place of `sendmail`.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::acceptor::Acceptor;
use crate::{until, write_program};

/// A request that a webhook got.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Posted {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What a webhook does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Answers this status.
    Status(u16),
    /// Reads it and does not answer, unless it is [released](Webhook::release).
    Never,
    /// Closes the connection.
    Resets,
}

/// A webhook. Dropping it closes it.
pub struct Webhook {
    shared: Arc<Shared>,
    acceptor: Acceptor,
}

#[derive(Default)]
struct Shared {
    posted: Mutex<Vec<Posted>>,
    script: Mutex<VecDeque<Takes>>,
    usual: Mutex<Option<Takes>>,
    held: Mutex<Vec<TcpStream>>,
}

impl Webhook {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        Self {
            acceptor: Acceptor::start(move |socket| serve(socket, &served)),
            shared,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.acceptor.address)
    }

    /// What it does with the next requests, one after the other.
    pub fn script(&self, takes: impl IntoIterator<Item = Takes>) {
        self.shared.script.lock().unwrap().extend(takes);
    }

    /// What it does with all others.
    pub fn always(&self, takes: Takes) {
        *self.shared.usual.lock().unwrap() = Some(takes);
    }

    /// Takes the requests that it has not answered.
    pub fn release(&self) {
        for socket in self.shared.held.lock().unwrap().drain(..) {
            // Whoever asked may have given it up.
            answer(&socket, 200).ok();
        }
    }

    /// All requests so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.shared.posted.lock().unwrap().clone()
    }

    /// Waits for this number of requests.
    #[track_caller]
    pub fn wait_for(&self, count: usize, timeout: Duration) -> Vec<Posted> {
        until("requests of the webhook", timeout, || {
            self.posted().len() >= count
        });
        self.posted()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.shared.held.lock().unwrap().clear();
    }
}

fn serve(socket: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            // It ended before its headers did.
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body)?;
    let usual = shared.usual.lock().unwrap().unwrap_or(Takes::Status(200));
    let takes = shared.script.lock().unwrap().pop_front().unwrap_or(usual);
    shared.posted.lock().unwrap().push(Posted { headers, body });
    match takes {
        Takes::Never => shared.held.lock().unwrap().push(socket.try_clone()?),
        Takes::Resets => {}
        Takes::Status(status) => answer(socket, status)?,
    }
    Ok(())
}

fn answer(mut socket: &TcpStream, status: u16) -> std::io::Result<()> {
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    socket.write_all(answer.as_bytes())
}

/// A program in place of `sendmail`, which keeps what it is given.
#[derive(Clone, Debug)]
pub struct Sendmail {
    folder: PathBuf,
}

/// A mail that was given to it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The arguments.
    pub arguments: Vec<String>,
    /// All of it.
    pub text: String,
}

impl Mail {
    /// Its first text, decoded.
    pub fn body(&self) -> String {
        let plain = self.text.split("text/plain").nth(1).unwrap();
        let (_, base64) = plain.split_once("\r\n\r\n").unwrap();
        let base64 = base64.split("--").next().unwrap();
        let bytes = BASE64_STANDARD.decode(base64.replace("\r\n", ""));
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    /// Its subject, decoded.
    pub fn subject(&self) -> String {
        let (_, rest) = self.text.split_once("Subject: ").unwrap();
        let words = rest.split("\r\n").scan(true, |is_first, line| {
            let is_of_it = std::mem::take(is_first) || line.starts_with(' ');
            is_of_it.then(|| line.trim().to_owned())
        });
        let decoded = words.flat_map(|word| {
            let inner = word
                .trim_start_matches("=?utf-8?B?")
                .trim_end_matches("?=")
                .to_owned();
            BASE64_STANDARD.decode(inner).unwrap()
        });
        String::from_utf8(decoded.collect()).unwrap()
    }
}

impl Sendmail {
    /// Makes one in this folder, which takes everything.
    pub fn new(folder: &Path) -> Self {
        let sendmail = Self {
            folder: folder.join("mails"),
        };
        fs::create_dir(&sendmail.folder).unwrap();
        sendmail.exits_with(0);
        sendmail
    }

    /// Its path.
    pub fn program(&self) -> PathBuf {
        self.folder.join("sendmail")
    }

    /// From now on it takes a mail and exits with this code; only with 0 it keeps it.
    pub fn exits_with(&self, code: u8) {
        let folder = self.folder.display();
        let script = format!(
            "#!/bin/sh\nset -e\nfile={folder}/new.$$\nprintf '%s\\n' \"$@\" >\"$file.arguments\"\ncat >\"$file\"\n\
             if [ {code} != 0 ]; then echo 'it is full' >&2; exit {code}; fi\n\
             name={folder}/$(date +%s%N).$$\nmv \"$file.arguments\" \"$name.arguments\"\nmv \"$file\" \"$name.mail\"\n"
        );
        write_program(&self.program(), script);
    }

    /// The mails that it has kept, in their order.
    pub fn mails(&self) -> Vec<Mail> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|name| name == "mail"));
        paths.sort();
        let mail = |path: &PathBuf| Mail {
            arguments: fs::read_to_string(path.with_extension("arguments"))
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
            text: fs::read_to_string(path).unwrap(),
        };
        paths.iter().map(mail).collect()
    }

    /// Waits for this number of mails.
    #[track_caller]
    pub fn wait_for(&self, count: usize, timeout: Duration) -> Vec<Mail> {
        until("mails", timeout, || self.mails().len() >= count);
        self.mails()
    }
}
