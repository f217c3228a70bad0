#!/usr/bin/env bash
# Makes every fixture of this folder again. README.md tells what they are.
# Needs espeak-ng and sox, and for the recorded words Debian's asterisk-core-sounds-{en,it,ru}-wav
# (SOUNDS names the folder where their en_US_f_Allison, it_IT_m_Carlo and ru_RU_f_IvrvoiceRU stand).
set -euo pipefail
SOUNDS=${SOUNDS:-/usr/share/asterisk/sounds}
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Cuts what is quieter than 0.1 % of full scale from both ends.
trim=(silence 1 0.005 0.1% reverse silence 1 0.005 0.1% reverse)

# say VOICE WORDS_PER_MINUTE TEXT OUT: 22.05 kHz as espeak-ng makes it, without silence at its ends.
say() {
    # shellcheck disable=SC2086 # VOICE may carry a pitch: "en-us+f5 -p 99".
    espeak-ng -v $1 -s "$2" -w "$work/said.wav" "$3"
    sox -R "$work/said.wav" "$4" "${trim[@]}"
}

# question NAME RATE HIGHEST_HZ TEXT: what MixMonitor leaves of a caller: line noise, 0.4 s of waiting, speech, 2 s of silence.
question() {
    say en-us+f3 150 "$4" "$work/words.wav"
    sox -R "$work/words.wav" -r "$2" -b 16 "$work/speech.wav" rate -v sinc "200-$3" norm -9 pad 0.4 2.0
    sox -R "$work/speech.wav" -p synth whitenoise vol 0.00098 | sox -R -m -v 1 "$work/speech.wav" -v 1 - -b 16 "$1.wav"
}

# answer NAME TEXT: what a voice service sends.
answer() {
    say en-gb+m3 160 "$2" "$work/words.wav"
    sox -R "$work/words.wav" -b 16 "answer-$1.wav" norm -3 pad 0.05 0.2 rate -v 24000
}

# utterance NAME FILE: one word for the pack that is being gathered, in the telephone band at $rate.
utterance() {
    sox -R "$2" -r "$rate" -b 16 "$work/$1.wav" rate -v sinc "$band" norm -6 "${trim[@]}"
    words+=("$work/$1.wav")
}

# spoken NAME VOICE WORDS_PER_MINUTE TEXT · recorded NAME FILE
spoken() {
    say "$2" "$3" "$4" "$work/words.wav"
    utterance "$1" "$work/words.wav"
}
recorded() { utterance "$1" "$SOUNDS/$2.wav"; }

# pack OUT: the gathered words end to end, and their places in samples added to utterances.tsv.
pack() {
    local start=0 len
    for word in "${words[@]}"; do
        len=$(soxi -s "$word")
        printf '%s\t%s\t%s\t%s\n' "$1" "$(basename "$word" .wav)" "$start" "$len" >>utterances.tsv
        start=$((start + len))
    done
    sox -R "${words[@]}" "$1"
}

question question-moon 8000 3400 "How far away is the moon?"
question question-moon-16k 16000 7000 "How far away is the moon?"
question question-opening-hours 8000 3400 "When are you open on Saturdays?"
question question-tea 8000 3400 "How long should black tea steep?"

answer moon "The moon is about three hundred eighty-four thousand kilometres away. Light needs a little over one second for that. Goodbye!"
answer opening-hours "On Saturdays we are open from nine in the morning until one in the afternoon. Goodbye!"
answer tea "Black tea should steep for three to five minutes. Goodbye!"
answer unknown "I am sorry, I do not know that one. Goodbye!"

cp "$SOUNDS/en_US_f_Allison/beep.wav" beep.wav

