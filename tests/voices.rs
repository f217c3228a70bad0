//! Voices send what they like: what is sound is heard, whatever the server calls it.

use std::fs;
use std::path::Path;

use testkit::audio::{g711, measure};
use testkit::{Response, Stage};

use crate::audio::decode::sound;
use crate::audio::wav::{chunk, extensible, format, riff};
use crate::audio::{pcm_bytes, tone};
use crate::call::heard;
use crate::doctor::{check, of};
use crate::house::{House, PATIENCE, each};

/// The setting of the format, what the server calls what it sends, and what it sends.
type Row = (&'static str, &'static str, Vec<u8>);

#[test]
fn half_a_second_of_sound_is_heard_in_whatever_format_and_by_whatever_name() {
    let files = [
        "tone-24k-mono.mp3",
        "tone-24k-with-cover.mp3",
        "tone-22k-mono.flac",
        "tone-24k-mono.aac",
        "tone-24k-streamed.m4a",
        "tone-44k-stereo.ogg",
        "tone-48k-opus.ogg",
        "tone-16k-silk-opus.ogg",
    ];
    let names = ["audio/wav", "audio/mpeg", "application/octet-stream", ""];
    let files = files.iter().zip(names.iter().cycle());
    let files = files.map(|(file, name)| ("wav", *name, fs::read(sound(file)).unwrap()));
    let rows: Vec<Row> = files.chain(wavs()).chain(bare()).collect();
    each(
        rows.into_iter().enumerate(),
        |(index, (format, name, body))| {
            let row = format!(
                "row {index}: {format}, {name:?}, {}",
                body[..12].escape_ascii()
            );
            let house = House::new();
            let settings = house.sandbox.settings().set("tts.openai.format", format);
            house
                .sandbox
                .respond(Stage::Tts, Response::new(200, name, body).chunked());
            house
                .outcome_with("question-tea.wav", &settings)
                .assert_variable("ASSISTANT_STATUS", "ANSWERED");
            let heard = heard(&house, "ulaw");
            let sentences = house.sandbox.requests_to(Stage::Tts).len();
            let seconds = heard.seconds() / f64::from(u32::try_from(sentences).unwrap());
            assert!((0.45..0.62).contains(&seconds), "{row}: {seconds} s");
            let level = measure::tone_db(&heard, 1_000.0);
            // The level of its RMS, 3 dB below its amplitude, is what voices are brought to.
            assert!((-18.0..-14.0).contains(&level), "{row}: {level} dB");
        },
    );
}

#[test]
fn a_loud_and_a_soft_voice_are_heard_at_one_level_unless_a_gain_is_set() {
    // The amplitude, a setting, and the level that is heard.
    let table = [
        (0.02, None, -16.0),
        (0.2, None, -16.0),
        (0.9, None, -16.0),
        (0.2, Some(("tts.level_dbfs", -25)), -22.0),
        (0.2, Some(("tts.gain_db", 0)), -14.0),
        (0.02, Some(("tts.gain_db", 6)), -28.0),
    ];
    each(table, |(amplitude, setting, expected)| {
        let house = House::new();
        let mut settings = house.sandbox.settings().set("tts.openai.format", "pcm");
        if let Some((name, value)) = setting {
            settings = settings.set(name, value);
        }
        let body = pcm_bytes(&tone(24_000, 1_000, amplitude, 24_000), 16);
        house
            .sandbox
            .respond(Stage::Tts, Response::new(200, "audio/pcm", body).chunked());
        house
            .outcome_with("question-tea.wav", &settings)
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let heard = heard(&house, "ulaw");
        let level = measure::tone_db(&heard, 1_000.0);
        assert!(
            (level - expected).abs() < 1.0,
            "{amplitude}, {setting:?}: {level} dB"
        );
    });
}

