//! A small telephone: SIP and RTP over UDP, one call at a time, with a clock that can be relied on.
//!
//! It sends a packet every 20 ms as real phones do, and keeps what arrives with its time. Mouth and ear are where they
//! are on a phone: a sample is spoken 20 ms or less before its packet leaves, and heard when its packet has arrived.

mod codec;
mod heard;
mod keys;
mod rtp;
mod sdp;
mod sip;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use testkit::audio::Clip;

pub(crate) use codec::{Codec, PACKET};
pub(crate) use heard::{Found, Heard, Side, first_audible};
pub(crate) use sip::Refused;

use rtp::Voice;
use sip::{Dialog, Event};

/// A phone that has not dialled yet.
#[derive(Clone)]
pub(crate) struct Phone {
    asterisk: SocketAddr,
    codec: Codec,
    number: String,
    name: Vec<u8>,
}

impl Phone {
    /// A mu-law phone with a caller ID that harms nobody.
    pub(crate) fn new(asterisk: SocketAddr) -> Self {
        Self {
            asterisk,
            codec: Codec::Ulaw,
            number: "5001".into(),
            name: b"Phone".into(),
        }
    }

    pub(crate) fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// The caller's number, as the user part of a SIP URI.
    pub(crate) fn number(mut self, number: &str) -> Self {
        number.clone_into(&mut self.number);
        self
    }

    /// The caller's name: any bytes but line breaks.
    pub(crate) fn name(mut self, name: &[u8]) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Dials, and gives the call when it has been answered.
    pub(crate) fn dial(&self, extension: &str) -> Result<Call, Refused> {
        self.dial_for(extension, PATIENCE)
    }

    /// The same, but takes the call back when it has not been answered by then.
    pub(crate) fn dial_for(&self, extension: &str, patience: Duration) -> Result<Call, Refused> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let rtp = socket.local_addr().unwrap();
        let mut dialog =
            Dialog::new(self.asterisk, &self.number, &self.name, rtp, self.codec).unwrap();
        let remote = dialog.invite(extension, patience)?;
        let answered = Instant::now();
        let voice = Voice::start(socket, remote, self.codec).unwrap();
        let line = Arc::new(Line::default());
        let signalling = thread::spawn({
            let line = Arc::clone(&line);
            move || line.serve(&mut dialog)
        });
        Ok(Call {
            codec: self.codec,
            answered,
            listened_until: answered,
            voice,
            line,
            signalling: Some(signalling),
        })
    }
}

/// A call that has been answered. Dropped, it is hung up.
pub(crate) struct Call {
    codec: Codec,
    answered: Instant,
    listened_until: Instant,
    voice: Voice,
    line: Arc<Line>,
    signalling: Option<JoinHandle<()>>,
}

/// When a clip was spoken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpokenAt {
    /// When its first audible sample was.
    pub(crate) first_voiced: Instant,
    /// When its last audible sample was.
    pub(crate) last_voiced: Instant,
}

impl Call {
    /// Waits until a sound has been heard to its end, after what was waited for before.
    pub(crate) fn wait_to_hear(&mut self, sound: &Clip, limit: Duration) -> Result<Found, String> {
        let found = self.listen(limit, |heard, _| heard.find(sound).first().copied())?;
        self.listened_until = found.ends + FADING;
        thread::sleep(
            self.listened_until
                .saturating_duration_since(Instant::now()),
        );
        Ok(found)
    }

    /// Waits until anything is audible, after what was waited for before.
    pub(crate) fn wait_for_sound(&mut self, limit: Duration) -> Result<Instant, String> {
        self.listened_until = self.listen(limit, Heard::first_audible_after)?;
        Ok(self.listened_until)
    }

    /// What was heard before is of no interest any more.
    pub(crate) fn listen_from(&mut self, moment: Instant) {
        self.listened_until = moment;
    }

