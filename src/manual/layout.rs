//! Lays Markdown out for a terminal of 80 columns: paragraphs are wrapped, tables are aligned or become lists, and what
//! is to be typed stays as it is. It knows what this manual is written in and no more of Markdown.

/// Returns the text of a topic as it is printed.
pub fn laid_out(markdown: &str) -> String {
    let mut out = String::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with(FENCE) {
            let block = lines.by_ref().take_while(|line| !line.starts_with(FENCE));
            block.for_each(|line| out.push_str(&indented(line)));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(line));
            }
            // The second row is Markdown's line below the head.
            rows.remove(1);
            out.push_str(&table(&rows));
        } else if let Some(heading) = line.strip_prefix('#') {
            out.push_str(&heading.trim_start_matches(['#', ' ']).to_uppercase());
            out.push('\n');
        } else {
            out.push_str(&wrapped(line, "", &" ".repeat(marker(line))));
        }
    }
    out
}

/// Returns `text` in lines of at most 79 columns, the first behind `first` and the others behind `rest`. What is in
/// backticks is not separated, and a word that is longer has a line of its own.
pub fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let mut out = first.to_owned();
    let mut column = width(first);
    let mut is_begun = false;
    for word in words(text) {
        if is_begun && column + 1 + width(&word) > COLUMNS {
            out.push('\n');
            out.push_str(rest);
            column = width(rest);
        } else if is_begun {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += width(&word);
        is_begun = true;
    }
    out.push('\n');
    out
}

/// The words of a text; what is in backticks is one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if last.matches('`').count() % 2 == 1 => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn indented(line: &str) -> String {
    if line.is_empty() {
        "\n".to_owned()
    } else {
        format!("    {line}\n")
    }
}

/// The width of a list's marker (`* `, `1. `) at the beginning of a line, which the lines below leave free.
fn marker(line: &str) -> usize {
    match line.split_once(' ') {
        Some(("*", _)) => 2,
        Some((number, _)) if is_number(number) => number.len() + 1,
        _ => 0,
    }
}

fn is_number(word: &str) -> bool {
    word.strip_suffix('.')
        .is_some_and(|digits| digits.parse::<u8>().is_ok())
}

fn cells(row: &str) -> Vec<&str> {
    let row = row.trim_start_matches("| ").trim_end_matches(" |");
    row.split(" | ").map(str::trim).collect()
}

/// In columns where that fits. Else each row is an item: its first cell, and the others below it.
fn table(rows: &[Vec<&str>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    if widths.iter().map(|width| width + GAP).sum::<usize>() <= COLUMNS {
        return rows.iter().map(|row| aligned(row, &widths)).collect();
    }
    let items = rows.iter().skip(1).map(|row| {
        let (first, others) = row.split_first().unwrap_or((&"", &[]));
        let others = wrapped(&others.join("; "), "      ", "      ");
        format!("{}{others}", wrapped(first, "  ", "  "))
    });
    items.collect()
}

fn aligned(row: &[&str], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, wide)| {
        let blanks = wide + GAP - width(cell);
        format!("{cell}{}", " ".repeat(blanks))
    });
    let line: String = cells.collect();
    format!("  {}\n", line.trim_end())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

const FENCE: &str = "```";
const COLUMNS: usize = 79;
/// Between two columns of a table, and before the first.
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_block_is_laid_out_in_its_own_way() {
        let words = "word ".repeat(20).trim().to_owned();
        let table = [
            ("# Two words", "TWO WORDS\n".to_owned()),
            ("### Deeper", "DEEPER\n".to_owned()),
            ("short\n\nnext", "short\n\nnext\n".to_owned()),
            (
                "```sh\n# no heading\n\n| no | table |\n```\n* after",
                "    # no heading\n\n    | no | table |\n* after\n".to_owned(),
            ),
            (
                "| a | meaning |\n|---|---|\n| `long` | x |",
                "  a       meaning\n  `long`  x\n".to_owned(),
            ),
            (
                &format!("| a | b | c |\n|---|---|---|\n| d | {words} | f |"),
                format!(
                    "  d\n      {}\n      {}; f\n",
                    "word ".repeat(14).trim(),
                    "word ".repeat(6).trim()
                ),
            ),
            (
                &format!("* {words}"),
                format!(
                    "* {}\n  {}\n",
                    "word ".repeat(15).trim(),
                    "word ".repeat(5).trim()
                ),
            ),
            (
                &format!("12. {words}"),
                format!(
                    "12. {}\n    {}\n",
                    "word ".repeat(15).trim(),
                    "word ".repeat(5).trim()
                ),
            ),
        ];
        for (markdown, expected) in table {
            assert_eq!(laid_out(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_line_is_79_columns_wide_and_a_longer_word_has_one_of_its_own() {
        let text = format!("{} `a b` c", "d".repeat(75));
        assert_eq!(
            wrapped(&text, "", ""),
            format!("{}\n`a b` c\n", "d".repeat(75))
        );
        for (length, lines) in [(77, 1), (78, 2), (200, 2)] {
            let text = format!("a {}", "é".repeat(length));
            assert_eq!(wrapped(&text, "", "").lines().count(), lines, "{length}");
        }
    }
}
