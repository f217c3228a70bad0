//! What a command of LaTeX is to a voice (<https://ctan.org/pkg/short-math-guide>).

use std::collections::HashMap;
use std::sync::LazyLock;

/// What stands in place of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Sign(&'static str),
    /// A function, which is called by its name.
    Name,
    /// Only changes how its argument looks.
    Style,
    Fraction,
    /// A number and its unit.
    Quantity,
    Unit,
    Root,
    /// Its argument is not for readers either.
    Hidden,
    /// Its first argument is not for readers.
    Colour,
    /// Its first argument stands above or below its second one.
    Above,
    /// A sign with an argument above it.
    Arrow(&'static str),
    Space,
    Begin,
    End,
    Item,
}

/// The command of this name, without its backslash.
pub(super) fn command(name: &str) -> Option<Command> {
    static ALL: LazyLock<HashMap<&str, Command>> =
        LazyLock::new(|| groups().chain(signs()).collect());
    ALL.get(name).copied()
}

fn groups() -> impl Iterator<Item = (&'static str, Command)> {
    let groups = GROUPS.iter();
    groups.flat_map(|(names, command)| names.split(' ').map(|name| (name, *command)))
}

fn signs() -> impl Iterator<Item = (&'static str, Command)> {
    let signs = SIGNS.split(' ').filter_map(|pair| pair.split_once('='));
    signs.flat_map(|(names, sign)| names.split('/').map(|name| (name, Command::Sign(sign))))
}

const GROUPS: &[(&str, Command)] = &[
    (
        "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det gcd deg dim ker \
        arg mod bmod pmod Pr today",
        Command::Name,
    ),
    (
        "text textbf textit textrm texttt textsf textnormal emph underline overline bar hat tilde vec dot ddot widehat \
        widetilde boxed fbox mbox mathrm mathbf mathit mathsf mathtt mathbb mathcal mathfrak mathscr boldsymbol bm \
        operatorname section subsection subsubsection paragraph title underbrace overbrace cancel ce num",
        Command::Style,
    ),
    (
        "frac dfrac tfrac cfrac sfrac nicefrac binom dbinom tbinom",
        Command::Fraction,
    ),
    ("SI qty", Command::Quantity),
    ("si unit", Command::Unit),
    ("sqrt", Command::Root),
    (
        "label tag ref eqref cite color hspace vspace phantom includegraphics documentclass usepackage",
        Command::Hidden,
    ),
    (
        "left right big Big bigg Bigg bigl bigr Bigl Bigr quad qquad displaystyle textstyle limits nolimits newline \
        noindent nonumber notag hline centering bf it rm middle",
        Command::Space,
    ),
    ("textcolor colorbox href cancelto", Command::Colour),
    ("overset underset stackrel", Command::Above),
    (
        "xrightarrow xmapsto xlongrightarrow xhookrightarrow",
        Command::Arrow("→"),
    ),
    ("xleftarrow", Command::Arrow("←")),
    ("xRightarrow", Command::Arrow("⇒")),
    ("xrightleftharpoons", Command::Arrow("⇌")),
    ("begin", Command::Begin),
    ("end", Command::End),
    ("item", Command::Item),
];

/// Names, separated by slashes, and the sign that they stand for.
const SIGNS: &str = "alpha=α beta=β gamma=γ delta=δ epsilon/varepsilon=ε zeta=ζ eta=η theta/vartheta=θ iota=ι kappa=κ \
    lambda=λ mu=μ nu=ν xi=ξ pi/varpi=π rho/varrho=ρ sigma/varsigma=σ tau=τ upsilon=υ phi/varphi=φ chi=χ psi=ψ omega=ω \
    Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω ell=ℓ hbar=ħ Re=Re Im=Im aleph=ℵ \
    times/cdot=× div=÷ pm=± mp=∓ ast=* star=* circ/degree/textdegree=° prime=' percent=% celsius/degreeCelsius=°C \
    leq/le/leqslant=≤ geq/ge/geqslant=≥ neq/ne=≠ lt=< gt=> ll=≪ gg=≫ approx=≈ equiv=≡ cong=≅ sim/simeq=≈ propto=∝ \
    sum=∑ prod=∏ int=∫ iint=∬ oint=∮ infty=∞ partial=∂ nabla=∇ cap=∩ cup=∪ in=∈ notin=∉ ni=∋ subset=⊂ supset=⊃ \
    subseteq=⊆ supseteq=⊇ emptyset/varnothing=∅ setminus=∖ forall=∀ exists=∃ neg/lnot=¬ land/wedge=∧ lor/vee=∨ \
    to/rightarrow/longrightarrow/mapsto=→ leftarrow/gets=← leftrightarrow=↔ Rightarrow/implies/Longrightarrow=⇒ \
    Leftarrow=⇐ Leftrightarrow/iff=⇔ uparrow=↑ downarrow=↓ rightleftharpoons=⇌ angle=∠ perp=⊥ parallel=∥ mid=| \
    therefore=∴ because=∵ ldots/dots/cdots/dotsc/dotsb/vdots/ddots=... bullet=• euro=€ pounds=£ lvert/rvert/vert=| langle=⟨ rangle=⟩ \
    lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ textbackslash=\\ copyright=© oplus=⊕ otimes=⊗ colon=:";
