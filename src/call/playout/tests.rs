//! What a caller hears of a playout, whatever the voice does.

use super::*;

/// Lets a play end `after` it began, with `at_open` frames in the file when it was opened.
fn play(playout: &mut PlayoutBuffer, now: Instant, after: Duration, at_open: u32) {
    assert!(playout.can_begin(now));
    playout.begin(now);
    playout.ended(now + after, Some(at_open));
}

#[test]
fn a_sound_without_progress_is_given_up_after_three() {
    let now = Instant::now();
    let mut playout = PlayoutBuffer::new(Encoding::Ulaw);
    playout.push(&[0; 16_000], now);
    for _ in 0..2 {
        play(&mut playout, now, Duration::ZERO, 0);
        assert!(playout.was_fruitless() && !playout.is_stuck());
    }
    // Progress of one frame begins the count anew.
    play(&mut playout, now, FRAME, 1);
    assert!(!playout.was_fruitless());
    for _ in 0..3 {
        assert!(!playout.is_stuck());
        play(&mut playout, now, Duration::ZERO, 1);
    }
    assert!(playout.is_stuck());
}

/// A caller's ear on a playout: Asterisk plays what is appended, and stops at the end of the file.
struct Ear {
    playout: PlayoutBuffer,
    now: Instant,
    file: Vec<u8>,
    heard: Vec<u8>,
    /// Before which sample there was a pause, and how long it was.
    pauses: Vec<(usize, Duration)>,
    silent_since: Option<Instant>,
}

impl Ear {
    fn new() -> Self {
        Self {
            playout: PlayoutBuffer::new(Encoding::Ulaw),
            now: Instant::now(),
            file: Vec::new(),
            heard: Vec::new(),
            pauses: Vec::new(),
            silent_since: None,
        }
    }

    /// Lets time pass in frames, while the voice sends its pieces at their times.
    fn listen(mut self, voice: &[(Duration, &[u8])]) -> Self {
        let start = self.now;
        let mut pieces = voice.iter().peekable();
        let mut place = None;
        for tick in 0..100_000_u32 {
            self.now = start + Duration::from_millis(1) * tick;
            while let Some((_, bytes)) = pieces.next_if(|(at, _)| start + *at <= self.now) {
                self.playout.push(bytes, self.now);
            }
            if pieces.peek().is_none() {
                self.playout.complete();
            }
            if self.playout.can_begin(self.now) {
                let (bytes, from) = self.playout.begin(self.now);
                self.file.extend(bytes);
                place = Some((
                    usize::try_from(from).expect("small") * 160,
                    self.now,
                    self.file.len() / 160,
                ));
                if let Some(since) = self.silent_since.take() {
                    self.pauses.push((self.heard.len(), self.now - since));
                }
            } else if let Some(bytes) = self.playout.more(self.now) {
                self.file.extend(bytes);
            }
            if let Some((at, due, at_open)) = &mut place
                && *due <= self.now
            {
                if let Some(frame) = self.file.get(*at..*at + 160) {
                    self.heard.extend(frame);
                    *at += 160;
                    *due += FRAME;
                } else {
                    let at_open = u32::try_from(*at_open).ok();
                    place = None;
                    self.silent_since = Some(self.now);
                    self.playout.ended(self.now, at_open);
                }
            }
            if self.playout.is_over() {
                return self;
            }
        }
        panic!("it never ends");
    }
}

/// Sound in which no two samples in a row are alike, with a quiet frame after every seven.
fn sound(frames: usize) -> Vec<u8> {
    let frame = |index: usize| match index % 8 {
        7 => vec![0xFF; 160],
        other => (0..160)
            .map(|at| u8::try_from((at * 7 + other) % 100).expect("small"))
            .collect(),
    };
    (0..frames).flat_map(frame).collect()
}

/// The pieces of a voice that begins at once, at a percentage of real time, and stops once for a while.
fn at_speed(
    sound: &[u8],
    percent: u32,
    stall: Option<(usize, Duration)>,
) -> Vec<(Duration, &[u8])> {
    let chunks = sound.chunks(333).enumerate();
    chunks
        .map(|(index, chunk)| {
            let at = Duration::from_micros(125) * u32::try_from(index * 333).expect("short") * 100
                / percent;
            let late = stall.filter(|(after, _)| index * 333 >= *after);
            (at + late.map_or(Duration::ZERO, |(_, pause)| pause), chunk)
        })
        .collect()
}

#[test]
fn a_voice_that_is_fast_enough_is_heard_without_a_pause() {
    for percent in [115, 120, 150, 800, 100_000] {
        for frames in [1, 9, 10, 11, 50, 500] {
            let sound = sound(frames);
            let ear = Ear::new().listen(&at_speed(&sound, percent, None));
            assert_eq!(ear.heard, sound, "{percent} %, {frames} frames");
            assert_eq!(ear.pauses, [], "{percent} %, {frames} frames");
        }
    }
}

