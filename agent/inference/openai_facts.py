"""What OpenAI-shaped servers tell of their models, read with care from a stranger's JSON.

OpenAI's own list says hardly more than names. llama.cpp, vLLM, Mistral and OpenRouter each add
something of their own; what nobody says is not made up, but for this: a model answers and calls
tools unless its name or its server says that it makes vectors. It sees if its server says so, or
the person who added the server.
"""

import base64
import binascii
import ipaddress
from array import array
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from sys import byteorder
from urllib.parse import urlsplit

from agent.inference.openai_failures import Failures
from agent.inference.rules import Embeddings, InstalledModel
from agent.shared.errors import OrcaError

TRAINED = ("max_model_len", "context_length", "max_context_length", "context_window")
KNOWN_WORDS = frozenset({"completion", "tools", "vision", "thinking", "insert"})
SEEING_WORDS = {"multimodal", "vision", "image"}
VECTOR_WORDS = ("embed", "bge-", "e5-", "gte-", "minilm")
SILENT_WORDS = ("whisper", "tts", "dall-e", "moderation", "transcribe", "gpt-image", "rerank")
LOCAL_SUFFIXES = (".local", ".internal", ".lan", ".home", ".localhost")


def installed(
    answer: object, failures: Failures, *, sees: Sequence[str] = (), is_remote: bool
) -> list[InstalledModel]:
    """The models of GET /models. `sees` are patterns of names. Raises Unavailable
    `backend-garbled`."""
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise failures.garbled("sent no list of models as OpenAI has it")
    beside = _beside(answer.get("models"))
    return [
        _installed(entry, beside.get(entry["id"], {}), sees, is_remote=is_remote)
        for entry in answer["data"]
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"]
    ]


def embedded(answer: object, count: int, failures: Failures) -> Embeddings:
    """The vectors of POST /embeddings, in the order of the texts."""
    try:
        return _embedded(answer, count)
    except (TypeError, KeyError, ValueError, IndexError, binascii.Error) as err:
        raise _no_vectors(failures) from err


def is_remote(url: str) -> bool:
    """Whether the address leads out of this house: neither loopback nor a private network."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(LOCAL_SUFFIXES)


def _installed(
    entry: Mapping[str, object],
    beside: Mapping[str, object],
    sees: Sequence[str],
    *,
    is_remote: bool,
) -> InstalledModel:
    meta = _part(entry, "meta")
    return InstalledModel(
        name=str(entry["id"]),
        digest="",
        size_bytes=_count(meta, "size") or 0,
        family="",
        parameter_size="",
        quantization="",
        capabilities=_capabilities(entry, beside, sees),
        context_length=_context(entry, meta),
        is_remote=is_remote,
    )


def _context(entry: Mapping[str, object], meta: Mapping[str, object]) -> int | None:
    told = [_count(entry, name) for name in TRAINED]
    told += [_count(meta, "n_ctx"), _count(meta, "n_ctx_train")]
    return min(filter(None, told), default=None)


def _capabilities(
    entry: Mapping[str, object], beside: Mapping[str, object], sees: Sequence[str]
) -> tuple[str, ...]:
    name, words = str(entry["id"]), {*_words(entry), *_words(beside)}
    lower = name.lower()
    if "embedding" in words or any(word in lower for word in VECTOR_WORDS):
        return ("embedding",)
    if any(word in lower for word in SILENT_WORDS):
        return ("other",)  # none at all would count as "not told"
    has_eyes = words & SEEING_WORDS or any(fnmatchcase(lower, one.lower()) for one in sees)
    if (told := entry.get("capabilities")) and isinstance(told, list) and "completion" in told:
        known = [str(word) for word in told if word in KNOWN_WORDS]  # as a hub says, and Ollama
        return tuple(dict.fromkeys((*known, *(("vision",) if has_eyes else ()))))
    return ("completion", "tools", *(("vision",) if has_eyes else ()))


def _words(entry: Mapping[str, object]) -> Iterator[str]:
    """Every word in which a server tells what a model can do."""
    told = entry.get("capabilities")
    if isinstance(told, list):
        yield from (str(word) for word in told)
    elif isinstance(told, dict):
        yield from (name for name, holds in told.items() if holds is True)
    inputs = _part(entry, "architecture").get("input_modalities")
    if isinstance(inputs, list):
        yield from (str(word) for word in inputs)
    if entry.get("type") in {"embeddings", "embedding", "vlm"}:  # of LM Studio
        yield "vision" if entry["type"] == "vlm" else "embedding"


def _beside(models: object) -> dict[str, Mapping[str, object]]:
    """llama.cpp's second list of the same models, with more about each."""
    if not isinstance(models, list):
        return {}
    return {str(one.get("model")): one for one in models if isinstance(one, dict)}


def _embedded(answer: object, count: int) -> Embeddings:
    if not isinstance(answer, dict):
        raise TypeError
    items = sorted(answer["data"], key=lambda one: one["index"])
    if [one["index"] for one in items] != list(range(count)):
        raise ValueError
    usage = answer.get("usage")
    tokens = _count(usage, "prompt_tokens") if isinstance(usage, dict) else 0
    return Embeddings(tuple(_vector(one["embedding"]) for one in items), tokens or 0)


def _vector(told: object) -> tuple[float, ...]:
    if isinstance(told, str):
        numbers = array("f", base64.b64decode(told, validate=True))
        if byteorder == "big":
            numbers.byteswap()
        return tuple(numbers)
    if not isinstance(told, list) or not told:
        raise TypeError
    return tuple(map(float, told))


def _no_vectors(failures: Failures) -> OrcaError:
    return failures.garbled("sent no vectors as OpenAI has them")


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _count(document: Mapping[str, object], name: str) -> int | None:
    value = document.get(name)
    return value if isinstance(value, int) and value > 0 else None
