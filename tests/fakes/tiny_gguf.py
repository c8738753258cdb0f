"""Writes a language model small enough for tests: the real file format, weights by chance.

What it says is nonsense, but an engine loads it, streams it and can be stopped while it does.
GGUF, version 3: a head, metadata, what tensors there are, then their numbers, each aligned."""

import random
import struct
from array import array
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from sys import byteorder
from typing import NamedTuple

ALIGNMENT = 32
UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9
PLAIN, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # kinds of tokens
F32 = 0
END = 2  # the token that ends an answer
WORDS = ("dry", "filament", "nozzle", "bed", "layer", "prints", "slowly", "hot", "cold", "the")
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}> {{ message.content }}\n{% endfor %}"
    "<assistant>"
)


class Size(NamedTuple):
    """Of a model."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 8192


class Tensor(NamedTuple):
    """Rows of numbers; `shape` begins with the number of rows."""

    name: str
    shape: tuple[int, ...]
    numbers: array  # type: ignore[type-arg] # not generic at run time in Python 3.11


def write(file: Path, *, size: Size = Size(), seed: int = 7) -> None:  # noqa: B008 - frozen
    """A model of the Llama family that any version of llama.cpp reads."""
    tokens, kinds = _vocabulary()
    tensors = list(_tensors(size, len(tokens), random.Random(seed)))
    metadata = _metadata(size, tokens, kinds)
    out = BytesIO()
    out.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata)))
    for key, kind, value in metadata:
        out.write(_text(key) + struct.pack("<I", kind) + _value(kind, value))
    place = 0
    for tensor in tensors:
        dimensions = tensor.shape[::-1]  # the innermost comes first
        out.write(_text(tensor.name) + struct.pack("<I", len(dimensions)))
        out.write(struct.pack(f"<{len(dimensions)}Q", *dimensions))
        out.write(struct.pack("<IQ", F32, place))
        place += _padded(4 * len(tensor.numbers))
    _pad(out)
    for tensor in tensors:
        numbers = array("f", tensor.numbers)
        if byteorder == "big":
            numbers.byteswap()
        out.write(numbers.tobytes())
        _pad(out)
    file.write_bytes(out.getvalue())


def _vocabulary() -> tuple[list[str], list[int]]:
    """Special tokens, every byte, then words and letters."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [f"\u2581{word}" for word in WORDS]
    plain = [*words, *letters, "\u2581"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *plain]
    return tokens, [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[PLAIN] * len(plain)]


def _metadata(
    size: Size, tokens: Sequence[str], kinds: Sequence[int]
) -> list[tuple[str, int, object]]:
    scores = [-float(place) for place in range(len(tokens))]
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "tiny"),
        ("general.file_type", UINT32, 0),
        ("llama.context_length", UINT32, size.context),
        ("llama.embedding_length", UINT32, size.width),
        ("llama.block_count", UINT32, size.layers),
        ("llama.feed_forward_length", UINT32, 2 * size.width),
        ("llama.attention.head_count", UINT32, size.heads),
        ("llama.attention.head_count_kv", UINT32, size.heads),
        ("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        ("llama.rope.dimension_count", UINT32, size.width // size.heads),
        ("llama.vocab_size", UINT32, len(tokens)),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.scores", ARRAY, (FLOAT32, scores)),
        ("tokenizer.ggml.token_type", ARRAY, (INT32, kinds)),
        ("tokenizer.ggml.unknown_token_id", UINT32, 0),
        ("tokenizer.ggml.bos_token_id", UINT32, 1),
        ("tokenizer.ggml.eos_token_id", UINT32, END),
        ("tokenizer.chat_template", STRING, TEMPLATE),
    ]


def _tensors(size: Size, vocabulary: int, chance: random.Random) -> Iterable[Tensor]:
    weights = [chance.gauss(0, 0.05) for _ in range(256)]  # few different ones will do

    def some(name: str, *shape: int) -> Tensor:
        chosen = chance.randbytes(shape[0] * shape[1])
        return Tensor(name, shape, array("f", map(weights.__getitem__, chosen)))

    def ones(name: str) -> Tensor:
        return Tensor(name, (width,), array("f", [1.0] * width))

    width, inner = size.width, 2 * size.width
    words = some("token_embd.weight", vocabulary, width)
    voices = some("output.weight", vocabulary, width)
    # The first number of every word is large, and the end speaks against it: no answer ends by
    # chance, though a grammar can still end one.
    words.numbers[::width] = array("f", [8.0] * vocabulary)
    voices.numbers[END * width : (END + 1) * width] = array("f", [-10.0, *[0.0] * (width - 1)])
    yield words
    yield ones("output_norm.weight")
    yield voices
    for layer in range(size.layers):
        block = f"blk.{layer}"
        yield ones(f"{block}.attn_norm.weight")
        yield ones(f"{block}.ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield some(f"{block}.{part}.weight", width, width)
        yield some(f"{block}.ffn_gate.weight", inner, width)
        yield some(f"{block}.ffn_up.weight", inner, width)
        yield some(f"{block}.ffn_down.weight", width, inner)


def _value(kind: int, value: object) -> bytes:
    if kind == STRING:
        return _text(str(value))
    if kind == ARRAY:
        assert isinstance(value, tuple)
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, i) for i in items)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f"}[kind], value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


def _pad(out: BytesIO) -> None:
    out.write(b"\0" * (_padded(out.tell()) - out.tell()))
