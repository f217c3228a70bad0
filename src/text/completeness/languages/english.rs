//! What tells in English.

use super::Language;

pub(super) const ENGLISH: Language = Language {
    tag: "en",
    fillers: "um umm uh uhm er erm hmm hm ah eh let_me_see let_me_think",
    hesitations: "and but so well also then or because anyway okay_so you_know i_mean actually one_moment just_a_moment \
        one_second just_a_second a_moment",
    leads: "ok okay hello hi hey yes yeah no please sorry thanks thank_you excuse_me good_morning good_afternoon \
        good_evening um uh er oh right",
    answers: "yes yeah yep yup sure no nope nah okay ok please thanks thank_you thank_you_very_much very_much many_thanks \
        right correct exactly never_mind of_course not_really not_at_all no_problem that's_all that_is_all \
        that's_everything that_will_be_all that's_right that's_it that_would_be_great that_would_be_nice i_know \
        i_don't_know i_think_so i'm_not_sure i'd_like_that i'd_love_to goodbye bye bye_bye good_night yes_%_& no_%_& \
        absolutely certainly great perfect fine all_right alright why_not how_come i_don't_think_so i_hope_so",
    determiners: "a an the my your our their his its every another any some",
    joins: "of to from",
    pronouns: "i you he she it we they there this that these those anyone anybody someone somebody everyone everything",
    open: "and or but because if than as while although unless until till whether nor of to from in for on at with \
        without by into onto under between during toward towards through about per near around plus except is am are \
        was were be been do does did has can could will would should may might must shall isn't aren't don't doesn't \
        didn't can't won't i we he they i'm i've i'd i'll you're you've you'll we're we've we'd they're it's he's \
        she's that's there's what's where's who's how's let's name's number's which whose very @_next @_nearest \
        @_closest @_new @_last @_first @_same @_other @_old mr mrs ms dr it's_spelled is_spelled you_spell *_where \
        *_when *_why *_how *_who *_what for_example how_late_are_you how_long_are_you just true_that possible_that \
        think_that know_that sure_that say_that hope_that tell_*_that whether_% dot had would_you_like",
    begun: "do_you does_it does_he does_she did_you can_you could_you will_you would_you have_you will_it would_it \
        has_it can_it is_it is_that is_there are_there there_is there_are are_you can_i could_i may_i my_name \
        would_like i'd_like i_want i_need need_to_know want_to_know like_to_know i_was_wondering i_wonder i_think \
        i_guess i_am_looking i'm_looking i_am_calling i'm_calling tell_me tell_her tell_him let_me ask_you \
        have_a_question had_a_question got_a_question wanted_to_ask want_to_ask like_to_ask do_you_know have_you_got \
        do_you_offer do_you_accept do_you_take can_i_get can_i_have could_i_have can_i_book can_i_bring you_spell \
        what_kind what_sort is_it_possible i_have_this is_it_true why_&_@_~",
    light: "please just maybe perhaps already also still really today tomorrow tonight now ever",
    closed: "come_in check_in log_in sign_in get_in move_in join_in back_in is_he_in is_she_in turn_*_on come_on going_on \
        are_you_in it_for this_for that_for that_about this_about it_about speaking_to talking_to listening_to \
        looking_at looking_for look_for waiting_for interested_in turned_on turn_on is_*_made_of you_up_to who_*_to \
        who_*_with who_*_for who_*_about who_*_by what_*_with which_*_with where_*_from which_*_from leave_from \
        where_*_to where_*_at come_from you_from it_is they_are it_was he_is she_is you_can i_can we_can you_are \
        who_are_you where_are_you how_are_you what_are_you what_is_it where_is_it when_is_it who_is_it who_is_that \
        what_is_that what_is_there how_is_it where_is_that what_*_is_% how_*_is_it how_*_is_that how_*_is_this \
        which_*_is_% how_many_are_% how_old_are_% get_through put_me_through when_is_he who_are_they where_are_they \
        where_am_i who_am_i since_when until_when tell_me_why tell_me_how said_that i_might you_might come_by \
        me_what_*_is know_what_*_is what_*_it_~_at what_*_it_~_on %_do what_*_@_~_do what_~_have what_*_are_they \
        which_*_are_they what_*_it_~_in what_*_it_~_from what_*_open_until what_*_open_till how_long_*_for \
        is_it_near is_it_today is_it_tomorrow is_it_now where_are_we that_be it_be they_be me_where_*_is \
        know_where_*_is me_where_*_are know_where_*_are me_when_*_is know_when_*_is me_how_*_is know_how_*_is \
        know_who_*_is me_who_*_is me_what_*_are know_what_*_are find_out_~ which_*_%_get_on",
    separable: "",
    either: "it_on it_at it_in is_~_in be_in bring_*_in take_*_in get_from_@_~ what_*_you_~_for is_@_~_in is_@_~_on \
        to_her with_her for_her know_her call_her what_*_%_~_in what_*_%_~_on what_*_%_~_at what_*_%_~_with \
        what_*_%_~_about what_*_%_~_from which_*_%_~_in which_*_%_~_on which_*_%_~_at which_*_%_~_with \
        which_*_%_~_from what_*_%_on what_*_%_in what_*_%_at what_*_%_from which_*_%_on which_*_%_in which_*_%_at \
        when_is_@_~_in",
    questions: "who what when where why how which whose what's where's who's when's how's at_what in_which to_which \
        from_which on_which by_when until_when since_when",
    objects: "who what which whose how_many how_much in_which what's who's where's when's how's",
    of_nouns: "which what how_many whose",
    asks: "is are was were am do does did can could will would should may might shall have has isn't aren't don't \
        doesn't didn't can't won't",
    predicates: "&",
    asks_at_end: "",
    requests: "i'd_like i_would_like i'd_like_to i_would_like_to i_want i_want_to i_need i_need_to tell_me tell_me_about \
        show_me give_me call_me put_me turn set_a set_an play remind_me_to remind_me cancel book_me my_name_is \
        this_is i'm_calling_about i'm_calling_to i'm_looking_for we'd_like we'd_like_to we_need",
    verbs: "have sell accept repair offer buy bring pick_up speak find send make want need use rent include",
    auxiliaries: "is are was were am do does did can could will would should may might shall have has had isn't aren't wasn't \
        weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't",
    copulas: "is are was were am",
    verb_comes_last: false,
    nominal: "",
    needs_subject: true,
    subordinators: "if because although while unless when_i when_we when_my since as_soon_as",
    numbers: "address_is number_is number's code_is postcode_is phone_number account_number order_number digits_are \
        live_at zip_code",
    digits: "zero oh one two three four five six seven eight nine double triple",
    tens: "",
    letters: "a i o",
    spelled_as: "as_in for like",
};
