//! The words that tell whether an utterance is finished, one row a language.
//!
//! A list is one text. A space separates its entries, and an underscore the words of an entry.

/// What tells in one language.
pub(super) struct Language {
    /// The primary subtag, as in `en`.
    pub(super) tag: &'static str,
    /// What is said while thinking.
    pub(super) fillers: &'static str,
    /// What may stand before a sentence and is no part of it.
    pub(super) leads: &'static str,
    /// What is a whole utterance.
    pub(super) answers: &'static str,
    /// Ends that need more. A star stands for one word or more.
    pub(super) open: &'static str,
    /// Ends that need nothing although they are listed as open.
    pub(super) closed: &'static str,
    /// The beginnings of questions.
    pub(super) asks: &'static str,
    /// The beginnings of clauses that need a main clause.
    pub(super) subordinators: &'static str,
    /// The verbs of a question that stand before their subject and need another verb behind it, or another part.
    pub(super) auxiliaries: &'static str,
    /// Of these, the ones that need nothing but a subject behind a question word.
    pub(super) copulas: &'static str,
    /// Subjects of one word.
    pub(super) pronouns: &'static str,
    /// Whether the other verb is the last word of the question.
    pub(super) verb_comes_last: bool,
    /// What announces a number.
    pub(super) numbers: &'static str,
    /// The digits in words.
    pub(super) digits: &'static str,
}

