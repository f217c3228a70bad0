//! What tells in Italian.

use super::Language;

pub(super) const ITALIAN: Language = Language {
    tag: "it",
    fillers: "ehm eh mmm hmm hm uhm mah beh cioè diciamo",
    hesitations: "e ma allora quindi dunque insomma o però e_poi praticamente in_realtà no_perché sì_perché un_attimo \
        un_momento vediamo",
    leads: "sì no ciao buongiorno buonasera pronto salve scusi scusa mi_scusi senta grazie per_favore ecco beh ehm ok \
        bene va_bene mi_dica",
    answers: "sì si no certo certamente esatto esattamente giusto va_bene d'accordo grazie grazie_mille molte_grazie \
        per_favore prego perfetto ok okay basta_così è_tutto arrivederci ciao a_presto buona_giornata buona_serata \
        sì_grazie no_grazie sì_per_favore niente nient'altro assolutamente volentieri ottimo mai per_niente bene \
        non_credo non_lo_so non_so_dire mi_va_bene perché_no credo_di_sì mi_sente mi_senti penso_di_no penso_di_sì \
        credo_di_no signora signore",
    determiners: "il lo la i gli le un uno una l' un' mio mia miei mie tuo tua suo sua suoi sue nostro nostra nostri vostro \
        vostra vostri vostre loro questo questa questi queste quel quello quella quelle quei ogni qualche alcuni \
        alcune nessun nessuna",
    joins: "di del della dello per",
    pronouns: "io tu lui lei noi voi loro qualcuno questo quello l'- un'- dell'- all'- c'-",
    open: "di da a in con su per tra fra del dello della dell' dei degli delle al allo alla all' ai agli alle dal dalla \
        dall' dai dalle nel nello nella nell' nei nelle sul sullo sulla sull' sui sulle e ed o oppure ma che se \
        mentre né senza sotto sopra verso entro fino durante io lui lei noi sono è era ho ha hanno hai mi ti si ci \
        vi ne avere essere sapere_? chiedere_? dirmi_? dire_? sa_? sapete_? so_? molto forse per_esempio \
        quanto_costa_@ quanto_costano_@ a_quale signor signora dottor sig dott @_prossimo @_prossima @_ultimo \
        @_ultima @_nuovo @_nuova @_primo @_prima @_altro @_altra si_scrive via *_perché sa_dire è_possibile \
        sarebbe_possibile",
    begun: "abbiamo siamo vorrei voglio volevo vorremmo cerco ho_bisogno avrei avrei_bisogno posso devo mi_chiamo \
        il_mio_nome nome_è chiamo_per una_domanda chiedere sapere dirmi può_dire può potrebbe potete c'è ci_sono \
        credo penso mi_chiedo non_so mi_dica vi_chiamo volevo_solo senta avete potremmo vuole possiamo \
        dobbiamo",
    light: "oggi domani adesso ora per_favore anche ancora già forse mai",
    closed: "cos'è dov'è quant'è chi_è com'è qual_è che_ora_è che_ore_sono quanti_sono quante_sono chi_sono cosa_avete \
        *_c'è non_c'è per_lei con_lei e_lei per_noi con_noi da_lei per_lui non_posso sì_posso perché_no da_quando \
        fino_a_quando per_quando per_quanto per_questo con_questo di_questo come_questo quanto_*_questo \
        quanti_*_sono quante_*_sono quali_*_sono cosa_*_è dove_*_è di_dove_è che_*_avete quali_*_avete \
        quanti_*_avete quanto_*_è ne_avete l'avete le_avete li_avete quando_c'è chi_c'è qui_vicino cosa_ha \
        ci_sono_ancora quante_*_ci_sono quanti_*_ci_sono che_~_è chi_*_chiedere quanti_siete -re_io come_si_~ \
        più_vicino quale_~_è che_~_sono che_~_ha che_~_hanno con_lui a_lui a_lei di_lui di_lei ne_~_uno ne_~_una \
        le_devo vi_devo -re_lui -re_lei",
    separable: "",
    either: "quanti_~_ha quante_~_ha vicino prima dopo *_questo *_quello *_questa *_quella",
    questions: "chi che cosa che_cosa cos'è cos'altro quando dove dov'è come com'è perché quanto quanta quanti quante quale \
        quali qual quant'è a_che a_che_ora a_quale a_cosa a_chi da_che da_dove da_quando di_dove da_quale fino_a_che \
        fino_a_quando fino_a_quale di_chi di_che per_chi con_chi per_quando per_quanto in_che in_quale",
    objects: "chi che cosa che_cosa quale quali quanti quante quanto quanta",
    of_nouns: "quanti quante fino_a_che a_quale da_quale in_quale che",
    asks: "è avete posso possiamo può potete potrebbe potreste potrei si_può c'è ci_sono devo dobbiamo sono siete \
        accettate vendete fate offrite mi_può mi_sa sa sapete aprite chiudete apre chiude serve bisogna fa parla \
        parlate conviene costa ha quando_è -ate -ete ce_l'avete ne_avete l'avete piove pioverà mi_sente mi_senti \
        sarà parte ci_vuole ci_si si_chiama potremmo funziona puoi",
    predicates: "può possono potrebbe posso possiamo devo dobbiamo potete vorrei",
    asks_at_end: "",
    requests: "vorrei voglio mi_dica ho_bisogno_di mi_chiamo volevo spegni accendi metti chiamo_per vorremmo sono mi_dia \
        cerco",
    verbs: "avete ha hanno trovo riparate vendete comprare consegno cerca cercate prendete ritirare",
    auxiliaries: "",
    copulas: "",
    verb_comes_last: false,
    nominal: "",
    needs_subject: false,
    subordinators: "se perché_io poiché siccome appena quando_arrivo quando_io quando_ho quando_sono dato_che visto_che",
    numbers: "indirizzo_è numero_è il_mio_numero numero_di_telefono telefono_è codice_è cap_è numero_d'ordine_è",
    digits: "zero uno due tre quattro cinque sei sette otto nove",
    tens: "dieci undici dodici tredici venti- trenta- quaranta- cinquanta- sessanta- settanta- ottanta- novanta-",
    letters: "a e o i è",
    spelled_as: "come",
};
