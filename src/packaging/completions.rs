//! Completions of shells: what people may type, without what install.sh alone uses, and the values that some things have.

use std::error::Error;

use clap::builder::ValueHint;
use clap::{Arg, Command};
use clap_complete::Shell;
use phone_assistant::audio::telephone::Encoding;
use phone_assistant::config::keys::KEYS;
use phone_assistant::{cli, manual};

/// The script for a shell.
pub(crate) fn of(shell: Shell) -> Result<String, Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible(&cli::command()), NAME, &mut script);
    let script = String::from_utf8(script)?;
    Ok(if shell == Shell::Bash {
        for_bash(&script)
    } else {
        script
    })
}

/// A command without what is hidden in it, which clap's completions offer too.
fn visible(command: &Command) -> Command {
    let arguments = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    let commands = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let about = command.get_about().cloned().unwrap_or_default();
    let own = Command::new(kept(command.get_name()))
        .about(about)
        .disable_help_subcommand(true)
        .args(arguments.map(|argument| with_values(command.get_name(), argument.clone())))
        .subcommands(commands.map(visible));
    match command.get_version() {
        Some(version) => own.version(kept(version)),
        None => own,
    }
}

/// clap takes only texts that are there as long as the program.
fn kept(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// An argument with the values that it may have, where they are few.
fn with_values(command: &str, argument: Arg) -> Arg {
    match (command, argument.get_id().as_str()) {
        ("convert", "format") => argument.value_parser(Encoding::ALL.map(Encoding::extension)),
        ("help", "topic") => {
            let topics = manual::TOPICS.iter().map(|topic| topic.name);
            let files = manual::EXAMPLES.iter().map(|file| file.name);
            let all = topics.chain(files).chain(KEYS.iter().map(|key| key.name));
            argument.value_parser(all.collect::<Vec<_>>())
        }
        (_, "user") => argument.value_hint(ValueHint::Username),
        (_, "file" | "html" | "output") => argument.value_hint(ValueHint::FilePath),
        _ => argument,
    }
}

/// Bash would offer the name of a place, such as `<OUT>`, as what stands there; without it, it offers files. And clap
/// looks for the options of commands under another name than it has chosen, where that of the program has a hyphen.
fn for_bash(script: &str) -> String {
    let script = script.replace("phone__subcmd__assistant", "phone__assistant");
    let line = |line: &str| match line.split_once("opts=\"") {
        Some((indent, words)) => {
            let words = words.trim_end_matches('"').split(' ');
            let words: Vec<_> = words.filter(|word| !word.starts_with(['[', '<'])).collect();
            format!("{indent}opts=\"{}\"\n", words.join(" "))
        }
        None => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}

const NAME: &str = "phone-assistant";

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    /// What bash offers where these words have been typed, the last of them in part.
    fn offered(words: &[&str]) -> Vec<String> {
        let ask = r#"eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            _phone__assistant "$1" "${!#}" "${@:$#-1:1}"; printf '%s\n' "${COMPREPLY[@]}""#;
        let script = of(Shell::Bash).expect("a script");
        let output = process::Command::new("bash")
            .args(["-c", ask, "bash", &script, NAME])
            .args(words)
            .output()
            .expect("bash");
        let told = String::from_utf8(output.stderr).expect("text");
        assert!(told.is_empty(), "{told}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_offers_what_people_may_type_and_its_values() {
        let table: [(&[&str], &[&str], &[&str]); 6] = [
            (&[""], &["check", "calls", "help"], &["place", "identity"]),
            (&["check", "--"], &["--offline", "--json"], &["--lines"]),
            (&["console", "--"], &["--user"], &["--root", "--asterisk"]),
            (&["convert", "--format", "w"], &["wav", "wav16"], &["ulaw"]),
            (&["help", "f"], &["fastagi", "fallback"], &["limits"]),
            (&["help", "stt.l"], &["stt.language"], &["tts.voice"]),
        ];
        for (words, expected, others) in table {
            let all = offered(words);
            let has = |word: &&str| all.iter().any(|offered| offered == word);
            assert!(expected.iter().all(&has), "{words:?}: {all:?}");
            assert!(!others.iter().any(has), "{words:?}: {all:?}");
            assert!(!all.iter().any(|word| word.contains(['<', '['])), "{all:?}");
        }
    }

    #[test]
    fn no_shell_is_told_what_install_sh_alone_uses() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let script = of(shell).expect("a script");
            for word in ["identity", "as-guest", "lines", "asterisk-identity"] {
                assert!(!script.contains(&format!("--{word}")), "{shell} {word}");
            }
            assert!(!script.contains("phone__assistant__place") && !script.contains("'identity:"));
        }
    }
}