pub(super) const LANGUAGES: &[Language] = &[
    Language {
        tag: "en",
        fillers: "um umm uh uhm er erm hmm hm ah eh",
        leads: "and but so well ok okay hello hi hey yes no please sorry thanks thank_you excuse_me good_morning \
                good_afternoon good_evening um uh er oh also then right",
        answers: "yes yeah yep yup sure no nope nah okay ok please thanks thank_you thank_you_very_much many_thanks right \
                correct exactly never_mind of_course not_really no_problem that's_all that_is_all that's_right that's_it \
                goodbye bye bye_bye good_night yes_i_do yes_i_am yes_it_is yes_i_can yes_i_will yes_i_would yes_i_have \
                yes_we_do yes_we_are yes_that_is no_i_don't no_i_can't absolutely certainly great perfect fine all_right alright",
        open: "a an the my your our their his its every another any some_of all_of and or but because if than as while \
                although unless until till whether nor of to from in for on at with without by into onto under between \
                during toward towards through about per near around plus except is am are was were be been do does did \
                have has had can could will would should may might must shall isn't aren't don't doesn't didn't can't \
                won't i we they he she i'm i've i'd i'll you're you've you'll we're we've we'd they're it's he's she's that's there's what's \
                where's who's how's let's which whose very maybe perhaps just actually mr mrs ms dr do_you does_it does_he \
                does_she did_you can_you could_you will_you would_you have_you will_it would_it has_it can_it is_it is_that \
                is_there are_there there_is there_are are_you my_name i_would_like would_like i'd_like i_want i_need \
                need_to_know want_to_know like_to_know i_was_wondering i_wonder i_think i_mean i_guess i_am_looking i'm_looking i_am_calling \
                i'm_calling tell_me let_me let_me_see let_me_think ask_you have_a_question had_a_question got_a_question question_is \
                wanted_to_ask want_to_ask like_to_ask do_you_know do_you_have have_you_got do_you_sell do_you_offer do_you_accept do_you_take \
                can_i_get can_i_have could_i_have can_i_book can_i_bring how_about what_about what_kind what_sort \
                *_where *_when *_why *_how *_who *_what so_that think_that know_that sure_that say_that hope_that this_is \
                for_example such_as and_then and_so it_and more_than less_than",
        closed: "come_in check_in log_in sign_in get_in move_in join_in are_you_in it_for this_for that_for that_about this_about it_about \
                speaking_to talking_to listening_to looking_at looking_for waiting_for interested_in turned_on who_*_to who_*_with \
                who_*_for who_*_about who_*_by what_*_with where_*_from which_*_from leave_from where_*_to where_*_at you_from come_from it_is they_are it_was \
                he_is she_is where_*_is what_*_is who_*_is how_*_is when_*_is how_*_are where_*_are when_*_are what_*_are \
                you_have we_have they_have you_do i_do we_do they_do you_can i_can we_can you_are who_are_you where_are_you how_are_you \
                what_are_you what_is_it where_is_it when_is_it who_is_it who_is_that what_is_that how_is_it where_is_that time_is_it day_is_it much_is_it \
                far_is_it long_is_it get_through put_me_through are_they is_he is_she was_it where_am_i since_when \
                until_when tell_me_why tell_me_how said_that i_might you_might",
        asks: "who what when where why how which whose what's where's who's when's how's at_what in_which to_which from_which by_when until_when \
                since_when is are was were am do does did can could will would should may might shall have has isn't aren't don't doesn't can't won't",
        subordinators: "if because although while unless when_i when_we when_my since as_soon_as",
        auxiliaries: "is are was were am do does did can could will would should may might shall have has isn't aren't don't doesn't can't won't",
        copulas: "is are was were am",
        pronouns: "i you he she it we they there this that these those anyone anybody someone everything everyone",
        verb_comes_last: false,
        numbers: "address_is number_is number's code_is postcode_is phone_number account_number order_number digits_are",
        digits: "zero oh one two three four five six seven eight nine double triple",
    },
    Language {
        tag: "de",
        fillers: "äh ähm öh öhm hm hmm em ehm",
        leads: "und aber also ja nein hallo guten_tag guten_morgen guten_abend grüß_gott servus moin danke bitte entschuldigung \
                entschuldigen_sie gut okay ok äh ähm ach dann",
        answers: "ja jawohl genau richtig stimmt nein nee nö doch gerne gern klar natürlich sicher okay ok gut danke danke_schön \
                vielen_dank bitte ja_bitte nein_danke tschüss tschüs ciao auf_wiedersehen auf_wiederhören schönen_tag_noch das_war's das_war_alles alles_klar \
                ja_gerne ja_genau nicht_nötig auf_keinen_fall auf_jeden_fall passt perfekt super schon_gut",
        open: "der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner dein deine ihr ihre ihren ihrem \
                ihrer unser unsere unseren unserem unserer sein seine kein keine keinen diese dieser dieses diesen diesem welche welcher \
                welches welchen und oder aber weil dass ob wenn falls als denn sondern damit dass_sie ob_sie wenn_sie weil_sie bevor nachdem während obwohl bis sowie \
                in im ins an am auf bei beim für mit nach von vom zu zum zur über unter aus um ohne gegen durch seit zwischen neben wegen vor hinter pro ab \
                ich wir er man es_ist ich_bin ich_habe ich_hätte ich_möchte ich_will ich_wollte ich_würde ich_brauche ich_suche ich_kann ich_muss wir_möchten wir_haben wir_hätten wir_sind wir_brauchen \
                ich_hätte_gern ich_hätte_gerne wir_hätten_gern wir_hätten_gerne ich_möchte_gern ich_möchte_gerne ich_würde_gern ich_würde_gerne ich_wollte_fragen wollte_nur mal_fragen ich_habe_eine_frage eine_frage \
                haben_sie können_sie könnten_sie möchten_sie würden_sie kann_ich könnte_ich darf_ich soll_ich muss_ich können_wir dürfen_wir gibt_es ist_es sind_sie hat_die \
                sie_mir sagen_sie_mir sie_mir_sagen mir_sagen mir_bitte_sagen ich_heiße mein_name mein_name_ist name_ist nummer_ist *_ist *_sind und_zwar zum_beispiel das_heißt ich_glaube ich_meine ich_denke ich_weiß_nicht wissen_sie \
                wie_viel wie_viele was_für was_kostet was_kosten wie_lange wie_lange_dauert kostet_der kosten_die wann_fährt wo_finde *_wo *_wann *_warum *_wie *_was *_wer *_wohin sehr vielleicht eigentlich herr frau doktor noch_eine noch_ein lass_mich mal_überlegen",
        closed: "für_sie bis_wann seit_wann ab_wann von_wo worum_geht_es was_ist_das wer_ist_das wie_ist_das wie_geht_es *_ist_das ist_das kostet_das geht_das dauert_das machen_*_auf was_soll_das heißt_das wann_*_ist wo_*_ist wie_*_ist was_das_ist wer_*_ist wann_*_sind wo_*_sind wie_*_sind \
                helfen_sie_mir hilf_mir machen_sie_auf machen_sie_zu haben_sie_auf *_geöffnet_ist wo_sind_sie wer_sind_sie wie_spät_ist_es hören_sie_mich gibt_es_das wie_*_auf wann_*_auf lange_*_auf wann_*_zu wann_*_an wann_*_ab wann_*_aus was_*_vor wie_*_aus was_*_an",
        asks: "wer was wann wo wohin woher warum wieso weshalb wie wieviel welche welcher welches welchen welchem wen wem worum womit wofür bis_wann ab_wann seit_wann um_wie um_wieviel \
                an_welchem an_welcher in_welchem in_welcher auf_welchem auf_welcher von_welchem für_wen mit_wem zu_welcher ist sind war haben hast hat habt kann können könnten könnte kannst darf dürfen soll sollen muss müssen möchten \
                gibt geht wird werden bin brauche braucht kostet nehmen bieten verkaufen machen liefern fährt fahren hält kommt öffnet schließt funktioniert reicht lohnt weißt wissen sprechen akzeptieren",
        subordinators: "wenn falls weil obwohl sobald nachdem bevor da_ich als_ich",
        auxiliaries: "kann können könnten könnte kannst darf dürfen soll sollen muss müssen möchten wird werden",
        copulas: "",
        pronouns: "",
        verb_comes_last: true,
        numbers: "adresse_ist nummer_ist nummer_lautet telefonnummer kundennummer bestellnummer postleitzahl lautet code_ist vorwahl",
        digits: "null eins ein zwei zwo drei vier fünf sechs sieben acht neun",
    },
    Language {
        tag: "fr",
        fillers: "euh heu hum hmm hm ben bah",
        leads: "et mais alors donc bon ben oui non bonjour bonsoir allô salut merci pardon excusez_moi s'il_vous_plaît dites_moi euh ok d'accord eh_bien voilà ah",
        answers: "oui ouais si non merci merci_beaucoup d'accord okay ok bien_sûr exactement tout_à_fait voilà c'est_ça parfait volontiers s'il_vous_plaît \
                au_revoir bonne_journée bonne_soirée à_bientôt salut c'est_tout ce_sera_tout oui_s'il_vous_plaît non_merci pas_du_tout très_bien ça_marche jamais peut_être_pas",
        open: "le la les un une des du de d' l' au aux à en dans sur sous par pour avec sans chez vers entre depuis pendant avant après jusqu'à jusqu'au et ou mais donc car ni \
                que qu' qui dont si quand lorsque parce comme où puisque mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces quel quelle quels quelles \
                chaque quelque quelques plusieurs je tu il elle on nous ils elles j'ai je_suis je_voudrais j'aimerais je_veux je_cherche je_peux je_dois je_vais j'avais nous_avons nous_sommes nous_voudrions on_voudrait on_est \
                je_m'appelle mon_nom mon_nom_est je_vous_appelle j'appelle je_voulais j'ai_une_question j'aurais_une_question une_question est c'est sont était est_ce ai avez ont a il_y_a y_a y_a_t_il avez_vous pouvez_vous pourriez_vous puis_je peut_on \
                êtes_vous est_il est_elle me_dire savoir vous_demander je_me_demande je_pense je_crois dites_moi dis_moi combien_de combien_coûte combien_coûtent à_quelle au_sujet à_propos près à_côté très peut_être par_exemple c'est_à_dire monsieur madame \
                *_comment *_pourquoi *_combien faut_il peut que_vous vous_avez vous_êtes voudrais vous_pouvez",
        closed: "est_ce_que_c'est qu'est_ce_que_c'est où_êtes_vous qui_êtes_vous heure_est_il où_est_il où_est_elle qui_est_ce combien_est_ce et_vous comment_allez_vous aidez_moi chez_vous pour_vous avec_vous c'est_où c'est_quand c'est_combien c'est_qui c'est_quoi \
                qu'est_ce_qu'il_y_a j'y_suis de_nous pour_nous avec_nous ça_fait_combien coûte_combien où_*_est combien_*_est comment_*_est est_ouvert aidez_nous à_nous pour_elle pour_eux vous_ouvrez_quand ouvrez_à_quelle",
        asks: "qui que quoi quand où comment pourquoi combien quel quelle quels quelles qu'est_ce est_ce est_il est_elle est_on c'est_quoi c'est_combien c'est_où c'est_quand c'est_à_quelle à_quelle à_quel à_qui de_quel de_quelle dans_quel dans_quelle sur_quel pour_qui \
                avec_qui jusqu'à_quelle jusqu'à_quand depuis_quand d'où avez_vous pouvez_vous pourriez_vous puis_je peut_on pouvons_nous faut_il y_a_t_il êtes_vous acceptez_vous vendez_vous faites_vous proposez_vous voulez_vous dois_je doit_on savez_vous serait_il \
                est_ce_que est_ce_qu'il est_ce_qu'on vous_avez vous_êtes vous_faites vous_acceptez vous_vendez vous_pouvez ça_coûte il_y_a_t_il a_t_on ai_je sont_ils ouvrez_vous fermez_vous livrez_vous parlez_vous",
        subordinators: "si s'il parce_que quand_je quand_j'ai quand_on quand_nous lorsque puisque comme_je dès_que",
        auxiliaries: "",
        copulas: "",
        pronouns: "",
        verb_comes_last: false,
        numbers: "adresse_est_le numéro_est c'est_le numéro_c'est numéro_de_téléphone code_est code_postal téléphone_est",
        digits: "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt trente quarante cinquante soixante",
    },
    Language {
        tag: "es",
        fillers: "eh em este mmm hmm hm pues bueno",
        leads: "y pero entonces pues bueno sí no hola buenos_días buenas_tardes buenas_noches buenas oiga disculpe perdón perdone gracias por_favor mire eh ah vale dígame",
        answers: "sí si no claro vale de_acuerdo gracias muchas_gracias exacto exactamente correcto por_favor por_supuesto perfecto está_bien eso_es \
                eso_es_todo nada_más adiós hasta_luego chao sí_por_favor no_gracias muy_bien ninguno nunca para_nada buen_día hasta_pronto okay ok",
        open: "el la los las un una unos unas lo de del a al en con sin por para sobre entre desde hasta hacia según ante bajo y e o u pero que porque si cuando aunque como donde mientras ni sino \
                mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese esa esos esas cada algún alguna algunos algunas ningún cuyo yo él ella es son está_en \
                soy estoy tengo quiero quisiera necesito busco puedo me_gustaría quería queremos necesitamos tenemos me_llamo mi_nombre mi_nombre_es llamo_por llamaba_para tengo_una_pregunta una_pregunta una_consulta preguntar saber decirme decir me_puede \
                me_podría podría puede pueden tiene tienen hay sé creo creo_que pienso me_pregunto dígame muy más_o quizás tal_vez por_ejemplo es_decir o_sea cerca antes después alrededor qué cuál cuáles \
                *_cuándo *_dónde *_cómo *_cuánto *_cuánta *_cuántos *_cuántas *_quién señor señora doctor cuánto_cuesta cuánto_cuestan a_qué tienen_ustedes puedo_hacer usted",
        closed: "qué_tiene qué_tienen qué_hay cuánto_es qué_es quién_es cómo_es dónde_es hora_es cuándo_es no_puedo por_qué para_qué y_usted con_usted para_usted para_él para_ella de_usted es_usted quién_soy dónde_estoy no_hay sí_hay sí_puedo sí_tengo no_tengo no_sé desde_cuándo hasta_cuándo cuántos_son quiénes_son cuáles_son cuál_es dónde_puedo_*_lo está_usted cuánto_*_es qué_*_es qué_*_hay qué_*_tienen qué_*_tiene cuántos_*_hay cuántas_*_hay cuántos_*_son",
        asks: "qué quién quiénes cuándo dónde cómo cuánto cuánta cuántos cuántas cuál cuáles por_qué para_qué a_qué de_qué en_qué con_qué a_quién con_quién de_quién a_dónde de_dónde adónde desde_cuándo hasta_cuándo hasta_qué desde_qué a_cuánto \
                que_hora que_horario tiene tienen puede pueden podría podrían puedo podemos hay está están es son abren cierran abre cierra aceptan venden hacen ofrecen debo se_puede me_puede me_podría me_puedes sabe saben habla hablan hace_falta \
                necesito_reservar acepta sirve sirven queda quedan cuesta",
        subordinators: "si porque cuando aunque como_no mientras ya_que en_cuanto",
        auxiliaries: "",
        copulas: "",
        pronouns: "",
        verb_comes_last: false,
        numbers: "dirección_es número_es número_es_el mi_teléfono_es teléfono_es número_de_teléfono código_es código_postal el_número",
        digits: "cero uno dos tres cuatro cinco seis siete ocho nueve",
    },
    Language {
        tag: "it",
        fillers: "ehm eh mmm hmm hm uhm mah beh allora cioè",
        leads: "e ma allora quindi sì no ciao buongiorno buonasera pronto salve scusi scusa mi_scusi senta grazie per_favore ecco beh ehm ok bene va_bene dunque mi_dica",
        answers: "sì si no certo certamente esatto esattamente giusto va_bene d'accordo grazie grazie_mille molte_grazie per_favore prego perfetto ok okay basta_così è_tutto \
                arrivederci ciao a_presto buona_giornata buona_serata sì_grazie no_grazie sì_per_favore niente nient'altro assolutamente volentieri ottimo mai per_niente bene",
        open: "il lo la i gli le un uno una l' un' di a da in con su per tra fra del dello della dell' dei degli delle al allo alla all' ai agli alle dal dalla dall' dai dalle nel nello nella nell' nei nelle sul sullo sulla sull' sui sulle \
                e ed o oppure ma che se perché quando mentre come dove anche né senza sotto sopra verso prima dopo entro fino durante mio mia miei mie tuo tua suo sua suoi sue nostro nostra nostri vostro vostra vostri vostre loro questo questa questi queste \
                quel quello quella quelle quei ogni qualche alcuni alcune nessun nessuna io lui lei noi sono è era ho abbiamo siamo vorrei voglio volevo vorremmo cerco ho_bisogno avrei avrei_bisogno posso devo mi_chiamo il_mio_nome mio_nome_è nome_è \
                chiamo_per ho_una_domanda una_domanda avrei_una_domanda chiedere sapere dirmi può_dire sa_dirmi può_dirmi può potrebbe mi_può mi_potrebbe potete avete ha hanno c'è ci_sono credo penso mi_chiedo non_so mi_dica molto forse per_esempio cioè vicino quanto_costa quanto_costano \
                quale quali *_quanto *_quanti *_quante *_chi *_cosa signor signora dottor qual a_che a_quale si_trova vorrei_sapere vi_chiamo",
        closed: "che_cos'è cos'è dov'è quant'è chi_è com'è qual_è che_ora_è che_ore_sono quanti_sono quante_sono chi_sono chi_siete dove_siete cosa_avete che_cosa_avete cosa_c'è che_cosa_c'è per_lei con_lei e_lei per_noi con_noi da_lei da_voi per_lui non_posso sì_posso perché_no a_che_cosa che_cosa da_quando fino_a_quando \
                per_quando per_quanto lei_chi_è lui_chi_è per_questo con_questo di_questo come_questo quanto_*_questo quanti_*_sono quali_*_sono cosa_*_è dove_*_è che_*_avete quali_*_avete quanto_*_è",
        asks: "chi che cosa che_cosa cos'è quando dove dov'è come com'è perché quanto quanta quanti quante quale quali qual quant'è a_che a_che_ora a_quale da_che da_dove da_quando fino_a_che fino_a_quando fino_a_quale di_chi di_che per_chi con_chi per_quando per_quanto in_che in_quale \
                è avete posso possiamo può potete potrebbe potreste potrei si_può c'è ci_sono devo dobbiamo sono siete accettate vendete fate offrite mi_può mi_sa sa sapete aprite chiudete apre chiude serve bisogna fa parla parlate conviene costa ha quando_è",
        subordinators: "se perché_io poiché siccome appena quando_arrivo quando_io quando_ho quando_sono dato_che visto_che",
        auxiliaries: "",
        copulas: "",
        pronouns: "",
        verb_comes_last: false,
        numbers: "indirizzo_è numero_è il_mio_numero numero_di_telefono telefono_è codice_è cap_è il_numero",
        digits: "zero uno due tre quattro cinque sei sette otto nove",
    },
];
