"""POST /api/embed and /api/embeddings: the vectors of the recordings, counted letters."""

import math
import re
import struct
import time

from . import checks
from .answer import Answer, RefusedError
from .catalogue import Model
from .generation import DEFAULT_CONTEXT
from .gojson import Json, go_json
from .scheduler import FIVE_MINUTES
from .state import State
from .wire import JSON_TYPE

SIZE = 640
NO_POOLING = "This server does not support embeddings. Start it with `--embeddings`"
BEGIN, SPACE, BEFORE_A = 1, 330, 331


async def embed(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/embed", answer.request.body)
    asked, reply = await embedded(state, answer, body)
    await answer.raw(b'{"model":%b,%b}' % (go_json(asked), reply), kind=JSON_TYPE)


async def embedded(state: State, answer: Answer, body: dict[str, Json]) -> tuple[str, bytes]:
    """The model's name as asked, and the fields behind it. Raises RefusedError."""
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RefusedError(400, "invalid input type")
    name, began = body.get("model") or "", time.monotonic_ns()
    model = state.get(name, missing=f'model "{name}" not found, try pulling it first')
    if not texts:
        return name, b'"embeddings":[]'
    load = await _load(state, answer, model, body)
    if not model.embeds:
        raise RefusedError(501, NO_POOLING)
    vectors = [_again_unit(vector(text)[: body.get("dimensions") or SIZE]) for text in texts]
    shown = ",".join("[" + ",".join(map(float32, one)) + "]" for one in vectors)
    tokens = sum(len(text) + 2 for text in texts)
    took = time.monotonic_ns() - began
    counts = f'"total_duration":{took},"load_duration":{load},"prompt_eval_count":{tokens}'
    return name, f'"embeddings":[{shown}],{counts}'.encode()


async def _load(state: State, answer: Answer, model: Model, body: dict[str, Json]) -> int:
    keep = body.get("keep_alive")
    async with state.scheduler.slot(
        model,
        context=min(DEFAULT_CONTEXT, model.context_length),
        keep_alive=FIVE_MINUTES if keep is None else checks.nanoseconds(keep),
        load_seconds=answer.behave.load_seconds,
    ) as took:
        await answer.delay()
        return max(took, 1)


async def legacy(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/embeddings", answer.request.body)
    name = body.get("model") or ""
    model = state.get(name, missing=f'model "{name}" not found, try pulling it first')
    if not body.get("prompt"):
        await answer.json({"embedding": []})
        return
    await _load(state, answer, model, body)
    if not model.embeds:
        raise RefusedError(500, NO_POOLING)
    shown = ",".join(repr(x) if x else "0" for x in vector(body["prompt"]))
    await answer.raw(f'{{"embedding":[{shown}]}}'.encode(), kind=JSON_TYPE)


def vector(text: str) -> list[float]:
    """How often each letter comes, as a vector of unit length."""
    counts = [0.0] * SIZE
    counts[BEGIN] = 1
    for letter in " " + text.lower():
        counts[_token(letter)] += 1
    return _unit(counts)


def _token(letter: str) -> int:
    if re.fullmatch("[a-z]", letter):
        return BEFORE_A + ord(letter) - ord("a")
    return SPACE if letter == " " else 2 + ord(letter) % 300


def _unit(numbers: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in numbers)) or 1
    return [_rounded(x / length) for x in numbers]


def _again_unit(numbers: list[float]) -> list[float]:
    """Ollama's own turn at it, in 32 bits, which shows in the last digits."""
    total = 0.0
    for x in numbers:
        total = _rounded(total + _rounded(x * x))
    factor = _rounded(1 / math.sqrt(total)) if total else 0
    return [_rounded(x * factor) for x in numbers]


def _rounded(number: float) -> float:
    """To 32 bits."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def float32(number: float) -> str:
    """The shortest text that is this number in 32 bits, as Go writes a float32."""
    wanted = struct.pack("f", number)
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        if struct.pack("f", float(text)) == wanted:
            return text
    return repr(number)