#[test]
fn a_voice_that_the_doctor_has_measured_is_at_its_level_from_the_first_sentence_on() {
    each(["", "kitchen"], |persona| {
        let house = House::streaming();
        // What callers are told first would be measured as well.
        let settings = house
            .sandbox
            .settings()
            .set("tts.openai.format", "pcm")
            .set("knowledge.disclosure", "none")
            .set("persona.kitchen.voice", "onyx");
        let body = pcm_bytes(&tone(24_000, 1_000, 0.02, 24_000), 16);
        house
            .sandbox
            .respond(Stage::Tts, Response::new(200, "audio/pcm", body).chunked());
        let mut check = house.command_as_asterisk(&settings, "check", &[]);
        check.output().unwrap();
        let kept = house.sandbox.ca_file().with_file_name("state");
        let kept = fs::read_to_string(kept.join("voices.json")).unwrap();
        assert!(kept.contains("openai tts-1 onyx"), "{kept}");
        let call = house.ask("question-tea.wav").call_with(&settings);
        let call = call.arg(format!("persona={persona}"));
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let reply = format!("{}.ulaw", house.reply().display());
        let mut heard = g711::decoded_mulaw(&outcome.played_of(Path::new(&reply)));
        heard.samples.truncate(8_000);
        let level = measure::tone_db(&heard, 1_000.0);
        assert!((-18.0..-14.0).contains(&level), "{persona}: {level} dB");
    });
}

#[test]
fn the_doctor_has_each_voice_of_a_persona_speak_once_and_names_one_that_cannot() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("knowledge.disclosure", "none")
        .set("persona.kitchen.voice", "onyx")
        .set("persona.cellar.voice", "onyx")
        .set("persona.hall.prompt", "You greet.")
        .set("persona.office.voice", "nobody");
    let found = check(&house, &settings, &[]);
    let of = |persona: &str| {
        let id = format!("tts openai tts-1, persona {persona}");
        let found: Vec<_> = of(&found, &id).collect();
        found.first().map(|finding| finding["status"].to_string())
    };
    let [ok, fail] = ["ok", "fail"].map(|status| Some(format!("\"{status}\"")));
    let personas = ["cellar", "kitchen", "hall", "office"].map(of);
    assert_eq!(personas, [ok, None, None, fail]);
}

#[test]
fn the_rate_of_bare_samples_may_stand_in_a_header_of_its_own() {
    let headers = ["X-Sample-Rate", "x-audio-sample-rate", "Sample-Rate"];
    each(headers, |header| {
        let house = House::new();
        let settings = house.sandbox.settings().set("tts.openai.format", "pcm");
        let body = pcm_bytes(&tone(16_000, 1_000, 0.5, 8_000), 16);
        let response = Response::new(200, "application/octet-stream", body);
        house
            .sandbox
            .respond(Stage::Tts, response.header(header, "16000").chunked());
        house
            .outcome_with("question-tea.wav", &settings)
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let heard = heard(&house, "ulaw");
        let level = measure::tone_db(&heard, 1_000.0);
        assert!((-18.0..-14.0).contains(&level), "{header}: {level} dB");
    });
}

/// The tone at 24 kHz, in WAV files of every kind that servers send.
fn wavs() -> Vec<Row> {
    let tone = tone(24_000, 1_000, 0.5, 12_000);
    let data = |len: Option<u32>, bits: u16| {
        let bytes = pcm_bytes(&tone, bits);
        let len = len.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap());
        chunk("data", len, &bytes)
    };
    let floats: Vec<u8> = tone
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let list = chunk("LIST", 26, b"INFOISFT\x0e\0\0\0Lavf59.27.100\0");
    let unknown = Some(u32::MAX);
    let int = |bits| format(1, 1, 24_000, bits);
    let float = || format(3, 1, 24_000, 32);
    let mut streamed = riff(&[int(16), list.clone(), data(unknown, 16)]);
    streamed[4..8].fill(0xFF);
    let tagged = [
        &b"ID3\x04\0\0\0\0\0\x05notes"[..],
        &riff(&[int(16), data(None, 16)]),
    ]
    .concat();
    let files = [
        riff(&[int(8), data(None, 8)]),
        riff(&[int(24), data(None, 24)]),
        riff(&[int(32), data(unknown, 32)]),
        riff(&[extensible(1, 24_000, 24), data(Some(0), 24)]),
        riff(&[float(), chunk("data", 48_000, &floats)]),
        riff(&[float(), list, chunk("data", u32::MAX, &floats)]),
        riff(&[extensible(3, 24_000, 32), chunk("data", 0, &floats)]),
        streamed,
        tagged,
    ];
    let row = |file| ("wav", "audio/mpeg", file);
    files.map(row).to_vec()
}

