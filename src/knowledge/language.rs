//! The words for dates, opening hours and the AI disclosure, in the languages that have a table here. The others get
//! English ones, and the model translates them.

use crate::sys::language;

/// The words of a language. What stands for `{}` is told in its order.
#[derive(Debug)]
pub(crate) struct Language {
    /// Its code by ISO 639-1.
    code: &'static str,
    /// From Monday on.
    pub(super) days: &'static str,
    pub(super) months: &'static str,
    /// The first day of a month.
    pub(super) first: &'static str,
    /// A date without its month, without its year, and whole: weekday, day, month, year.
    pub(super) dates: [&'static str; 3],
    /// Date, time.
    pub(super) now: &'static str,
    pub(super) place: &'static str,
    /// The ordinary week.
    pub(super) week: &'static str,
    /// Open, closed, and neither for certain.
    pub(super) states: [&'static str; 3],
    /// State, comment, until when.
    pub(super) is_now: &'static str,
    /// In place of a time until when.
    pub(super) stays: &'static str,
    /// The states after that of now.
    pub(super) then: &'static str,
    /// In place of a time until when, for a later state.
    pub(super) from_then: &'static str,
    /// Time.
    pub(super) until_today: &'static str,
    /// Date, time.
    pub(super) until_tomorrow: &'static str,
    /// Date, time.
    pub(super) until: &'static str,
    /// Date.
    pub(super) next_closed: &'static str,
    /// Number of days, their hours.
    pub(super) exceptions: &'static str,
    /// Date.
    pub(super) more: &'static str,
    /// Two things, of which the first may be a list.
    pub(super) and: &'static str,
    /// Two days or times.
    pub(super) to: &'static str,
    pub(super) all_day: &'static str,
    /// Time.
    pub(super) to_midnight: &'static str,
    /// Two times.
    pub(super) to_next_day: &'static str,
    /// Time.
    pub(super) from: &'static str,
    pub(super) not_certain: &'static str,
    /// What callers hear first, unless the settings say otherwise.
    pub(crate) disclosure: &'static str,
    /// What they hear where a message was taken and the answer says nothing, and where it could not be taken.
    pub(crate) message_kept: &'static str,
    pub(crate) message_lost: &'static str,
    /// What they hear where a PIN is to be typed, and to be typed again.
    pub(crate) pin: &'static str,
    pub(crate) wrong_pin: &'static str,
}

impl Language {
    /// The words of the language with this BCP-47 tag, else the English ones.
    pub(crate) fn of(tag: &str) -> &'static Self {
        let is_it = |language: &&&Self| language.is_spoken_in(tag);
        OTHERS.iter().find(is_it).copied().unwrap_or(ENGLISH)
    }

    /// Whether it is the language with this BCP-47 tag, in whatever region.
    pub(crate) fn is_spoken_in(&self, tag: &str) -> bool {
        language::is_same(self.code, tag)
    }
}

const OTHERS: &[&Language] = &[GERMAN, FRENCH, SPANISH, ITALIAN];

pub(crate) const ENGLISH: &Language = &Language {
    code: "en",
    days: "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    months: "January February March April May June July August September October November December",
    first: "1",
    dates: ["{} {}", "{} {} {}", "{} {} {} {}"],
    now: "Now it is {}, {}.",
    place: " You are in {}.",
    week: "Opening hours of the house in an ordinary week: {}.",
    states: ["open", "closed", "perhaps open, which is not certain"],
    is_now: "The house is {} now{}, {}.",
    stays: "and stays so",
    then: " Then it is {}.",
    from_then: "from then on",
    until_today: "until today at {}",
    until_tomorrow: "until tomorrow, {}, at {}",
    until: "until {} at {}",
    next_closed: "The next day on which it does not open is {}.",
    exceptions: "In the next {} days, these are not as in an ordinary week: {}.",
    more: "from {} on there are more, which you are not told",
    and: "{} and {}",
    to: "{} to {}",
    all_day: "all day",
    to_midnight: "{} to midnight",
    to_next_day: "{} to {} of the next day",
    from: "from {} on",
    not_certain: " (not certain)",
    disclosure: "You are talking with an automatic assistant.",
    message_kept: "Your message has been noted.",
    message_lost: "I am sorry, your message could not be taken. Please call again later.",
    pin: "Please type your PIN, then the hash key.",
    wrong_pin: "That PIN is wrong. Please type it again, then the hash key.",
};

const GERMAN: &Language = &Language {
    code: "de",
    days: "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    months: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    first: "1",
    dates: ["{}, {}.", "{}, {}. {}", "{}, {}. {} {}"],
    now: "Heute ist {}, es ist {} Uhr.",
    place: " Du bist in {}.",
    week: "Öffnungszeiten des Hauses in einer gewöhnlichen Woche: {}.",
    states: [
        "geöffnet",
        "geschlossen",
        "vielleicht geöffnet, was nicht sicher ist",
    ],
    is_now: "Das Haus ist jetzt {}{}, {}.",
    stays: "und bleibt es",
    then: " Danach ist es {}.",
    from_then: "von da an",
    until_today: "bis heute um {} Uhr",
    until_tomorrow: "bis morgen, {}, um {} Uhr",
    until: "bis {} um {} Uhr",
    next_closed: "Der nächste Tag, an dem es nicht öffnet, ist {}.",
    exceptions: "In den nächsten {} Tagen sind diese nicht wie in einer gewöhnlichen Woche: {}.",
    more: "ab {} gibt es weitere, die dir nicht genannt werden",
    and: "{} und {}",
    to: "{} bis {}",
    all_day: "ganztägig",
    to_midnight: "{} bis Mitternacht",
    to_next_day: "{} bis {} des nächsten Tages",
    from: "ab {}",
    not_certain: " (nicht sicher)",
    disclosure: "Sie sprechen mit einem automatischen Assistenten.",
    message_kept: "Ihre Nachricht ist notiert.",
    message_lost: "Es tut mir leid, Ihre Nachricht konnte nicht angenommen werden. Bitte rufen Sie später noch einmal an.",
    pin: "Bitte geben Sie Ihre PIN ein, danach die Rautetaste.",
    wrong_pin: "Diese PIN ist falsch. Bitte geben Sie sie noch einmal ein, danach die Rautetaste.",
};

const FRENCH: &Language = &Language {
    code: "fr",
    days: "lundi mardi mercredi jeudi vendredi samedi dimanche",
    months: "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    first: "1er",
    dates: ["{} {}", "{} {} {}", "{} {} {} {}"],
    now: "Nous sommes le {}, il est {}.",
    place: " Tu te trouves à {}.",
    week: "Horaires de l'établissement dans une semaine ordinaire : {}.",
    states: [
        "ouvert",
        "fermé",
        "peut-être ouvert, ce qui n'est pas certain",
    ],
    is_now: "L'établissement est maintenant {}{}, {}.",
    stays: "et le reste",
    then: " Ensuite il est {}.",
    from_then: "à partir de là",
    until_today: "jusqu'à aujourd'hui à {}",
    until_tomorrow: "jusqu'à demain, {}, à {}",
    until: "jusqu'au {} à {}",
    next_closed: "Le prochain jour où il n'ouvre pas est le {}.",
    exceptions: "Dans les {} prochains jours, ceux-ci ne sont pas comme dans une semaine ordinaire : {}.",
    more: "à partir du {} il y en a d'autres, qui ne te sont pas indiqués",
    and: "{} et {}",
    to: "{} à {}",
    all_day: "toute la journée",
    to_midnight: "{} à minuit",
    to_next_day: "{} à {} le lendemain",
    from: "à partir de {}",
    not_certain: " (pas certain)",
    disclosure: "Vous parlez avec un assistant automatique.",
    message_kept: "Votre message est noté.",
    message_lost: "Je suis désolé, votre message n'a pas pu être pris. Merci de rappeler plus tard.",
    pin: "Veuillez taper votre code secret, puis la touche dièse.",
    wrong_pin: "Ce code est faux. Veuillez le taper à nouveau, puis la touche dièse.",
};

const SPANISH: &Language = &Language {
    code: "es",
    days: "lunes martes miércoles jueves viernes sábado domingo",
    months: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    first: "1",
    dates: ["{} {}", "{} {} de {}", "{} {} de {} de {}"],
    now: "Hoy es {}, la hora es {}.",
    place: " Estás en {}.",
    week: "Horario del establecimiento en una semana normal: {}.",
    states: ["abierto", "cerrado", "quizá abierto, lo que no es seguro"],
    is_now: "El establecimiento está ahora {}{}, {}.",
    stays: "y sigue así",
    then: " Después está {}.",
    from_then: "a partir de entonces",
    until_today: "hasta hoy a las {}",
    until_tomorrow: "hasta mañana, {}, a las {}",
    until: "hasta el {} a las {}",
    next_closed: "El próximo día en que no abre es el {}.",
    exceptions: "En los próximos {} días, estos no son como en una semana normal: {}.",
    more: "desde el {} hay más, que no se te indican",
    and: "{} y {}",
    to: "{} a {}",
    all_day: "todo el día",
    to_midnight: "{} a medianoche",
    to_next_day: "{} a {} del día siguiente",
    from: "desde las {}",
    not_certain: " (no es seguro)",
    disclosure: "Está hablando con un asistente automático.",
    message_kept: "Su mensaje está anotado.",
    message_lost: "Lo siento, no se ha podido tomar su mensaje. Por favor, llame más tarde.",
    pin: "Por favor, marque su PIN y después la tecla almohadilla.",
    wrong_pin: "Ese PIN es incorrecto. Por favor, márquelo otra vez y después la tecla almohadilla.",
};

const ITALIAN: &Language = &Language {
    code: "it",
    days: "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    months: "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    first: "1º",
    dates: ["{} {}", "{} {} {}", "{} {} {} {}"],
    now: "Oggi è {}, sono le {}.",
    place: " Ti trovi a {}.",
    week: "Orari della sede in una settimana normale: {}.",
    states: ["aperta", "chiusa", "forse aperta, il che non è certo"],
    is_now: "La sede adesso è {}{}, {}.",
    stays: "e resta così",
    then: " Poi è {}.",
    from_then: "da allora in poi",
    until_today: "fino a oggi alle {}",
    until_tomorrow: "fino a domani, {}, alle {}",
    until: "fino a {} alle {}",
    next_closed: "Il prossimo giorno in cui non apre è {}.",
    exceptions: "Nei prossimi {} giorni, questi non sono come in una settimana normale: {}.",
    more: "da {} ce ne sono altri, che non ti vengono indicati",
    and: "{} e {}",
    to: "{} - {}",
    all_day: "tutto il giorno",
    to_midnight: "{} - mezzanotte",
    to_next_day: "{} - {} del giorno dopo",
    from: "dalle {}",
    not_certain: " (non è certo)",
    disclosure: "Sta parlando con un assistente automatico.",
    message_kept: "Il suo messaggio è stato annotato.",
    message_lost: "Mi dispiace, non è stato possibile prendere il suo messaggio. La prego di richiamare più tardi.",
    pin: "Digiti il suo PIN, poi il tasto cancelletto.",
    wrong_pin: "Il PIN è errato. Lo digiti di nuovo, poi il tasto cancelletto.",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// What is filled in, in the order of the fields.
    fn gaps(language: &Language) -> Vec<usize> {
        let Language {
            now,
            place,
            week,
            is_now,
            then,
            until_today,
            until_tomorrow,
            until,
            next_closed,
            exceptions,
            more,
            and,
            to,
            to_midnight,
            to_next_day,
            from,
            ..
        } = language;
        let one = [
            now,
            place,
            week,
            is_now,
            then,
            until_today,
            until_tomorrow,
            until,
            next_closed,
            exceptions,
            more,
            and,
            to,
            to_midnight,
            to_next_day,
            from,
        ];
        let all = one.into_iter().chain(&language.dates);
        all.map(|text| text.matches("{}").count()).collect()
    }

    #[test]
    fn every_language_has_the_days_the_months_and_the_gaps_of_the_english_texts() {
        for language in OTHERS.iter().chain([&ENGLISH]) {
            let count = |words: &str| words.split(' ').count();
            assert_eq!(count(language.days), 7, "{}", language.code);
            assert_eq!(count(language.months), 12, "{}", language.code);
            assert_eq!(gaps(language), gaps(ENGLISH), "{}", language.code);
        }
    }

    #[test]
    fn a_language_is_found_by_its_tag_and_english_stands_for_the_others() {
        let table = [
            ("de-CH", "de"),
            ("FR", "fr"),
            ("es-419", "es"),
            ("it-IT", "it"),
            ("en-GB", "en"),
            ("pl-PL", "en"),
            ("den-CA", "en"),
            ("", "en"),
        ];
        for (tag, code) in table {
            assert_eq!(Language::of(tag).code, code, "{tag}");
        }
    }
}
