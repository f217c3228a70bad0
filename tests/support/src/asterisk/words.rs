//! How Asterisk splits a command line into words.
//!
//! Spec: `parse_args` of Asterisk 22, res/res_agi.c; what it does to quotes and backslashes is not documented.

/// The words of a line without its end; `None` when there are more than 128, which Asterisk refuses.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Words::default();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => words.current.extend(letters.next()),
            '"' => words.quote(),
            ' ' | '\t' if !words.quoted => words.end(),
            letter => words.push(letter),
        }
        words.begun |= letter == '\\';
    }
    words.end();
    (words.done.len() <= MAX_WORDS).then_some(words.done)
}

#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: String,
    begun: bool,
    quoted: bool,
}

impl Words {
    fn push(&mut self, letter: char) {
        self.current.push(letter);
        self.begun = true;
    }

    fn quote(&mut self) {
        self.quoted = !self.quoted;
        self.begun = true;
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.done.push(std::mem::take(&mut self.current));
        }
    }
}

const MAX_WORDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_backslashes_are_split_as_asterisk_splits_them() {
        let cases: [(&str, &[&str]); 14] = [
            ("", &[]),
            ("  \t ", &[]),
            ("NOOP", &["NOOP"]),
            ("a  b\tc ", &["a", "b", "c"]),
            (r#"SET VARIABLE X "a b""#, &["SET", "VARIABLE", "X", "a b"]),
            (r#"x """#, &["x", ""]),
            (r#""a""b"c"#, &["abc"]),
            (r#""say \"hi\" \\ now""#, &[r#"say "hi" \ now"#]),
            (r"a\ b", &["a b"]),
            (r"a\n", &["an"]),
            (r#""never closed  x"#, &["never closed  x"]),
            (r"a\", &["a"]),
            ("x y\r", &["x", "y\r"]),
            ("it's, fine", &["it's,", "fine"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line:?}");
        }
    }

    #[test]
    fn a_hundred_and_twenty_eight_words_are_the_most() {
        assert_eq!(split(&"a ".repeat(128)).unwrap().len(), 128);
        assert!(split(&"a ".repeat(129)).is_none());
    }
}
