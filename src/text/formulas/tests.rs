//! Formulas and escapes, and what only looks like them.

use super::super::endless;
use super::*;

#[test]
fn no_delimiter_and_no_command_is_left() {
    let cases = [
        (
            r"So $\frac{3}{4}$ of $5y_1 - 2y_2 \geq 7$.",
            "So 3 over 4 of 5y 1 - 2y 2 ≥ 7.",
        ),
        (
            r"It is \( 2\pi r \), \[ F = ma \] or so.",
            "It is  2π r,  F = ma or so.",
        ),
        (
            "$$\n\\sum_1^9 k\\,dk = \\frac{x}{y}\n$$\nSo.",
            " \n∑ 1^9 k dk = x over y\n\nSo.",
        ),
        (
            r"$20^\circ\text{C}$, $20^{\circ}C$, 20\degree",
            "20°C, 20°C, 20°",
        ),
        (r"z^{2} + y_{1}", "z^2 + y_1"),
        (r"$\boxed{7}$, \boxed{8}", "7, 8"),
        (
            r"$\approx 2.7$ and $3 \times 4 = 12$",
            "≈ 2.7 and 3 × 4 = 12",
        ),
        (
            "$F=ma$ holds, $x$, $n$th, $f(x)$ and $2 + 3$",
            "F=ma holds, x, nth, f(x) and 2 + 3",
        ),
        (r"<math>A \cup B</math>", "<math>A ∪ B</math>"),
        (
            r"\frac{a}{b} and \dfrac12, 3\frac{1}{2}",
            "a over b and 1 over 2, 3 1 over 2",
        ),
        (
            r"\sqrt{2}, \sqrt[3]{8}, 2\sin x, \alpha\beta",
            "√2, 3√8, 2 sin x, αβ",
        ),
        (r"\\frac{1}{2} \\times 3", "1 over 2 × 3"),
        (
            r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
            "a = b  c = d ",
        ),
        (
            r"$\left( \frac{\frac{1}{2}}{3} \right)$",
            " ( 1 over 2 over 3 )",
        ),
        (r"\(\unknown{x} \{1\} 5\% \$3\)", "x 1 5% $3"),
        (
            r"\textbf{Bold} \label{eq:1}x^{2} and x_{1}",
            "Bold x^2 and x_1",
        ),
        (r"unclosed $\frac{1}{2} and on", "unclosed 1 over 2 and on"),
        (
            r"A \xrightarrow{heat} B, $A \xrightarrow{h} B$",
            "A → heat B, A → h B",
        ),
        (
            r"x \overset{a}{=} y, $x \stackrel{?}{=} y$",
            "x a = y, x ? = y",
        ),
        (
            r"\underset{x}{\max} y, \textcolor{red}{Hot}",
            "x max y, Hot",
        ),
        (r"a \bullet b, $\vdots$ \ddots", "a • b, ... ..."),
        (
            r"\operatorname*{argmin} x, $\operatorname*{argmin} x$",
            "argmin x, argmin x",
        ),
        (r"a\hspace*{1cm}b, $a\hspace*{1cm}b$", "ab, ab"),
        (
            r"\unheard{x} of, (\unheard*{x}) and \unheard. \\unheard{x} \\unheard, (\\unheard)",
            "x of, (x) and unheard. x unheard, ( unheard)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(without_formulas(text), expected, "{text}");
    }
}

#[test]
fn of_commands_that_are_not_known_and_of_units_the_words_are_left() {
    let cases = [
        (
            r"$\sfrac{1}{2}$, $\nicefrac{1}{2}$ \nicefrac{1}{2}",
            "1 over 2, 1 over 2 1 over 2",
        ),
        (r"$\mathring{A}$ $\bra{x}$ $\Vec{a}$", "A x a"),
        (
            r"$\cancelto{0}{x}$ and ($\nmid$), $a \nmid b$",
            "x and (), a  b",
        ),
        (
            r"10 m\textsuperscript{2}, x\textsubscript{2}O, x\\textsubscript{2}O",
            "10 m2, x2O, x 2O",
        ),
        (
            r"\textsuperscript{2}, \today, (\today)",
            "2, today, (today)",
        ),
        (
            r"\qty{5}{\km\per\hour}, $\qty{5}{\km\per\hour}$ or \SI{5}{\degreeCelsius}",
            "5 km per hour, 5 km per hour or 5 °C",
        ),
        (
            r"\si{\m\per\s}, \unit{km/h}, \qty{5}, \num{3e8}",
            " m per s, km/h, 5, 3e8",
        ),
        (r"\[ x = 5 \\[4pt] y \\ z [4pt]", " x = 5  y  z [4pt]"),
    ];
    for (text, expected) in cases {
        assert_eq!(without_formulas(text), expected, "{text}");
    }
}

#[test]
fn prices_paths_and_what_markdown_escapes_stay() {
    for text in [
        "It costs $5 or $10, US$5, A$7; 5$, 10$ or 5$-10$. $5/$10, $5-$10. Now ~~$20~~ $15.",
        "($5 + tip) or ($6 a day). $HOME and $PATH. $5k. $",
        r"C:\Users\me, c:\temp\new, \\server\share\name, D:\(x)\[1]\times, (E:\nu)",
        r"It costs $7 or $8, C:\Users\me stays, snake_case too.",
        r"\*not bold\* \# x ¯\_(ツ)_/¯ \$5 \",
        r"\Windows\System32, src\unheard",
        r#"`\\nas\docs`, (\\nas\docs) or "\\raid\tools""#,
        r"$HOME\bin and $PATH, $HOME\bin:$PATH or $5 for C:\Users and $6",
        r"src\name, DOMAIN\tom, snake_case, {braces} and a_{b",
    ] {
        let left = without_formulas(text).replace("a_b", "a_{b");
        assert_eq!(left, text);
    }
}

#[test]
fn raw_escapes_are_decoded() {
    let cases = [
        (
            r"Hi.\nHow are you?\n\nbye\nnow",
            "Hi.\nHow are you?\n\nbye\nnow",
        ),
        (r"Na\u00efve\u2026", "Naïve…"),
        (r"\tOne\r\nTwo", " One\n\nTwo"),
        (r"One \\nTwo", "One \nTwo"),
        (r"(\\nTwo\\nThree)", "(\nTwo\nThree)"),
        (r"Hi.\nIt is ACME\tom", "Hi.\nIt is ACME\\tom"),
        (r"No.<\u0000/think> \u200bYes.", "No.</think> Yes."),
    ];
    for (text, expected) in cases {
        assert_eq!(without_formulas(text), expected, "{text}");
    }
}

#[test]
fn hostile_text_takes_no_more_than_linear_time() {
    for pattern in [
        "$",
        "$a ",
        "$a",
        "$$",
        "\\",
        "\\\\",
        "\\(",
        "\\frac",
        "\\frac{",
        "{",
        "^{",
        "}",
        "\\begin{",
        "\\$",
        "$\\$",
        "\\n",
        "\\u00e9",
        "C:\\",
        "\\sqrt[",
        "$\\a",
        "\\qty{",
        "\\\\[4",
        "\\[\\\\[4",
        "$\\ab{",
    ] {
        let text = endless(pattern);
        assert!(
            without_formulas(&text).len() <= 6 * text.len(),
            "{pattern:?}"
        );
    }
}
