//! Recordings with damaged headers, the search for speech in whatever they turn out to hold, and compressed sound.

use std::fs;
use std::io::Cursor;
use std::time::Duration;

use phone_assistant::audio::decode::Decoder;
use phone_assistant::audio::wav::{self, Error};
use phone_assistant::audio::{Pcm, speech};
use testkit::audio::wav::{Header, with_header};
use testkit::audio::{Clip, clips};

use super::mutate::{Random, mutated};
use super::{fuzz, inputs};
use crate::audio::decode::{page_len, seal, sound};
use crate::house::data;

#[test]
fn no_recording_makes_its_reader_panic_or_read_too_much() {
    let recordings = recordings();
    let seeds: Vec<_> = recordings.iter().map(Vec::as_slice).collect();
    let limit = Duration::from_millis(10);
    let feed = |input: &[u8]| match wav::read(input, limit) {
        Ok(pcm) => {
            // No coding has more than a sample in a byte.
            assert!(pcm.duration() <= limit && pcm.samples.len() <= input.len());
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            matches!(
                error,
                Error::Coding { .. } | Error::Rate(_) | Error::Channels(_)
            )
        }
    };
    let make = |random: &mut _| mutated(&seeds, RIFF_LEN, random);
    fuzz("recordings", inputs(), make, feed);
}

/// A second of sound takes much longer to search than a header to read, so it gets a hundredth of the inputs.
#[test]
fn no_sound_makes_the_search_for_speech_panic() {
    let sounds = sounds();
    let seeds: Vec<_> = sounds.iter().map(Vec::as_slice).collect();
    let make = |random: &mut Random| {
        let mut file = mutated(&seeds, HEADER_LEN, random);
        for _ in 0..random.below(4) {
            let other = random.pick(&seeds);
            file.extend_from_slice(&other[random.below(other.len())..]);
        }
        file
    };
    fuzz("sounds", inputs() / 100, make, |input| {
        let Ok(pcm) = wav::read(input, Duration::from_secs(2)) else {
            return false;
        };
        search(&pcm);
        pcm.duration() > Duration::from_millis(100)
    });
}

/// Half a second of sound takes much longer to decode than a header to read, so each kind gets a hundredth of the inputs.
/// The pages of Ogg are sealed again, so that damage reaches the packets, of which each has a page of its own, so that it
/// reaches not all of them.
#[test]
fn no_compressed_sound_makes_its_decoder_panic_or_go_on_for_ever() {
    let kinds: [&[&str]; 5] = [
        &["tone-24k-mono.mp3", "tone-24k-with-cover.mp3"],
        &["tone-24k-mono.aac"],
        &["tone-24k-streamed.m4a", "tone-16k-alac.m4a"],
        &["tone-22k-mono.flac"],
        &[
            "tone-48k-opus.ogg",
            "tone-16k-silk-opus.ogg",
            "tone-48k-hybrid-opus.ogg",
            "tone-48k-stereo-opus.ogg",
        ],
    ];
    for names in kinds {
        let files: Vec<_> = names
            .iter()
            .map(|name| fs::read(sound(name)).unwrap())
            .map(|file| {
                if page_len(&file).is_some() {
                    one_packet_a_page(&file)
                } else {
                    file
                }
            })
            .collect();
        let seeds: Vec<_> = files.iter().map(Vec::as_slice).collect();
        let make = |random: &mut Random| {
            let mut file = mutated(&seeds, MAX_HEADER_LEN, random);
            seal(&mut file);
            file
        };
        fuzz(names[0], inputs() / 100, make, |input| {
            let Ok(mut decoder) = Decoder::open(Cursor::new(input.to_vec())) else {
                return false;
            };
            let mut left = MAX_FRAMES;
            while let Ok(Some(block)) = decoder.next_block() {
                assert!(block.iter().all(|sample| sample.is_finite()));
                left = left.checked_sub(block.len()).expect("the sound ends");
            }
            true
        });
    }
}

