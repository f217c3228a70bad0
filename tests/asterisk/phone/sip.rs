//! The signalling of one call: INVITE, CANCEL, ACK, BYE and answers to what Asterisk asks meanwhile, over UDP.
//!
//! No registration and no authentication: the Asterisk of the suite takes calls from anybody. Messages are bytes,
//! because a caller's name may be anything. Spec: RFC 3261.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::codec::Codec;
use super::sdp::{self, Remote};

/// A call that was not answered.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The status of the final response; `None` if there was none.
    pub(crate) status: Option<u16>,
}

/// What identifies the dialog, and where its messages go.
pub(super) struct Dialog {
    socket: UdpSocket,
    local: SocketAddr,
    remote: SocketAddr,
    id: String,
    /// The whole header's value, name and tag included.
    from: Vec<u8>,
    to: Vec<u8>,
    /// Where requests within the dialog are sent to.
    target: String,
    sequence: u32,
    description: String,
}

/// What Asterisk said within the dialog.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It hung up.
    Bye,
    /// It confirmed our own hang-up.
    ByeConfirmed,
    /// Nothing that changes the call.
    Other,
}

impl Dialog {
    pub(super) fn new(
        remote: SocketAddr,
        number: &str,
        name: &[u8],
        rtp: SocketAddr,
        codec: Codec,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(remote)?;
        let local = socket.local_addr()?;
        let id = format!("{}-{}", local.port(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut from = b"\"".to_vec();
        for byte in name {
            if matches!(byte, b'"' | b'\\') {
                from.push(b'\\');
            }
            from.push(*byte);
        }
        from.extend_from_slice(format!("\" <sip:{number}@{local}>;tag={id}").as_bytes());
        Ok(Self {
            description: sdp::offer(rtp, codec, local.port()),
            socket,
            local,
            remote,
            id,
            from,
            to: Vec::new(),
            target: String::new(),
            sequence: 1,
        })
    }

    /// Calls `extension` and waits so long for the answer, then gives up; gives the address for our packets.
    pub(super) fn invite(
        &mut self,
        extension: &str,
        patience: Duration,
    ) -> Result<Remote, Refused> {
        let uri = format!("sip:{extension}@{}", self.remote);
        self.to = format!("<{uri}>").into_bytes();
        self.target = uri;
        let invite = self.request("INVITE", &self.description);
        let (mut wait, begun, mut is_trying) = (T1, Instant::now(), false);
        self.send(&invite);
        while let Some(left) = patience.checked_sub(begun.elapsed()) {
            let Some(message) = self.receive(wait.min(left.max(SHORTEST_WAIT))) else {
                // Once Asterisk is trying, it has the INVITE.
                if !is_trying {
                    wait *= 2;
                    self.send(&invite);
                }
                continue;
            };
            is_trying |= message.status().is_some();
            if let Some(end) = self.reply(&message) {
                return end;
            }
        }
        if is_trying {
            self.cancel()
        } else {
            Err(Refused { status: None })
        }
    }

    /// Takes a call back that has not been answered, unless the answer is on its way.
    fn cancel(&mut self) -> Result<Remote, Refused> {
        // Of the same transaction, RFC 3261, 9.1.
        let invite = self.branch("INVITE");
        self.send(&self.request_on("CANCEL", "", &invite));
        let begun = Instant::now();
        while begun.elapsed() < CANCELLED_WITHIN {
            if let Some(message) = self.receive(T1)
                && let Some(end) = self.reply(&message)
            {
                return end;
            }
        }
        Err(Refused { status: None })
    }

    /// What a message says about our INVITE, if it says the last word.
    fn reply(&mut self, message: &Message) -> Option<Result<Remote, Refused>> {
        let is_about_cancel = message.header("CSeq").ends_with(b"CANCEL");
        match message.status() {
            Some(_) if is_about_cancel => None,
            Some(100..200) => None,
            Some(200..300) => Some(self.answered(message).ok_or(Refused { status: None })),
            Some(status) => {
                self.to = message.header("To").to_vec();
                // Of the same transaction, RFC 3261, 17.1.1.3.
                let invite = self.branch("INVITE");
                self.send(&self.request_on("ACK", "", &invite));
                Some(Err(Refused {
                    status: Some(status),
                }))
            }
            None => {
                self.respond(message);
                None
            }
        }
    }

    fn answered(&mut self, message: &Message) -> Option<Remote> {
        self.to = message.header("To").to_vec();
        let contact = String::from_utf8_lossy(message.header("Contact")).into_owned();
        contact
            .split(['<', '>'])
            .nth(1)?
            .clone_into(&mut self.target);
        self.send(&self.request("ACK", ""));
        sdp::answer(message.lines())
    }

    /// Hangs up; [`Event::ByeConfirmed`] will come.
    pub(super) fn bye(&mut self) {
        self.sequence += 1;
        self.send(&self.request("BYE", ""));
    }

    /// Waits for the next message within the dialog, and does what it asks for.
    pub(super) fn next(&mut self, limit: Duration) -> Event {
        let Some(message) = self.receive(limit) else {
            return Event::Other;
        };
        let is_about_bye = message.header("CSeq").ends_with(b"BYE");
        match message.status() {
            Some(_) if is_about_bye => Event::ByeConfirmed,
            Some(200..300) => {
                self.send(&self.request("ACK", ""));
                Event::Other
            }
            Some(_) => Event::Other,
            None => {
                self.respond(&message);
                if is_about_bye {
                    Event::Bye
                } else {
                    Event::Other
                }
            }
        }
    }

    fn branch(&self, method: &str) -> String {
        format!("z9hG4bK-{}-{}-{method}", self.id, self.sequence)
    }

    fn request(&self, method: &str, body: &str) -> Vec<u8> {
        self.request_on(method, body, &self.branch(method))
    }

    fn request_on(&self, method: &str, body: &str, branch: &str) -> Vec<u8> {
        let Self {
            local,
            id,
            sequence,
            target,
            ..
        } = self;
        let mut bytes = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch={branch}\r\nFrom: "
        )
        .into_bytes();
        bytes.extend_from_slice(&self.from);
        bytes.extend_from_slice(b"\r\nTo: ");
        bytes.extend_from_slice(&self.to);
        let content_type = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        bytes.extend_from_slice(
            format!(
                "\r\nCall-ID: {id}\r\nCSeq: {sequence} {method}\r\nContact: <sip:phone@{local}>\r\nMax-Forwards: 70\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        );
        bytes
    }

    /// Agrees to whatever is asked, with our unchanged session description where one was offered.
    fn respond(&self, request: &Message) {
        if request.method() == b"ACK" {
            return;
        }
        let mut bytes = b"SIP/2.0 200 OK\r\n".to_vec();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in request.headers(name) {
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        let body = if request.method() == b"INVITE" {
            self.description.as_str()
        } else {
            ""
        };
        let content_type = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let rest = format!(
            "Contact: <sip:phone@{}>\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
            self.local,
            body.len()
        );
        bytes.extend_from_slice(rest.as_bytes());
        self.send(&bytes);
    }

    fn send(&self, bytes: &[u8]) {
        // Nobody listening is noticed by the missing answer.
        self.socket.send(bytes).ok();
    }

    fn receive(&self, limit: Duration) -> Option<Message> {
        self.socket.set_read_timeout(Some(limit)).unwrap();
        let mut bytes = vec![0; 65_536];
        let len = self.socket.recv(&mut bytes).ok()?;
        bytes.truncate(len);
        Some(Message(bytes))
    }
}

/// A message as it came.
struct Message(Vec<u8>);

impl Message {
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
    }

    /// The first word of a request.
    fn method(&self) -> &[u8] {
        self.0
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default()
    }

    /// The status of a response.
    fn status(&self) -> Option<u16> {
        let rest = self.0.strip_prefix(b"SIP/2.0 ")?;
        std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let head = self.lines().take_while(|line| !line.is_empty());
        head.filter_map(move |line| {
            let (found, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| value.trim_ascii())
        })
    }

    fn header<'a>(&'a self, name: &'a str) -> &'a [u8] {
        self.headers(name).next().unwrap_or_default()
    }
}

/// Makes every dialog of the process another one.
static NEXT: AtomicU32 = AtomicU32::new(1);
/// The first pause before an INVITE is sent again (RFC 3261, 17.1.1.2).
const T1: Duration = Duration::from_millis(500);
/// No reading without a limit.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
const CANCELLED_WITHIN: Duration = Duration::from_secs(5);
