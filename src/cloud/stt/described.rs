//! Whether a language model has described a recording instead of writing down what is said in it.
//!
//! Callers begin questions with the words of such descriptions: "I don't hear any dial tone." So a text is refused only
//! as a whole: one in which every word speaks of missing speech, a report in a single sentence that asks nothing, or the
//! introduction of a transcript.

/// Whether `text` describes a recording.
pub(super) fn describes(text: &str) -> bool {
    // The lists below have the plain apostrophe alone, and models write either.
    let lower = text.to_lowercase().replace(['’', '‘'], "'");
    let begin = |c: char| !c.is_alphanumeric();
    let bare = lower.trim_start_matches(begin);
    let lead = LEADS.iter().find_map(|lead| bare.strip_prefix(lead));
    let bare = lead.unwrap_or(bare).trim_start_matches(begin);
    // A description of silence asks nothing; a caller does: "Can you not hear anything?"
    introduces(bare) || reports(bare) || !lower.contains(['?', '？', '¿']) && is_empty(bare)
}

/// Whether it says that a transcript follows.
fn introduces(bare: &str) -> bool {
    INTRODUCTIONS.iter().any(|begin| bare.starts_with(begin))
}

/// Whether it is a sentence about what the caller says. One that asks something may be the caller's own.
fn reports(bare: &str) -> bool {
    let rest = REPORTS.iter().find_map(|begin| bare.strip_prefix(begin));
    rest.is_some_and(|rest| match rest.chars().next() {
        Some(':') => true,
        Some(' ' | ',') => !bare.contains('?') && is_one_sentence(bare),
        _ => false,
    })
}

fn is_one_sentence(text: &str) -> bool {
    [". ", "! ", "? "].iter().all(|end| !text.contains(end))
}

/// Whether it says that nothing is said, and nothing else.
fn is_empty(bare: &str) -> bool {
    let words = bare.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    WHOLE.contains(&text.as_str()) || LANGUAGES.iter().any(|language| language.says_empty(&words))
}

/// The words of a language in which a recording without speech is described, with spaces between them.
struct Language {
    /// Negations.
    not: &'static str,
    /// What is missing.
    speech: &'static str,
    /// What there is instead.
    noise: &'static str,
    recording: &'static str,
    /// The listener, and what they do.
    hearing: &'static str,
    /// What stands between these.
    between: &'static str,
}

impl Language {
    /// Whether all of these words say that there is no speech, or that a recording is of noise.
    fn says_empty(&self, words: &[&str]) -> bool {
        let has = |list: &str, word: &str| list.split(' ').any(|known| known == word);
        let any = |list: &str| words.iter().any(|word| has(list, word));
        let only = |lists: &[&str]| {
            let is_known = |word: &&str| lists.iter().any(|list| has(list, word));
            words.iter().all(is_known)
        };
        let common = [self.not, self.noise, self.recording, self.between];
        let [a, b, c, d] = common;
        let lacks_speech =
            any(self.not) && any(self.speech) && only(&[a, b, c, d, self.speech, self.hearing]);
        let is_noise = any(self.noise) && any(self.recording) && only(&common);
        lacks_speech || is_noise
    }
}

/// What stands before an introduction.
const LEADS: &[&str] = &[
    "sure",
    "certainly",
    "of course",
    "okay",
    "gerne",
    "natürlich",
    "bien sûr",
];

/// What introduces a transcript, in lower case.
const INTRODUCTIONS: &[&str] = &[
    "here is the transcript",
    "here's the transcript",
    "here is a transcript",
    "here is what was said",
    "here is what the caller",
    "the transcript is:",
    "transcript:",
    "transcription:",
    "transcription :",
    "transkript:",
    "hier ist das transkript",
    "voici la transcription",
    "transcripción:",
    "aquí está la transcripción",
    "trascrizione:",
    "ecco la trascrizione",
    "transcriptie:",
    "hier is de transcriptie",
    "transcrição:",
    "aqui está a transcrição",
];