/// An Ogg file with each packet on a page of its own.
fn one_packet_a_page(file: &[u8]) -> Vec<u8> {
    let (mut pages, mut rest, mut number) = (Vec::new(), file, 0_u32);
    while let Some(len) = page_len(rest) {
        let (page, after) = rest.split_at(len);
        let (laces, mut body) = page[27..].split_at(page[26].into());
        for laces in laces.split_inclusive(|lace| *lace < u8::MAX) {
            let (packet, others) = body.split_at(laces.iter().copied().map(usize::from).sum());
            // Only the first is marked, as the first, and none as the last.
            pages.extend_from_slice(&page[..5]);
            pages.push(if number == 0 { page[5] } else { 0 });
            pages.extend_from_slice(&page[6..18]);
            pages.extend_from_slice(&number.to_le_bytes());
            pages.extend_from_slice(&[0; 4]);
            pages.push(laces.len().try_into().unwrap());
            pages.extend_from_slice(laces);
            pages.extend_from_slice(packet);
            (body, number) = (others, number + 1);
        }
        rest = after;
    }
    seal(&mut pages);
    pages
}

fn search(pcm: &Pcm) {
    if let Some(found) = speech::find(pcm) {
        assert!(found.start < found.end && found.end <= pcm.samples.len());
    }
    for longest in [Duration::ZERO, Duration::from_millis(333), Duration::MAX] {
        let pieces = speech::split(pcm, longest);
        assert_eq!(pieces.first().map(|piece| piece.start), Some(0));
        assert_eq!(
            pieces.last().map(|piece| piece.end),
            Some(pcm.samples.len())
        );
        assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
}

/// Every kind of header, on sounds so short that most mutations meet the header.
fn recordings() -> Vec<Vec<u8>> {
    let headers = [
        Header::Right,
        Header::SizesZero,
        Header::SizesUnknown,
        Header::DataTooLong,
        Header::ListBeforeData,
        Header::Extensible,
    ];
    let clips = [8_000, 16_000].map(|rate_hz| clips::tone(rate_hz, 440.0, -6.0, 0.005));
    let stereo = |mut file: Vec<u8>| {
        file[CHANNELS_AT] = 2;
        file
    };
    let made = clips
        .iter()
        .flat_map(|clip| headers.map(|header| with_header(clip, header)));
    let found = ["gsm-wav49.wav", "header-only.wav", "odd-length.wav"];
    let found = found.map(|name| fs::read(data(name)).unwrap());
    let made: Vec<_> = made.collect();
    let in_stereo = made.iter().cloned().map(stereo);
    made.iter().cloned().chain(in_stereo).chain(found).collect()
}

/// Half a second each of what a line can hold, without a size, so that more may follow.
fn sounds() -> Vec<Vec<u8>> {
    let voice = testkit::audio::wav::read(&data("question-moon.wav"));
    let begin = voice.samples.len() / 2;
    let sounds = [
        Clip::telephone(voice.samples[begin..begin + 4_000].to_vec()),
        clips::silence(8_000, 0.5),
        clips::tone(8_000, 1_000.0, 0.0, 0.5),
        clips::noise(8_000, -30.0, 0.5, 1),
        clips::noise(16_000, -60.0, 0.5, 2),
        Clip::telephone([[i16::MAX; 40], [i16::MIN; 40]].concat().repeat(50)),
    ];
    sounds
        .iter()
        .map(|clip| with_header(clip, Header::SizesZero))
        .collect()
}

/// Ten minutes: more than what the bytes of these files can stand for, be they silence in a lossless coding.
const MAX_FRAMES: usize = 600 * 48_000;
/// Ogg's first two pages, and the description of an M4A file.
const MAX_HEADER_LEN: usize = 900;
/// `RIFF`, a size, `WAVE`.
const RIFF_LEN: usize = 12;
/// As Asterisk writes it.
const HEADER_LEN: usize = 44;
const CHANNELS_AT: usize = 22;