printf 'pack\tname\tstart\tlen\n' >utterances.tsv
rate=8000 band=300-3400 words=()
spoken yes en-us 160 "yes"
spoken no en-us+f2 160 "no"
spoken hi en-gb+f4 180 "hi"
spoken stop en-us+m2 200 "stop"
spoken it en-gb 220 "it"
spoken okay en-us+f1 170 "okay"
spoken help en-gb-scotland 180 "help"
spoken six en-us+m4 190 "six"
spoken mm-hm en-us+m1 150 "mm-hm"
spoken ah en-us+f3 130 "ah"
spoken child-hi "en-us+f5 -p 99" 170 "hi"
spoken child-no "en-us+f5 -p 95" 170 "no"
spoken child-two "en-us+f5 -p 99" 180 "two"
spoken deep-no "en-us+m3 -p 10" 150 "no"
spoken whispered-yes en-us+whisper 150 "yes"
spoken whispered-stop en-us+whisperf 150 "stop"
spoken whispered-hello en-us+whisper 150 "hello"
spoken whispered-hi en-us+whisperf 170 "hi"
spoken german-ja de 180 "ja"
spoken german-nein de+f2 170 "nein"
spoken french-oui fr-fr+f3 180 "oui"
spoken spanish-si es+m3 180 "sí"
spoken polish-tak pl 170 "tak"
spoken chinese-shi cmn 160 "是"
recorded recorded-hello en_US_f_Allison/hello
recorded recorded-no en_US_f_Allison/vm-no
recorded recorded-is en_US_f_Allison/is
recorded recorded-and en_US_f_Allison/vm-and
recorded recorded-oh en_US_f_Allison/digits/oh
recorded recorded-two en_US_f_Allison/digits/2
recorded recorded-eight en_US_f_Allison/digits/8
recorded recorded-six en_US_f_Allison/digits/6
recorded recorded-today en_US_f_Allison/digits/today
recorded recorded-f en_US_f_Allison/letters/f
recorded recorded-s en_US_f_Allison/letters/s
recorded recorded-italian-a it_IT_m_Carlo/letters/a
recorded recorded-italian-o it_IT_m_Carlo/letters/o
recorded recorded-italian-tre it_IT_m_Carlo/digits/3
recorded recorded-italian-t it_IT_m_Carlo/letters/t
recorded recorded-italian-is it_IT_m_Carlo/is
recorded recorded-italian-hello it_IT_m_Carlo/hello
recorded recorded-russian-three ru_RU_f_IvrvoiceRU/digits/3
recorded recorded-russian-no ru_RU_f_IvrvoiceRU/vm-no
recorded recorded-russian-e ru_RU_f_IvrvoiceRU/letters/e
pack utterances.wav

rate=16000 band=100-7000 words=()
spoken wide-yes en-us+m2 160 "yes"
spoken wide-no en-us+f2 160 "no"
spoken wide-stop en-gb+f4 190 "stop"
spoken wide-whispered-six en-us+whisper 160 "six"
pack utterances-16k.wav

# le N VALUE: VALUE as N bytes, least significant first.
le() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%b' "\\x$(printf %02x $((($2 >> (8 * i)) & 255)))"; done
}

# wav RIFF_SIZE DATA_SIZE [CHUNK_BEFORE_DATA]: a header for 8 kHz 16-bit mono, then what stands on stdin.
wav() {
    printf RIFF && le 4 "$1" && printf 'WAVEfmt ' && le 4 16
    le 2 1 && le 2 1 && le 4 8000 && le 4 16000 && le 2 2 && le 2 16
    cat "${3:-/dev/null}"
    printf data && le 4 "$2" && cat
}

sox -R -r 8000 -n -b 16 -c 1 -t s16 "$work/tone" synth 80s sine 1000 vol 0.5
{ printf LIST && le 4 22 && printf INFOISFT && le 4 10 && printf 'telephone\0'; } >"$work/list"
wav 0 0 <"$work/tone" >riff-size-zero.wav
wav 0xFFFFFFFF 0xFFFFFFFF <"$work/tone" >data-size-0xffffffff.wav
wav 196 1000000 <"$work/tone" >data-size-too-large.wav
wav 36 0 </dev/null >header-only.wav
: >empty.wav
head -c 159 "$work/tone" | wav 195 159 >odd-length.wav
wav 226 160 "$work/list" <"$work/tone" >list-chunk-before-data.wav
sox -R -t s16 -r 8000 -c 1 "$work/tone" -e gsm-full-rate gsm-wav49.wav