/// What a sentence about the caller or the recording begins with.
const REPORTS: &[&str] = &[
    "the caller asks",
    "the caller is asking",
    "the caller says",
    "the caller is saying",
    "the caller wants to know",
    "the speaker asks",
    "the speaker is asking",
    "the speaker says",
    "the speaker is saying",
    "the user asks",
    "the user is asking",
    "the user says",
    "the user wants to know",
    "the audio contains",
    "this audio contains",
    "the recording contains",
    "this recording contains",
    "der anrufer fragt",
    "der anrufer sagt",
    "der anrufer möchte wissen",
    "die anruferin fragt",
    "die anruferin sagt",
    "die anruferin möchte wissen",
    "die aufnahme enthält",
    "l'appelant demande",
    "l'appelant dit",
    "l'appelante demande",
    "l'appelante dit",
    "l'enregistrement contient",
    "el hablante pregunta",
    "el hablante dice",
    "la grabación contiene",
    "il chiamante chiede",
    "il chiamante dice",
    "la registrazione contiene",
    "de beller vraagt",
    "de beller zegt",
    "de opname bevat",
    "a gravação contém",
];

/// Descriptions that stand for themselves.
const WHOLE: &[&str] = &[
    "silence",
    "noise",
    "background noise",
    "static",
    "inaudible",
    "unintelligible",
    "indistinct",
    "nobody speaks",
    "nobody is speaking",
    "no one is speaking",
    "the caller is silent",
    "the caller does not speak",
    "stille",
    "rauschen",
    "hintergrundgeräusche",
    "unverständlich",
    "bruit de fond",
    "ruido de fondo",
    "rumore di fondo",
    "achtergrondruis",
    "ruído de fundo",
];

