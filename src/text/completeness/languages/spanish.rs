//! What tells in Spanish.

use super::Language;

pub(super) const SPANISH: Language = Language {
    tag: "es",
    fillers: "eh em mmm hmm hm a_ver vamos_a_ver o_sea es_que",
    hesitations: "y pero entonces pues bueno o porque además y_también un_momento un_segundo mire",
    leads: "sí no hola buenos_días buenas_tardes buenas_noches buenas oiga disculpe perdón perdone gracias por_favor \
        mire eh ah vale dígame",
    answers: "sí si no claro vale de_acuerdo gracias muchas_gracias exacto exactamente correcto por_favor por_supuesto \
        perfecto está_bien eso_es eso_es_todo eso_sería_todo nada_más adiós hasta_luego chao sí_por_favor no_gracias \
        muy_bien ninguno nunca para_nada buen_día hasta_pronto okay ok claro_que_sí claro_que_no señor señora \
        no_lo_creo no_creo me_va_bien por_qué_no qué_tal creo_que_sí me_oye me_escucha sigue_ahí creo_que_no \
        pienso_que_no",
    determiners: "el la los las un una unos unas lo mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos \
        estas ese esa esos esas cada algún alguna algunos algunas ningún cuyo",
    joins: "de del para a al",
    pronouns: "yo tú él ella usted ustedes nosotros ellos ellas alguien eso esto",
    open: "de del a al en con sin por para sobre entre desde hasta hacia según ante bajo y e o u pero que porque si \
        cuando aunque como donde mientras ni sino yo él ella es son que_usted si_usted me te le les se nos sé muy \
        por_ejemplo es_decir a_qué saber_? sabe_? decirme_? decir_? pregunto_? sabe_cómo sabe_qué *_a_qué_hora señor \
        señora sr sra calle cuánto_cuesta_@ cuánto_cuestan_@ @_próximo @_próxima @_último @_última @_nuevo @_nueva \
        @_primer @_primera @_otro @_otra se_escribe se_deletrea habla *_qué está están ha han he hemos es_posible \
        sería_posible",
    begun: "soy estoy tengo quiero quisiera necesito busco puedo me_gustaría quería queremos necesitamos tenemos \
        mi_nombre mi_nombre_es llamo_por llamaba_para una_pregunta una_consulta preguntar saber decirme decir podría \
        puede pueden hay creo creo_que pienso me_pregunto dígame quizás tal_vez llamo podríamos",
    light: "hoy mañana ahora por_favor también todavía ya quizás usted ustedes",
    closed: "qué_tiene qué_tienen qué_hay qué_más_hay no_puedo por_qué para_qué para_él para_ella quién_soy dónde_estoy \
        no_hay sí_hay sí_puedo sí_tengo no_tengo no_sé desde_cuándo hasta_cuándo para_cuándo cuánto_es qué_es \
        quién_es cómo_es dónde_es hora_es cuándo_es cuántos_son quiénes_son cuáles_son cuál_es cuánto_*_es qué_*_es \
        qué_*_hay qué_*_tienen qué_*_tiene cuántos_*_hay cuántas_*_hay qué_día_es l-_tienen l-_tiene quién_habla \
        -r_yo dónde_está dónde_están cómo_está cómo_están tal_está ya_está quiere_decir con_él con_ella de_él \
        de_ella qué_*_son cuántos_*_son qué_son dónde_son cómo_son cuánto_son no_quiero no_necesito lo_sé qué_calle \
        qué_*_están qué_significa qué_pasa qué_hago qué_quiere qué_hacen qué_venden qué_hace",
    separable: "",
    either: "se_puede se_va cuántos_~_tiene cuántas_~_tiene antes después cerca alrededor también cuesta_este cuesta_esta \
        es_este es_esta vale_este",
    questions: "qué quién quiénes cuándo dónde cómo cuánto cuánta cuántos cuántas cuál cuáles por_qué para_qué a_qué de_qué \
        en_qué con_qué a_quién con_quién de_quién a_dónde de_dónde adónde desde_cuándo hasta_cuándo para_cuándo \
        hasta_qué desde_qué a_cuánto cuanto cuanta cuantos cuantas que_hora que_horario a_que_hora donde_está \
        donde_esta como_se como_está",
    objects: "qué quién quiénes cuál cuáles cuántos cuántas cuánto cuánta",
    of_nouns: "a_qué hasta_qué desde_qué de_qué en_qué cuántos cuántas cuánta qué",
    asks: "tiene tienen puede pueden podría podrían puedo podemos hay está están es son abren cierran abre cierra \
        aceptan venden hacen ofrecen debo se_puede me_puede me_podría me_puedes sabe saben habla hablan hace_falta \
        necesito acepta sirve sirven queda quedan cuesta estará será sería ha han me_oye me_escucha sigue sale llega \
        va llueve lo_puedo -an -en se_-en se_-an ya_ha se_-e l-_tienen l-_tiene se_-a tengo_que tenemos_que \
        podríamos funciona puedes me_-an me_-en me_puedo",
    predicates: "puede pueden podría podrían puedo podemos debo soy estoy quisiera",
    asks_at_end: "",
    requests: "quisiera quiero necesito dígame me_gustaría deme póngame me_llamo quería apaga enciende pon llamo_para \
        llamo_por soy busco",
    verbs: "tienen tiene consigo comprar reparan venden vende entrego encuentro busca buscan necesita necesitan quiere \
        recoger",
    auxiliaries: "",
    copulas: "",
    verb_comes_last: false,
    nominal: "",
    needs_subject: false,
    subordinators: "si porque cuando aunque como_no mientras ya_que en_cuanto",
    numbers: "dirección_es número_es número_es_el mi_teléfono_es teléfono_es número_de_teléfono código_es código_postal \
        número_de_pedido_es",
    digits: "cero uno dos tres cuatro cinco seis siete ocho nueve",
    tens: "diez once doce trece catorce quince veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa dieci- \
        veinti-",
    letters: "a y e o u",
    spelled_as: "de",
};
