//! What a program writes, cut into command lines, and the ways in which a line can break the protocol.

use super::log::Log;

/// How a command begins during which another one may come, and stop it.
pub(super) const SOUND: &str = "STREAM FILE ";

/// Collects the pieces that a pipe gives.
pub(super) struct Lines {
    log: Log,
    unfinished: Vec<u8>,
}

impl Lines {
    pub(super) fn new(log: Log) -> Self {
        Self {
            log,
            unfinished: Vec::new(),
        }
    }

    /// The lines that a piece completes, without their ends; an empty piece is the end of the pipe.
    ///
    /// A pipe gives each write of less than 4 KiB as a whole, so a piece should be exactly one line.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        if piece.is_empty() {
            if !self.unfinished.is_empty() {
                self.violation("ended within a line", &self.unfinished.clone());
            }
            return Vec::new();
        }
        let first_end = piece.iter().position(|byte| *byte == b'\n');
        let are_several = first_end.is_some_and(|end| end + 1 < piece.len());
        // What stops a sound may be read together with it, where this machine is late.
        if are_several && !piece.starts_with(SOUND.as_bytes()) && !self.log.has_input_ended() {
            self.violation(
                "wrote a command before the reply to the one before it",
                piece,
            );
        }
        if !piece.ends_with(b"\n") {
            self.violation("did not write a line in one piece", piece);
        }
        self.unfinished.extend_from_slice(piece);
        let mut lines: Vec<_> = self
            .unfinished
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        self.unfinished = lines.pop().unwrap_or_default();
        for line in &lines {
            self.check(line);
        }
        lines
    }

    fn check(&self, line: &[u8]) {
        if line.is_empty() {
            self.violation("wrote an empty line", line);
        }
        if line.len() > LONGEST_LINE {
            self.violation(
                &format!(
                    "wrote a line of {} bytes, more than {LONGEST_LINE}",
                    line.len()
                ),
                line,
            );
        }
        if line.len() >= 7 && line[..7].eq_ignore_ascii_case(b"failure") {
            self.violation("wrote what Asterisk takes for a failed start", line);
        }
        if let Some(control) = line.iter().find(|byte| **byte < b' ' && **byte != b'\t') {
            self.violation(&format!("wrote the control character {control:#04x}"), line);
        }
        if str::from_utf8(line).is_err() {
            self.violation("wrote what is not UTF-8", line);
        }
    }

    fn violation(&self, what: &str, bytes: &[u8]) {
        let shown: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
        self.log.violation(format!("the program {what}: {shown:?}"));
    }
}

/// A buffer of 2048 bytes (Asterisk before 20.16, 21.11 and 22.6), less the line's end and the final NUL.
const LONGEST_LINE: usize = 2046;