/// Words are cut at apostrophes.
const LANGUAGES: &[Language] = &[
    // English
    Language {
        not: "no not t cannot nothing without unable",
        speech: "speech words voice voices spoken talking transcribe transcription",
        noise: "noise silence silent static music inaudible unintelligible empty beeps tones",
        recording: "recording audio clip",
        hearing: "i we m am hear heard can could couldn do does did don didn doesn detect find \
                  make out to sorry but",
        between: "the a an this that in of on and or with any some only just there s is isn are \
                  was wasn be been it contains detected present found discernible audible clear \
                  intelligible recognizable human background provided file because as at all",
    },
    // German
    Language {
        not: "kein keine keinen keinerlei nicht nichts ohne",
        speech: "sprache stimme stimmen worte wörter gesprochen gesprochene gesprochenes \
                  transkribieren",
        noise: "rauschen stille still stumm leer musik geräusche hintergrundgeräusche",
        recording: "aufnahme aufzeichnung audio audiodatei",
        hearing: "ich wir höre hören kann konnte leider",
        between: "der die das den dem ein eine einer dieser diese in im auf und oder nur es ist \
                  sind war wird wurde wurden enthält zu hörbar hörbare verständlich \
                  verständliche verständlichen erkennbar erkennbare vorhanden hintergrund",
    },
    // French
    Language {
        not: "aucun aucune pas rien sans",
        speech: "parole paroles voix mots transcrire",
        noise: "bruit bruits silence silencieux musique inaudible inintelligible vide",
        recording: "enregistrement audio",
        hearing: "je j on entends entend entendre peux peut perçois distingue",
        between: "l d n ne le la les un une de des du dans sur et ou il y a est sont ce cet \
                  cette contient que seulement uniquement audible intelligible compréhensible \
                  perceptible fond",
    },
    // Spanish
    Language {
        not: "no ninguna ningún nada sin",
        speech: "voz voces habla palabras transcribir",
        noise: "ruido silencio música inaudible ininteligible vacía",
        recording: "grabación audio",
        hearing: "oigo oye oyen escucho escucha escuchan se puedo puede oír",
        between: "el la los las un una de del en hay es está esta este y o solo sólo contiene \
                  únicamente fondo audible inteligible",
    },
    // Italian
    Language {
        not: "no non nessuna nessun niente senza alcuna",
        speech: "voce voci parole parlato trascrivere",
        noise: "rumore rumori silenzio musica incomprensibile vuota",
        recording: "registrazione audio",
        hearing: "sento sente sentono si posso può riesco a sentire",
        between: "la il le i l un una di della in nella nel c è ci sono e o solo soltanto \
                  contiene udibile comprensibile fondo sottofondo questa",
    },
    // Dutch
    Language {
        not: "geen niet niets zonder",
        speech: "spraak stem stemmen woorden gesproken",
        noise: "ruis stilte stil muziek onverstaanbaar leeg achtergrondgeluid",
        recording: "opname audio geluidsfragment",
        hearing: "ik hoor horen kan",
        between: "de het een deze dit in van op en of er is zijn te bevat alleen wordt werd \
                  hoorbaar hoorbare verstaanbare",
    },
    // Portuguese
    Language {
        not: "não nenhuma nenhum nada sem",
        speech: "fala voz vozes palavras transcrever",
        noise: "ruído silêncio música inaudível ininteligível vazia",
        recording: "gravação áudio",
        hearing: "ouço ouve se ouvir consigo posso",
        between: "a o as os um uma de do da em na no neste nesta há é e ou só apenas contém \
                  audível inteligível fundo",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_a_recording_as_a_whole_is_refused() {
        for text in [
            "There is no speech.",
            "There is no audible speech in this recording.",
            "I hear no speech in this recording.",
            "I don’t hear any words.",
            "I'm unable to transcribe this audio because it contains only noise.",
            "No discernible speech",
            "(The recording contains only noise.)",
            "The audio is silent.",
            "The recording contains a question about the moon.",
            "Background noise.",
            "*silence*",
            "Inaudible",
            "The caller asks how far away the moon is.",
            "The caller asks: How far away is the moon?",
            "Sure! Here is the transcript: How far away is the moon?",
            "**Transcript:** Four.",
            "Es ist keine Sprache zu hören.",
            "Ich höre keine Stimme.",
            "Die Aufnahme enthält nur Rauschen.",
            "Die Aufnahme ist leer.",
            "Der Anrufer fragt, wie weit der Mond ist.",
            "Je n’entends aucune parole.",
            "Il n'y a pas de voix dans l'enregistrement.",
            "L'enregistrement ne contient que du bruit.",
            "L'appelant demande la distance de la Lune.",
            "No se oye ninguna voz.",
            "No hay voz en la grabación.",
            "La grabación está vacía.",
            "Non si sente alcuna voce.",
            "La registrazione contiene solo rumore.",
            "Er is geen spraak te horen.",
            "De opname bevat alleen ruis.",
            "Não há fala na gravação.",
            "A gravação contém apenas ruído.",
        ] {
            assert!(describes(text), "{text}");
        }
    }

    #[test]
    fn questions_that_begin_like_descriptions_are_the_callers() {
        for text in [
            "I don't hear any dial tone.",
            "I hear no ringing when I call my sister.",
            "I can't hear you.",
            "I can't hear the recording.",
            "I cannot hear any voice on my phone.",
            "There is no audible alarm in the kitchen.",
            "There is no speech at the wedding, is there?",
            "Is there any speech in the recording?",
            "No speech was ever longer than that of Castro, was it?",
            "No words rhyme with orange.",
            "No.",
            "I have no words.",
            "I can't speak.",
            "Here is what I want to know: how far is the moon?",
            "Sure, here is my number.",
            "Sure.",
            "The caller asks for my PIN. What shall I do?",
            "The caller says that he is from my bank, is that true?",
            "The caller ID says unknown.",
            "The recording contains errors, can I delete it?",
            "Silence is golden.",
            "Background noise in my car is too loud.",
            "Inaudible sounds, what are they?",
            "Music.",
            "Ich höre keinen Wählton.",
            "Ich verstehe die Sprache nicht.",
            "Keine Ahnung.",
            "Stille Nacht, wer hat das geschrieben?",
            "Je n'entends pas de tonalité.",
            "Je n'entends pas votre voix.",
            "No oigo el tono de marcar.",
            "No oigo la voz de mi hija.",
            "Non sento la linea.",
            "Ik hoor geen kiestoon.",
            "Não ouço o sinal de discar.",
        ] {
            assert!(!describes(text), "{text}");
        }
    }
}
