#!/usr/bin/env python3
"""Packs the 8 kHz branch of silero-vad, and writes voice-probabilities.tsv: what its runtime makes of a recording of
ours, 32 ms by 32 ms, by the packed weights.

    pip download --no-deps silero-vad==6.2.0 && unzip silero_vad-6.2.0-*.whl
    pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
    python3 voice-probabilities.py silero_vad/data/silero_vad.onnx

Each row of weights is cut into blocks of 32. A block is its scale, the upper half of a 32-bit float, and 32 signed
numbers: of 12 bits in two bytes for the convolutions, which need them, else of 8 bits. Of some two dozen scales it has the
one that loses least. Before the rows of a layer stand its biases, as 32-bit floats.

The first line of the table tells how often all recordings and what is made of them are judged otherwise by the packed
weights than by the published ones."""

import sys
import wave
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / "src/silero/silero-vad-8k"
BLOCK = 32
FILES = ["utterances", "question-moon", "question-moon-16k", "question-opening-hours", "question-tea",
         "answer-moon", "answer-opening-hours", "answer-tea", "answer-unknown"]
WINDOWS = 160


def constants(model):
    """The tensors of the branch for 8 kHz, by the ends of their names."""
    branch = next(node for node in model.graph.node if node.op_type == "If")
    graph = next(part.g for part in branch.attribute if part.name == "else_branch")
    nodes = [node for node in graph.node if node.op_type == "Constant"]
    return {node.output[0].split("Inline_0__")[1]: node.attribute[0].t for node in nodes}


def packed(rows, bits=8):
    """The bytes of these rows, and the rows as they come out again."""
    data, out = b"", []
    for row in rows:
        for start in range(0, len(row), BLOCK):
            scale, numbers = closest(row[start:start + BLOCK], 2 ** (bits - 1))
            data += (scale.view(np.uint32) >> 16).astype("<u2").tobytes()
            data += numbers.astype("<i2" if bits > 8 else "i1").tobytes()
            out.append(numbers * scale)
    return data, np.concatenate(out).reshape(rows.shape)


def closest(block, most):
    tries = []
    for factor in np.linspace(0.9, 1.02, 25):
        scale = np.float32(np.abs(block).max() * factor / (most - 1))
        scale = (scale.view(np.uint32) & 0xFFFF0000).view(np.float32)
        numbers = np.clip(np.round(block / scale), -most, most - 1).astype(np.int16)
        tries.append((((numbers * scale - block) ** 2).sum(), scale, numbers))
    return min(tries, key=lambda one: one[0])[1:]


def pack(tensors):
    """Writes the weights, and puts those that come out again in place of the published ones."""
    data = b""
    get = lambda name: numpy_helper.to_array(tensors[name])

    def put(name, values):
        tensors[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensors[name].name))

    for layer in range(4):
        name = f"encoder.{layer}.reparam_conv"
        weight = get(f"{name}.weight").copy()
        # The last two layers see one column: of their three taps, those in the padding are never used.
        taps = {2: slice(1, 3), 3: slice(1, 2)}.get(layer, slice(0, 3))
        rows = weight[:, :, taps].transpose(0, 2, 1)
        more, out = packed(rows.reshape(len(rows), -1), 12)
        weight[:, :, taps] = out.reshape(rows.shape).transpose(0, 2, 1)
        put(f"{name}.weight", weight)
        data += get(f"{name}.bias").astype("<f4").tobytes() + more
    rnn = "decoder.rnn"
    more, out = packed(np.concatenate([get(f"{rnn}.weight_ih"), get(f"{rnn}.weight_hh")], 1))
    put(f"{rnn}.weight_ih", out[:, :128])
    put(f"{rnn}.weight_hh", out[:, 128:])
    data += (get(f"{rnn}.bias_ih") + get(f"{rnn}.bias_hh")).astype("<f4").tobytes() + more
    last = "decoder.decoder.2"
    more, out = packed(get(f"{last}.weight").reshape(1, -1))
    put(f"{last}.weight", out.reshape(1, -1, 1))
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    data += get(f"{last}.bias").astype("<f4").tobytes() + more
    WEIGHTS.write_bytes(deflate.compress(data) + deflate.flush())


def sound_of(name):
    with wave.open(str(HERE / f"{name}.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return sound[::file.getframerate() // 8000]


def probabilities(model, sound):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    state, before, out = np.zeros((2, 1, 128), np.float32), np.zeros(32, np.float32), []
    for start in range(0, len(sound) - 255, 256):
        window = np.concatenate([before, sound[start:start + 256] / np.float32(32768)]).astype(np.float32)
        given = {"input": window[None], "state": state, "sr": np.array(8000, np.int64)}
        probability, state = session.run(None, given)
        out.append(float(probability[0, 0]))
        before = window[-32:]
    return out


def main():
    model = onnx.load(sys.argv[1])
    published = model.SerializeToString()
    pack(constants(model))
    model = model.SerializeToString()
    frames, others = 0, 0
    for sound in map(sound_of, FILES):
        for changed in [sound, sound >> 3, sound[::-1], (sound >> 1) + (sound[::-1] >> 1)]:
            both = zip(probabilities(published, changed), probabilities(model, changed))
            judged = [(one > 0.5) != (other > 0.5) for one, other in both]
            frames, others = frames + len(judged), others + sum(judged)
    lines = [f"# made by voice-probabilities.py; of {frames} windows {others} are judged otherwise"]
    lines += [f"{one:.7f}" for one in probabilities(model, sound_of(FILES[0]))[:WINDOWS]]
    (HERE / "voice-probabilities.tsv").write_text("\n".join(lines) + "\n")


main()
