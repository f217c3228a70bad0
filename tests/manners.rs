//! How the commands behave at a terminal, in a pipe and in a script.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use testkit::{Response, Stage, Terminal};

use crate::house::{House, data, program};

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env_remove("PHONE_ASSISTANT_CONFIG")
        .stdin(Stdio::null());
    command
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A log of three calls, the newest last.
const LOG: &str = r#"{"time":"2026-11-23T10:00:00.000Z","id":"1.1","status":"ANSWERED","ear_to_ear_ms":3000,"silence_ms":2000,"marks":{"first_played":1000},"microdollars":4000}
{"time":"2026-11-24T10:00:00.000Z","id":"1.2","status":"FAILED","marks":{},"stage":"tts","error":"<b>; see its billing page"}
{"time":"2026-11-25T10:00:00.000Z","id":"1.3","status":"ANSWERED","ear_to_ear_ms":4000,"silence_ms":2000,"marks":{"first_played":2000},"question":"How far?"}
"#;

#[test]
fn at_a_terminal_of_80_columns_check_breaks_no_word_and_names_the_file_once() {
    let house = House::new();
    let check = house.command_as_asterisk(&house.sandbox.settings(), "check", &["--offline"]);
    let mut sized = Command::new("sh");
    sized
        .args(["-c", "stty cols 80; exec \"$0\" \"$@\""])
        .arg(check.get_program())
        .args(check.get_args())
        .envs(
            check
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("NO_COLOR", "1");
    let (_, screen) = Terminal::start(&mut sized).finish();
    let long: Vec<_> = screen
        .lines()
        .map(str::trim_end)
        .filter(|line| line.chars().count() > 80 && line.trim().contains(' '))
        .collect();
    assert!(long.is_empty(), "{long:#?}\n{screen}");
    let file = house.settings_file().display().to_string();
    assert_eq!(
        screen.matches(&format!("by {file}:")).count(),
        1,
        "{screen}"
    );
}

#[test]
fn help_and_calls_are_as_wide_as_the_terminal() {
    let folder = testkit::TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let log = log.to_str().unwrap();
    let table = [
        &["--help"][..],
        &[],
        &["convert", "--help"],
        &["check", "--help"],
        &["calls", log],
    ];
    for arguments in table {
        let mut sized = Command::new("sh");
        sized
            .args(["-c", "stty cols 64; exec \"$0\" \"$@\""])
            .arg(program())
            .args(arguments)
            .env("NO_COLOR", "1");
        let (_, screen) = Terminal::start(&mut sized).finish();
        // What was being done stands before a return, and is cleared.
        let shown = screen
            .lines()
            .filter_map(|line| line.trim_end().rsplit('\r').next());
        let widths = shown.map(|line| line.replace("\u{1b}[K", "").chars().count());
        let widest = widths.max().unwrap();
        assert!(
            (50..=64).contains(&widest),
            "{widest} in {arguments:?}:\n{screen}"
        );
    }
}

#[test]
fn what_takes_long_says_at_a_terminal_what_it_does_until_it_is_done() {
    let house = House::new();
    let folder = house.other();
    let output = folder.join("beep.ulaw");
    let sound = data("beep.wav");
    let mut convert = command(&["convert", sound.to_str().unwrap(), output.to_str().unwrap()]);
    let (_, screen) = Terminal::start(&mut convert).finish();
    let shown = "1/1 beep.wav …\r\u{1b}[K1/1 beep.wav -> beep.ulaw (";
    assert!(screen.starts_with(shown), "{screen:?}");
    let settings = house.sandbox.settings();
    let messages = folder.join("messages");
    let settings = settings.set("messages.folder", messages.to_str().unwrap());
    let config = settings.write(folder);
    let options = ["--config", config.to_str().unwrap()];
    let say = ["say", "hello", output.to_str().unwrap()];
    for (arguments, what, rest) in [
        (&say[..], "speaking", "beep.ulaw: "),
        (&["messages", "--retry"], "delivering", "0 not delivered"),
        (
            &["calls"],
            "reading the log of calls",
            "calls are not logged",
        ),
    ] {
        let mut command = command(&[arguments, &options].concat());
        let (_, screen) = Terminal::start(&mut command).finish();
        let cleared = format!("{what} …\r\u{1b}[K");
        let told = screen.strip_prefix(&cleared);
        assert!(told.is_some_and(|told| told.contains(rest)), "{screen:?}");
        let output = command_output(&[arguments, &options].concat());
        assert!(!output.contains('…'), "{output:?}");
    }
}

/// What a command writes where nothing is a terminal.
fn command_output(arguments: &[&str]) -> String {
    let output = run(arguments);
    said(&[output.stdout, output.stderr].concat())
}

#[test]
fn a_mistake_of_the_command_line_reads_as_any_other_error() {
    for (arguments, words) in [
        (&["chek"][..], "unrecognized subcommand 'chek'"),
        (
            &["check", "--ofline"],
            "unexpected argument '--ofline' found",
        ),
        (
            &["calls", "--last", "0"],
            "invalid value '0' for '--last <N>'",
        ),
        (
            &["check", "--quiet", "--json"],
            "the argument '--quiet' cannot be used with '--json'",
        ),
    ] {
        let output = run(arguments);
        let told = said(&output.stderr);
        let expected = format!("phone-assistant: {words}");
        assert!(told.starts_with(&expected), "{told}");
        assert!(
            !told.contains("error: ") && told.contains("--help"),
            "{told}"
        );
        assert!(!told.contains("  ") && !told.contains("Usage"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert_eq!(output.status.code(), Some(64));
        let (_, screen) = Terminal::start(&mut command(arguments)).finish();
        assert!(screen.starts_with(&expected), "{screen:?}");
        assert!(
            screen.contains("\r\n\r\nUsage: ") || screen.contains("\r\n\r\nFor more"),
            "{screen:?}"
        );
    }
}

#[test]
fn a_disk_that_is_full_is_an_error_of_help_too() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help"],
        &["calls", "--help"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command(arguments).stdout(full).output().unwrap();
        let told = said(&output.stderr);
        assert!(
            told.starts_with("phone-assistant: cannot write to the terminal: "),
            "{told}"
        );
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_of_any_command() {
    let folder = testkit::TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let log = log.to_str().unwrap();
    let sound = data("beep.wav");
    let table: [&[&str]; 6] = [
        &["help"],
        &["--help"],
        &["calls", log],
        &["calls", "--json", log],
        &["convert", sound.to_str().unwrap(), "-"],
        &["help", "commands"],
    ];
    for arguments in table {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let told = said(&output.stderr);
        assert!(
            !told.to_lowercase().contains("pipe"),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn what_is_no_session_of_asterisk_is_an_error_and_a_call_never_is() {
    for (from_asterisk, code) in [(false, 64), (true, 0)] {
        let mut call = command(&[]);
        if from_asterisk {
            call.env("AST_AGI_DIR", "/x");
        }
        let output = call.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{from_asterisk}");
        let told = said(&output.stderr);
        assert!(
            told.starts_with("phone-assistant: no AGI session"),
            "{told}"
        );
    }
}

#[test]
fn faults_of_the_settings_stand_one_below_the_other_with_their_lines() {
    let folder = testkit::TempDir::new().unwrap();
    let file = folder.path().join("config.toml");
    let config = file.to_str().unwrap();
    let table = [
        (
            "[tts]\nspeed = 1,5\n[stt]\nlanguage = 'x'\n[stt]\n",
            "phone-assistant: the settings are not right:\n  \
             FILE, line 2, column 10: a decimal point, not a comma, as in 1.5\n    \
             2 | speed = 1,5\n      |          ^\n  \
             FILE, line 5, column 2: [stt] stands twice, in lines 3 and 5: put all of it below one of them\n    \
             5 | [stt]\n      |  ^\n",
        ),
        (
            "[opnai]\napi_key = 'sk-secret-secret'\n[gemini]\napi_key = 'AIzaSecret'\n",
            "phone-assistant: the settings are not right:\n  \
             FILE, line 2, column 1: unknown setting opnai.api_key (did you mean openai.api_key?)\n    \
             2 | api_key = …\n      | ^^^^^^^\n",
        ),
        (
            "tts.speed = 9\n[gemini]\napi_key = 'AIzaSecret'\n[state]\n  url = 'http://a'\n[persona.a]\nvioce = 1\n",
            "phone-assistant: the settings are not right:\n  \
             FILE, line 1, column 5: tts.speed must be 0.25 to 4 times, found 9.0\n    \
             1 | tts.speed = 9\n      |     ^^^^^\n  \
             FILE, line 5, column 3: state.url must be redis://HOST in a private network, or rediss://HOST: \
             it begins neither with redis:// nor with rediss://\n    \
             5 |   url = …\n      |   ^^^\n  \
             FILE, line 7, column 1: unknown setting persona.a.vioce (did you mean voice?)\n    \
             7 | vioce = …\n      | ^^^^^\n",
        ),
    ];
    for (text, expected) in table {
        testkit::write_secret(&file, text);
        let out = folder.path().join("x.ulaw");
        let output = run(&["say", "hello", out.to_str().unwrap(), "--config", config]);
        assert_eq!(said(&output.stderr).replace(config, "FILE"), expected);
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn the_log_of_calls_is_told_for_programs_and_since_a_day() {
    let folder = testkit::TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let log = log.to_str().unwrap();
    let found = |arguments: &[&str]| {
        let output = run(&[&["calls", "--json"], arguments, &[log]].concat());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let all = found(&[]);
    assert_eq!((&all["version"], &all["calls"]), (&json!(1), &json!(3)));
    assert_eq!(
        all["statuses"]["FAILED"],
        json!({"calls": 1, "stages": {"tts": 1}})
    );
    let ear_to_ear = json!({"p50": 3000, "p95": 4000, "calls": 2});
    assert_eq!(all["milliseconds"]["ear to ear"], ear_to_ear);
    assert_eq!(
        (&all["microdollars"], &all["shown"]["id"]),
        (&json!(4000), &json!("1.3"))
    );
    for (since, calls) in [
        ("2026-11-24", 2),
        ("2026-11-24T10:00:01", 1),
        ("2026-11-26", 0),
    ] {
        assert_eq!(found(&["--since", since])["calls"], calls, "{since}");
    }
    assert_eq!(found(&["--since", "2026-11-24", "--last", "1"])["calls"], 1);
    for (arguments, words) in [
        (["--last", "0"], "a number of calls is 1 or more"),
        (["--since", "yesterday"], "write a day as 2026-11-25"),
    ] {
        let output = run(&[&["calls"][..], &arguments, &[log]].concat());
        assert_eq!(output.status.code(), Some(64));
        assert!(
            said(&output.stderr).contains(words),
            "{}",
            said(&output.stderr)
        );
    }
}

#[test]
fn a_page_of_the_calls_is_whole_in_itself_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = testkit::TempDir::new().unwrap();
    let [log, page] = ["calls.jsonl", "page.html"].map(|name| folder.path().join(name));
    fs::write(&log, LOG).unwrap();
    let arguments = [
        "calls",
        "--html",
        page.to_str().unwrap(),
        log.to_str().unwrap(),
    ];
    let output = run(&arguments);
    assert!(
        said(&output.stderr).ends_with("page.html: 3 calls\n"),
        "{output:?}"
    );
    assert_eq!(page.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&page).unwrap();
    for part in [
        "2026-11-24",
        "&lt;b&gt;",
        "see its billing page",
        "How far?",
        "</html>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("//"), "{text}");
    assert!(run(&arguments).status.success(), "it is replaced");
    // Nothing else is.
    let other = folder.path().join("config.toml");
    fs::write(&other, "[gemini]\n").unwrap();
    let link = folder.path().join("link.html");
    std::os::unix::fs::symlink(&log, &link).unwrap();
    let rotated = folder.path().join("calls.jsonl.1");
    fs::write(&rotated, LOG).unwrap();
    let told = |path: &Path| {
        let output = run(&[
            "calls",
            "--html",
            path.to_str().unwrap(),
            log.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(1));
        said(&output.stderr)
    };
    let why = told(folder.path());
    assert!(why.contains("cannot read what is at"), "{why}");
    for (path, kept) in [
        (&log, LOG),
        (&rotated, LOG),
        (&link, LOG),
        (&other, "[gemini]\n"),
    ] {
        let told = told(path);
        assert!(told.contains("is there and is no page of calls"), "{told}");
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            kept,
            "{}",
            path.display()
        );
    }
    let output = run(&[
        "calls",
        "--html",
        "/nonexistent/page.html",
        log.to_str().unwrap(),
    ]);
    let told = said(&output.stderr);
    assert!(told.contains("make its folder first"), "{told}");
}

#[test]
fn a_page_says_what_of_the_log_is_not_in_it() {
    let folder = testkit::TempDir::new().unwrap();
    let [log, page] = ["calls.jsonl", "page.html"].map(|name| folder.path().join(name));
    // Its calls are at its end, behind zeros that take no room on the disk, and a half line.
    let mut file = fs::File::create(&log).unwrap();
    file.set_len(1 << 40).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    write!(file, "\n{{\"time\n{LOG}").unwrap();
    let output = run(&[
        "calls",
        "--html",
        page.to_str().unwrap(),
        log.to_str().unwrap(),
    ]);
    let told = said(&output.stderr);
    let text = fs::read_to_string(&page).unwrap();
    let (span, _) = text.split_once("class=\"tiles\"").unwrap();
    for note in [
        "1 line could not be read",
        "the log goes on: at most its newest 64 MiB are read",
    ] {
        assert!(told.contains(&format!("\n{note}\n")), "{told}");
        assert!(span.contains(note), "{span}");
    }
    assert!(told.contains("page.html: 3 calls\n"), "{told}");
}

#[test]
fn a_page_takes_the_place_of_no_log_which_may_be_empty_or_not_there_yet() {
    let folder = testkit::TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    let [log, rotated, linked] = ["calls.jsonl", "calls.jsonl.1", "linked"].map(place);
    let settings = place("config.toml");
    fs::write(&settings, format!("log.calls = {log:?}\n")).unwrap();
    let refused = |out: &Path| {
        let settings = settings.to_str().unwrap();
        let output = run(&[
            "calls",
            "--config",
            settings,
            "--html",
            out.to_str().unwrap(),
        ]);
        let told = said(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("name another file for the page"), "{told}");
    };
    refused(&log);
    assert!(!log.exists());
    // As logrotate makes it.
    fs::write(&log, "").unwrap();
    fs::write(&rotated, "").unwrap();
    fs::hard_link(&log, &linked).unwrap();
    for out in [&log, &rotated, &linked] {
        refused(out);
        assert_eq!(fs::read(out).unwrap(), b"", "{}", out.display());
    }
}

#[test]
fn a_terminal_that_obeys_nothing_is_written_plain_text() {
    let house = House::new();
    let folder = testkit::TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let check = house.command_as_asterisk(&house.sandbox.settings(), "check", &["--offline"]);
    for command in [
        check,
        command(&["calls", log.to_str().unwrap()]),
        command(&["--help"]),
        command(&["chek"]),
    ] {
        let mut sized = Command::new("sh");
        sized
            .args(["-c", "stty cols 80; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .env("PHONE_ASSISTANT_CHECK_AS_ASTERISK", "1")
            .env_remove("NO_COLOR")
            .env("TERM", "dumb");
        let (_, screen) = Terminal::start(&mut sized).finish();
        assert!(!screen.contains('\u{1b}'), "{command:?}: {screen:?}");
        assert!(!screen.replace("\r\n", "").contains('\r'), "{screen:?}");
    }
}

#[test]
fn convert_takes_stdin_and_gives_stdout_and_says_what_hinders_it() {
    let folder = testkit::TempDir::new().unwrap();
    let file = folder.path().join("beep.wav16");
    let sound = data("beep.wav");
    let whole = run(&["convert", sound.to_str().unwrap(), file.to_str().unwrap()]);
    assert!(whole.status.success(), "{whole:?}");
    let mut piped = command(&["convert", "-", "-", "--format", "wav16"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = fs::read(&sound).unwrap();
    piped.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = piped.wait_with_output().unwrap();
    assert!(
        said(&output.stderr).starts_with("1/1 - -> - ("),
        "{output:?}"
    );
    assert!(output.stdout == fs::read(&file).unwrap());
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    let (sound, folder) = (name(&sound), name(folder.path()));
    for (arguments, words) in [
        (["-", &*folder], "name the file to write, not a folder"),
        (
            [&*sound, "/nonexistent/x.ulaw"],
            "make its folder first: No",
        ),
        (
            [&*sound, "/etc/passwd/x.ulaw"],
            "a file has the name of its folder",
        ),
        (["/bin/ls", "x.ulaw"], "the file is damaged or cut short"),
        ([&*folder, "x.ulaw"], "cannot open it: it is a folder"),
        (["/", "x.ulaw"], "cannot open it: it is a folder"),
        (["/nonexistent.wav", "x.ulaw"], "No such file or directory"),
    ] {
        let output = run(&["convert", arguments[0], arguments[1]]);
        let told = said(&output.stderr);
        assert!(told.contains(words), "{told}");
        assert!(
            !told.contains("bitstream") && !told.contains("probe"),
            "{told}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn what_goes_to_a_stdout_that_takes_nothing_is_an_error() {
    let (sound, folder) = (data("beep.wav"), testkit::TempDir::new().unwrap());
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let [sound, log] = [&sound, &log].map(|path| path.to_str().unwrap());
    for (arguments, ends) in [
        (&["convert", sound, "-"][..], "-> - ("),
        (&["calls", "--html", "-", log], "-: 3 calls"),
    ] {
        for (out, words) in [
            (
                ">/dev/full",
                Some("cannot write to stdout: No space left on device"),
            ),
            (">&-", Some("cannot write to stdout: it is closed")),
            (">/dev/null", None),
            ("| :", None),
        ] {
            let output = Command::new("bash")
                .arg("-c")
                .arg(format!("set -o pipefail; \"$0\" \"$@\" {out}"))
                .arg(program())
                .args(arguments)
                .output()
                .unwrap();
            let told = said(&output.stderr);
            assert_eq!(output.status.success(), words.is_none(), "{out}: {told}");
            assert!(told.contains(words.unwrap_or(ends)), "{out}: {told}");
        }
    }
}

#[test]
fn calls_takes_its_log_from_stdin_and_gives_its_page_to_stdout() {
    let folder = testkit::TempDir::new().unwrap();
    let page = folder.path().join("page.html");
    let log = folder.path().join("calls.jsonl");
    fs::write(&log, LOG).unwrap();
    let of_stdin = |arguments: &[&str]| {
        let mut command = command(&[&["calls"], arguments, &["-"]].concat());
        command
            .stdin(fs::File::open(&log).unwrap())
            .output()
            .unwrap()
    };
    let output = of_stdin(&["--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["calls"], 3);
    let written = of_stdin(&["--html", page.to_str().unwrap()]);
    assert!(
        said(&written.stderr).ends_with("page.html: 3 calls\n"),
        "{written:?}"
    );
    let shown = of_stdin(&["--html", "-"]);
    assert_eq!(said(&shown.stderr), "-: 3 calls\n");
    assert!(shown.stdout == fs::read(&page).unwrap());
    assert!(!Path::new("-").exists());
}

#[test]
fn a_user_who_may_not_read_the_settings_is_told_to_be_root_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = testkit::TempDir::new().unwrap();
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), everybody).unwrap();
    let settings = folder.path().join("config.toml");
    fs::write(&settings, "").unwrap();
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o000)).unwrap();
    let settings = settings.to_str().unwrap();
    for (arguments, code) in [
        (&["calls"][..], 1),
        (&["calls", "--json"], 1),
        (&["callers"], 1),
        (&["forget", "+33 1 23 45 67"], 2),
        (&["hours"], 1),
        (&["hours", "--now"], 2),
        (&["messages"], 1),
        (&["say", "hello", "/tmp/hello.ulaw"], 1),
        (&["tool"], 1),
    ] {
        let mut command = command(&[&["--config", settings], arguments].concat());
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let told = format!(
            "phone-assistant: you may not read the settings in {settings}; run this as root (sudo)\n"
        );
        assert_eq!(said(&output.stderr), told, "{arguments:?}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn check_tells_programs_its_version_no_layout_and_null_where_nothing_is_to_be_done() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let check = house
        .command_as_asterisk(&settings, "check", &["--offline", "--json"])
        .output();
    let all: Value = serde_json::from_slice(&check.unwrap().stdout).unwrap();
    assert_eq!(all["version"], 1);
    for finding in all["checks"].as_array().unwrap() {
        let text = finding["text"].as_str().unwrap();
        assert!(!text.contains("  ") && !text.contains('\n'), "{text:?}");
        let is_null = finding["remedy"].is_null();
        assert_eq!(is_null, finding["status"] == "ok", "{finding:#}");
    }
    let of = |finding: &&Value| finding["id"] == "settings";
    let set = all["checks"].as_array().unwrap().iter().find(of).unwrap();
    let set = set["settings"].as_array().unwrap();
    assert!(
        set.iter()
            .any(|it| it["name"] == "stt.provider" || it["name"] == "tts.provider")
    );
    assert!(
        set.iter()
            .all(|it| it["value"].is_string() && it["source"].is_string())
    );
}

#[test]
fn the_remedy_for_a_key_of_an_own_server_names_the_only_key_that_is_sent_there() {
    let house = House::new();
    let refusal = json!({"error": {"message": "Unauthorized", "code": "invalid_api_key"}});
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        house.sandbox.respond(stage, Response::json(401, &refusal));
    }
    let found = crate::doctor::check(&house, &house.sandbox.local_settings(), &[]);
    for (stage, remedy) in [
        ("llm", "check the key: api_key in [llm.openai]"),
        ("tts", "check the key: api_key in [tts.openai]"),
    ] {
        let all = found.as_array().unwrap().iter();
        let told: Vec<_> = all.filter(|it| it["remedy"] == remedy).collect();
        assert_eq!(told.len(), 1, "{stage}: {found:#}");
    }
}

#[test]
fn a_fallback_that_no_call_asks_is_not_looked_at() {
    let house = House::new();
    let settings = crate::providers::openai(&house)
        .set("tts.provider", "openai")
        .without("google.credentials");
    let found = crate::doctor::check(&house, &settings, &[]);
    let all = found.as_array().unwrap().iter();
    let told: Vec<_> = all
        .map(|it| format!("{} {}", it["id"], it["text"]).to_lowercase())
        .filter(|told| told.contains("google"))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn help_tells_where_the_manual_is_and_what_exit_codes_mean() {
    let help = said(&run(&["--help"]).stdout);
    for words in [
        "phone-assistant help lists its topics",
        "Exit codes: 0 all is well",
    ] {
        assert!(help.contains(words), "{help}");
    }
}
