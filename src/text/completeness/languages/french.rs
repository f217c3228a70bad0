//! What tells in French.

use super::Language;

pub(super) const FRENCH: Language = Language {
    tag: "fr",
    fillers: "euh heu hum hmm hm ben bah alors_voilà donc_voilà disons",
    hesitations: "et mais alors donc bon ben ou parce_que eh_bien enfin en_fait du_coup et_puis et_si un_instant un_moment \
        une_seconde",
    leads: "oui non ouais bonjour bonsoir allô salut merci pardon excusez_moi s'il_vous_plaît dites_moi euh ok d'accord \
        voilà ah très_bien",
    answers: "oui ouais si non merci merci_beaucoup d'accord okay ok bien_sûr exactement tout_à_fait voilà c'est_ça \
        parfait volontiers s'il_vous_plaît au_revoir bonne_journée bonne_soirée à_bientôt salut c'est_tout \
        ce_sera_tout ce_sera_tout_merci oui_s'il_vous_plaît non_merci pas_du_tout très_bien ça_marche ça_va jamais \
        peut_être_pas je_veux_bien je_ne_crois_pas je_ne_pense_pas pourquoi_pas comment_ça pardon vous_m'entendez \
        tu_m'entends vous_êtes_là tu_es_là monsieur madame",
    determiners: "le la les l' un une du des mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces \
        quel quelle quels quelles chaque quelque quelques plusieurs",
    joins: "de du des pour",
    pronouns: "je tu il elle on nous vous ils elles ça c'est j'- l'- c'- d'-",
    open: "de d' au aux à en dans sur sous par pour avec sans chez vers entre depuis pendant contre jusqu'à jusqu'au et \
        ou mais donc car ni que qu' dont si lorsque parce comme puisque me te se j' je tu il elle on nous ils elles \
        est c'est sont était être est_ce ai avez ont a qu'il qu'elle qu'on avoir peut combien_coûte combien_coûtent \
        à_quelle au_sujet à_propos très par_exemple c'est_à_dire monsieur madame m mme savoir_? savez_vous_? dire_? \
        demande_? demander_? sais_? dis_? que_vous combien_de_temps @_prochain @_prochaine @_dernier @_dernière \
        @_nouveau @_nouvelle @_premier @_première @_autre s'écrit s'épelle s'il s'ils temps_va qu'il_va qu'elle_va \
        qu'on_va",
    begun: "j'ai je_suis j'aimerais je_veux je_cherche je_peux je_dois je_vais j'avais j'aurais j'aurais_voulu \
        nous_avons nous_sommes nous_voudrions on_voudrait on_est je_m'appelle mon_nom mon_nom_est je_vous_appelle \
        j'appelle je_voulais voulais_juste une_question avez_vous pouvez_vous pourriez_vous puis_je peut_on dois_je \
        êtes_vous est_il est_elle me_dire savoir vous_demander je_me_demande je_pense je_crois dites_moi dis_moi \
        vous_avez vous_êtes voudrais vous_pouvez est_il_possible vous_me je_me peut_être près à_côté dites_lui",
    light: "aujourd'hui demain maintenant s'il_vous_plaît svp aussi juste peut_être encore déjà ce_soir",
    closed: "est_ce_que_c'est qu'est_ce_que_c'est où_êtes_vous qui_êtes_vous combien_êtes_vous *_heure_est_il \
        quelle_heure_est_il où_*_est_il où_est_il où_est_elle où_sont_ils où_sont_elles combien_sont_ils \
        comment_est_il qui_est_ce combien_est_ce où_est_ce quand_est_ce de_nous pour_nous avec_nous à_nous pour_elle \
        aidez_nous où_ça qu'est_ce_qu'il_y_a qu'est_ce_que_j'ai en_a en_a_t_il où_va_t_il où_va_t_elle \
        comment_va_t_il passe_t_il où_*_est combien_*_est comment_*_est heure_il_est jour_on_est sommes_nous \
        comment_faire à_côté pour_qui avec_qui à_qui depuis_quand qu'est_ce_que_vous_~ qu'est_ce_que_tu_~ ?_c'est \
        quelle_*_elles quelle_*_ils quel_*_ils quels_*_ils quelles_*_elles combien_*_ils combien_*_elles quel_*_il_a \
        combien_*_il_a qu'est_ce_qu'il_a en_avez j'en_ai ou_sans où_*_tu comment_*_tu que_*_tu qui_*_tu quel_*_tu \
        quand_*_tu d'où_*_tu -e_t_il -e_t_elle -e_t_on quel_*_a_t_il fait_il vient_il part_il ils_sont où_*_sont \
        tout_près j'en_~_un j'en_~_une en_a_un en_a_une pour_combien_de_temps prend_combien_de_temps \
        dure_combien_de_temps en_faut_il le_son",
    separable: "",
    either: "avant après *_qui plus",
    questions: "qui que quoi quand où comment pourquoi combien quel quelle quels quelles qu'est_ce c'est_quoi c'est_combien \
        c'est_où c'est_quand c'est_à_quelle à_quelle à_quel à_qui de_quel de_quelle dans_quel dans_quelle sur_quel \
        pour_qui avec_qui jusqu'à_quelle jusqu'à_quand depuis_quand d'où pour_combien à_combien c'est_pour \
        qu'est_ce_que qu'est_ce_qu'il qu'est_ce_qui",
    objects: "qui que qu'est_ce quel quelle quels quelles combien_de",
    of_nouns: "quel quelle quels quelles à_quelle à_quel de_quel jusqu'à_quelle combien_de pour_combien_de jusqu'à_quand \
        depuis_quand",
    asks: "est_ce est_il est_elle est_on avez_vous pouvez_vous pourriez_vous puis_je peut_on pouvons_nous faut_il \
        y_a_t_il êtes_vous -ez_vous dois_je doit_on serait_il est_ce_que est_ce_qu'il est_ce_qu'on est_ce_qu'elle \
        quand_est_ce_que où_est_ce_que comment_est_ce_que pourquoi_est_ce_que combien_est_ce_que heure_est_ce_que \
        vous_avez vous_êtes vous_faites vous_-ez tu_as tu_peux tu_m'- ça_coûte a_t_il a_t_on a_t_elle ai_je sont_ils \
        va_t_il je_peux on_peut il_faut il_y_a y_en_a_t_il",
    predicates: "est_ce_que quand_est_ce_que où_est_ce_que comment_est_ce_que pourquoi_est_ce_que peux dois vais peut \
        voudrais suis",
    asks_at_end: "*_quand *_combien *_quoi *_où *_comment *_quelle_heure combien_de_temps_ça *_combien_de_temps pourquoi",
    requests: "je_voudrais je_veux j'aimerais nous_voudrions dites_moi donnez_moi je_m'appelle passez_moi rappelez_moi \
        éteins allume mets joue appelle je_cherche j'ai_besoin_d'un j'ai_besoin_de j'appelle_pour \
        je_vous_appelle_pour",
    verbs: "vendez acceptez prenez réparez trouve cherche proposez cherchez voulez m'indiquer me_donner lui_dire \
        récupérer",
    auxiliaries: "",
    copulas: "",
    verb_comes_last: false,
    nominal: "",
    needs_subject: true,
    subordinators: "si s'il s'ils si_on parce_que quand_je quand_j'- quand_on quand_nous lorsque puisque comme_je dès_que",
    numbers: "adresse_est_le numéro_est numéro_c'est numéro_de_téléphone code_est code_postal téléphone_est habite_au \
        numéro_de_commande_est",
    digits: "zéro un deux trois quatre cinq six sept huit neuf",
    tens: "dix onze douze treize quatorze quinze seize vingt trente quarante cinquante soixante",
    letters: "a à y",
    spelled_as: "comme",
};