#[test]
fn the_first_sound_is_played_as_soon_as_200_ms_or_a_whole_sentence_are_there() {
    let now = Instant::now();
    for encoding in [Encoding::Ulaw, Encoding::Sln16] {
        let mut playout = PlayoutBuffer::new(encoding);
        let enough = 10 * encoding.frame_bytes();
        playout.push(&vec![1; enough - 1], now);
        assert!(!playout.can_begin(now), "{encoding}");
        playout.push(&[1], now);
        assert!(playout.can_begin(now), "{encoding}");
        let mut playout = PlayoutBuffer::new(encoding);
        playout.push(&vec![1; encoding.frame_bytes()], now);
        assert!(!playout.can_begin(now), "{encoding}");
        playout.end_sentence();
        assert!(playout.can_begin(now), "{encoding}");
    }
}

#[test]
fn a_stall_is_one_pause_at_the_quietest_place_at_hand() {
    let sound = sound(500);
    for after in [8_000, 12_345, 30_000] {
        let stall = Some((after, Duration::from_secs(20)));
        let ear = Ear::new().listen(&at_speed(&sound, 800, stall));
        assert_eq!(ear.heard, sound, "after {after}");
        assert_eq!(ear.pauses.len(), 1, "after {after}: {:?}", ear.pauses);
        let (at, _) = ear.pauses[0];
        assert!(at > after - 3_600 && at <= after, "after {after} at {at}");
        let is_quiet = |at: usize| ear.heard[at] == 0xFF;
        assert!(is_quiet(at - 1) || is_quiet(at), "after {after} at {at}");
    }
}

#[test]
fn a_slow_voice_is_heard_whole_with_few_pauses() {
    let sound = sound(500);
    for percent in [95, 80, 50] {
        let ear = Ear::new().listen(&at_speed(&sound, percent, None));
        assert_eq!(ear.heard, sound, "{percent} %");
        let most = 10 * (100 - usize::try_from(percent).expect("small")) / 50 + 1;
        assert!(ear.pauses.len() <= most, "{percent} %: {:?}", ear.pauses);
    }
}

#[test]
fn what_was_appended_too_late_is_played_next() {
    let mut playout = PlayoutBuffer::new(Encoding::Ulaw);
    let start = Instant::now();
    playout.push(&sound(100), start);
    let (first, _) = playout.begin(start);
    assert_eq!(first.len(), 50 * 160);
    let now = start + Duration::from_millis(900);
    assert_eq!(playout.more(now).map(|bytes| bytes.len()), Some(30 * 160));
    // Asterisk had come to the end of the first second just before that.
    playout.ended(start + Duration::from_millis(1_005), Some(50));
    playout.complete();
    let (rest, from) = playout.begin(now);
    assert_eq!((rest.len(), from), (20 * 160, 50));
}

#[test]
fn a_wait_for_the_next_sentence_is_a_pause_between_the_two() {
    let (one, two) = (sound(61), sound(40));
    let mut playout = PlayoutBuffer::new(Encoding::Ulaw);
    let start = Instant::now();
    playout.push(&one, start);
    playout.end_sentence();
    assert!(playout.can_begin(start));
    let (mut file, _) = playout.begin(start);
    while let Some(bytes) = playout.more(start) {
        file.extend(bytes);
    }
    assert_eq!(file, one, "nothing of it is kept back");
    let over = start + FRAME * 61;
    assert_eq!(playout.more(over), None);
    playout.ended(over, Some(31));
    assert!(!playout.can_begin(over));
    playout.push(&two[..160 * 3], over);
    assert!(!playout.can_begin(over));
    playout.end_sentence();
    assert!(playout.can_begin(over), "a short sentence is whole");
    assert_eq!(playout.begin(over).1, 61);
}

#[test]
fn a_break_after_one_piece_of_odd_length_harms_nothing() {
    let mut playout = PlayoutBuffer::new(Encoding::Ulaw);
    let start = Instant::now();
    playout.push(&sound(10), start);
    playout.begin(start);
    playout.ended(start + FRAME * 6, Some(5));
    playout.push(&[0x55; 333], start + FRAME * 10);
    playout.complete();
    assert!(playout.can_begin(start + FRAME * 11));
}

#[test]
fn a_file_that_takes_no_more_ends_with_what_it_took() {
    let mut playout = PlayoutBuffer::new(Encoding::Ulaw);
    let start = Instant::now();
    playout.push(&sound(100), start);
    playout.begin(start);
    assert!(playout.more(start + FRAME * 20).is_some());
    playout.abandon();
    playout.push(&sound(100), start + FRAME * 21);
    assert_eq!(playout.more(start + FRAME * 22), None);
    playout.ended(start + FRAME * 50, Some(50));
    assert!(playout.is_over() && !playout.can_begin(start + FRAME * 51));
}

#[test]
fn an_asterisk_without_a_clock_is_believed() {
    let mut playout = PlayoutBuffer::new(Encoding::Sln16);
    let start = Instant::now();
    playout.push(&[0; 640 * 10], start);
    playout.complete();
    assert_eq!(playout.begin(start).0.len(), 6_400);
    playout.ended(start, Some(10));
    assert!(playout.is_over());
}