    /// How long after the answer a moment is.
    pub(crate) fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.answered)
    }

    /// All that has been heard so far.
    pub(crate) fn so_far(&self) -> Heard {
        self.heard_since(self.answered)
    }

    /// Listens again and again until `look` finds something.
    fn listen<T>(
        &self,
        limit: Duration,
        look: impl Fn(&Heard, Instant) -> Option<T>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        loop {
            let heard = self.heard_since(self.listened_until);
            if let Some(found) = look(&heard, self.listened_until) {
                return Ok(found);
            }
            if begun.elapsed() > limit || self.line.has_ended().is_some() {
                let waited = begun.elapsed();
                return Err(format!(
                    "it was not heard in {waited:?}; {}",
                    heard.summary()
                ));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn heard_since(&self, since: Instant) -> Heard {
        let packets: Vec<_> = self
            .voice
            .received()
            .into_iter()
            .filter(|packet| packet.at >= since)
            .collect();
        Heard::new(self.codec, since, &packets, Instant::now(), Side::Phone)
    }

    /// Says a clip to its end.
    pub(crate) fn say(&self, clip: &Clip) -> SpokenAt {
        let begun = self.voice.wait_for(self.start_saying(clip));
        SpokenAt {
            first_voiced: begun + heard::first_audible(clip),
            last_voiced: begun + heard::last_audible(clip),
        }
    }

    /// Begins to say a clip; gives its number.
    pub(crate) fn start_saying(&self, clip: &Clip) -> usize {
        self.voice.queue(&self.codec.encode(clip))
    }

    /// Presses a key for 160 ms, during which nothing is said; gives the moment at which it went down.
    pub(crate) fn press(&self, key: char) -> Instant {
        self.voice.press(key)
    }

    /// Sends no packets at all, or does again.
    pub(crate) fn mute(&self, muted: bool) {
        self.voice.mute(muted);
    }

    /// Lets what is heard come back so much louder and later, as a loudspeaker beside the microphone does.
    pub(crate) fn echo(&self, gain_db: f64, delay: Duration) {
        assert_eq!(self.codec, Codec::Ulaw);
        let packets = delay.as_millis() / PACKET.as_millis();
        self.voice.echo(gain_db, usize::try_from(packets).unwrap());
    }

    /// Hangs up.
    pub(crate) fn hang_up(mut self) -> Heard {
        self.close();
        self.heard()
    }

    /// Listens until Asterisk hangs up, or hangs up itself when the time is over.
    pub(crate) fn wait_for_end(mut self, limit: Duration) -> Heard {
        self.line.wait_for_end(limit);
        self.close();
        self.heard()
    }

    fn close(&mut self) {
        self.line.hanging_up.store(true, Ordering::Relaxed);
        if let Some(signalling) = self.signalling.take() {
            // Its panic has been printed.
            signalling.join().ok();
        }
    }

    fn heard(&self) -> Heard {
        let (by, at) = self
            .line
            .has_ended()
            .unwrap_or((Side::Phone, Instant::now()));
        Heard::new(self.codec, self.answered, &self.voice.received(), at, by)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether a call is still up, shared with the thread that serves its signalling.
#[derive(Default)]
struct Line {
    hanging_up: AtomicBool,
    ended: Mutex<Option<(Side, Instant)>>,
    changed: Condvar,
}

impl Line {
    /// Serves the dialog to its end, whichever side ends it.
    fn serve(&self, dialog: &mut Dialog) {
        let mut said_goodbye: Option<Instant> = None;
        loop {
            if self.hanging_up.load(Ordering::Relaxed)
                && said_goodbye.is_none()
                && self.has_ended().is_none()
            {
                dialog.bye();
                said_goodbye = Some(Instant::now());
            }
            match dialog.next(LOOK_EVERY / 5) {
                Event::Bye => self.end(Side::Asterisk, Instant::now()),
                Event::ByeConfirmed => {
                    self.end(Side::Phone, said_goodbye.unwrap_or_else(Instant::now));
                }
                Event::Other => {}
            }
            let is_given_up = said_goodbye.is_some_and(|at| at.elapsed() > GOODBYE_WITHIN);
            if is_given_up
                || (self.has_ended().is_some() && self.hanging_up.load(Ordering::Relaxed))
            {
                return;
            }
        }
    }

    fn end(&self, by: Side, at: Instant) {
        self.ended.lock().unwrap().get_or_insert((by, at));
        self.changed.notify_all();
    }

    fn has_ended(&self) -> Option<(Side, Instant)> {
        *self.ended.lock().unwrap()
    }

    fn wait_for_end(&self, limit: Duration) {
        let ended = self.ended.lock().unwrap();
        drop(
            self.changed
                .wait_timeout_while(ended, limit, |ended| ended.is_none())
                .unwrap(),
        );
    }
}

/// How long the phone rings at most.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a waiting caller listens.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long Asterisk has to confirm a hang-up.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);
/// The end of a sound is known only about so well, and its last may still be audible.
const FADING: Duration = Duration::from_millis(100);
