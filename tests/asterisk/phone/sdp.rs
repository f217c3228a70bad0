//! The session description that the phone offers, and what it needs to know of the answer.
//!
//! Specs: RFC 3264 and RFC 4566; RFC 4733, 2.4, for the keys.

use std::net::SocketAddr;

use super::codec::Codec;

/// Where and how Asterisk wants its packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    /// The payload type of pressed keys; `None` if Asterisk takes none.
    pub(super) keys: Option<u8>,
}

/// The offer of one codec, and of keys.
pub(super) fn offer(rtp: SocketAddr, codec: Codec, session: u16) -> String {
    let (ip, port) = (rtp.ip(), rtp.port());
    let (number, name) = codec.payload();
    format!(
        "v=0\r\no=phone {session} 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {number} {KEYS}\r\n\
         a=rtpmap:{number} {name}/8000\r\na=rtpmap:{KEYS} {KEYS_NAME}\r\na=fmtp:{KEYS} 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// Reads the lines of an answer.
pub(super) fn answer<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Remote> {
    let lines: Vec<_> = lines.filter_map(|line| str::from_utf8(line).ok()).collect();
    let field = |prefix| lines.iter().find_map(|line| line.strip_prefix(prefix));
    let ip = field("c=IN IP4 ")?.parse().ok()?;
    let port = field("m=audio ")?.split(' ').next()?.parse().ok()?;
    let keys = lines.iter().find_map(|line| {
        let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (name == KEYS_NAME).then(|| number.parse().ok())?
    });
    Some(Remote {
        address: SocketAddr::new(ip, port),
        keys,
    })
}

/// What we call the payload type of keys; Asterisk may choose another.
const KEYS: u8 = 101;
const KEYS_NAME: &str = "telephone-event/8000";