/// The tone without any header.
fn bare() -> Vec<Row> {
    let mono = |rate_hz: u16| {
        pcm_bytes(
            &tone(rate_hz.into(), 1_000, 0.5, u32::from(rate_hz) / 2),
            16,
        )
    };
    let stereo = |rate_hz: u16| {
        mono(rate_hz)
            .chunks(2)
            .flat_map(|sample| sample.repeat(2))
            .collect()
    };
    vec![
        ("pcm", "audio/pcm", mono(24_000)),
        ("pcm", "audio/pcm;rate=22050", mono(22_050)),
        ("pcm", "audio/L16; rate=\"16000\"", mono(16_000)),
        ("pcm", "audio/pcm; rate=48000; channels=2", stereo(48_000)),
        ("wav", "audio/l16; Rate=8000; Channels=2", stereo(8_000)),
        ("wav", "audio/pcm", mono(24_000)),
        ("pcm", "audio/mpeg", mono(24_000)),
    ]
}

#[test]
fn what_is_no_sound_is_named_and_not_heard() {
    let table: [(&str, &[u8], &str); 5] = [
        ("audio/wav", b"{\"audio\": \"UklGRg==\"}", "found JSON"),
        ("audio/wav", b"Bad Gateway", "found text"),
        (
            "audio/webm",
            b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81",
            "found a WebM or Matroska file",
        ),
        ("audio/wav", &[0; 2_000], "found an unknown kind of file"),
        (
            "audio/ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0",
            "damaged or cut short",
        ),
    ];
    for (name, body, expected) in table {
        let house = House::new();
        house
            .sandbox
            .respond(Stage::Tts, Response::new(200, name, body));
        house
            .outcome("question-tea.wav")
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", expected);
    }
}

#[test]
fn a_text_of_any_length_and_script_is_said_in_pieces_that_every_voice_takes() {
    let texts = [
        "- first item of a list\n- second item\n".repeat(30),
        "una frase larga, que no termina nunca y sigue ".repeat(60),
        "एक दो तीन चार पाँच छह सात आठ नौ ".repeat(60),
        "今天天气很好我们去公园散步".repeat(120),
        "ที่นี่อากาศดีมาก".repeat(80),
        "هذا نص طويل بلا علامات ترقيم ".repeat(60),
        "Donaudampfschifffahrt".repeat(60),
    ];
    each(texts, |text| {
        let house = House::new();
        let sound = house.say_aloud(&house.sandbox.write_config(house.other()), &text);
        let asked = house.sandbox.requests_to(Stage::Tts);
        let pieces: Vec<_> = asked
            .iter()
            .map(|request| request.body["input"].as_str().unwrap())
            .collect();
        assert!(pieces.len() > 2, "{text}: {pieces:?}");
        for piece in &pieces {
            let longest =
                phone_assistant::text::sentences(piece).map(|sentence| sentence.chars().count());
            assert!(
                longest.max() <= Some(280) && piece.len() <= 5_000,
                "{piece}"
            );
        }
        let said = pieces
            .iter()
            .map(|piece| house.sandbox.spoken(piece).seconds());
        let expected: f64 = said.sum();
        let seconds = sound.seconds();
        assert!(
            (seconds - expected).abs() < 0.1 * expected,
            "{seconds} s of {expected} s"
        );
    });
}
