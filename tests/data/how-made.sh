#!/usr/bin/env bash
# Makes every fixture of this folder again. README.md tells what they are.
# Needs espeak-ng and sox; the recorded words come from Debian's asterisk-core-sounds-en-wav.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Cuts what is quieter than 0.1 % of full scale from both ends.
trim=(silence 1 0.005 0.1% reverse silence 1 0.005 0.1% reverse)

# say VOICE WORDS_PER_MINUTE TEXT OUT: 22.05 kHz as espeak-ng makes it, without silence at its ends.
say() {
    espeak-ng -v "$1" -s "$2" -w "$work/said.wav" "$3"
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

question question-moon 8000 3400 "How far away is the moon?"
question question-moon-16k 16000 7000 "How far away is the moon?"
question question-opening-hours 8000 3400 "When are you open on Saturdays?"
question question-tea 8000 3400 "How long should black tea steep?"

answer moon "The moon is about three hundred eighty-four thousand kilometres away. Light needs a little over one second for that. Goodbye!"
answer opening-hours "On Saturdays we are open from nine in the morning until one in the afternoon. Goodbye!"
answer tea "Black tea should steep for three to five minutes. Goodbye!"
answer unknown "I am sorry, I do not know that one. Goodbye!"
