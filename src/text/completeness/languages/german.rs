//! What tells in German.

use super::Language;

pub(super) const GERMAN: Language = Language {
    tag: "de",
    fillers: "äh ähm öh öhm hm hmm em ehm mal_überlegen sozusagen",
    hesitations: "und aber also dann oder weil denn na_ja naja tja und_zwar ich_meine nun moment moment_mal einen_moment \
        augenblick",
    leads: "ja nein hallo guten_tag guten_morgen guten_abend grüß_gott servus moin danke bitte entschuldigung \
        entschuldigen_sie gut okay ok äh ähm ach so",
    answers: "ja jawohl genau richtig stimmt nein nee nö doch gerne gern klar natürlich sicher okay ok gut danke \
        danke_schön vielen_dank bitte ja_bitte nein_danke tschüss tschüs ciao auf_wiedersehen auf_wiederhören \
        schönen_tag_noch das_war's das_war's_dann das_war_alles das_wäre_alles das_ist_alles das_ist_richtig \
        das_stimmt das_passt das_geht alles_klar ja_gerne ja_genau nicht_nötig auf_keinen_fall auf_jeden_fall passt \
        perfekt super schon_gut warum_nicht wie_bitte weiß_ich_nicht ich_glaube_nicht ich_glaube_schon \
        das_glaube_ich_nicht",
    determiners: "der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner dein deine deinen \
        ihr ihre ihren ihrem ihrer unser unsere unseren unserem unserer sein seine seinen euer eure kein keine \
        keinen diese dieser dieses diesen diesem",
    joins: "von vom nach",
    pronouns: "ich du er es wir man sie jemand",
    open: "welche welcher welches welchen und oder aber weil dass ob wenn falls als denn sondern damit dass_sie ob_sie \
        wenn_sie weil_sie bevor nachdem während obwohl bis sowie in im ins an am auf bei beim für mit nach von vom \
        zu zum zur über unter aus um ohne gegen durch seit zwischen neben wegen vor hinter pro ab ich wir er man \
        name_ist nummer_ist *_ist *_sind *_wo *_wann *_warum *_wie *_was *_wer *_wohin das_heißt zum_beispiel sehr \
        herr frau herrn dr noch_eine noch_ein viel_uhr @_nächste @_nächsten @_nächster @_letzte @_letzten @_neue \
        @_neuen @_neuer @_neues @_erste @_ersten @_andere @_anderen viele_*_hat buchstabiert_sich schreibt_sich \
        buchstabiere die_sache_ist sagen_sie_mal unter_# herr_doktor frau_doktor",
    begun: "es_ist ich_bin ich_habe ich_hätte ich_möchte ich_will ich_wollte ich_würde ich_brauche ich_suche ich_kann \
        ich_muss wir_möchten wir_haben wir_hätten wir_sind wir_brauchen wollte_ich ich_hätte_gern ich_hätte_gerne \
        wir_hätten_gern wir_hätten_gerne ich_wollte_wissen wollte_nur fragen eine_frage haben_sie habt_ihr hast_du \
        können_sie könnten_sie möchten_sie würden_sie kann_ich könnte_ich darf_ich soll_ich muss_ich können_wir \
        dürfen_wir gibt_es ist_es ist_es_möglich sind_sie sie_mir mir_sagen ich_heiße mein_name ich_glaube ich_denke \
        ich_weiß_nicht wissen_sie wie_viel wie_viele was_für was_kostet was_kosten wie_lange wie_lange_dauert \
        kostet_der kosten_die wann_fährt wo_finde lass_mich ist_denn sind_denn bekomme_ich komme_ich kann_man",
    light: "noch auch denn schon bitte vielleicht eigentlich gerade jetzt heute morgen gern gerne mal dann dort hier \
        dafür nur zufällig bei_ihnen bei_euch am_-tag am_mittwoch am_wochenende am_# heute_abend morgen_früh \
        in_@_nähe sie_nicht",
    closed: "kommt_mit kommst_mit bis_wann seit_wann ab_wann von_wo was_ist_das wer_ist_das wie_ist_das *_-st_das *_-et_das *_-gt_das \
        *_-ht_das *_-ßt_das *_-lt_das *_-rt_das *_-mt_das -st_das -et_das -gt_das -ht_das -lt_das -mt_das \
        was_soll_das wann_*_ist wo_*_ist was_das_ist wer_*_ist wann_*_sind wo_*_sind helfen_sie_mir wo_sind_sie \
        wer_sind_sie wo_seid_ihr wer_seid_ihr wer_bin_ich wo_bin_ich was_mache_ich spreche_ich wie_spät_ist_es \
        was_gibt_es gibt_es_das ich_kann_nicht ich_möchte_nicht haben_sie_*_zu wie_*_er_ist wie_*_es_ist \
        wie_*_sie_sind wann_ist_@_~ geöffnet_ist ob_*_ist ob_*_sind dass_*_ist dass_*_sind wenn_*_ist weil_*_ist \
        sie_damit welche_*_die ist_es_heute ist_es_morgen wie_lange_noch was_macht_ihr wann_kommt_ihr wie_heißt_ihr \
        wo_wohnt_ihr was_machen_wir wo_sind_wir wäre_das noch_was sonst_was viel_wird_das du_alles",
    separable: "an_biet_fahr_fang_fäng_geb_geh_gib_ist_komm_mach_meld_nehm_ruf_schalt_schließ_steh_stell_zieh \
        auf_dreh_geh_haben_habt_hast_hat_heb_hör_ist_leg_mach_pass_steh_wach \
        aus_fall_fäll_füll_geh_ist_lauf_liefer_läuf_mach_schalt_seh_sieh_sind_steig_stell_zahl_zieh \
        ein_lad_pack_reich_schalt_steig_stell_trag_träg mit_bring_komm_mach_nehm_nimm \
        ab_buch_dreh_fahr_fähr_geb_gib_heb_hol_meld_nehm_nimm_sag_schließ_stell zu_hat_hör_ist_mach_sag_schick_sperr \
        vor_haben_hat_komm_les_lies_schlag nach_kommt um_buch_dreh_meld_schalt_steig_stell_tausch_zieh",
    either: "am_# auch noch schon was_haben_sie ?_~_ich ?_~_wir",
    questions: "wer was wann wo wohin woher warum wieso weshalb wie wieviel welche welcher welches welchen welchem wen wem \
        worum womit wofür bis_wann ab_wann seit_wann um_wie um_wie_viel_uhr um_wieviel_uhr wie_lange wie_viel \
        wie_viele wie_oft wie_weit an_welchem an_welcher in_welchem in_welcher auf_welchem auf_welcher von_welchem \
        für_wen mit_wem zu_welcher bei_wem von_wo",
    objects: "wer was wen welche welcher welches welchen worum wie_viel wie_viele",
    of_nouns: "welche welcher welches welchen an_welchem an_welcher in_welchem in_welcher auf_welchem auf_welcher \
        von_welchem zu_welcher bis_wann seit_wann ab_wann wie_viel wie_viele",
    asks: "ist sind war haben hast hat habt kann können könnten könnte kannst darf dürfen soll sollen muss müssen \
        möchten gibt geht wird werden bin bist brauche braucht kostet liefern fährt fahren hält kommt kommst kommen \
        öffnet schließt funktioniert reicht lohnt regnet scheint passt weißt -en_sie -eln_sie -ern_sie -t_ihr -st_du \
        gehört bekomme bekommt steht liegt gilt findet fällt ruft",
    predicates: "ist sind war wird werden hat haben hast habt fährt fahren hält kommt kommst kommen",
    asks_at_end: "",
    requests: "ich_hätte_gern ich_hätte_gerne ich_brauche ich_suche ich_nehme mein_name_ist ich_heiße mach stell spiel \
        schalte sag_mir zeig_mir ich_rufe_an_wegen wir_hätten_gern wir_brauchen ich_möchte ich_würde ich_will \
        ich_muss wir_möchten",
    verbs: "hat haben habt hast",
    auxiliaries: "kann können könnten könnte kannst darf dürfen soll sollen muss müssen möchte würde will",
    copulas: "ist sind war wird werden hat haben",
    verb_comes_last: true,
    nominal: "der die den dem ein eine einen einem einer mein meine meinen meinem dein deine deinen ihr ihre ihren unser \
        unsere unseren keine keinen diese diesen im am zum beim ihnen morgen wegen neben gegen zwischen oben unten \
        draußen gern denn dann wann schon nächsten letzten neuen ersten anderen",
    needs_subject: true,
    subordinators: "wenn falls weil obwohl sobald nachdem bevor da_ich als_ich",
    numbers: "adresse_ist nummer_ist nummer_lautet telefonnummer kundennummer bestellnummer postleitzahl lautet code_ist \
        vorwahl",
    digits: "null eins ein zwei zwo drei vier fünf sechs sieben acht neun",
    tens: "zehn elf zwölf -zehn -zig -ßig",
    letters: "",
    spelled_as: "wie",
};
