//! A server of a tool on loopback: it answers as the test says, and keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::Response;
use crate::acceptor::Acceptor;

/// A request that it got.
#[derive(Clone, Debug)]
pub struct ToolRequest {
    /// `GET`, `POST` or `HEAD`.
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    /// Its headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl ToolRequest {
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

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum ToolAnswer {
    /// Answers.
    Gives(Response),
    /// Answers, breaks off within the body and says nothing more.
    Stalls(Response),
    /// Never answers.
    Never,
    /// Closes the connection.
    Resets,
}

type Answers = dyn Fn(&ToolRequest) -> ToolAnswer + Send + Sync;

/// The server. Dropping it closes it.
pub struct ToolServer {
    shared: Arc<Shared>,
    acceptor: Acceptor,
}

struct Shared {
    answers: Box<Answers>,
    requests: Mutex<Vec<ToolRequest>>,
    held: Mutex<Vec<TcpStream>>,
}

impl ToolServer {
    /// Starts one that answers so.
    pub fn start(answers: impl Fn(&ToolRequest) -> ToolAnswer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            answers: Box::new(answers),
            requests: Mutex::default(),
            held: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        Self {
            acceptor: Acceptor::start(move |socket| serve(socket, &served)),
            shared,
        }
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.acceptor.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ToolRequest> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for ToolServer {
    fn drop(&mut self) {
        self.shared.held.lock().unwrap().clear();
    }
}

fn serve(mut socket: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = read(socket)? else {
        // It ended before its headers did.
        return Ok(());
    };
    shared.requests.lock().unwrap().push(request.clone());
    match (shared.answers)(&request) {
        ToolAnswer::Never => shared.held.lock().unwrap().push(socket.try_clone()?),
        ToolAnswer::Resets => {}
        ToolAnswer::Gives(response) => {
            let is_head = request.method == "HEAD";
            let body: &[u8] = if is_head { b"" } else { &response.body };
            socket.write_all(head(&response).as_bytes())?;
            socket.write_all(body)?;
        }
        ToolAnswer::Stalls(response) => {
            socket.write_all(head(&response).as_bytes())?;
            socket.write_all(&response.body[..response.body.len() / 2])?;
            shared.held.lock().unwrap().push(socket.try_clone()?);
        }
    }
    Ok(())
}

fn head(response: &Response) -> String {
    let first = format!("HTTP/1.1 {} x", response.status);
    let headers = response.headers.iter();
    let headers = headers.map(|(name, value)| format!("{name}: {value}"));
    let length = format!("Content-Length: {}", response.body.len());
    let last = ["Connection: close", "", ""].map(str::to_owned);
    let lines = [first].into_iter().chain(headers).chain([length]);
    lines.chain(last).collect::<Vec<_>>().join("\r\n")
}

fn read(socket: &TcpStream) -> std::io::Result<Option<ToolRequest>> {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
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
    Ok(Some(ToolRequest {
        method,
        target,
        headers,
        body,
    }))
}
